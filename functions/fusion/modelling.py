"""What models do for a report before it is rendered: fill in what statements are about, weed pairs out, word the answer, check it.

Each part may fail by itself: then the report does without it, says so in a flag, and rests on code for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from functions.fusion.alignment import align
from functions.fusion.figures import figure
from functions.fusion.roles import checker, filler, pairer, writer
from functions.fusion.statements import Statements, analysis_statements, research_statements
from functions.fusion.worded import worded
from schemas.analysis import AnalyticalReportPackage
from schemas.evidence import ResearchEvidencePackage
from schemas.fusion import AlignedPair, Alignment, FilledAssertion, ModelWork, WordedSentence
from schemas.mission import MissionRequest
from schemas.outcome import MergedClaim
from shared.errors import NoModelAnswer
from shared.models.asking import Models
from shared.models.prompts import Prompt

T = TypeVar("T")
_WEEDED = ("related", "differs_in_scope")
_EMPTY = Statements({}, 0)


@dataclass(slots=True)
class _Tried:
    """The prompts that were used, and the flags of what no model answered."""

    prompts: dict[str, int]
    flags: list[str]

    def attempt(self, prompt: Prompt, work: Callable[[], T], otherwise: T) -> T:
        try:
            found = work()
        except NoModelAnswer as error:
            self.flags.append(f"fusion_{error.code}")
            return otherwise
        self.prompts[prompt.front.id] = prompt.front.version
        return found


def model_work(
    models: Models, request: MissionRequest, research: ResearchEvidencePackage | None, analysis: AnalyticalReportPackage | None
) -> tuple[ModelWork, Alignment]:
    """The models' part of a report, and the alignment that rests on it. Never raises ``NoModelAnswer``."""
    tried = _Tried({}, [])
    nothing: tuple[FilledAssertion, ...] = ()
    no_pairs: tuple[tuple[str, str], ...] = ()
    no_words: tuple[WordedSentence, ...] = ()
    filled = tried.attempt(filler.ROLE.prompt, lambda: _fill(models, research, analysis), nothing)
    alignment = align(with_filled_claims(research, filled), with_filled_findings(analysis, filled))
    stated = research_statements(research) if research else _EMPTY
    found = analysis_statements(analysis) if analysis else _EMPTY
    apart = tried.attempt(pairer.ROLE.prompt, lambda: pairer.unrelated(models, _proposed(alignment, stated, found)), no_pairs)
    alignment = alignment.model_copy(update={"pairs": tuple(p for p in alignment.pairs if not _is_weeded(p, apart))})
    written = tried.attempt(writer.ROLE.prompt, lambda: _write(models, request, alignment, stated, found, analysis), no_words)
    checked = tried.attempt(
        checker.ROLE.prompt, lambda: _check(models, written, request, stated, found, analysis), (no_words, len(written))
    )
    return ModelWork(
        filled=filled,
        unrelated=apart,
        sentences=checked[0],
        unsupported=checked[1],
        tier=models.tier,
        prompts=dict(sorted(tried.prompts.items())),
        usage=models.usage(),
        flags=tuple(dict.fromkeys(tried.flags)),
    ), alignment


def with_filled_claims(research: ResearchEvidencePackage | None, filled: tuple[FilledAssertion, ...]) -> ResearchEvidencePackage | None:
    """The package with the claims' filled assertions."""
    if research is None:
        return None
    by_id = {f.of: f.assertion for f in filled}
    claims = tuple(c.model_copy(update={"assertion": by_id.get(c.id, c.assertion)}) for c in research.claims)
    return research.model_copy(update={"claims": claims})


def with_filled_findings(analysis: AnalyticalReportPackage | None, filled: tuple[FilledAssertion, ...]) -> AnalyticalReportPackage | None:
    """The package with the findings' filled assertions."""
    if analysis is None:
        return None
    by_id = {f.of: f.assertion for f in filled}
    findings = tuple(f.model_copy(update={"assertion": by_id.get(f.id, f.assertion)}) for f in analysis.findings)
    return analysis.model_copy(update={"findings": findings})


