"""What the tracks handed to each other while both ran, and what came of it: in the reader's words, also where it came too late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.fusion.measures import plain
from functions.fusion.remarks import Remarks
from schemas.analysis import AnalyticalReportPackage
from schemas.evidence import AnswerStatus, ResearchEvidencePackage, SubQuestion
from schemas.fusion import FusionInputPackage
from schemas.handoff import TakenUp
from schemas.outcome import HandedOver

ENDED_BEFORE = {
    "documents": "It came when the data analysis had ended, or beyond what one mission follows up.",
    "analysis": "It came when the document research had ended, or beyond what one mission follows up.",
}
STILL_RUNNING = "It has not been followed up yet."


@dataclass(frozen=True)
class Handoffs:
    """``all`` in order; ``by_section``: by the key of the section that tells what came of it; ``suggested``: sections of no question."""

    all: tuple[HandedOver, ...] = ()
    by_section: Mapping[str, tuple[HandedOver, ...]] = field(default_factory=dict)
    suggested: frozenset[str] = frozenset()


def handoffs(package: FusionInputPackage, remarks: Remarks) -> Handoffs:
    """The hypotheses of the documents, then the requests of the analysis."""
    found: list[tuple[str | None, HandedOver]] = []
    suggested: set[str] = set()
    research, analysis = package.research, package.analysis
    if analysis is not None:
        questions = {q.id: q for q in analysis.sub_questions}
        status: dict[str, tuple[AnswerStatus, str]] = {a.question_id: (a.status, a.note) for a in analysis.answers}
        found += [_followed_up("documents", t, questions, status, remarks) for t in analysis.taken_up]
        suggested |= _of_no_question(analysis.taken_up, questions)
        found += [(None, handed) for handed in _open_hypotheses(research, analysis, package, remarks)]
    if research is not None:
        questions = {q.id: q for q in research.sub_questions}
        status = {a.question_id: (a.status, a.note) for a in research.answers}
        found += [_followed_up("analysis", t, questions, status, remarks) for t in research.taken_up]
        suggested |= _of_no_question(research.taken_up, questions)
        if analysis is not None:
            found += _untaken_requests(research, analysis, package, remarks)
    by_section: dict[str, tuple[HandedOver, ...]] = {}
    for key, handed in found:
        if key is not None:
            by_section[key] = (*by_section.get(key, ()), handed)
    return Handoffs(tuple(handed for _, handed in found), by_section, frozenset(suggested))


def section_key(question: SubQuestion) -> str:
    """What sub-questions of both tracks have in common that are one section."""
    return plain(question.text) or question.id


def _of_no_question(taken_up: tuple[TakenUp, ...], questions: Mapping[str, SubQuestion]) -> set[str]:
    """The sections that are there only since a track asked for them."""
    return {section_key(questions[t.question_id]) for t in taken_up if not t.question_id.startswith("q")}


def _followed_up(
    by: str, taken: TakenUp, questions: Mapping[str, SubQuestion], status: Mapping[str, tuple[AnswerStatus, str]], remarks: Remarks
) -> tuple[str, HandedOver]:
    came_to, note = status.get(taken.question_id, ("not_answered", ""))
    note = note if came_to in ("not_answered", "not_understood") else ""
    handed = HandedOver.model_validate(
        {
            "by": by,
            "text": remarks.checked(taken.offer.text),
            "status": came_to,
            "source": taken.offer.source,
            "because": remarks.checked(taken.offer.because),
            "note": remarks.checked(note),
        }
    )
    return section_key(questions[taken.question_id]), handed


def _open_hypotheses(
    research: ResearchEvidencePackage | None, analysis: AnalyticalReportPackage, package: FusionInputPackage, remarks: Remarks
) -> list[HandedOver]:
    if research is None or not analysis.files:  # without data nothing could have been put to them
        return []
    evidence = {e.id: e for e in research.evidence}
    titles = {s.id: s.title for s in research.sources}
    claims = {c.id: c for c in research.claims}
    known = {plain(t.offer.text) for t in analysis.taken_up} | {plain(t.offer.analysis) for t in analysis.taken_up}
    why = ENDED_BEFORE["documents"] if package.analysis_handoff.status.final else STILL_RUNNING
    found = []
    for hypothesis in research.hypotheses:
        if {plain(hypothesis.text), plain(hypothesis.suggested_analysis)} & known:
            continue
        quoted = [titles[evidence[i].source_id] for own in hypothesis.claim_ids for i in claims[own].evidence_ids if i in evidence]
        text, source = remarks.checked(hypothesis.text), next(iter(quoted), "")
        found.append(HandedOver(by="documents", text=text, status="open", source=source, note=why))
    return found


def _untaken_requests(
    research: ResearchEvidencePackage, analysis: AnalyticalReportPackage, package: FusionInputPackage, remarks: Remarks
) -> list[tuple[str | None, HandedOver]]:
    """Requests that research never read. One that says what a sub-question says was looked for all the same."""
    known = {plain(t.offer.text) for t in research.taken_up}
    own = {section_key(q): q.id for q in research.sub_questions}
    status = {a.question_id: a.status for a in research.answers}
    why = ENDED_BEFORE["analysis"] if package.research_handoff.status.final else STILL_RUNNING
    found: list[tuple[str | None, HandedOver]] = []
    for request in analysis.evidence_requests:
        key, text, because = plain(request.text), remarks.checked(request.text), remarks.checked(request.because)
        if key in known:
            continue
        if key in own:
            found.append((key, HandedOver(by="analysis", text=text, because=because, status=status.get(own[key], "not_answered"))))
        else:
            found.append((None, HandedOver(by="analysis", text=text, because=because, status="open", note=why)))
    return found
