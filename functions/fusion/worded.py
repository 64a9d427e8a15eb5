"""Sentences that a model worded become statements of the report: slots filled by code, numbers checked, sources looked up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from functions.fusion.numbers import NumberSources, unsourced
from functions.fusion.statements import Statements, fill_slots, value_sources, without_slots
from schemas.analysis import AnalyticalReportPackage, Value
from schemas.fusion import WordedSentence
from schemas.outcome import Citation, MergedClaim, StatedValue
from shared.knowledge.terms import index_terms, language_of
from shared.language.detect import detect_language
from shared.language.mistaken import Kinds


@dataclass(frozen=True, slots=True)
class Worded:
    """The statements that hold, each with its sentence, and how many sentences were dropped."""

    kept: tuple[tuple[WordedSentence, MergedClaim], ...]
    dropped: int


def worded(
    sentences: Iterable[WordedSentence],
    *,
    question: str,
    research: Statements,
    analysis: Statements,
    package: AnalyticalReportPackage | None,
) -> Worded:
    """The sentences whose every source is verified and whose every number has one (invariants 5 and 6); the others are counted."""
    kept: list[tuple[WordedSentence, MergedClaim]] = []
    dropped = 0
    kinds = Kinds.of(c.values for f in package.files for t in f.tables for c in t.columns) if package else Kinds(())
    for sentence in sentences:
        claim = _claim(f"w{len(kept) + 1}", sentence, question, research, analysis, package, kinds)
        if claim is None:
            dropped += 1
        else:
            kept.append((sentence, claim))
    return Worded(tuple(kept), dropped)


def _claim(
    own: str,
    sentence: WordedSentence,
    question: str,
    research: Statements,
    analysis: Statements,
    package: AnalyticalReportPackage | None,
    kinds: Kinds,
) -> MergedClaim | None:
    claims = [research.by_id.get(i) for i in sentence.claim_ids]
    findings = [analysis.by_id.get(i) for i in sentence.finding_ids]
    cited = [c for c in (*findings, *claims) if c is not None and c.support in ("verbatim", "entailed")]
    if not cited or len(cited) < len(claims) + len(findings):
        return None
    values = _values(sentence, package)
    text = fill_slots(sentence.text, values)
    quotes = [citation.quote or "" for claim in cited for citation in claim.citations]
    texts = [claim.text for claim in cited if claim.origin == "document"]
    allowed = NumberSources.of([question, *quotes, *texts]) | value_sources(values)
    if text is None or unsourced(text, allowed) or _bare_numbers(sentence.text, [question, *quotes, *texts]):
        return None
    if kinds.mistaken(sentence.text, {v.id: f"{v.name} {v.filters or ''}" for v in values}):
        return None
    if not _speaks_of(text, [*quotes, *(part for claim in cited for part in (claim.text, *(v.name for v in claim.values)))]):
        return None
    return MergedClaim(
        id=own,
        origin="data" if any(f is not None for f in findings) else "document",
        text=text,
        support="entailed",
        citations=_distinct(cited),
        values=_stated(cited),
    )


def _speaks_of(text: str, sources: list[str]) -> bool:
    """Whether the sentence has a telling word, no figure, in common with what it cites; not told across languages."""
    source = " ".join(sources)
    if detect_language(text) != detect_language(source):
        return True
    return any(not term[0].isdigit() for term in _telling(text) & _telling(source))


def _telling(text: str) -> frozenset[str]:
    return frozenset(index_terms(text, language_of(text)))


def _bare_numbers(text: str, sources: list[str]) -> bool:
    """Whether the sentence writes a figure itself that only a recorded value could have brought: those have to be slots."""
    return bool(unsourced(without_slots(text), NumberSources.of(sources)))


def _values(sentence: WordedSentence, package: AnalyticalReportPackage | None) -> list[Value]:
    if package is None:
        return []
    wanted = {i for f in package.findings if f.id in sentence.finding_ids for i in f.value_ids}
    return [v for v in package.values if v.id in wanted]


def _distinct(cited: list[MergedClaim]) -> tuple[Citation, ...]:
    return tuple({(c.label, c.quote, c.script): c for claim in cited for c in claim.citations}.values())


def _stated(cited: list[MergedClaim]) -> tuple[StatedValue, ...]:
    return tuple({(v.name, v.script, v.line): v for claim in cited for v in claim.values}.values())
