"""One run of a definition: its state, how it ended, and who is told of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from infra.local.workflows.definition import Definition
from infra.local.workflows.errors import Place, WorkflowError, failure, too_deep, value_failure
from infra.local.workflows.frames import Run, StepEvent
from infra.local.workflows.interpreter import StepCode
from infra.local.workflows.scheduler import Cancelled
from infra.local.workflows.values import Json, Value, text_of, to_json

_LOG: Final = logging.getLogger(__name__)


class State(StrEnum):
    """States of an execution, as in the executions API. QUEUED is in the backlog."""

    QUEUED = "QUEUED"
    ACTIVE = "ACTIVE"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class ExecutionError:
    """``payload`` is the error as ``except`` would have seen it; ``context`` says in words what happened in which step and line."""

    payload: Json
    context: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended. ``result`` is set when it SUCCEEDED, ``error`` when it FAILED."""

    state: State
    result: Json = None
    error: ExecutionError | None = None
    steps: int = field(default=0, compare=False)
    """How many steps it took."""


class Execution:
    """One run of a definition."""

    def __init__(self, execution_id: str, definition: Definition, labels: Mapping[str, str], cancel: Callable[[Execution], None]) -> None:
        self.id = execution_id
        self.definition = definition
        self.labels = MappingProxyType(dict(labels))
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.steps = 0
        self.outcome: Outcome | None = None
        self._state = State.QUEUED
        self._cancel = cancel
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._run: Run | None = None
        self._last_step: StepCode | None = None
        self.on_end: Callable[[Outcome], None] | None = None
        self._on_step: Callable[[StepEvent], None] | None = None

    @property
    def state(self) -> State:
        return self.outcome.state if self.outcome is not None else self._state

    @property
    def last_step(self) -> StepCode | None:
        """The step that runs, or the last one that ran."""
        return self._run.last_step if self._run is not None else self._last_step

    @property
    def on_step(self) -> Callable[[StepEvent], None] | None:
        """Called before each step, by who drives the scheduler:

        it has to be quick. Give it to ``Runner.start`` to see the first steps too.
        """
        return self._on_step

    @on_step.setter
    def on_step(self, hook: Callable[[StepEvent], None] | None) -> None:
        self._on_step = hook
        if self._run is not None:
            self._run.on_step = hook

    def wait(self, timeout: float | None = None) -> Outcome:
        """How it ended. Raises the built-in TimeoutError when it has not after ``timeout`` real seconds."""
        if not self._ended.wait(timeout):
            raise TimeoutError(f"the execution {self.id} has not ended after {timeout} s")
        assert self.outcome is not None
        return self.outcome

    def when_ended(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` once, when it has ended: at once if it has, else by who drives the scheduler."""
        with self._lock:
            if self.outcome is None:
                self._listeners.append(listener)
                return
        listener()

    def cancel(self) -> None:
        """Stop it at its next step. Does nothing once it has ended; a request under way is left to itself."""
        self._cancel(self)

    # For the runner

    def begin(self, run: Run, at: float) -> None:
        self._run, self._state, self.started_at = run, State.ACTIVE, at

    def end(self, outcome: Outcome, at: float) -> None:
        self.steps = self._run.steps if self._run is not None else 0
        outcome = replace(outcome, steps=self.steps)
        self._last_step = self._run.last_step if self._run is not None else None
        with self._lock:
            self.outcome, self.ended_at, self._run = outcome, at, None
            listeners, self._listeners = self._listeners, []
        self._ended.set()
        for listener in listeners:
            listener()
        if self.on_end is not None:
            self.on_end(outcome)


def outcome_of(value: Value, error: Exception | None) -> Outcome:
    """How an execution ended that gave ``value``, or raised ``error``."""
    if isinstance(error, Cancelled):
        return Outcome(State.CANCELLED)
    if error is None:
        try:
            return Outcome(State.SUCCEEDED, to_json(value))
        except TypeError as problem:
            error = value_failure(f"the result cannot be given back: {problem}")
        except RecursionError:
            error = too_deep()
    if not isinstance(error, WorkflowError):
        _LOG.error("a defect of the runner ended an execution", exc_info=error)
        error = failure("SystemError", f"the runner failed: {type(error).__name__}: {error}")
    return Outcome(State.FAILED, error=ExecutionError(_json(error.payload), text_of(error.context()), tuple(error.trace.places)))


def _json(value: Value) -> Json:
    """The payload of an error, in which a part without a JSON form is described: a body of bytes, for instance."""
    try:
        return to_json(value, repr)
    except RecursionError:
        return {"message": too_deep().message}
