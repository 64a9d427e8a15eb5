"""The emulated Cloud Tasks delivers: each task that is due is posted with the service's headers, and again until it is accepted.

What is sent and when follows the documentation of ``HttpRequest``, ``RetryConfig`` and "Create HTTP target tasks".
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
from google.cloud.tasks_v2.types import HttpMethod
from google.cloud.tasks_v2.types import Task as CloudTask

from infra.local.deliveries import Deliveries
from infra.local.emulated.tasks_book import Entry, TaskBook
from shared.clock import Clock
from shared.errors import KimeraError
from shared.id_tokens import unsigned_token
from shared.queue import MAX_DELIVERIES

_BATCH = 50
_PARALLEL = 8
_POLL_S = 1.0
_DEFAULT_DEADLINE_S = 600.0
_STOP_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryRules:
    """A queue's ``retryConfig``; ``max_attempts`` counts the first one."""

    max_attempts: int = MAX_DELIVERIES
    min_backoff_s: float = 0.5
    max_backoff_s: float = 60.0
    max_doublings: int = 7

    def wait_s(self, attempts: int, retry_after: str) -> float:
        """Seconds until the next attempt after ``attempts``; a handler may ask for longer with ``Retry-After``."""
        backoff = min(self.max_backoff_s, self.min_backoff_s * 2.0 ** min(attempts - 1, self.max_doublings))
        return max(backoff, float(retry_after)) if retry_after.isdigit() else backoff


USUAL = RetryRules()


class Dispatcher:
    """Delivers the tasks of ``book`` in its own thread between ``start`` and ``stop``; ``round`` delivers what is due now."""

    def __init__(self, book: TaskBook, clock: Clock, rules: RetryRules = USUAL) -> None:
        self._book = book
        self._clock = clock
        self._rules = rules
        self._client = httpx.Client(follow_redirects=False)
        self._wanted, self._stopped = threading.Event(), threading.Event()
        self._deliveries = Deliveries(self._deliver, threads=_PARALLEL, name="tasks-deliver", look_again=self.wake)
        self._thread = threading.Thread(target=self._run, name="tasks-dispatch", daemon=True)

    def start(self) -> None:
        """Begin to deliver, also what an earlier server left in the middle."""
        self._book.recover()
        self._thread.start()

    def wake(self) -> None:
        """Look now."""
        self._wanted.set()

    def stop(self) -> None:
        """Finish what is being delivered, and end."""
        self._stopped.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._deliveries.end()
        self._client.close()

    def round(self) -> None:
        """Deliver what is due now, and wait for the answers, as long as any of these may take."""
        self._begin()
        self._deliveries.wait(_DEFAULT_DEADLINE_S)

    def _begin(self) -> None:
        due = self._book.due(limit=_BATCH)
        self._deliveries.begin({entry.name: entry for entry in due}, more=len(due) >= _BATCH)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wanted.clear()
            try:
                wait = _POLL_S
                if self._deliveries.has_room():
                    self._begin()
                    wait = self._until_next()
            except KimeraError as error:
                _log.warning("The tasks cannot be read: %s", error)
                wait = _POLL_S
            self._wanted.wait(wait)

    def _until_next(self) -> float:
        due = self._book.next_due()
        return _POLL_S if due is None else min(_POLL_S, max(0.01, (due - self._clock.now()).total_seconds()))

    def _deliver(self, entry: Entry) -> bool:
        """Whether the task has ended; else when it is due again is in the book."""
        if not self._book.save(replace(entry, held=True, dispatches=entry.dispatches + 1)):
            return False
        held = self._book.get(entry.name)
        status, retry_after = self._post(entry)
        answered = held.responses + (1 if 0 < status < 500 else 0)
        if 200 <= status < 300:
            self._book.end(held.name)
        elif held.dispatches >= self._rules.max_attempts:
            _log.warning("%s is given up after %s attempts; the last answer was %s", held.name, held.dispatches, status)
            self._book.end(held.name)
        else:
            due = self._clock.now() + timedelta(seconds=self._rules.wait_s(held.dispatches, retry_after))
            self._book.save(replace(held, held=False, due=due, responses=answered, last_status=status))
            return False
        return True

    def _post(self, entry: Entry) -> tuple[int, str]:
        """The status of the answer, 0 for none, and its ``Retry-After``."""
        task = CloudTask.deserialize(entry.message)
        request = task.http_request
        deadline_s = task.dispatch_deadline.total_seconds() if task.dispatch_deadline else _DEFAULT_DEADLINE_S
        method = HttpMethod(request.http_method or HttpMethod.POST).name
        headers = {**dict(request.headers), **_service_headers(entry)}
        if request.oidc_token.service_account_email:
            headers["Authorization"] = f"Bearer {unsigned_token(request.oidc_token.service_account_email, request.oidc_token.audience)}"
        try:
            answer = self._client.request(
                method, request.url, content=request.body, headers=headers, timeout=deadline_s or _DEFAULT_DEADLINE_S
            )
        except httpx.HTTPError as error:
            _log.info("%s was not answered: %s", entry.name, error)
            return 0, ""
        if not answer.is_success:
            _log.info("%s answered %s: %s", request.url, answer.status_code, answer.text[:300])
        return answer.status_code, answer.headers.get("Retry-After", "")


def _service_headers(entry: Entry) -> dict[str, str]:
    queue, _, task = entry.name.rpartition("/tasks/")
    headers = {
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": queue.rpartition("/")[2],
        "X-CloudTasks-TaskName": task,
        "X-CloudTasks-TaskRetryCount": str(entry.dispatches),
        "X-CloudTasks-TaskExecutionCount": str(entry.responses),
        "X-CloudTasks-TaskETA": f"{entry.due.timestamp():.6f}",
    }
    if entry.last_status:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(entry.last_status)
    return headers
