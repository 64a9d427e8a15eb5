"""The mission workflow on this machine, in the local runner, and the two ways to its executions.

In one process it is called directly; the emulated cloud serves the executions API, so that its functions reach it through the official
client, as they would Google (decision 0008). Executions live in this process only; whoever starts on the data folder next restarts
the missions.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.functions import function_urls
from infra.local.workflows.definition import load
from infra.local.workflows.execution import Outcome, State
from infra.local.workflows.service import Service, ServiceError
from infra.local.workflows.transport import TokenSource, Transport
from infra.local.workflows.values import Json
from shared.documents import JsonMap
from shared.errors import BadInput, Unavailable
from shared.executions import ExecutionState, WorkflowAddress
from shared.ids import Ids
from shared.telemetry import names
from shared.telemetry.tracing import Attributes, Tracing

if TYPE_CHECKING:
    from infra.local.workflows.executions_grpc import ExecutionsGrpcServer

DEFINITION = Path(__file__).parents[2] / "workflows" / "mission.yaml"
NAME = "mission"


class MissionWorkflow:
    """``workflows/mission.yaml``, deployed here. ``close`` cancels its executions.

    By itself its calls go to this process's functions, and need no identity there. ``ended`` hears of each execution that has ended: its
    mission, its name and how it ended; it has to be quick.
    """

    def __init__(
        self,
        transport: Transport,
        ids: Ids,
        tracing: Tracing,
        *,
        threads: int,
        definition: Path = DEFINITION,
        urls: Mapping[str, str] | None = None,
        tokens: TokenSource | None = None,
        ended: Callable[[str, str, State], None] = lambda *_: None,
    ) -> None:
        self._tracing = tracing
        self._ended = ended
        self._lock = threading.Lock()
        self._server: ExecutionsGrpcServer | None = None
        self.service = Service(
            {NAME: load(definition, name=NAME)},
            transport=transport,
            env=function_urls() if urls is None else urls,
            token_source=tokens or _NoTokens(),
            new_id=lambda: ids.new("x"),
            begin=self._begin,
            http_threads=threads,
        )

    def serve_at(self, address: str) -> WorkflowAddress:
        """Serve the executions API at ``host:port``. Raises ``Unavailable``."""
        from infra.local.workflows.executions_grpc import ExecutionsGrpcServer

        with self._lock:
            try:
                self._server = ExecutionsGrpcServer(self.service, address)
            except OSError as error:
                raise Unavailable(
                    f"The executions API cannot be served at {address}: {error}", remedy="Choose another port, or stop what uses it."
                ) from error
            return WorkflowAddress(self.service.parent(NAME), self._server.address)

    def close(self) -> None:
        """Stop all executions where they are; their missions go on with the next platform."""
        with self._lock:
            if self._server is not None:
                self._server.close()
        self.service.close()

    def _begin(self, name: str, argument: Json) -> tuple[Json, Callable[[Outcome], None]]:
        """Open the execution's span, which becomes the parent of all its calls."""
        given = argument if isinstance(argument, dict) else {}
        traceparent = given.get("traceparent")
        attributes: Attributes = {
            names.MISSION_ID: str(given.get("mission_id")),
            names.PHASE: "orchestration",
            names.EPOCH: int(str(given.get("epoch", 0))),
        }
        span = self._tracing.begin("orchestration", parent=str(traceparent) if traceparent else None, attributes=attributes)

        def ended(outcome: Outcome) -> None:
            span.span.set_attribute(names.STEPS, outcome.steps)
            span.end(outcome.state, error=outcome.error.context if outcome.error else None)
            self._ended(str(given.get("mission_id")), name.rpartition("/")[2], outcome.state)

        return {**given, "traceparent": span.traceparent or traceparent}, ended


class DirectExecutions:
    """``WorkflowExecutions`` of ``workflow`` in a service of this process, without a client in between."""

    def __init__(self, service: Callable[[], Service], workflow: str) -> None:
        self._service = service
        self._workflow = workflow

    def start(self, argument: JsonMap, labels: Mapping[str, str]) -> str:
        service = self._service()
        try:
            record = service.create(service.parent(self._workflow), json.dumps(argument), labels=labels)
        except ServiceError as problem:
            error = BadInput if problem.status == "INVALID_ARGUMENT" else Unavailable
            raise error(f"The local workflow runner does not start {self._workflow}: {problem}") from problem
        return record.execution.id

    def state(self, name: str) -> ExecutionState:
        try:
            state = self._service().get(self._full_name(name)).execution.state
        except ServiceError:
            return ExecutionState.UNKNOWN
        return ExecutionState.ACTIVE if state is State.QUEUED else ExecutionState(state)

    def cancel(self, name: str) -> None:
        try:
            self._service().cancel(self._full_name(name))
        except ServiceError:
            return  # it is not known, or has ended

    def close(self) -> None:
        """Nothing is held."""

    def _full_name(self, execution: str) -> str:
        return f"{self._service().parent(self._workflow)}/executions/{execution}"


class _NoTokens:
    """Calls inside one process need no identity."""

    def token(self, kind: str, audience: str, scopes: tuple[str, ...]) -> str:
        return ""
