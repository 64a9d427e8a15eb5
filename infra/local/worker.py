"""The threads of the embedded platform: one delivers the queue's tasks, one calls the scheduled functions."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from infra.local.deliveries import Deliveries
from infra.local.functions import INTERNAL_ROOT
from infra.local.workflows.transport import HttpRequest, HttpResponse, Transport
from shared.adapters.document_queue import Delivery, DocumentQueue
from shared.clock import Clock
from shared.documents import Document, Json, JsonMap
from shared.errors import KimeraError

_POLL_S = 5.0
_FILTERED_POLL_S = 0.2
_AFTER_TROUBLE_S = 1.0
_BATCH = 50
_PARALLEL = 4
_log = logging.getLogger(__name__)


class QueueWorker:
    """Delivers due tasks, or those whose payload is ``wanted``.

    ``wake`` makes it look at once; otherwise it looks when the next task is due.
    """

    def __init__(
        self, queue: Callable[[], DocumentQueue], functions: Transport, clock: Clock, *, wanted: Callable[[JsonMap], bool] | None = None
    ) -> None:
        self._queue = queue
        self._wanted_payload = wanted
        self._functions = functions
        self._clock = clock
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kimera-queue", daemon=True)

    def start(self) -> None:
        """Begin to deliver; tasks that an earlier, dead worker held are due at once."""
        self._queue().recover()
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue now."""
        self._wanted.set()

    def stop(self) -> None:
        """Finish what is being delivered, and end."""
        self._stopped.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        queue = self._queue()
        deliveries = Deliveries(partial(self._deliver, queue), threads=_PARALLEL, name="kimera-deliver", look_again=self.wake)
        while not self._stopped.is_set():
            self._wanted.clear()
            try:
                wait = self._look(queue, deliveries)
            except KimeraError as error:
                _log.warning("The queue cannot be read: %s", error)
                wait = _POLL_S
            except Exception:  # noqa: BLE001 - nobody else delivers: no defect, and no system without a thread to give, may end this
                _log.exception("The queue is looked at again in %.0f s", _POLL_S)
                wait = _POLL_S
            self._wanted.wait(wait)
        deliveries.end()

    def _look(self, queue: DocumentQueue, deliveries: Deliveries[Document]) -> float:
        """Begin to deliver what is due; seconds until somebody should look again who is not woken."""
        if not deliveries.has_room():
            return _POLL_S
        due, following = self._due(queue)
        deliveries.begin({task.ref.id: task for task in due}, more=len(due) >= _BATCH)
        return self._until(following)

    def _deliver(self, queue: DocumentQueue, task: Document) -> bool:
        """Whether the task is done; else when it is due again is in the queue."""
        try:
            return queue.deliver(task, self._post)
        except KimeraError as error:
            _log.warning("Task %s was not delivered: %s", task.ref.id, error)
            self._stopped.wait(_AFTER_TROUBLE_S)  # the task is as due as before: a full disk would be tried without a pause
            return False

    def _due(self, queue: DocumentQueue) -> tuple[list[Document], datetime | None]:
        """The tasks to deliver now, and when the next one is due, as far as that is known."""
        if self._wanted_payload is None:
            return queue.first(_BATCH)
        return [task for task in queue.due() if self._wanted_payload(_payload(task))], None

    def _until(self, following: datetime | None) -> float:
        """Seconds until somebody should look again who is not woken."""
        poll = _POLL_S if self._wanted_payload is None else _FILTERED_POLL_S
        return poll if following is None else min(poll, max(0.01, (following - self._clock.now()).total_seconds()))

    def _post(self, route: str, payload: JsonMap) -> Delivery:
        answer = _posted(self._functions, route, payload)
        if answer.is_success:
            return Delivery(accepted=True)
        problem: dict[str, Json] = json.loads(answer.body) if "json" in answer.headers.get("content-type", "") else {}
        later = float(answer.headers["retry-after"]) if problem.get("code") == "busy" and "retry-after" in answer.headers else None
        return Delivery(accepted=False, later_s=later, error=str(problem.get("detail", answer.status)))


def _posted(functions: Transport, route: str, payload: Mapping[str, Json]) -> HttpResponse:
    """The answer of a function; its headers' names are in lower case."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return functions.send(HttpRequest("POST", f"{INTERNAL_ROOT}/{route}", {"Content-Type": "application/json"}, body=body))


def _payload(task: Document) -> JsonMap:
    payload = task.data["payload"]
    assert isinstance(payload, dict)
    return payload


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that is called every so often, for the first time ``first_s`` after the start."""

    route: str
    first_s: float
    every_s: float
    payload: Mapping[str, Json]


SCHEDULES = (
    Schedule("lifecycle/reconcile", 60, 60, {}),
    Schedule("lifecycle/anchor", 5, 600, {}),  # an hour is anchored once: the others find that out, or make up for a call that failed
)


class Scheduler:
    """Calls each schedule's function; ``about`` is added to what each is called with."""

    def __init__(self, functions: Transport, clock: Clock, *, about: Callable[[], Mapping[str, Json]]) -> None:
        self._functions = functions
        self._about = about
        self._clock = clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kimera-scheduler", daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    def stop(self) -> None:
        """End, after a call that is under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def call(self, route: str, payload: Mapping[str, Json]) -> None:
        """Call one function now; a failure is logged, since the next round comes."""
        try:
            answer = _posted(self._functions, route, payload)
        except Exception:  # noqa: BLE001 - nobody else calls it: no defect may end this
            _log.exception("%s could not be called", route)
            return
        if not answer.is_success:
            _log.warning("%s answered %s: %s", route, answer.status, answer.body[:300].decode(errors="replace"))

    def _run(self) -> None:
        due = [self._clock.monotonic() + schedule.first_s for schedule in SCHEDULES]
        while not self._stopped.wait(max(0.05, min(due) - self._clock.monotonic())):
            for n, schedule in enumerate(SCHEDULES):
                if self._clock.monotonic() >= due[n]:
                    self.call(schedule.route, {**schedule.payload, **self._about()})
                    due[n] = self._clock.monotonic() + schedule.every_s
