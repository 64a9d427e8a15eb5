"""``WorkflowExecutions`` on this machine: the mission workflow in the local runner.

Executions live in this process only. One that this process does not know died with an earlier one, so it reads as FAILED, and the
reconciler starts the mission anew where it stopped.
"""

from __future__ import annotations

import threading
from pathlib import Path

import httpx

from infra.local.functions import function_urls
from infra.local.workflows.httpx_transport import HttpxTransport
from infra.local.workflows.runner import Execution, Outcome, Runner, State, load
from shared.documents import JsonMap
from shared.executions import ExecutionState
from shared.ids import Ids
from shared.telemetry import names
from shared.telemetry.tracing import Attributes, Tracing

DEFINITION = Path(__file__).parents[2] / "workflows" / "mission.yaml"
_KEPT = 100
"""Ended executions whose state is remembered; a mission outlives its execution's end by one call at most."""


class LocalExecutions:
    """Executions of ``workflows/mission.yaml``, whose calls go to this process's functions."""

    def __init__(self, client: httpx.Client, ids: Ids, tracing: Tracing, *, threads: int) -> None:
        self._definition = load(DEFINITION)
        self._runner = Runner(transport=HttpxTransport(client), env=function_urls(), token_source=_NoTokens(), http_threads=threads)
        self._ids = ids
        self._tracing = tracing
        self._running: dict[str, Execution] = {}
        self._lock = threading.Lock()

    def start(self, argument: JsonMap) -> str:
        """Start an execution; its span is the parent of all its calls."""
        execution_id = self._ids.new("x")
        traceparent = argument.get("traceparent")
        attributes: Attributes = {
            names.MISSION_ID: str(argument["mission_id"]),
            names.PHASE: "orchestration",
            names.EPOCH: int(str(argument["epoch"])),
        }
        span = self._tracing.begin("orchestration", parent=str(traceparent) if traceparent else None, attributes=attributes)
        carried = {**argument, "traceparent": span.traceparent or traceparent}

        def ended(outcome: Outcome) -> None:
            span.end(outcome.state, error=outcome.error.context if outcome.error else None)

        execution = self._runner.start(self._definition, carried, execution_id=execution_id, on_end=ended)
        with self._lock:
            over = [name for name, known in self._running.items() if known.outcome is not None]
            for name in over[:-_KEPT]:
                del self._running[name]
            self._running[execution_id] = execution
        return execution_id

    def state(self, name: str) -> ExecutionState:
        """How it stands."""
        with self._lock:
            execution = self._running.get(name)
        if execution is None:
            return ExecutionState.FAILED
        return ExecutionState.ACTIVE if execution.state is State.QUEUED else ExecutionState(execution.state)

    def cancel(self, name: str) -> None:
        """Stop it before its next step."""
        with self._lock:
            execution = self._running.get(name)
        if execution:
            execution.cancel()

    def close(self) -> None:
        """Stop all executions where they are; their missions go on with the next platform."""
        self._runner.close()


class _NoTokens:
    """Calls inside one process need no identity."""

    def token(self, kind: str, audience: str, scopes: tuple[str, ...]) -> str:
        return ""
