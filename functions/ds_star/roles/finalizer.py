"""The Finalizer: the handoff.

With a model: it words findings with value ids in their slots, and ``functions/ds_star/settling.py`` takes what holds. Extractive: Holm
over the mission's tests, then each finding's strong or weak statement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from functions.ds_star.asserting import About
from functions.ds_star.briefing import Briefing, plan_text, values_text, warnings_text
from functions.ds_star.holm import holm
from functions.ds_star.loop_state import Candidate
from functions.ds_star.requesting import MAX_NEEDED_CHARS
from functions.ds_star.state import DsStarState, OpenFinding
from schemas.analysis import AnalysisAnswer, AnalyticalReportPackage, FileDescription, Finding
from schemas.base import Contract
from schemas.evidence import Lineage, SubQuestion
from shared.language.detect import detect_language
from shared.models.asking import Models
from shared.models.prompts import Prompt, fits
from shared.models.roles import ModelRole

SIGNIFICANT = 0.05
_SLOT = re.compile(r"\{([^{}]*)\}")


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
    unread = tuple(_unread(d) for d in state.descriptions if d.error)
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
        taken_up=state.taken_up,
        limitations=tuple(dict.fromkeys((*state.limitations, *unread, *early))),
        flags=flags_of(state),
        tier=state.tier,
        prompts=state.prompts,
        dropped=state.dropped,
        usage=state.usage,
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
    if any(d.error and not d.text for d in state.descriptions):
        flags.append("data_unreadable")
    if any(t.sampled_rows is not None for d in state.descriptions for t in d.tables):
        flags.append("data_sampled")
    return tuple(dict.fromkeys((*flags, *state.flags)))


def _unread(description: FileDescription) -> str:
    if description.text is not None:
        return f"{description.file} could be read by generated code only: {description.error}"
    return f"{description.file}: {description.error}"


class WordedFinding(Contract):
    """A sentence with the ids of recorded values in braces."""

    question_id: str
    statement: str = Field(min_length=1, max_length=600, description="one sentence; every figure is a value id in braces, as {v1}")
    about: About | None = Field(default=None, description="what it states, so that a program can compare it; null for no single thing")


class WordedAnswer(Contract):
    """What the findings come to for one sub-question."""

    question_id: str
    status: Literal["answered", "partial", "not_answered"]
    note: str = Field(default="", max_length=500, description="what is missing or was assumed; no figures")
    needed: str = Field(default="", max_length=MAX_NEEDED_CHARS, description="what a document could state instead: a thing to look for")


class FinalizerAnswer(Contract):
    """The findings and the answers."""

    findings: tuple[WordedFinding, ...] = Field(default=(), max_length=40)
    answers: tuple[WordedAnswer, ...] = Field(default=(), max_length=12)


FINALIZER = ModelRole("finalizer", Prompt.beside(__file__, "finalizer"), FinalizerAnswer, max_output_tokens=4_096)


def ask_finalizer(models: Models, briefing: Briefing, best: Candidate) -> FinalizerAnswer:
    """The wording of the best run. Ids that were not listed, and another language than the question's, are sent back."""
    ids = {f"v{i}" for i in range(1, len(best.run.values) + 1)}
    names = [name for v in best.run.values for name in (v.name, v.filters or "", v.unit or "", str(v.value))]

    def check(answer: FinalizerAnswer) -> None:
        asked = {f.question_id for f in answer.findings} | {a.question_id for a in answer.answers}
        if unknown := sorted(asked - briefing.question_ids):
            raise ValueError(f"there are no sub-questions {', '.join(unknown)[:200]}")
        cited = {slot for f in answer.findings for slot in _SLOT.findall(f.statement)}
        if unlisted := sorted(cited - ids):
            raise ValueError(f"these are no ids of recorded values: {', '.join(unlisted)[:200]}")
        _same_language(briefing.question, " ".join(f.statement for f in answer.findings), names)

    sufficient = "The verifier found the values sufficient." if best.sufficient else f"The verifier was not satisfied: {best.missing}"
    if not best.judged:
        sufficient = "No verifier has judged the values."
    variables = {
        **briefing.variables(files_tokens=0),
        "plan": plan_text(best.steps),
        "values": values_text(best.run.values, with_ids=True),
        "warnings": warnings_text(best.run),
        "problem": fits(sufficient, 400),
    }
    return models.ask(FINALIZER, variables, check=check)


def _same_language(question: str, text: str, names: list[str]) -> None:
    """Raises where the text is surely in another language: one that its own words speak for, and not the default of no evidence."""
    asked, found = detect_language(question, names=names), detect_language(_SLOT.sub(" ", text), names=names)
    if found not in (asked, "en"):
        raise ValueError(f"the findings are not in the language of the question ({asked})")
