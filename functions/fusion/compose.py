"""``compose``: a ``FusionInputPackage`` becomes a ``MissionOutcomePackage``. Pure: no clock, no store, no model (invariant 7)."""

from __future__ import annotations

from functions.fusion.alignment import COMPARED
from functions.fusion.answer import MAX_LINES, answer_lines, closing_lines, is_verified, summary
from functions.fusion.changes import changes_since
from functions.fusion.handoffs import handoffs
from functions.fusion.measures import plain
from functions.fusion.remarks import Remarks
from functions.fusion.sections import merge_sections
from functions.fusion.sources import outcome_artifacts, outcome_sources, provenance
from functions.fusion.statements import QUOTE_NOT_FOUND, Statements, analysis_statements, research_statements
from functions.fusion.worded import worded
from functions.fusion.wording import DERIVED, notices, still_open
from schemas.evidence import AnswerStatus
from schemas.fusion import FusionInputPackage, ModelWork
from schemas.mission import Track
from schemas.outcome import Agreement, Comparison, Conflict, MergedClaim, MissionOutcomePackage, Section, Trust

_EMPTY = Statements({}, 0)


MAX_COMPARISONS = 12
"""Pairs that are shown side by side; all of them stand in the stored alignment."""


def compose(
    package: FusionInputPackage, *, previous: MissionOutcomePackage | None = None, kimera_version: str = ""
) -> MissionOutcomePackage:
    """The report of a package. ``previous`` is the outcome that ``package.previous_outcome_uri`` names."""
    research = research_statements(package.research) if package.research else _EMPTY
    analysis = analysis_statements(package.analysis) if package.analysis else _EMPTY
    remarks = Remarks(package)
    conflicts = _conflicts(package, research, analysis)
    agreements = _agreements(package, research, analysis)
    handed = handoffs(package, remarks)
    sections = merge_sections(package, research, analysis, remarks, handed)
    asked = tuple(section for section in sections if section.asked)
    closing = closing_lines(asked, conflicts, agreements, partial=package.mode == "partial")
    room = MAX_LINES - len(closing)
    work = package.model_work or ModelWork()
    sound = worded(work.sentences, question=package.request.question, research=research, analysis=analysis, package=package.analysis)
    chosen = tuple(claim for _, claim in sound.kept)[:room] or summary(asked, room=room)
    told = remarks.all(notices(package))
    assumptions = remarks.all(_assumptions(package))
    limitations = remarks.all((*_limitations(package), *still_open(handed)))
    artifacts = outcome_artifacts(package, remarks)
    dropped = research.dropped + analysis.dropped + remarks.withheld + sound.dropped + work.unsupported
    flags = _flags(package, dropped)
    if package.research:
        dropped += package.research.dropped  # claims that code did not find in their quotes: its limitations say why
    statements = tuple(c for s in sections for c in (*s.findings, *s.passages))
    outcome = MissionOutcomePackage(
        version=package.version,
        kind=package.mode,
        status=_status(asked),
        question=package.request.question,
        answer=answer_lines(asked, chosen, closing, told),
        executive_summary=chosen,
        sections=sections,
        handoffs=handed.all,
        agreements=agreements,
        comparisons=_comparisons(package, research, analysis),
        conflicts=conflicts,
        assumptions=assumptions,
        limitations=limitations,
        flags=flags,
        notices=told,
        trust=_trust(package, statements, dropped, flags),
        cost_per_track=_costs(package),
        artifacts=artifacts,
        sources=outcome_sources(package, statements, conflicts),
        provenance=provenance(package, kimera_version),
    )
    return outcome.model_copy(update={"changes": changes_since(outcome, previous)}) if previous else outcome


def _agreements(package: FusionInputPackage, research: Statements, analysis: Statements) -> tuple[Agreement, ...]:
    return tuple(
        Agreement(document=research.by_id[p.claim_id], data=analysis.by_id[p.finding_id], reason=p.reason)
        for p in package.alignment.pairs
        if p.verdict == "agree" and p.claim_id in research.by_id and p.finding_id in analysis.by_id
    )


def _comparisons(package: FusionInputPackage, research: Statements, analysis: Statements) -> tuple[Comparison, ...]:
    """What may or may not be the same thing, in figures on both sides, for the reader to compare."""
    measured = {f.id for f in package.analysis.findings if f.assertion and f.assertion.value is not None} if package.analysis else set()
    stated = {c.id for c in package.research.claims if c.assertion and c.assertion.value is not None} if package.research else set()
    found: dict[tuple[str, str], Comparison] = {}
    for pair in package.alignment.pairs:
        document, data = research.by_id.get(pair.claim_id), analysis.by_id.get(pair.finding_id)
        both = pair.claim_id in stated and pair.finding_id in measured
        if pair.verdict in ("related", "differs_in_scope") and both and document and data:
            found.setdefault((plain(document.text), plain(data.text)), Comparison(document=document, data=data, reason=pair.reason))
    return tuple(found.values())[:MAX_COMPARISONS]


