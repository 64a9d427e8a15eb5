"""The Finalizer: the handoff. Extractive: Holm over the mission's tests, then each finding's strong or weak statement."""

from __future__ import annotations

from dataclasses import dataclass

from functions.ds_star.holm import holm
from functions.ds_star.state import DsStarState, OpenFinding
from schemas.analysis import AnalysisAnswer, AnalyticalReportPackage, Finding
from schemas.evidence import Lineage, SubQuestion

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class FinalizerInput:
    """The state at the end, the question as it was asked, and the package's lineage. ``reason``: why it was closed early."""

    question: str
    sub_questions: tuple[SubQuestion, ...]
    state: DsStarState
    lineage: Lineage
    reason: str | None = None


def finalize(given: FinalizerInput) -> AnalyticalReportPackage:
    """The package: every sub-question has an answer, and every finding its adjusted p."""
    state = given.state
    findings = adjusted(state.findings)
    answered = {a.question_id for a in state.answers}
    open_answers = tuple(_open(q, state, given.reason) for q in given.sub_questions if q.id not in answered)
    order = {q.id: i for i, q in enumerate(given.sub_questions)}
    answers = sorted((*state.answers, *open_answers), key=lambda a: order[a.question_id])
    unread = tuple(f"{d.file}: {d.error}" for d in state.descriptions if d.error)
    early = (f"The analysis was closed early: {given.reason}",) if given.reason else ()
    return AnalyticalReportPackage(
        question=given.question,
        sub_questions=given.sub_questions,
        answers=tuple(answers),
        values=state.values,
        findings=findings,
        artifacts=state.artifacts,
        files=state.descriptions,
        plan=state.plan,
        runs=state.runs,
        rounds=state.rounds,
        evidence_requests=state.evidence_requests,
        limitations=tuple(dict.fromkeys((*state.limitations, *unread, *early))),
        flags=flags_of(state),
        lineage=given.lineage,
    )


def adjusted(findings: tuple[OpenFinding, ...]) -> tuple[Finding, ...]:
    """The findings with Holm's p; where that is not below 0.05 a finding with a weak statement says it."""
    tested = [i for i, f in enumerate(findings) if f.finding.test is not None and f.finding.test.p is not None]
    p_values = [test.p for i in tested if (test := findings[i].finding.test) is not None and test.p is not None]
    p_adjusted = dict(zip(tested, holm(p_values), strict=True))
    return tuple(_settled(open_finding, p_adjusted.get(i)) for i, open_finding in enumerate(findings))


def _settled(open_finding: OpenFinding, p: float | None) -> Finding:
    finding = open_finding.finding
    if finding.test is None or p is None:
        return finding
    change: dict[str, object] = {"test": finding.test.model_copy(update={"p_adjusted": p})}
    if p >= SIGNIFICANT and open_finding.weak_statement is not None:
        change["statement"] = open_finding.weak_statement
        if open_finding.weak_assertion is not None:
            change["assertion"] = open_finding.weak_assertion
    return finding.model_copy(update=change)


def _open(question: SubQuestion, state: DsStarState, reason: str | None) -> AnalysisAnswer:
    """The answer to a sub-question that was not finished: what there is of it, and why there is no more."""
    work = state.work if state.work is not None and state.work.question_id == question.id else None
    if work is not None and work.finding_ids:
        note = f"Only a part was calculated before the analysis was closed: {reason}"
        return AnalysisAnswer(question_id=question.id, status="partial", reading=work.reading, finding_ids=work.finding_ids, note=note)
    note = f"Not answered: the analysis was closed before its turn ({reason})." if reason else "Not answered."
    return AnalysisAnswer(question_id=question.id, status="not_answered", note=note)


def flags_of(state: DsStarState) -> tuple[str, ...]:
    """What the trust strip should show: files left out, and samples."""
    flags: list[str] = []
    if any(d.error for d in state.descriptions):
        flags.append("data_unreadable")
    if any(t.sampled_rows is not None for d in state.descriptions for t in d.tables):
        flags.append("data_sampled")
    return tuple(flags)
