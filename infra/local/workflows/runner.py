"""Starts executions and waits for them: the front door of this package.

with Runner(transport=HttpxTransport(httpx.Client())) as runner:
    execution = runner.start(load("flow.yaml"), {"name": "Ada"}, execution_id="1")
    print(execution.wait(60).result)
"""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from infra.local.workflows.build import build
from infra.local.workflows.callbacks import Callbacks
from infra.local.workflows.clock import Clock, RealClock
from infra.local.workflows.connectors import Connectors
from infra.local.workflows.errors import ArgumentError, DefinitionError, Place, Problem, WorkflowError, failure, too_deep, value_failure
from infra.local.workflows.frames import UNSET, LogEntry, Memory, Run, StepEvent
from infra.local.workflows.interpreter import RoutineCode, StepCode, invoke
from infra.local.workflows.limits import SERVICE, Limits
from infra.local.workflows.parse import parse
from infra.local.workflows.scheduler import Cancelled, Group, Scheduler
from infra.local.workflows.stdlib.jsons import encode
from infra.local.workflows.syntax import Program
from infra.local.workflows.transport import NoTransport, TokenSource, Transport
from infra.local.workflows.values import Json, Value, text_of, to_json

_LOG: Final = logging.getLogger(__name__)
HTTP_THREADS: Final = 64  # ours: requests under way at once; what is more waits for a thread
_LEVELS: Final = {"DEBUG": logging.DEBUG, "WARNING": logging.WARNING, "ERROR": logging.ERROR, "CRITICAL": logging.CRITICAL}


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that the service would deploy, ready to run any number of times."""

    name: str
    program: Program
    routines: dict[str, RoutineCode]


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be read of a definition, and what is wrong with it, in the order of its lines."""

    file: str
    name: str
    program: Program
    routines: dict[str, RoutineCode]
    problems: list[Problem]


def load(source: Path | str, *, name: str | None = None) -> Definition:
    """The definition in a file (given as Path, or as a str without a line break that names one) or in a text.

    Raises DefinitionError with every problem that it has.
    """
    reading = look(source, name=name)
    if reading.problems:
        raise DefinitionError(reading.file, reading.problems)
    return Definition(reading.name, reading.program, reading.routines)


def look(source: Path | str, *, name: str | None = None) -> Reading:
    """As ``load``, for a definition with problems too. Raises DefinitionError where there is nothing to read: no file, no YAML."""
    path = source if isinstance(source, Path) else Path(source) if "\n" not in source and len(source) < 4096 and _is_file(source) else None
    file = str(path) if path is not None else (name or "<workflow>")
    program, problems = parse(_read(path) if path is not None else str(source), file)
    routines, more = build(program)
    found = sorted(dict.fromkeys(problems + more), key=lambda problem: (problem.line, problem.column))
    return Reading(file, name or (path.stem if path is not None else "workflow"), program, routines, found)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SERVICE.source_bytes + 1)
            if len(content) <= SERVICE.source_bytes:
                return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DefinitionError(str(path), [Problem(f"cannot read the file: {problem}", 1, 1, code="unreadable")]) from None
    message = f"the definition has more than {SERVICE.source_bytes} bytes, which is the limit"
    raise DefinitionError(str(path), [Problem(message, 1, 1, code="source_too_large")])


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
        """Called before each step, on the scheduler's thread:

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
        """Call ``listener`` once, when it has ended: at once if it has, else on the scheduler's thread."""
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


@dataclass(slots=True)
class _Pending:
    execution: Execution
    argument: Value
    group: Group | None = field(default=None)