def _conflicts(package: FusionInputPackage, research: Statements, analysis: Statements) -> tuple[Conflict, ...]:
    """Conflicts between a document and the data, then between documents; each pair of texts once."""
    found: dict[tuple[str, str], Conflict] = {}

    def add(first: MergedClaim | None, second: MergedClaim | None, reason: str) -> None:
        if first is not None and second is not None:
            found.setdefault((plain(first.text), plain(second.text)), Conflict(first=first, second=second, reason=reason))

    for pair in package.alignment.pairs:
        if pair.verdict == "conflict":
            add(research.by_id.get(pair.claim_id), analysis.by_id.get(pair.finding_id), pair.reason)
    for clash in package.alignment.claim_conflicts:
        add(research.by_id.get(clash.first_claim_id), research.by_id.get(clash.second_claim_id), clash.reason)
    return tuple(found.values())


def _status(sections: tuple[Section, ...]) -> AnswerStatus:
    states = {s.status for s in sections}
    if not states:
        return "not_answered"
    if states == {"answered"}:
        return "answered"
    if states & {"answered", "partial"}:
        return "partial"
    return "not_understood" if states == {"not_understood"} else "not_answered"


def _assumptions(package: FusionInputPackage) -> list[str]:
    if package.analysis is None:
        return []
    return [f"{f.file}: {a}" for f in package.analysis.files for t in f.tables for a in t.assumptions]


def _limitations(package: FusionInputPackage) -> list[str]:
    """What the tracks name themselves, then warnings of files and runs, then what was looked for and not found."""
    found: list[str] = []
    if package.analysis:
        found += package.analysis.limitations
        for file in package.analysis.files:
            found += [f"{file.file}: {w}" for w in (*file.warnings, *(w for t in file.tables for w in t.warnings))]
            if file.error and file.text is None and f"{file.file}: {file.error}" not in package.analysis.limitations:
                found.append(f"{file.file} could not be used: {file.error}")
    if package.research:
        found += package.research.limitations
        asked = {plain(q.text) for q in package.research.sub_questions}  # its own section says that nothing was found
        found += [f"Not found in the documents: {g.text}" for g in package.research.gaps if plain(g.text) not in asked]
        if package.analysis is None:
            found += [f"Not tested with data: {h.text}" for h in package.research.hypotheses]
    return found


def _flags(package: FusionInputPackage, dropped: int) -> tuple[str, ...]:
    """Codes, each once; their sentences are in ``functions/fusion/wording.py``."""
    flags = [f for f in package.flags if f not in DERIVED]
    flags += package.model_work.flags if package.model_work else ()
    if package.mode == "partial":
        flags.append("partial")
    for name, handoff, present in (
        ("research", package.research_handoff, package.research is not None),
        ("analysis", package.analysis_handoff, package.analysis is not None),
    ):
        if not handoff.status.final:
            flags.append(f"{name}_running")
        elif handoff.status == "FAILED":
            flags.append(f"{name}_failed")
        elif not present:
            flags.append(f"{name}_missing")
    if package.analysis:
        flags += package.analysis.flags
    if package.research:
        marks = [f for e in package.research.evidence for f in e.flags] + [f for s in package.research.sources for f in s.flags]
        flags += ["quotes_unverified" if f == QUOTE_NOT_FOUND else f for f in marks]
        if any(s.kind == "provider_report" for s in package.research.sources):
            flags.append("provider_report")
    if dropped:
        flags.append("numbers_withheld")
    return tuple(dict.fromkeys(flags))


def _costs(package: FusionInputPackage) -> dict[str, int]:
    """What each track, and fusion, has cost: as the ledger has it, which also knows of calls that no package tells of."""
    costs: dict[str, int] = {}
    if package.research:
        costs[Track.DEEP_RESEARCH.value] = package.research.usage.cost_micro_usd
    if package.analysis:
        costs[Track.DS_STAR.value] = package.analysis.usage.cost_micro_usd
    if package.model_work:
        costs["fusion"] = package.model_work.usage.cost_micro_usd
    return costs | package.cost_per_account


def _trust(package: FusionInputPackage, statements: tuple[MergedClaim, ...], dropped: int, flags: tuple[str, ...]) -> Trust:
    distinct = {c.id: c for c in statements}.values()
    tiers = {p.tier for p in (package.research, package.analysis) if p is not None}
    if len(tiers) == 2 and package.research and package.analysis:
        tier = f"research {package.research.tier}, analysis {package.analysis.tier}"
    else:
        tier = next(iter(tiers), package.request.tier.value)
    return Trust(
        tier=tier,
        verified=sum(is_verified(c) for c in distinct),
        unverified=sum(not is_verified(c) for c in distinct),
        compared=sum(p.verdict in COMPARED for p in package.alignment.pairs) + package.alignment.claims_compared,
        dropped_sentences=dropped,
        cost_micro_usd=sum(_costs(package).values()),
        flags=flags,
    )
