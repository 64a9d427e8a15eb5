"""``WorkflowExecutions`` through the official client: Google Cloud Workflows, or any server that speaks its executions API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.documents import JsonMap
from shared.endpoints import is_on_this_machine
from shared.errors import BadInput, KimeraError, Unavailable
from shared.executions import ExecutionState, WorkflowAddress

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud.workflows.executions_v1 import ExecutionsClient

TIMEOUT_S = 15.0
"""Of each call. A start whose answer is lost is made again by the queue, so that no call is repeated here."""
_GOOGLE = "workflowexecutions.googleapis.com"
_CHANNEL_OPTIONS = [("grpc.max_reconnect_backoff_ms", 2_000)]  # a local service that was restarted is found again soon


class GoogleExecutions:
    """Executions of the workflow at ``address``, which is asked for at the first call: until then nothing is imported or connected.

    Calls Google with the credentials of the environment, and an endpoint on this machine without any.
    """

    def __init__(self, address: Callable[[], WorkflowAddress], *, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._connection: _Connection | None = None

    def start(self, argument: JsonMap, labels: Mapping[str, str]) -> str:
        from google.cloud.workflows.executions_v1.types import Execution

        to = self._connected()
        execution = Execution(argument=json.dumps(argument), labels=dict(labels))
        with _translated(f"start an execution of {to.workflow}", to):
            created = to.client.create_execution(parent=to.workflow, execution=execution, retry=None, timeout=self._timeout_s)
        return str(created.name).rpartition("/")[2]

    def state(self, name: str) -> ExecutionState:
        from google.api_core.exceptions import NotFound
        from google.cloud.workflows.executions_v1.types import ExecutionView

        to = self._connected()
        request = {"name": to.full_name(name), "view": ExecutionView.BASIC}
        with _translated(f"tell the state of the execution {name}", to):
            try:
                found = to.client.get_execution(request=request, retry=None, timeout=self._timeout_s)
            except NotFound:
                return ExecutionState.UNKNOWN
        return _STATES.get(found.state.name, ExecutionState.UNKNOWN)

    def cancel(self, name: str) -> None:
        from google.api_core.exceptions import FailedPrecondition, NotFound

        to = self._connected()
        with _translated(f"cancel the execution {name}", to):
            try:
                to.client.cancel_execution(name=to.full_name(name), retry=None, timeout=self._timeout_s)
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
                self._connection = _Connection(_client(address.endpoint), address.workflow, address.endpoint or _GOOGLE)
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
    endpoint: str

    def full_name(self, execution: str) -> str:
        return f"{self.workflow}/executions/{execution}"


def _client(endpoint: str | None) -> ExecutionsClient:
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.workflows.executions_v1 import ExecutionsClient

    if endpoint is not None and is_on_this_machine(endpoint):
        import grpc  # type: ignore[import-untyped]  # ships no types
        from google.cloud.workflows.executions_v1.services.executions.transports import ExecutionsGrpcTransport

        return ExecutionsClient(transport=ExecutionsGrpcTransport(channel=grpc.insecure_channel(endpoint, options=_CHANNEL_OPTIONS)))
    try:
        return ExecutionsClient(client_options={"api_endpoint": endpoint} if endpoint else None)
    except GoogleAuthError as error:
        raise _without_credentials(endpoint or _GOOGLE, error) from error


@contextmanager
def _translated(what: str, to: _Connection) -> Iterator[None]:
    """Errors of the block come out as ours."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPICallError, RetryError) as error:
        raise _error(error, what, to) from error
    except GoogleAuthError as error:
        raise _without_credentials(to.endpoint, error) from error


def _error(error: GoogleAPICallError | Exception, what: str, to: _Connection) -> KimeraError:
    from google.api_core import exceptions

    said = str(getattr(error, "message", None) or type(error).__name__)
    service = f"The Workflows executions API at {to.endpoint}"
    match error:
        case exceptions.InvalidArgument():
            return BadInput(f"{service} refuses to {what}: {said}")
        case exceptions.NotFound():
            return Unavailable(f"{service} cannot {what}: {said}", remedy="Deploy the workflow, or correct the settings that name it.")
        case exceptions.PermissionDenied() | exceptions.Unauthenticated():
            return Unavailable(f"{service} does not let us {what}: {said}", remedy="Grant the account roles/workflows.invoker.")
        case exceptions.ResourceExhausted():
            return Unavailable(f"{service} is over its quota and cannot {what}: {said}", remedy="Wait, or raise it.", retry_after_s=10.0)
        case exceptions.DeadlineExceeded():
            return Unavailable(f"{service} did not answer in time to {what}.", remedy="Try again.")
        case exceptions.ServiceUnavailable():
            return Unavailable(
                f"{service} cannot be reached to {what}: {said}", remedy="Check that it runs and that the endpoint is right."
            )
        case _:
            return Unavailable(f"{service} could not {what}: {said}", remedy="Try again; if it lasts, look at the service's status.")


def _without_credentials(endpoint: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"There are no usable credentials for the Workflows executions API at {endpoint}: {error}",
        remedy="Run `gcloud auth application-default login`, or give the service an account.",
    )
