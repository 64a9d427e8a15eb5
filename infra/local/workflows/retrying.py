"""Retry policies. Page: syntax/retrying. The service adds no jitter to the delays."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

from infra.local.workflows.effects import Effect
from infra.local.workflows.errors import WorkflowError, type_failure, value_failure
from infra.local.workflows.frames import UNSET, Frame, Unset
from infra.local.workflows.interpreter import RoutineCode, invoke
from infra.local.workflows.stdlib import FUNCTIONS
from infra.local.workflows.stdlib.retries import DEFAULT_BACKOFF
from infra.local.workflows.stdlib.signature import Function, integer, mapping, number
from infra.local.workflows.values import FunctionRef, Value, type_name


@dataclass(frozen=True, slots=True)
class Policy:
    """What to retry, how often, and how long to wait. Delays in seconds."""

    predicate: str
    max_retries: int
    initial_delay: float
    max_delay: float
    multiplier: float

    def delay(self, retries: int) -> float:
        """The wait before the retry after ``retries`` earlier ones."""
        try:
            return min(self.initial_delay * self.multiplier**retries, self.max_delay)
        except OverflowError:
            return self.max_delay


def read_policy(value: Value) -> Policy:
    """The policy that a ``retry`` value describes. The page gives no defaults: a part left out is that of ``http.default_retry``."""
    parts = mapping(value, "retry")
    predicate = parts.get("predicate", FunctionRef("retry.always"))
    if not isinstance(predicate, FunctionRef):
        raise type_failure(f"the predicate of a retry has to be a function or a subworkflow, not '{type_name(predicate)}'")
    retries = integer(parts.get("max_retries", 5), "max_retries")
    backoff = mapping(parts.get("backoff", DEFAULT_BACKOFF), "backoff")
    initial, longest, multiplier = (_seconds(backoff.get(name, DEFAULT_BACKOFF[name]), name) for name in DEFAULT_BACKOFF)
    if retries < 0:
        raise value_failure("max_retries is negative")
    return Policy(predicate.name, retries, initial, longest, multiplier)


def _seconds(value: Value, what: str) -> float:
    found = float(number(value, what))
    if not math.isfinite(found) or found < 0:
        raise value_failure(f"{what} has to be a number that is not negative")
    return found


def decide(policy: Policy, error: WorkflowError, frame: Frame, routines: dict[str, RoutineCode]) -> Generator[Effect, object, bool]:
    """Whether the predicate wants another try.

    A predicate that fails, that cannot be called with the error alone, or that answers with anything but a boolean raises.
    """
    routine = routines.get(policy.predicate)
    if routine is not None:
        needed = [position for position, (_, default) in enumerate(routine.parameters) if default is None]
        if not routine.parameters or needed not in ([], [0]):
            raise type_failure(f"the predicate '{policy.predicate}' has to take one argument, the error")
        arguments: list[Value | Unset] = [error.payload, *[UNSET] * (len(routine.parameters) - 1)]
        answer = yield from invoke(routine, arguments, frame.run, frame)
    else:
        function = FUNCTIONS[policy.predicate]
        if not isinstance(function, Function) or function.uses_run or len(function.parameters) != 1:
            raise type_failure(f"'{policy.predicate}' is no predicate")
        answer = function.run(error.payload)
    if not isinstance(answer, bool):
        raise type_failure(f"the predicate '{policy.predicate}' gave a value of type '{type_name(answer)}', not a boolean")
    return answer
