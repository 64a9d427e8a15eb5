"""Our own programs of the emulated cloud: each function in a process of its own, and the executions API in another."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from functions.manifest import FunctionRow
from infra.local.emulated.component import CHECKOUT, Component, answers_http, answers_tcp
from infra.local.emulated.ports import HOST


class FunctionProcess(Component):
    """A function as functions-framework serves it in production, with gunicorn. ``environment`` goes on top of ours."""

    def __init__(self, home: Path, row: FunctionRow, environment: Mapping[str, str], *, port: int | None = None) -> None:
        super().__init__(home, port=port)
        self.name = row.name
        self._row = row
        self._environment = environment

    @property
    def url(self) -> str:
        """The service root."""
        return f"http://{self.address}"

    def command(self) -> Sequence[str]:
        source = CHECKOUT / "functions" / self._row.name / "main.py"
        return (
            *(sys.executable, "-m", "functions_framework", "--target", self._row.entry_point, "--source", str(source)),
            *("--signature-type", "http", "--host", HOST, "--port", str(self.port)),
        )

    def environment(self) -> Mapping[str, str]:
        threads = {"THREADS": str(min(self._row.concurrency, 16)), "K_SERVICE": self._row.name}
        return {**os.environ, **self._environment, **threads}

    def serves(self) -> bool:
        return answers_http(self.port)


class WorkflowServer(Component):
    """The executions API. ``urls`` are the functions' addresses by their environment variables."""

    name = "workflows"

    def __init__(self, home: Path, urls: Mapping[str, str], account: str, *, threads: int, traces: Path, port: int | None = None) -> None:
        super().__init__(home, port=port)
        self._urls = urls
        self._account = account
        self._threads = threads
        self._traces = traces

    def command(self) -> Sequence[str]:
        return (
            *(sys.executable, "-m", "infra.local.emulated.workflow_server", "--port", str(self.port), "--traces", str(self._traces)),
            *("--account", self._account, "--threads", str(self._threads)),
        )

    def environment(self) -> Mapping[str, str]:
        return {**os.environ, **self._urls}

    def serves(self) -> bool:
        return answers_tcp(self.port)
