"""Callback endpoints: URLs that a workflow makes, and then waits at for a request.

Pages: creating-callback-endpoints, stdlib/events/*, and the executions API's callbacks collection for the URL and the status codes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from infra.local.workflows.effects import Coroutine, Wait
from infra.local.workflows.errors import value_failure
from infra.local.workflows.values import Value

if TYPE_CHECKING:
    from infra.local.workflows.frames import Run

# An endpoint keeps one request that nothing awaits yet and refuses the next with 429 (creating-callback-endpoints page, "invoke once").
MOST_WAITING: Final = 1


class Callbacks(Protocol):
    """Makes endpoints and waits at them. Called by who drives the scheduler."""

    def create(self, run: Run, method: str) -> str:
        """The URL of a new endpoint."""
        ...

    def wait(self, run: Run, url: str, timeout_s: float) -> Coroutine:
        """The next request there, as ``events.await_callback`` gives it. Raises TimeoutError; ValueError if ``url`` is no endpoint."""
        ...

    def forget(self, execution_id: str) -> None:
        """The execution has ended, and its endpoints with it."""
        ...


@dataclass(slots=True)
class Endpoint:
    """An endpoint, the requests that nothing has awaited yet, and whoever awaits one."""

    path: str
    method: str
    execution_id: str
    requests: deque[Value] = field(default_factory=deque)
    waiters: deque[Callable[[object], None]] = field(default_factory=deque)


class Endpoints:
    """Endpoints of this process. ``base_url`` is asked when the first one is made, so that a server can start then."""

    def __init__(self, base_url: Callable[[], str]) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}

    def create(self, run: Run, method: str) -> str:
        path = callback_path(run)
        with self._lock:
            while path in self._endpoints:
                path += "-1"
            self._endpoints[path] = Endpoint(path, method, run.execution_id)
        return self._base_url() + path

    def wait(self, run: Run, url: str, timeout_s: float) -> Coroutine:
        base = self._base_url()
        with self._lock:
            endpoint = self._endpoints.get(url.removeprefix(base))
            if endpoint is None or endpoint.execution_id != run.execution_id:
                raise value_failure(f"not a callback endpoint of this execution: {url}")
            if endpoint.requests:
                return endpoint.requests.popleft()
        mine: list[Callable[[object], None]] = []

        def arrange(deliver: Callable[[object], None]) -> None:
            mine.append(deliver)
            with self._lock:
                waiting = endpoint.requests.popleft() if endpoint.requests else None
                if waiting is None:
                    endpoint.waiters.append(deliver)
            if waiting is not None:
                deliver(waiting)

        try:
            request = yield Wait(arrange, timeout_s, "waiting for the callback")
        finally:
            with self._lock:
                for deliver in mine:
                    if deliver in endpoint.waiters:
                        endpoint.waiters.remove(deliver)
        return request  # type: ignore[return-value]  # what `take` was given

    def take(self, path: str, method: str, request: Value) -> int:
        """The status to answer a request at ``path`` with: 200 if an execution has it now or will await it, else 404, 405 or 429."""
        with self._lock:
            endpoint = self._endpoints.get(path)
            if endpoint is None:
                return 404
            if endpoint.method != method:
                return 405
            waiter = endpoint.waiters.popleft() if endpoint.waiters else None
            if waiter is None:
                if len(endpoint.requests) >= MOST_WAITING:
                    return 429
                endpoint.requests.append(request)
        if waiter is not None:
            waiter(request)
        return 200

    def of_execution(self, execution_id: str) -> list[Endpoint]:
        """The endpoints of one execution, in the order they were made."""
        with self._lock:
            return [endpoint for endpoint in self._endpoints.values() if endpoint.execution_id == execution_id]

    def forget(self, execution_id: str) -> None:
        with self._lock:
            for path in [path for path, endpoint in self._endpoints.items() if endpoint.execution_id == execution_id]:
                del self._endpoints[path]


def callback_path(run: Run) -> str:
    """The path of a new endpoint of an execution, as the service makes it."""
    known = run.environment
    return (
        f"/v1/projects/{known['GOOGLE_CLOUD_PROJECT_ID']}/locations/{known['GOOGLE_CLOUD_LOCATION']}"
        f"/workflows/{known['GOOGLE_CLOUD_WORKFLOW_ID']}/executions/{run.execution_id}/callbacks/{run.unique()}"
    )


def callback_request(method: str, url: str, query: dict[str, Value], headers: dict[str, Value], body: Value, at: float) -> Value:
    """What ``events.await_callback`` gives for a request."""
    received = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    request: dict[str, Value] = {"body": body, "headers": headers, "method": method, "query": query, "url": url}
    return {"http_request": request, "received_time": received, "type": "HTTP"}