def _fill(
    models: Models, research: ResearchEvidencePackage | None, analysis: AnalyticalReportPackage | None
) -> tuple[FilledAssertion, ...]:
    """Only where both tracks said something is there anything to compare."""
    if research is None or analysis is None:
        return ()
    texts = analysis_statements(analysis).by_id
    findings = [filler.Statement(f.id, texts[f.id].text, f.assertion) for f in analysis.findings if f.verified and f.id in texts]
    claims = [filler.Statement(c.id, c.text, c.assertion) for c in research.claims if c.support in ("verbatim", "entailed")]
    if not findings or not claims:
        return ()
    names = [n for s in findings if s.assertion for n in (s.assertion.measure, s.assertion.entity, s.assertion.population) if n]
    columns = [c for f in analysis.findings for c in f.columns]
    open_ones = [s for s in (*claims, *findings) if s.assertion is None or _has_gaps(s)]
    return filler.fill(models, open_ones, tuple(dict.fromkeys((*names, *columns))))


def _has_gaps(statement: filler.Statement) -> bool:
    a = statement.assertion
    return a is None or a.measure is None or a.period is None or a.statistic == "unknown" or (a.entity is None and a.population is None)


def _proposed(alignment: Alignment, research: Statements, analysis: Statements) -> list[pairer.ProposedPair]:
    return [
        pairer.ProposedPair(p.claim_id, p.finding_id, research.by_id[p.claim_id].text, analysis.by_id[p.finding_id].text)
        for p in alignment.pairs
        if p.verdict in _WEEDED and p.claim_id in research.by_id and p.finding_id in analysis.by_id
    ]


def _is_weeded(pair: AlignedPair, apart: tuple[tuple[str, str], ...]) -> bool:
    return pair.verdict in _WEEDED and (pair.claim_id, pair.finding_id) in apart


def _write(
    models: Models,
    request: MissionRequest,
    alignment: Alignment,
    research: Statements,
    analysis: Statements,
    package: AnalyticalReportPackage | None,
) -> tuple[WordedSentence, ...]:
    conflicts = [p.reason for p in alignment.pairs if p.verdict == "conflict"] + [c.reason for c in alignment.claim_conflicts]
    return writer.write(
        models,
        question=request.question,
        guidelines=request.output_guidelines,
        claims=[writer.Material(c.id, c.text) for c in _verified(research)],
        findings=[writer.Material(c.id, c.text, _slots(c.id, package)) for c in _verified(analysis)],
        conflicts=tuple(dict.fromkeys(conflicts)),
    )


def _verified(statements: Statements) -> list[MergedClaim]:
    return [c for c in statements.by_id.values() if c.support in ("verbatim", "entailed")]


def _slots(finding_id: str, package: AnalyticalReportPackage | None) -> dict[str, str]:
    """The finding's recorded values: ``{v3}`` and what a reader will see in its place."""
    assert package is not None
    own = {i for f in package.findings if f.id == finding_id for i in f.value_ids}
    return {"{" + v.id + "}": f"{v.name}: {figure(v.value, v.unit, name=v.name, digits=v.digits)}" for v in package.values if v.id in own}


def _check(
    models: Models,
    written: tuple[WordedSentence, ...],
    request: MissionRequest,
    research: Statements,
    analysis: Statements,
    package: AnalyticalReportPackage | None,
) -> tuple[tuple[WordedSentence, ...], int]:
    """The sentences that code and the checker find in their sources, and how many they do not."""
    sound = worded(written, question=request.question, research=research, analysis=analysis, package=package)
    asked = [checker.CitedSentence(claim.text, tuple(_source_texts(sentence, research, analysis))) for sentence, claim in sound.kept]
    held = checker.supported(models, asked)
    kept = tuple(sentence for n, (sentence, _) in enumerate(sound.kept) if n in held)
    return kept, len(written) - len(kept)


def _source_texts(sentence: WordedSentence, research: Statements, analysis: Statements) -> list[str]:
    texts: list[str] = []
    for found in (*(analysis.by_id[i] for i in sentence.finding_ids), *(research.by_id[i] for i in sentence.claim_ids)):
        texts += [found.text, *(c.quote for c in found.citations if c.quote)]
        texts += [f"{v.name}: {v.text}{f' ({v.filters})' if v.filters else ''}" for v in found.values]
    return list(dict.fromkeys(texts))
