"""The Router: how it goes on after a verdict. Extractive: the next operation, the same one narrowed, or the next sub-question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from functions.ds_star.operation import OperationSpec
from functions.ds_star.roles.verifier import Verdict

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
