"""The ``TaskQueue`` port: a message to one of our functions, delivered at least once.

Adapters: ``shared/adapters/document_queue.py`` (embedded, on the document store); Cloud Tasks comes with the cloud.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.documents import JsonMap


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


class TaskQueue(Protocol):
    """Durable: a task that was accepted is delivered until its handler answers 2xx or it has become a dead letter."""

    def enqueue(self, task: Task) -> None: ...
