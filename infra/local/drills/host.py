"""The platform as a drill has it: ``kimera serve`` as a process of its own, on a data folder of its own, at no real provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from infra.local.api import MissionsApi
from infra.local.drills.drill import DrillFailed
from infra.local.drills.messages import Message, read
from infra.local.drills.standin import AT_ONCE
from infra.local.emulated.component import CHECKOUT, Component, answers_http
from infra.local.emulated.ports import HOST, free_port
from shared.adapters.sandbox_python import ENVIRONMENT_VARIABLE
from shared.documents import JsonMap

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", ENVIRONMENT_VARIABLE)
"""All that a drill hands on of its own environment: no key, no setting of the user's."""
COMMAND_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> JsonMap:
        """Its answer."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


class Host(Component):
    """``kimera serve``. It can be started again on what it left, with another environment.

    ``arguments`` go to the command; ``program`` is another way to start the same platform.
    """

    name = "platform"
    at_once: Mapping[str, str] = AT_ONCE

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        arguments: Sequence[str] = (),
        program: Sequence[str] = ("cli.main", "serve"),
    ) -> None:
        super().__init__(folder)
        self.data = folder / "data"
        self.working_folder = folder
        self._environment = dict(environment)
        self._arguments = arguments
        self._program = program

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", *self._program, "--port", str(self.port), *self._arguments)

    def environment(self) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return (
            kept | {"HOME": str(self.home), "PYTHONPATH": str(CHECKOUT), "KIMERA_HOME": str(self.data), **self.at_once} | self._environment
        )

    def serves(self) -> bool:
        return answers_http(self.port, "/health")

    def start_with(self, **environment: str) -> Self:
        """Start it with these variables on top; an empty one is taken away again."""
        self.launch_with(**environment)
        self.await_service()
        return self

    def launch_with(self, **environment: str) -> None:
        """Likewise, without waiting until it serves: it may die before."""
        self._environment = {name: value for name, value in {**self._environment, **environment}.items() if value}
        self.launch()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.address}"

    @cached_property
    def api(self) -> MissionsApi:
        """Its public API."""
        return MissionsApi.over_http(self.url, None)

    def died(self, seconds: float) -> int:
        """Its exit code, once it has ended by itself (of a signal: minus its number). Raises ``DrillFailed`` where it lives on."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise DrillFailed(f"The platform still runs after {seconds:.0f} s.") from error

    def said(self, text: str) -> str:
        """The last line of its output with ``text``; empty where there is none."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return next((line for line in reversed(lines) if text in line), "")

    def logged(self, text: str) -> str:
        """The last entry of the platform's own log with ``text``; empty where there is none."""
        log = self.data / "kimera.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return next((line for line in reversed(lines) if text in line), "")

    def inside(self) -> Sequence[str]:
        """What takes a command to where the platform's data folder is seen."""
        return ()

    def kimera(self, *arguments: str, **environment: str) -> Ended:
        """Another ``kimera`` command on the same data folder, run to its end; ``environment`` goes on top of the platform's."""
        done = subprocess.run(
            [*self.inside(), sys.executable, "-m", "cli.main", *arguments],
            cwd=self.home,
            env={**self.environment(), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


class OpenHost(Host):
    """The same platform with its inner messages open (``open_host.py``); ``unruly``: it delivers each twice, and older ones late."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, unruly: bool, inbox: Path | None = None) -> None:
        self.functions = f"http://{HOST}:{(inner := free_port())}"
        self._messages = folder / "messages.jsonl"
        given = ["--inner-port", str(inner), "--messages", str(self._messages), *(["--unruly"] if unruly else [])]
        arguments = [*given, *(["--inbox", str(inbox)] if inbox else [])]
        super().__init__(folder, environment, arguments=arguments, program=("infra.local.drills.open_host",))

    @property
    def messages(self) -> list[Message]:
        """What its parts have said to each other so far."""
        return read(self._messages)
