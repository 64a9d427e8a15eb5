"""``TaskQueue`` on Cloud Tasks, through the official client, or any server that speaks its API.

The service keeps the name of a task that has ended from being used again, for up to 24 hours. A mission whose dispatch became a
dead letter cannot wait that long, so a name stands for a row of task ids: the first whose task waits, or that is free, is the one.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.adapters.google_channels import way_to
from shared.adapters.google_errors import GoogleService, translating, without_credentials
from shared.adapters.resilience import Resilience
from shared.clock import Clock
from shared.errors import Unavailable
from shared.queue import TASK_HEADER, Task
from shared.telemetry.context import outgoing_headers
from shared.times import FUNCTION_TIMEOUT_S

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksClient
    from google.cloud.tasks_v2.types import Task as CloudTask

GOOGLE_ENDPOINT = "cloudtasks.googleapis.com"
MAX_USES = 200
"""Ids that one name stands for. An id is used up by twenty failed deliveries, a quarter of an hour, and free again after a day."""
_DEADLINE = timedelta(seconds=FUNCTION_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class TasksAddress:
    """Where tasks are put, and where they go. ``queue`` is ``projects/P/locations/L/queues/Q``, ``endpoint`` ``None`` for Google's own.

    ``functions`` has the root address of each function that takes tasks; its deliveries carry a token of ``service_account`` for it.
    """

    queue: str
    functions: Mapping[str, str]
    service_account: str
    endpoint: str | None = None


class GoogleTasks:
    """A queue at ``address``, which is asked for at the first call. ``resilience`` is made for its endpoint then."""

    def __init__(self, address: Callable[[], TasksAddress], clock: Clock, *, resilience: Callable[[str], Resilience]) -> None:
        self._address = address
        self._clock = clock
        self._make_resilience = resilience
        self._lock = threading.Lock()
        self._connection: _Connection | None = None

    def enqueue(self, task: Task) -> None:
        from google.api_core.exceptions import AlreadyExists

        to = self._connected()
        message = self._message(task, to.address)
        digest = hashlib.sha256(task.name.encode()).hexdigest()[:32]
        with translating(to.service, f"enqueue {task.name}"):
            for use in range(MAX_USES):
                message.name = f"{to.address.queue}/tasks/{digest}-{use}"
                try:
                    to.resilience.call(lambda timeout_s: to.create(message, timeout_s))
                    return
                except AlreadyExists:
                    if to.waits(message.name):
                        return
        raise Unavailable(
            f"{to.service} still keeps {MAX_USES} earlier tasks of {task.name} and takes no other.",
            remedy="Look at its dead letters; what makes its handler fail has to be mended first.",
        )

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
                    f"Cloud Tasks ({address.queue})",
                    address.endpoint or GOOGLE_ENDPOINT,
                    "roles/cloudtasks.enqueuer and .viewer on the queue, and roles/iam.serviceAccountUser on the deliveries' account",
                    "Create the queue, or correct KIMERA_TASKS_QUEUE, KIMERA_GOOGLE_PROJECT and KIMERA_GOOGLE_LOCATION.",
                )
                self._connection = _Connection(_client(address, service), address, service, self._make_resilience(str(service)))
            return self._connection

    def _message(self, task: Task, to: TasksAddress) -> CloudTask:
        from google.cloud.tasks_v2.types import HttpMethod, HttpRequest, OidcToken
        from google.cloud.tasks_v2.types import Task as CloudTask

        function, _, path = task.route.partition("/")
        root = to.functions.get(function)
        if root is None:
            raise Unavailable(f"There is no address for tasks to {function}.", remedy=f"Set KIMERA_{function.upper()}_URL.")
        root = root.rstrip("/")
        request = HttpRequest(
            url=f"{root}/{path}",
            http_method=HttpMethod.POST,
            headers={"Content-Type": "application/json", TASK_HEADER: quote(task.name), **outgoing_headers()},
            body=task.body(),
            oidc_token=OidcToken(service_account_email=to.service_account, audience=root),
        )
        # The library turns times of the standard library into those of the protocol.
        return CloudTask({"http_request": request, "schedule_time": task.due(self._clock.now()), "dispatch_deadline": _DEADLINE})


@dataclass(frozen=True, slots=True)
class _Connection:
    client: CloudTasksClient
    address: TasksAddress
    service: GoogleService
    resilience: Resilience

    def create(self, message: CloudTask, timeout_s: float) -> None:
        self.client.create_task(parent=self.address.queue, task=message, retry=None, timeout=timeout_s)

    def waits(self, name: str) -> bool:
        """Whether the task is there: what has ended leaves only its name behind."""
        from google.api_core.exceptions import NotFound

        try:
            self.resilience.call(lambda timeout_s: self.client.get_task(name=name, retry=None, timeout=timeout_s))
        except NotFound:
            return False
        return True


def _client(address: TasksAddress, service: GoogleService) -> CloudTasksClient:
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.tasks_v2 import CloudTasksClient
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

    endpoint = address.endpoint
    try:
        options = {"api_endpoint": endpoint} if endpoint else None
        return CloudTasksClient(transport=way_to(endpoint, CloudTasksGrpcTransport), client_options=options)
    except GoogleAuthError as error:
        raise without_credentials(service, error) from error
