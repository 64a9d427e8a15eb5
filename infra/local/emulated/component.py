"""A server program that runs beside us: on a free port of this machine alone, with its own log, stopped by its own process id.

It dies with the process that started it, even by ``kill -9``. It keeps its port over a restart, so that clients find it again.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.local.emulated.ports import HOST, free_port, is_taken
from shared.clock import Clock, SystemClock
from shared.errors import Unavailable

CHECKOUT = Path(__file__).parents[3]
INSTALLED = CHECKOUT / ".components"
"""Where ``scripts/components`` puts what no package of ours brings along."""
START_LIMIT_S = 90.0
"""Generous: a Java server that starts in 3 s on an idle core takes its time on a busy one."""
_STOP_LIMIT_S = 10.0
_LOOK_EVERY_S = 0.05
_LAST_WORDS = 2_000
_PORT_LIMIT_S = 5.0
"""How long what is left of a server that was killed may still hold its port."""


class Missing(Unavailable):
    """The machine lacks the component; ``remedy`` says how to get it."""

    code = "component_missing"


class Component(ABC):
    """One such server. A context manager: entering starts it and waits until it serves, leaving stops it.

    A subclass says how it is called, what it is started with, and how one sees that it serves.
    """

    name: str
    start_limit_s: float = START_LIMIT_S
    working_folder: Path | None = None
    """Where it runs; ``None``: where we do."""

    def __init__(self, home: Path, *, port: int | None = None, clock: Clock | None = None) -> None:
        """``home`` holds its log and what it stores; it is made where there is none."""
        self.home = home
        self.port = port or free_port()
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What starts it. Raises ``Missing``."""

    @abstractmethod
    def serves(self) -> bool:
        """Whether it answers by now."""

    def require(self) -> None:
        """Raise ``Missing`` where the machine lacks what it is started with."""
        self.command()

    def environment(self) -> Mapping[str, str] | None:
        """The environment of the server; ``None`` hands ours on."""
        return None

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.home / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> Self:
        """Start it and wait until it serves. Raises ``Missing``, and ``Unavailable`` with its last words."""
        self.launch()
        self.await_service()
        return self

    def launch(self) -> None:
        """Start it, without waiting. It dies with the thread that calls this. Raises ``Missing``; ``Unavailable``: its port is taken."""
        command = self.command()
        self._require_port()
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:  # a session of its own: Ctrl-C is for us, who end it in good order
            self._process = subprocess.Popen(
                [*_bound_to_us(), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                cwd=self.working_folder,
                start_new_session=True,
            )

    def _require_port(self) -> None:
        """Whoever else listens there would be taken for it."""
        until = self._clock.monotonic() + _PORT_LIMIT_S
        while is_taken(self.port):
            if self._clock.monotonic() > until:
                raise Unavailable(
                    f"{self.name} cannot listen on {self.address}: another program does.",
                    remedy="Stop that program, or choose another port (--port; 0 takes a free one).",
                )
            self._clock.sleep(_LOOK_EVERY_S)

    def await_service(self) -> None:
        """Wait until it serves. Raises ``Unavailable`` with its last words; then it runs no longer."""
        process = self._process
        assert process is not None
        try:
            self._wait_until_it_serves(process)
        except BaseException:  # also when interrupted, no process is left
            self.kill()
            raise

    def stop(self) -> None:
        """Ask it to end, and make it."""
        process = self._process
        if process is None:
            return
        self.resume()
        process.terminate()
        try:
            process.wait(timeout=_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget(process)

    def kill(self) -> None:
        """End it at once with what it started, as a crash of its machine would."""
        process = self._process
        if process is not None:
            self._signal_all(signal.SIGKILL)
            process.wait(timeout=_STOP_LIMIT_S)
            self._forget(process)

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        """It has ended. Whoever looks after it (``Supervisor``) may have started another one by now, which stays known."""
        if self._process is process:
            self._process = None

    def pause(self) -> None:
        """Let it hang: it keeps its connections and answers nothing until ``resume``.

        The signal only asks for that: a thread that runs on another core may still answer. So this waits until all of them stand.
        """
        self._signal_all(signal.SIGSTOP)
        if self._process is not None:
            until = self._clock.monotonic() + _STOP_LIMIT_S
            while not _stands(self._process.pid):
                if self._clock.monotonic() > until:
                    raise Unavailable(f"Process {self._process.pid} goes on {_STOP_LIMIT_S:.0f} s after it was told to stop.")
                self._clock.sleep(_LOOK_EVERY_S)

    def resume(self) -> None:
        """Go on after ``pause``."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """To the process and its children: they are a session of their own."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:  # all of them have ended
                return

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _wait_until_it_serves(self, process: subprocess.Popen[bytes]) -> None:
        deadline = self._clock.monotonic() + self.start_limit_s
        while not self.serves():
            if process.poll() is not None or self._clock.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-_LAST_WORDS:].strip()
                how = (
                    f"ended with {process.returncode}"
                    if process.poll() is not None
                    else f"does not answer after {self.start_limit_s:.0f} s"
                )
                raise Unavailable(f"{self.name} {how}. Its last words:\n{said}", remedy=f"Its log: {self.log}")
            self._clock.sleep(_LOOK_EVERY_S)


def answers_http(port: int, path: str = "/") -> bool:
    """Whether an HTTP server answers there, whatever it says."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def answers_tcp(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((HOST, port), timeout=2):
            return True
    except OSError:
        return False


def java(purpose: str) -> str:
    """The ``java`` of this machine. Raises ``Missing``."""
    found = shutil.which("java")
    if found is None:
        raise Missing(f"Java is missing on this machine; {purpose} needs it.", remedy="sudo apt-get install default-jre-headless")
    return found


def _bound_to_us() -> tuple[str, ...]:
    """What makes a child die with the thread that started it."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL") if setpriv else ()


def _stands(session: int) -> bool:
    """Whether no thread of the process group runs any more (``proc_pid_stat(5)``: state, parent and group come behind the name)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, group = _behind_name(stat)[:3]
            if int(group) == session and any(_behind_name(thread)[0] not in "TtZX" for thread in stat.parent.glob("task/*/stat")):
                return False
        except OSError:  # it has ended meanwhile
            continue
    return True


def _behind_name(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()
