"""The server that a load runs against: a process that can be killed at any moment, and comes back at the same address."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from infra.local.benchmarks.usage import children, cpu_s, memory_mb
from shared.clock import Clock
from shared.errors import Unavailable

_UP_WITHIN_S = 120.0
_STOPPED_WITHIN_S = 120.0
_REMEDY = "With `--keep DIR` its data and logs (server.out, kimera.log) stay to be looked into."


class ServerProcess:
    """A platform in a process of its own, on a data folder. Several threads may ask for ``require_alive``, ``memory``, ``cpu_s``."""

    def __init__(self, home: Path, *, max_running: int, workers: int, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        self._port = _free_port()
        self._environment = os.environ | {
            "KIMERA_HOME": str(home),
            "KIMERA_MAX_RUNNING": str(max_running),
            "KIMERA_WORKERS": str(workers),
            "KIMERA_PROFILE": "embedded",
            "KIMERA_TRACES": "file",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._cpu_before_s = 0.0
        self.kills = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers. Raises ``Unavailable``."""
        command = [sys.executable, "-m", "infra.local.benchmarks.served", str(self._port)]
        with self._log.open("ab") as log, self._lock:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        until = self._clock.monotonic() + _UP_WITHIN_S
        while not self._answers():
            self.require_alive()
            if self._clock.monotonic() > until:
                raise Unavailable(f"The server has not answered for {_UP_WITHIN_S:.0f} s after its start.", remedy=_REMEDY)
            self._clock.sleep(0.1)

    def require_alive(self) -> None:
        """Raise ``Unavailable`` where it has ended by itself: it does not come back. One that ``kill`` has ended does."""
        with self._lock:
            code = None if self._process is None else self._process.poll()
        if code is not None:
            how = f"signal {-code}" if code < 0 else f"exit {code}"
            raise Unavailable(f"The server has ended by itself ({how}){self._last_words()}", remedy=_REMEDY)

    def kill(self) -> None:
        """``kill -9``."""
        cpu = self.cpu_s
        with self._lock:
            process, self._process, self._cpu_before_s = self._process, None, cpu
        assert process is not None
        process.kill()
        process.wait()
        self.kills += 1

    def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does; what it does not end in time is killed."""
        with self._lock:
            process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def memory(self) -> float | None:
        """What it and its workers hold of the memory now, in MiB; ``None`` between two lives."""
        with self._lock:
            if self._process is None:
                return None
            held = [memory_mb(pid) for pid in (self._process.pid, *children(self._process.pid))]
        return sum(one for one in held if one is not None)

    @property
    def cpu_s(self) -> float:
        """Processor seconds of all its lives so far, its workers' included."""
        with self._lock:
            alive = [] if self._process is None else [self._process.pid, *children(self._process.pid)]
            return self._cpu_before_s + sum(cpu_s(pid) for pid in alive)

    @property
    def _log(self) -> Path:
        return self._home / "server.out"

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n") if self._log.exists() else []
        last = next((line for line in reversed(lines) if line.strip()), "")
        return f": {last.strip()[:300]}" if last else "."

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=5).is_success
        except httpx.HTTPError:
            return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
