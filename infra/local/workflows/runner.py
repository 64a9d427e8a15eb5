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
from dataclasses import dataclass, field
from typing import Final

from infra.local.workflows.callbacks import Callbacks
from infra.local.workflows.clock import Clock, RealClock
from infra.local.workflows.connectors import Connectors
from infra.local.workflows.definition import Definition
from infra.local.workflows.environment import built_in, checked
from infra.local.workflows.errors import ArgumentError, WorkflowError
from infra.local.workflows.execution import Execution, Outcome, State, outcome_of
from infra.local.workflows.frames import UNSET, LogEntry, Memory, Run, StepEvent
from infra.local.workflows.interpreter import invoke
from infra.local.workflows.limits import SERVICE, Limits
from infra.local.workflows.scheduler import Group, Scheduler
from infra.local.workflows.stdlib.jsons import encode
from infra.local.workflows.transport import NoTransport, TokenSource, Transport
from infra.local.workflows.values import Json, Value

_LOG: Final = logging.getLogger(__name__)
HTTP_THREADS: Final = 64  # ours: requests under way at once; what is more waits for a thread
_LEVELS: Final = {"DEBUG": logging.DEBUG, "WARNING": logging.WARNING, "ERROR": logging.ERROR, "CRITICAL": logging.CRITICAL}


@dataclass(slots=True)
class _Pending:
    execution: Execution
    argument: Value
    group: Group | None = field(default=None)


class Runner:
    """Runs executions side by side one step at a time, and their requests on up to ``http_threads`` threads.

    ``env`` answers ``sys.get_env`` for variables of the user and overrides the built-in ones. ``connectors`` answer
    ``googleapis.*`` calls, ``callbacks`` make the endpoints of ``events.*``. Raises ArgumentError for an ``env`` that the service refuses.
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
        self._env = checked(env or {}, limits)
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

        ``on_end`` is called once with how it ended, by whoever drives the scheduler: it has to be quick.
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

    def once_driven(self, action: Callable[[], None]) -> None:
        """Have ``action`` called by whoever drives the scheduler next: a sign that somebody does. It has to be quick."""
        self._scheduler.post(action)

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
            environment={**built_in(definition.name, execution.id), **self._env},
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
        execution.end(outcome_of(value, error), self.clock.now())

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


def _random_uuid() -> str:
    """For `uuid.generate`, which promises a random one: not an id of ours."""
    return str(uuid.uuid4())  # noqa: TID251 - see above


def _log(entry: LogEntry) -> None:
    _LOG.log(_LEVELS.get(entry.severity, logging.INFO), "%s: %s", entry.execution_id, entry.payload)
