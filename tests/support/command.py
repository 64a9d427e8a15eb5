"""The command ``kimera`` in processes of its own, on a data folder of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.support import forked
from tests.support.forked import Ended

__all__ = ["LIMIT_S", "ROOT", "Ended", "Kimera", "Running", "eventually"]

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 90


class Running:
    """A command that runs, with its stderr read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def line_with(self, text: str) -> str:
        """Wait for the next line on stderr that holds ``text``."""
        stream = self.process.stderr
        assert stream is not None
        for line in stream:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"it ended without saying {text!r}:\n{''.join(self.lines)}")

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def ended(self) -> Ended:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=LIMIT_S)
        return Ended(self.process.returncode, out, "".join(self.lines) + err)


class Kimera:
    """``kimera`` in ``folder``, which holds the data folder too. A command that takes more than ``limit_s`` is an ``AssertionError``.

    Without ``ahead`` each sandbox is started for its job: one that waits for a job that never comes costs two seconds of a core.
    """

    def __init__(self, folder: Path, *, limit_s: float = LIMIT_S, ahead: bool = False) -> None:
        self.folder = folder
        self._ahead = {} if ahead else {"KIMERA_SANDBOXES_AHEAD": "0"}
        self._limit_s = limit_s
        self.home = folder / ".kimera"

    def __call__(self, *arguments: str, question: str = "", **environment: str) -> Ended:
        """Run it to its end, forked off what has imported it already; ``question`` goes to stdin."""
        return forked.kimera(arguments, self._environment(environment), folder=self.folder, stdin=question, within_s=self._limit_s)

    def afresh(self, *arguments: str, **environment: str) -> Ended:
        """The same from the very start of an interpreter, as a shell does it."""
        done = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def started(self, *arguments: str, **environment: str) -> Iterator[Running]:
        """Start it, and kill it at the end of the ``with`` if it still runs."""
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Running(process)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            _close(process.stdout, process.stderr)

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "cli.main", *arguments]

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KIMERA_") or name == "KIMERA_SANDBOX_PYTHON"}
        return {**kept, "PYTHONPATH": str(ROOT), **self._ahead, **more}


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until another process has brought it about."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)  # another process is at work: there is no clock of ours to inject


def _close(*streams: IO[str] | None) -> None:
    for stream in streams:
        if stream is not None and not stream.closed:
            stream.close()
