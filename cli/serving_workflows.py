"""``kimera workflows serve``: what it prints, and how it stops."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from cli.console import note, print_json
from infra.local.workflows.command import problem_json, read_env
from infra.local.workflows.errors import WorkflowsError
from infra.local.workflows.serving import CannotListen, InvalidDefinitions, Ports, Served, Watcher, serving
from infra.local.workflows.values import to_json
from shared.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from infra.local.workflows.execution import Outcome
    from infra.local.workflows.frames import LogEntry
    from shared.documents import Json


def serve_workflows(files: Sequence[str], port: int, grpc_port: int, env: Sequence[str], mock: Path | None, *, as_json: bool) -> int:
    """Serve until SIGINT or SIGTERM; the exit code. With ``--json`` the one object says where, once requests are taken."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one does not wait
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with serving(files, Ports(port, grpc_port), Watcher(_ended, _log), env=read_env(env), mock=mock) as served:
            _tell(served, as_json=as_json)
            stopped.wait()
    except CannotListen as problem:
        raise Unavailable(f"Nothing is served: {problem}.") from problem
    except InvalidDefinitions as problem:
        return _invalid(problem, as_json=as_json)
    except WorkflowsError as problem:
        raise BadInput(f"Nothing is served: {problem}.") from problem
    note("Stopped; what ran was cancelled.")
    sys.stdout.flush()
    os._exit(0)  # an ordinary exit would wait for a request under way, for up to half an hour


def _tell(served: Served, *, as_json: bool) -> None:
    for name, full in served.workflows.items():
        note(f"{name} is deployed as {full}")
    note(f"Executions API: {served.http}/v1/ (HTTP, callbacks) and {served.grpc} (gRPC). Ctrl-C stops it.")
    if as_json:
        print_json(served.as_json())


def _invalid(problem: InvalidDefinitions, *, as_json: bool) -> int:
    note(f"error: {problem}")
    if as_json:
        problems: list[Json] = [problem_json(error.file, one) for error in problem.errors for one in error.problems]
        print_json({"error": {"code": "invalid_definition", "message": str(problem), "problems": problems}})
    return 2


def _ended(name: str, outcome: Outcome) -> None:
    error = f": {outcome.error.context}" if outcome.error is not None else ""
    note(f"{name} {outcome.state}{error}")


def _log(entry: LogEntry) -> None:
    text = entry.payload if isinstance(entry.payload, str) else json.dumps(to_json(entry.payload), ensure_ascii=False)
    note(f"{entry.execution_id} log {entry.severity}: {text}")
