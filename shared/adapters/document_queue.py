"""The embedded task queue: tasks are documents; a worker of the host claims what is due and posts it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import dead_letters
from shared.clock import Clock
from shared.documents import Document, DocumentStore, Json, JsonMap, Query, Ref, Where
from shared.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.queue import MAX_DELIVERIES, Task
from shared.telemetry.context import current_trace_id

TASKS = "tasks"
_DELIVERY_LEASE_S = 60
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 60.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a handler made of a task. ``later_s``: it is accepted, but its time has not come (this does not count as a failure)."""

    accepted: bool
    later_s: float | None = None
    error: str = ""


Handler = Callable[[str, JsonMap], Delivery]


class DocumentQueue:
    """Tasks on the document store, with backoff, full jitter and dead letters."""

    def __init__(self, documents: DocumentStore, clock: Clock, *, randomness: random.Random, wake: Callable[[], None]) -> None:
        self._documents = documents
        self._clock = clock
        self._random = randomness
        self._wake = wake

    def enqueue(self, task: Task) -> None:
        """Store the task, and wake the worker of this process."""
        task.body()  # what Cloud Tasks would refuse is refused here
        due = task.due(self._clock.now())
        data: dict[str, Json] = {"route": task.route, "payload": dict(task.payload), "due": due.isoformat(), "deliveries": 0, "held": False}
        if (trace_id := current_trace_id()) is not None:
            data["trace_id"] = trace_id
        try:
            self._documents.create(Ref(TASKS, task.name), data)
        except AlreadyExists:
            return
        self._wake()

    def close(self) -> None:
        """Nothing is held: the documents are the runtime's."""

    def due(self) -> list[Document]:
        """All tasks whose time has come, the longest waiting first."""
        return self._documents.query(Query(TASKS, (Where("due", "<=", self._clock.now().isoformat()),), order_by="due"))

    def first(self, limit: int) -> tuple[list[Document], datetime | None]:
        """Of the ``limit`` tasks that come first: those whose time has come, the longest waiting first, and when the next one is due."""
        found = self._documents.query(Query(TASKS, order_by="due", limit=limit))
        now = self._clock.now()
        waiting = [(task, datetime.fromisoformat(str(task.data["due"]))) for task in found]
        return [task for task, at in waiting if at <= now], next((at for _, at in waiting if at > now), None)

    def recover(self) -> int:
        """Make every held task due again: for a host that has just started and knows that no other worker is alive."""
        held = self._documents.query(Query(TASKS, (Where("held", "==", True),)))
        for document in held:
            self._documents.put(document.ref, {**document.data, "held": False, "due": self._clock.now().isoformat()})
        return len(held)

    def deliver(self, document: Document, handler: Handler) -> bool:
        """Post one due task; whether it is done, and gone. Else it is due again later, or somebody else has it."""
        deliveries = document.data["deliveries"]
        assert isinstance(deliveries, int)
        hold = self._clock.now() + timedelta(seconds=_DELIVERY_LEASE_S)
        try:
            held = self._documents.update(
                document.ref,
                {**document.data, "due": hold.isoformat(), "deliveries": deliveries + 1, "held": True},
                expect=document.version,
            )
        except (PreconditionFailed, NotFound):
            return False
        payload, route = document.data["payload"], document.data["route"]
        assert isinstance(payload, dict)
        delivery = handler(str(route), payload)
        self._settle(held, delivery, deliveries + 1)
        return delivery.accepted

    def _settle(self, held: Document, delivery: Delivery, deliveries: int) -> None:
        now = self._clock.now()
        if delivery.accepted:
            self._documents.delete(held.ref)
        elif delivery.later_s is not None:
            again = now + timedelta(seconds=delivery.later_s)
            self._reschedule(held, again, deliveries - 1, delivery.error)
        elif deliveries >= MAX_DELIVERIES:
            route, payload = str(held.data["route"]), held.data["payload"]
            dead_letters.keep(
                self._documents,
                held.ref.id,
                route=route,
                payload=payload,
                error=delivery.error,
                deliveries=deliveries,
                at=now,
                trace_id=str(held.data["trace_id"]) if "trace_id" in held.data else None,
            )
            self._documents.delete(held.ref)
        else:
            ceiling = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2**deliveries)
            self._reschedule(held, now + timedelta(seconds=self._random.uniform(0, ceiling)), deliveries, delivery.error)

    def _reschedule(self, held: Document, due: datetime, deliveries: int, error: str) -> None:
        data: dict[str, Json] = {**held.data, "due": due.isoformat(), "deliveries": deliveries, "held": False, "error": error[:500]}
        try:
            self._documents.update(held.ref, data, expect=held.version)
        except (PreconditionFailed, NotFound):
            return  # the hold ran out and another worker took it over
