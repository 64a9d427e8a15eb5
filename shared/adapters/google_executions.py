"""``WorkflowExecutions`` through the official client: Google Cloud Workflows, or any server that speaks its executions API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.google_channels import way_to
from shared.adapters.google_errors import GoogleService, translating, without_credentials
from shared.adapters.resilience import Resilience
from shared.documents import JsonMap
from shared.executions import ExecutionState, WorkflowAddress

if TYPE_CHECKING:
    from google.cloud.workflows.executions_v1 import ExecutionsClient

_GOOGLE = "workflowexecutions.googleapis.com"


class GoogleExecutions:
    """Executions of the workflow at ``address``, which is asked for at the first call: until then nothing is imported or connected.

    Calls Google with the credentials of the environment, and an endpoint on this machine without any. ``resilience`` is made for the
    endpoint at the first call too.
    """

    def __init__(self, address: Callable[[], WorkflowAddress], *, resilience: Callable[[str], Resilience]) -> None:
        self._address = address
        self._make_resilience = resilience
        self._lock = threading.Lock()
        self._connection: _Connection | None = None

    def start(self, argument: JsonMap, labels: Mapping[str, str]) -> str:
        from google.cloud.workflows.executions_v1.types import Execution

        to = self._connected()
        execution = Execution(argument=json.dumps(argument), labels=dict(labels))
        with translating(to.service, f"start an execution of {to.workflow}"):
            # Sent once: a second one would start another, and the queue comes back by itself.
            created = to.resilience.call_once(
                lambda timeout_s: to.client.create_execution(parent=to.workflow, execution=execution, retry=None, timeout=timeout_s)
            )
        return str(created.name).rpartition("/")[2]

    def state(self, name: str) -> ExecutionState:
        from google.api_core.exceptions import NotFound
        from google.cloud.workflows.executions_v1.types import ExecutionView

        to = self._connected()
        request = {"name": to.full_name(name), "view": ExecutionView.BASIC}
        with translating(to.service, f"tell the state of the execution {name}"):
            try:
                found = to.resilience.call(lambda timeout_s: to.client.get_execution(request=request, retry=None, timeout=timeout_s))
            except NotFound:
                return ExecutionState.UNKNOWN
        return _STATES.get(found.state.name, ExecutionState.UNKNOWN)

    def cancel(self, name: str) -> None:
        from google.api_core.exceptions import FailedPrecondition, NotFound

        to = self._connected()
        with translating(to.service, f"cancel the execution {name}"):
            try:
                to.resilience.call(lambda timeout_s: to.client.cancel_execution(name=to.full_name(name), retry=None, timeout=timeout_s))
            except (NotFound, FailedPrecondition):
                return  # it is not known, or has ended

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.client.transport.close()  # type: ignore[no-untyped-call]  # it has no types
                self._connection = None

    def _connected(self) -> _Connection:
        with self._lock:
            if self._connection is None:
                address = self._address()
                service = GoogleService(
                    "The Workflows executions API",
                    address.endpoint or _GOOGLE,
                    f"roles/workflows.invoker on {address.workflow}",
                    "Deploy the workflow, or correct KIMERA_WORKFLOW, KIMERA_GOOGLE_PROJECT and KIMERA_GOOGLE_LOCATION.",
                )
                client = _client(address.endpoint, service)
                self._connection = _Connection(client, address.workflow, service, self._make_resilience(str(service)))
            return self._connection


_STATES: Mapping[str, ExecutionState] = {
    "ACTIVE": ExecutionState.ACTIVE,
    "QUEUED": ExecutionState.ACTIVE,
    "SUCCEEDED": ExecutionState.SUCCEEDED,
    "FAILED": ExecutionState.FAILED,
    "CANCELLED": ExecutionState.CANCELLED,
}
"""The states of the API; what is left out, and what a later version adds, says nothing about the execution."""


@dataclass(frozen=True, slots=True)
class _Connection:
    client: ExecutionsClient
    workflow: str
    service: GoogleService
    resilience: Resilience

    def full_name(self, execution: str) -> str:
        return f"{self.workflow}/executions/{execution}"


def _client(endpoint: str | None, service: GoogleService) -> ExecutionsClient:
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.workflows.executions_v1 import ExecutionsClient
    from google.cloud.workflows.executions_v1.services.executions.transports import ExecutionsGrpcTransport

    try:
        options = {"api_endpoint": endpoint} if endpoint else None
        return ExecutionsClient(transport=way_to(endpoint, ExecutionsGrpcTransport), client_options=options)
    except GoogleAuthError as error:
        raise without_credentials(service, error) from error
