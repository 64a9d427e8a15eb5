"""The Planner: what to calculate next.

With a model: one step of a plan for all sub-questions. Extractive: the reader's operations for one sub-question, or its refusal.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from pydantic import Field

from functions.ds_star.briefing import VALUES_TOKENS, Briefing, state_of, values_text
from functions.ds_star.loop_state import Loop, PlanStep
from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading, Refusal
from functions.ds_star.requesting import MAX_NEEDED_CHARS
from schemas.analysis import FileDescription
from schemas.base import Contract
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints
from shared.models.asking import Models
from shared.models.prompts import Prompt, fits
from shared.models.roles import ModelRole


@dataclass(frozen=True)
class PlannerInput:
    """A sub-question and what there is to answer it from: the mission's data, then the tables of its documents."""

    question: SubQuestion
    data: tuple[FileDescription, ...]
    from_documents: tuple[FileDescription, ...] = ()
    before: OperationSpec | None = None
    """The last operation of the sub-question before: what a pronoun may speak of."""
    hints: ReadingHints = field(default_factory=ReadingHints)


def plan(given: PlannerInput) -> Reading | Refusal:
    """The reading against the data files; where they do not fit, against the tables of the documents as well."""
    first = read_question(given.question, given.data or given.from_documents, given.hints, given.before)
    if isinstance(first, Reading) or not given.data or first.kind not in ("unmatched", "no_operation", "no_data", "too_few"):
        return first
    if not given.from_documents:
        return first
    second = read_question(given.question, (*given.data, *given.from_documents), given.hints, given.before)
    return second if isinstance(second, Reading) else first


class PlannerAnswer(Contract):
    """One step, or why there is none."""

    step: str = Field(default="", max_length=900, description="the next step; empty where none helps")
    question_ids: tuple[str, ...] = Field(default=(), max_length=12, description="the sub-questions that the step serves")
    impossible: str = Field(default="", max_length=400, description="what the data lack, where there is no step")
    needed: str = Field(default="", max_length=MAX_NEEDED_CHARS, description="what a document could state instead: a thing to look for")


PLANNER = ModelRole("planner", Prompt.beside(__file__, "planner"), PlannerAnswer)


@dataclass(frozen=True)
class NoStep:
    """Why no step would help, and what a document would have to state for one that did."""

    why: str
    needed: str = ""


def ask_planner(models: Models, briefing: Briefing, loop: Loop) -> PlanStep | NoStep:
    """The next step; or why none would help. A step that is in the plan, or was thrown out of it, is sent back."""
    known = {_plain(step.text) for step in loop.steps} | {_plain(text) for text in loop.abandoned}

    def check(answer: PlannerAnswer) -> None:
        if not answer.step.strip():
            if not answer.impossible.strip():
                raise ValueError("there is neither a step nor a reason why there is none")
            return
        if _plain(answer.step) in known:
            raise ValueError("this step was proposed before: propose another one, or say in impossible why none helps")
        unknown = sorted(set(answer.question_ids) - briefing.question_ids)
        if unknown or not answer.question_ids:
            raise ValueError(f"question_ids has to name sub-questions out of {', '.join(sorted(briefing.question_ids))}")

    recorded = loop.best.run.values if loop.best is not None else ()
    variables = {
        **briefing.variables(),
        **state_of(loop),
        "abandoned": fits("\n".join(loop.abandoned), VALUES_TOKENS // 4) or "(none)",
        "values": values_text(recorded),
    }
    answer = models.ask(PLANNER, variables, check=check)
    if not answer.step.strip():
        return NoStep(answer.impossible, answer.needed)
    return PlanStep(text=" ".join(answer.step.split()), question_ids=tuple(dict.fromkeys(answer.question_ids)))


def _plain(step: str) -> str:
    """A step without case, spaces and punctuation: the same words are the same step."""
    return "".join(c for c in unicodedata.normalize("NFKC", step).casefold() if c.isalnum())
