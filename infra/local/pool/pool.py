"""The platform's side: starts worker processes, gives each its share of the executions, and starts one again that has died."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.executions import DEFINITION
from infra.local.pool.messages import TO_ALL, Cancel, Channel, Ended, Message, Ping, Refused, Setup, Start, Stop, Wake, pair
from infra.local.workflows.limits import SERVICE
from shared.clock import Clock
from shared.documents import JsonMap
from shared.errors import BadInput, Unavailable
from shared.executions import ExecutionState
from shared.ids import Ids
from shared.scratch import clear_after
from shared.settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from shared.runtime import Runtime

_KEPT: Final = 10_000
"""Ended executions that are remembered."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_HEALTHY_S: Final = 10.0
"""A worker that lived so long is started again at once when it dies."""
_STOP_S: Final = 60.0
_SILENT_S: Final = 60.0
_PINGS: Final = 6
"""How often a worker is asked whether it hears, within the time that it may say nothing. The unanswered are counted, not the seconds:
a platform that stood still itself has asked nothing.
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lost:
    """An execution that came to nothing: its process died, or did not begin it."""

    execution: str
    argument: JsonMap


@dataclass(slots=True)
class _Worker:
    number: int
    process: subprocess.Popen[bytes]
    channel: Channel
    began: float
    unanswered: int = 0
    """How often it was asked whether it hears since it last said anything."""
    running: dict[str, JsonMap] = field(default_factory=dict)
    """The arguments of its executions, by their names."""
    alive: bool = True


class WorkerPool:
    """``WorkflowExecutions`` of the mission workflow, in ``settings.workers`` processes. ``open`` starts them, ``close`` ends them.

    ``functions`` is a function of a module, which the workers import. ``lost`` hears the executions of a worker that died, once one is
    alive that could take them over; ``ended`` hears the argument of each execution that has ended, and ``wake`` is called when something
    was put into the queue. A worker that says nothing for ``silent_s`` is killed, and so are those that have not ended ``stop_s`` after
    they were told to.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        ids: Ids,
        *,
        functions: Callable[[Runtime], WSGIApplication],
        wake: Callable[[], None],
        ended: Callable[[JsonMap], None],
        lost: Callable[[Sequence[Lost]], None],
        workflow: Path = DEFINITION,
        silent_s: float = _SILENT_S,
        stop_s: float = _STOP_S,
    ) -> None:
        if "<" in functions.__qualname__:
            raise TypeError(f"{functions.__qualname__} is no function of a module: a worker cannot import it.")
        self._setup = Setup(
            settings=settings.model_dump(mode="json"),
            functions=f"{functions.__module__}:{functions.__qualname__}",
            workflow=str(workflow),
        )
        self._count = settings.workers
        self._scratch = settings.home.expanduser().absolute() / "scratch"
        self._silent_s = silent_s
        self._stop_s = stop_s
        self._clock = clock
        self._ids = ids
        self._wake = wake
        self._ended = ended
        self._lost = lost
        self._lock = threading.Lock()
        self._workers: dict[int, _Worker] = {}
        self._states: dict[str, ExecutionState] = {}
        """Of those that have ended, the oldest first."""
        self._closing = threading.Event()
        self._kept_open: tuple[int, ...] = ()
        self._threads: list[threading.Thread] = []

    def open(self, kept_open: Sequence[int] = ()) -> None:
        """Start the workers, which hold the file descriptors ``kept_open`` as long as they live. Raises ``Unavailable``."""
        self._kept_open = tuple(kept_open)
        for number in range(self._count):
            worker = self._launch(number)
            assert worker is not None, "nobody has closed it"
            thread = threading.Thread(target=self._look_after, args=(worker,), name=f"kimera-worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        watching = threading.Thread(target=self._watch, name="kimera-workers", daemon=True)
        watching.start()
        self._threads.append(watching)

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids of the processes that are alive."""
        with self._lock:
            return tuple(worker.process.pid for worker in self._workers.values() if worker.alive)

    def start(self, argument: JsonMap, labels: Mapping[str, str]) -> str:
        """See ``WorkflowExecutions``. It goes to the worker that has the fewest."""
        name = self._ids.new("x")
        text = json.dumps(argument)
        if len(text.encode()) > SERVICE.argument_bytes:  # else it would be known too late to say so
            raise BadInput(f"The argument of the execution has {len(text.encode())} bytes; the limit is {SERVICE.argument_bytes}.")
        message = Start(execution=name, argument=json.loads(text), labels=dict(labels))
        with self._lock:
            alive = [worker for worker in self._workers.values() if worker.alive]
            if not alive:
                raise Unavailable("No worker process is alive; one is being started.", remedy="Look into kimera.log if this lasts.")
            worker = min(alive, key=lambda one: len(one.running))
            worker.running[name] = argument
        if not _told(worker, message):
            with self._lock:
                known = worker.running.pop(name, None)
            if known is not None:  # else its end was noticed meanwhile, and the execution is among the lost
                raise Unavailable("The worker process died that was to run it.")
        return name

    def state(self, name: str) -> ExecutionState:
        """See ``WorkflowExecutions``."""
        with self._lock:
            if any(name in worker.running for worker in self._workers.values()):
                return ExecutionState.ACTIVE
            return self._states.get(name, ExecutionState.UNKNOWN)

    def cancel(self, name: str) -> None:
        """See ``WorkflowExecutions``."""
        with self._lock:
            worker = next((worker for worker in self._workers.values() if name in worker.running), None)
        if worker is not None:
            _told(worker, Cancel(execution=name))

    def close(self) -> None:
        """End the workers; each leaves its executions where they are. One that does not is killed."""
        with self._lock:
            self._closing.set()
            workers = list(self._workers.values())
        for worker in workers:
            worker.channel.send(Stop())
        until = self._clock.monotonic() + self._stop_s
        for worker in workers:
            _end_of(worker.process, max(0.0, until - self._clock.monotonic()))
        for thread in self._threads:
            thread.join(_STOP_S)

    def _launch(self, number: int) -> _Worker | None:
        """A new worker; ``None`` where the pool is closed. Raises ``Unavailable``."""
        with self._lock:
            if self._closing.is_set():
                return None
            try:
                process, channel = self._process()
            except OSError as error:
                raise Unavailable(f"A worker process cannot be started: {error.strerror}.", remedy="Is there memory left?") from error
            worker = self._workers[number] = _Worker(number, process, channel, self._clock.monotonic())
            worker.channel.send(self._setup)  # before anybody else sends it something
            return worker

    def _process(self) -> tuple[subprocess.Popen[bytes], Channel]:
        """A process that waits for its setup, and the way to it. Raises ``OSError``."""
        ours, theirs = pair()
        # -P: what lies in the folder that the platform was started in is not ours.
        command = [sys.executable, "-P", "-m", "infra.local.pool", str(theirs.fileno())]
        before = signal.pthread_sigmask(signal.SIG_BLOCK, TO_ALL)  # the worker inherits it, and lets them through once it ignores them
        try:
            with theirs:
                return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), *self._kept_open)), ours
        except OSError:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _watch(self) -> None:
        """Kill workers that do not answer: their missions would wait for the reconciler again and again."""
        while not self._closing.wait(self._silent_s / _PINGS):
            with self._lock:
                workers = [worker for worker in self._workers.values() if worker.alive]
            for worker in workers:
                if worker.unanswered >= _PINGS:
                    _log.error("Worker %s (process %s) has not answered for %.0f s.", worker.number, worker.process.pid, self._silent_s)
                    worker.process.kill()
                else:
                    worker.unanswered += 1
                    _told(worker, Ping())

    def _look_after(self, worker: _Worker | None) -> None:
        """Listen to a worker as long as it lives, and to those that take its place."""
        deaths = 0
        lost: list[Lost] = []
        number = worker.number if worker is not None else 0
        while worker is not None:
            self._listen(worker)
            lost += self._bury(worker)
            if self._closing.is_set():
                return
            deaths = 1 if self._clock.monotonic() - worker.began >= _HEALTHY_S else deaths + 1
            if lost and self.processes:
                self._tell_lost(lost)
                lost = []
            worker = self._replace(number, deaths)
            if lost and worker is not None:
                self._tell_lost(lost)
                lost = []

    def _listen(self, worker: _Worker) -> None:
        """Hear a worker until it is gone. One whose words make no sense, or whose news could not be told, is ended: nobody would hear it
        any more.
        """
        try:
            while (message := worker.channel.receive()) is not None:
                worker.unanswered = 0
                self._hear(worker, message)
        except Exception:  # noqa: BLE001 - this thread alone can put another one in its place
            _log.exception("Worker %s (process %s) is ended: what it said could not be dealt with.", worker.number, worker.process.pid)
            worker.process.kill()

    def _tell_lost(self, lost: Sequence[Lost]) -> None:
        try:
            self._lost(lost)
        except Exception:  # noqa: BLE001 - likewise
            _log.exception("%s executions are left to the next round of the reconciler.", len(lost))

    def _replace(self, number: int, deaths: int) -> _Worker | None:
        """Another worker, at once for one that had lived for long; ``None`` where the pool closes instead."""
        while True:
            if deaths > 1 and self._closing.wait(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(deaths - 2, 10))):
                return None
            try:
                return self._launch(number)
            except Unavailable as error:
                _log.error("Worker %s is not there: %s", number, error)
                deaths += 1

    def _hear(self, worker: _Worker, message: Message) -> None:
        match message:
            case Ping():
                return
            case Ended():
                with self._lock:
                    argument = worker.running.pop(message.execution, {})
                    self._note(message.execution, ExecutionState(message.state))
                self._ended(argument)
            case Refused():
                _log.error("Worker %s does not begin %s: %s", worker.number, message.execution, message.reason)
                with self._lock:
                    argument = worker.running.pop(message.execution, {})
                    self._note(message.execution, ExecutionState.FAILED)
                self._tell_lost([Lost(message.execution, argument)])
            case Wake():
                self._wake()
            case _:
                raise TypeError(f"A worker does not say {message!r}.")

    def _bury(self, worker: _Worker) -> list[Lost]:
        """The executions that it has left."""
        code = _end_of(worker.process)
        with self._lock:
            worker.alive = False
            lost = [Lost(name, argument) for name, argument in worker.running.items()]
            worker.running.clear()
            for one in lost:
                self._note(one.execution, ExecutionState.FAILED)
        worker.channel.close()
        clear_after(worker.process.pid, self._scratch)
        if not self._closing.is_set():
            how = f"signal {-code}" if code < 0 else f"exit {code}"
            _log.error(
                "Worker %s (process %s) died (%s); %s executions go on in others.", worker.number, worker.process.pid, how, len(lost)
            )
        return lost

    def _note(self, execution: str, state: ExecutionState) -> None:
        """Remember how it ended. The lock is held."""
        self._states[execution] = state
        if len(self._states) > _KEPT:
            del self._states[next(iter(self._states))]


def _told(worker: _Worker, message: Message) -> bool:
    """Whether the worker was given the message; one that takes nothing is killed, and whoever listens to it learns of its end."""
    given = worker.channel.send(message)
    if not given:
        worker.process.kill()
    return given


def _end_of(process: subprocess.Popen[bytes], within_s: float = _STOP_S) -> int:
    """How a process ended that was told to, or has let its platform go; one that lives on is killed."""
    try:
        return process.wait(within_s)
    except subprocess.TimeoutExpired:
        _log.warning("Worker process %s does not stop: it is killed. Its missions go on elsewhere.", process.pid)
        process.kill()
        return process.wait(_STOP_S)
