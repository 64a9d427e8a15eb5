"""The technical body: for each sub-question what the data and the documents say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from functions.fusion.handoffs import Handoffs, section_key
from functions.fusion.measures import plain
from functions.fusion.remarks import Remarks
from functions.fusion.statements import Statements
from schemas.evidence import AnswerStatus, SubQuestion
from schemas.fusion import FusionInputPackage
from schemas.outcome import HandedOver, MergedClaim, Section

_BEST_FIRST: tuple[AnswerStatus, ...] = ("answered", "partial", "not_answered", "not_understood")


@dataclass(slots=True)
class _Draft:
    question: str
    statuses: list[AnswerStatus] = field(default_factory=list)
    readings: list[str] = field(default_factory=list)
    finding_ids: list[str] = field(default_factory=list)
    claim_ids: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    idle_notes: list[str] = field(default_factory=list)
    """Those of an analysis that was given no data: true, but no reason why a question about documents has no answer."""
    suggestions: list[str] = field(default_factory=list)
    handed_over: tuple[HandedOver, ...] = ()
    asked: bool = True


def merge_sections(
    package: FusionInputPackage, research: Statements, analysis: Statements, remarks: Remarks, handed: Handoffs
) -> tuple[Section, ...]:
    """One section for each sub-question; both tracks split the question the same way, so equal texts are one section.

    What only a track asked for comes after the parts of the question.
    """
    drafts: dict[str, _Draft] = {}
    if package.analysis:
        keys = _open(drafts, package.analysis.sub_questions)
        has_data = any(item.kind == "data" for item in package.request.inputs)
        for answer in package.analysis.answers:
            draft = drafts[keys[answer.question_id]]
            draft.statuses.append(answer.status)
            draft.readings.append(answer.reading)
            draft.finding_ids += answer.finding_ids
            (draft.notes if has_data else draft.idle_notes).append(answer.note)
            draft.suggestions += answer.suggestions
        for finding in package.analysis.findings:
            drafts[keys[finding.question_id]].finding_ids.append(finding.id)
    if package.research:
        keys = _open(drafts, package.research.sub_questions)
        for reply in package.research.answers:
            draft = drafts[keys[reply.question_id]]
            draft.statuses.append(reply.status)
            draft.claim_ids += reply.claim_ids
            draft.notes.append(reply.note)
        for claim in package.research.claims:
            drafts[keys[claim.question_id]].claim_ids.append(claim.id)
    scopes = _scope_notes(package)
    suggested: set[str] = set()
    for draft in drafts.values():
        draft.suggestions = [s for s in draft.suggestions if s not in suggested]  # the same three under each part help nobody
        suggested.update(draft.suggestions)
    for key, draft in drafts.items():
        draft.handed_over = handed.by_section.get(key, ())
        draft.asked = key not in handed.suggested
    in_order = sorted(drafts.values(), key=lambda draft: not draft.asked)
    return tuple(_section(d, research, analysis, remarks, scopes) for d in in_order)


def _open(drafts: dict[str, _Draft], questions: Iterable[SubQuestion]) -> dict[str, str]:
    """Open a draft for each sub-question that has none yet; the draft's key by the question's id."""
    keys = {q.id: section_key(q) for q in questions}
    for question in questions:
        drafts.setdefault(keys[question.id], _Draft(question.text))
    return keys


def _section(draft: _Draft, research: Statements, analysis: Statements, remarks: Remarks, scopes: dict[str, str]) -> Section:
    findings = _pick(analysis, draft.finding_ids)
    passages = _pick(research, draft.claim_ids)
    status: AnswerStatus = min(draft.statuses, key=_BEST_FIRST.index, default="not_answered")
    if status in ("answered", "partial") and not findings and not passages:
        status = "not_answered"  # its sentences were dropped
    notes = [*draft.notes, *draft.idle_notes, *(scopes[i] for i in draft.claim_ids if i in scopes)]
    return Section(
        question=draft.question,
        status=status,
        handed_over=draft.handed_over,
        asked=draft.asked,
        reading=remarks.checked(next((r for r in draft.readings if r), "")),
        findings=findings,
        passages=passages,
        notes=remarks.all(n[:1].upper() + n[1:] for n in notes),
        suggestions=remarks.all(draft.suggestions)[:3],
    )


def _pick(statements: Statements, ids: list[str]) -> tuple[MergedClaim, ...]:
    """The statements in order, each text once with the citations of all."""
    merged: dict[str, MergedClaim] = {}
    for claim in (statements.by_id[i] for i in dict.fromkeys(ids) if i in statements.by_id):
        key = claim.id if claim.origin == "data" else plain(claim.text) or claim.id
        known = merged.get(key)
        if known is None:
            merged[key] = claim
            continue
        citations = tuple({(c.label, c.quote): c for c in (*known.citations, *claim.citations)}.values())
        merged[key] = known.model_copy(update={"citations": citations})
    return tuple(merged.values())


def _scope_notes(package: FusionInputPackage) -> dict[str, str]:
    """For a claim that is close to a finding but not about the same scope: why they were not compared."""
    return {p.claim_id: p.reason for p in reversed(package.alignment.pairs) if p.verdict == "differs_in_scope"}
