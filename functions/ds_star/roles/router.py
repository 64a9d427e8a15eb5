"""The Router: how it goes on after a verdict.

With a model: add a step, or throw away the plan from step k on. Extractive: the next operation, the same one narrowed, or the next
sub-question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from functions.ds_star.briefing import Briefing, state_of, values_text
from functions.ds_star.loop_state import MAX_TRUNCATIONS, Loop, Truncation
from functions.ds_star.operation import OperationSpec
from functions.ds_star.roles.verifier import Verdict
from schemas.base import Contract
from shared.models.asking import Models
from shared.models.prompts import Prompt
from shared.models.roles import ModelRole

MAX_TRIES = 2
Route = Literal["next_step", "retry_narrowed", "next_question"]


@dataclass(frozen=True)
class RouterInput:
    """The verdict on an operation, how often it was tried, and how many follow it."""

    verdict: Verdict
    spec: OperationSpec
    tries: int
    steps_left: int


@dataclass(frozen=True)
class RouterOutput:
    """Where it goes, and the operation to try again."""

    route: Route
    spec: OperationSpec | None = None
    note: str = ""


def route(given: RouterInput) -> RouterOutput:
    """A run that failed is tried once more with less; a refusal is an answer; then the next step or question."""
    if given.verdict.kind in ("failed", "insufficient") and given.tries < MAX_TRIES:
        narrowed = narrow(given.spec)
        if narrowed is not None:
            return RouterOutput("retry_narrowed", narrowed[0], narrowed[1])
    return RouterOutput("next_step" if given.steps_left else "next_question")


def narrow(spec: OperationSpec) -> tuple[OperationSpec, str] | None:
    """The same question with less work, and what was left out; ``None`` where leaving out would change what was asked."""
    if spec.entity is not None and spec.operation in ("compare_groups", "trend_difference"):
        return spec.model_copy(update={"entity": None}), f'without "{spec.entity}" as the unit of analysis; the script looks for one itself'
    if spec.operation in ("trend", "trend_difference") and spec.grain in ("day", "week"):
        return spec.model_copy(update={"grain": "month"}), "by month instead"
    if spec.operation == "top_n" and spec.n > 20:
        return spec.model_copy(update={"n": 20}), "the first 20 only"
    return None


class RouterAnswer(Contract):
    """Where it goes on. What there is no step for is read as ``add_step``: a wrong number costs no further call."""

    route: Literal["add_step", "truncate"]
    step: int | None = Field(default=None, description="for truncate: the number of the first step that is wrong")
    why: str = Field(default="", max_length=400)


ROUTER = ModelRole("router", Prompt.beside(__file__, "router"), RouterAnswer)


def ask_router(models: Models, briefing: Briefing, loop: Loop) -> RouterAnswer:
    """What the model says; ``followed`` says whether it may."""
    recorded = loop.run.values if loop.run is not None else ()
    return models.ask(ROUTER, {**briefing.variables(files_tokens=4_000), **state_of(loop), "values": values_text(recorded)})


def followed(answer: RouterAnswer, loop: Loop) -> tuple[Truncation | None, str]:
    """(the truncation to make, or ``None`` for a further step; why the answer was not followed).

    At most ``MAX_TRUNCATIONS`` in all, and never twice to the same step with the same plan.
    """
    if answer.route == "add_step":
        return None, ""
    if answer.step is None or not 1 <= answer.step <= len(loop.steps):
        return None, "the plan has no such step to truncate at"
    cut = Truncation(step=answer.step, plan=loop.plan_digest)
    if len(loop.truncations) >= MAX_TRUNCATIONS:
        return None, "the plan was truncated often enough"
    if cut in loop.truncations:
        return None, "the same plan was truncated at this step before"
    return cut, ""