class Runner:
    """Runs executions side by side on one thread of its own, and their requests on ``http_threads`` more.

    ``env`` answers ``sys.get_env`` for variables of the user and overrides the built-in ones. ``connectors`` answer
    ``googleapis.*`` calls, ``callbacks`` make the endpoints of ``events.*``.
    """

    def __init__(
        self,
        *,
        transport: Transport | None = None,
        clock: Clock | None = None,
        env: Mapping[str, str] | None = None,
        token_source: TokenSource | None = None,
        connectors: Connectors | None = None,
        callbacks: Callbacks | None = None,
        log: Callable[[LogEntry], None] | None = None,
        limits: Limits = SERVICE,
        http_threads: int = HTTP_THREADS,
        unique: Callable[[], str] | None = None,
        order: random.Random | None = None,
    ) -> None:
        self.clock = clock or RealClock()
        self._transport = transport or NoTransport()
        self._env = dict(env or {})
        self._token_source = token_source
        self._connectors = connectors
        self._callbacks = callbacks
        self._log = log or _log
        self._limits = limits
        self._unique = unique or _random_uuid
        self._scheduler = Scheduler(self.clock, http_threads, order)
        self._lock = threading.Lock()
        self._running: dict[Execution, _Pending] = {}
        self._backlog: deque[_Pending] = deque()

    def start(
        self,
        definition: Definition,
        argument: Json = None,
        *,
        execution_id: str,
        labels: Mapping[str, str] | None = None,
        on_step: Callable[[StepEvent], None] | None = None,
        on_end: Callable[[Outcome], None] | None = None,
    ) -> Execution:
        """Begin an execution and return at once. Raises ArgumentError when the service would refuse the argument.

        ``on_end`` is called once with how it ended, on the scheduler's thread: it has to be quick.
        """
        self._check(argument)
        execution = Execution(execution_id, definition, labels or {}, self._cancel)
        execution.on_step = on_step
        execution.on_end = on_end
        with self._lock:
            pending = _Pending(execution, argument)  # type: ignore[arg-type]  # every Json is a Value
            if len(self._running) >= self._limits.concurrent_executions:
                if len(self._backlog) >= self._limits.backlog:
                    raise ArgumentError(f"{len(self._running)} executions are running and {len(self._backlog)} waiting: no more are taken")
                self._backlog.append(pending)
            else:
                self._begin(pending)
        return execution

    def close(self) -> None:
        """Cancel what still runs and stop the threads."""
        with self._lock:
            waiting = list(self._backlog)
            self._backlog.clear()
        for pending in waiting:
            pending.execution.end(Outcome(State.CANCELLED), self.clock.now())
        self._scheduler.close()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def full(self) -> bool:
        """Whether the next execution would wait in the backlog."""
        with self._lock:
            return len(self._running) >= self._limits.concurrent_executions

    # Inside

    def _check(self, argument: Json) -> None:
        try:
            size = len(encode(argument).encode("utf-8", "surrogatepass"))  # type: ignore[arg-type]  # every Json is a Value
        except (WorkflowError, RecursionError) as problem:
            raise ArgumentError(f"the argument is not JSON: {problem}") from None
        if size > self._limits.argument_bytes:
            raise ArgumentError(f"the argument has {size} bytes; the limit is {self._limits.argument_bytes}")

    def _begin(self, pending: _Pending) -> None:
        """Hand over to the scheduler. The caller holds the lock."""
        execution, definition = pending.execution, pending.execution.definition
        run = Run(
            execution_id=execution.id,
            limits=self._limits,
            now=self.clock.now,
            environment={**_built_in(definition.name, execution.id), **self._env},
            transport=self._transport,
            token_source=self._token_source,
            connectors=self._connectors,
            callbacks=self._callbacks,
            log=self._log,
            unique=self._unique,
            memory=Memory(self._limits.memory_bytes),
            on_step=execution.on_step,
        )
        execution.begin(run, self.clock.now())
        main = definition.routines["main"]
        arguments = [pending.argument if pending.argument is not None or default is None else UNSET for _, default in main.parameters]
        self._running[execution] = pending
        pending.group = self._scheduler.start(
            invoke(main, arguments, run, None),
            self._limits.concurrent_branches,
            self._limits.duration_s,
            lambda value, error: self._done(execution, value, error),
        )

    def _done(self, execution: Execution, value: Value, error: Exception | None) -> None:
        with self._lock:
            del self._running[execution]
            if self._backlog:
                self._begin(self._backlog.popleft())
        if self._callbacks is not None:
            self._callbacks.forget(execution.id)
        execution.end(_outcome(value, error), self.clock.now())

    def _cancel(self, execution: Execution) -> None:
        with self._lock:
            waiting = next((pending for pending in self._backlog if pending.execution is execution), None)
            if waiting is not None:
                self._backlog.remove(waiting)
            running = self._running.get(execution)
        if waiting is not None:
            execution.end(Outcome(State.CANCELLED), self.clock.now())
        elif running is not None and running.group is not None:
            self._scheduler.cancel(running.group)


def _outcome(value: Value, error: Exception | None) -> Outcome:
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


def _built_in(workflow: str, execution_id: str) -> dict[str, str]:
    """The variables of the service (Environment variables page), for one machine."""
    return {
        "GOOGLE_CLOUD_LOCATION": "local",
        "GOOGLE_CLOUD_PROJECT_ID": "local",
        "GOOGLE_CLOUD_PROJECT_NUMBER": "0",
        "GOOGLE_CLOUD_SERVICE_ACCOUNT_NAME": "local",
        "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ATTEMPT": "1",
        "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": execution_id,
        "GOOGLE_CLOUD_WORKFLOW_ID": workflow,
        "GOOGLE_CLOUD_WORKFLOW_REVISION_ID": "000001-local",
    }


def _random_uuid() -> str:
    """For `uuid.generate`, which promises a random one: not an id of ours."""
    return str(uuid.uuid4())  # noqa: TID251


def _log(entry: LogEntry) -> None:
    _LOG.log(_LEVELS.get(entry.severity, logging.INFO), "%s: %s", entry.execution_id, entry.payload)


def _json(value: Value) -> Json:
    """The payload of an error, in which a part without a JSON form is described: a body of bytes, for instance."""
    try:
        return to_json(value, repr)
    except RecursionError:
        return {"message": too_deep().message}
