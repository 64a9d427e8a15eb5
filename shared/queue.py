"""The ``TaskQueue`` port: a message to one of our functions, delivered at least once.

Adapters: ``shared/adapters/document_queue.py`` (embedded, on the document store) and ``shared/adapters/google_tasks.py`` (Cloud Tasks).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.documents import JsonMap
from shared.errors import BadInput, TooLarge

MAX_DELIVERIES = 20
"""Deliveries of a task that its handler does not accept; after the last one it is a dead letter."""
MAX_PAYLOAD_BYTES = 100_000
"""Cloud Tasks takes 100 KB for a whole task (its CreateTask method), here without the headers' share."""
TASK_HEADER = "X-Kimera-Task"
"""A delivery's header with the task's name, percent-encoded, where a service knows the task under another."""
LONGEST_WAIT = timedelta(days=30)
"""How far ahead Cloud Tasks schedules (its quotas)."""


@dataclass(frozen=True, slots=True)
class Task:
    """A message: ``route`` is the function and path that it is posted to, e.g. ``lifecycle/dispatch``.

    ``name`` makes it one: as long as a task of that name waits, enqueuing it again changes nothing. Handlers are idempotent, so
    a repeat after that does no harm either.
    """

    name: str
    route: str
    payload: JsonMap
    not_before: datetime | None = None

    def body(self) -> bytes:
        """The payload as it is posted. Raises ``TooLarge``."""
        body = json.dumps(self.payload, ensure_ascii=False, separators=(",", ":")).encode()
        if len(body) > MAX_PAYLOAD_BYTES:
            raise TooLarge(
                f"The task {self.name} has {len(body)} bytes; a task may have {MAX_PAYLOAD_BYTES}.",
                remedy="Store the large part as an artifact and send its address.",
            )
        return body

    def due(self, now: datetime) -> datetime:
        """When it is to be delivered. Raises ``BadInput`` for what no queue schedules."""
        due = self.not_before or now
        if due - now > LONGEST_WAIT:
            raise BadInput(f"The task {self.name} is to wait until {due:%Y-%m-%d}: {LONGEST_WAIT.days} days is the longest.")
        return due


class TaskQueue(Protocol):
    """Durable: a task that was accepted is delivered until its handler answers 2xx or it has become a dead letter.

    A name whose task was delivered or became a dead letter may be used again at once.
    """

    def enqueue(self, task: Task) -> None:
        """Accept the task. Raises ``TooLarge``, ``BadInput`` and ``Unavailable``."""
        ...

    def close(self) -> None:
        """Let connections go."""
        ...
