"""What the emulated Cloud Tasks remembers: tasks, and for a while the names of those that have ended. It survives a kill."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.documents import Document, DocumentStore, Json, Query, Ref, Transaction, Where
from shared.errors import AlreadyExists, NotFound, PreconditionFailed

TASKS = "tasks"
ENDED = "ended"
INDEXES = {TASKS: ("due", "held"), ENDED: ("until",)}
NAMES_KEPT_S = 24 * 3600.0
"""How long the name of a task that has ended cannot be used again: the longest that Cloud Tasks states for queues of its own API."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A task. ``message`` is the serialised ``google.cloud.tasks.v2.Task`` as it was created."""

    name: str
    message: bytes
    due: datetime
    created: datetime
    dispatches: int = 0
    responses: int = 0
    """Those of a handler that ran: answers of 5xx do not count, as the header's documentation has it."""
    last_status: int = 0
    held: bool = False
    version: str = ""

    def data(self) -> dict[str, Json]:
        """As it is stored."""
        return {
            "name": self.name,
            "message": base64.b64encode(self.message).decode(),
            "due": self.due.isoformat(),
            "created": self.created.isoformat(),
            "dispatches": self.dispatches,
            "responses": self.responses,
            "last_status": self.last_status,
            "held": self.held,
        }

    @staticmethod
    def read(document: Document) -> Entry:
        """As it was stored."""
        data = document.data
        return Entry(
            name=str(data["name"]),
            message=base64.b64decode(str(data["message"])),
            due=datetime.fromisoformat(str(data["due"])),
            created=datetime.fromisoformat(str(data["created"])),
            dispatches=int(str(data["dispatches"])),
            responses=int(str(data["responses"])),
            last_status=int(str(data["last_status"])),
            held=bool(data["held"]),
            version=document.version,
        )


class TaskBook:
    """The tasks of all queues."""

    def __init__(self, documents: DocumentStore, clock: Clock, *, names_kept_s: float = NAMES_KEPT_S) -> None:
        self._documents = documents
        self._clock = clock
        self._names_kept_s = names_kept_s

    def create(self, entry: Entry) -> None:
        """Remember the task. Raises ``AlreadyExists`` where one of its name waits, or has ended not long ago."""
        now = self._clock.now().isoformat()

        def work(tx: Transaction) -> None:
            ended = tx.get(Ref(ENDED, _id(entry.name)))
            if tx.get(Ref(TASKS, _id(entry.name))) is not None or (ended is not None and str(ended.data["until"]) > now):
                raise AlreadyExists(f"The name {entry.name} is taken.")
            tx.put(Ref(TASKS, _id(entry.name)), entry.data())

        self._documents.transact(work)

    def get(self, name: str) -> Entry:
        """The task. Raises ``NotFound`` where none of that name waits."""
        found = self._documents.get(Ref(TASKS, _id(name)))
        if found is None:
            raise NotFound(f"No task {name} waits.")
        return Entry.read(found)

    def of(self, queue: str) -> list[Entry]:
        """The tasks of ``projects/P/locations/L/queues/Q``."""
        entries = [Entry.read(document) for document in self._documents.query(Query(TASKS))]
        return [entry for entry in entries if entry.name.startswith(f"{queue}/tasks/")]

    def due(self, *, limit: int) -> list[Entry]:
        """The tasks to dispatch now, the longest waiting first."""
        wanted = (Where("held", "==", False), Where("due", "<=", self._clock.now().isoformat()))
        return [Entry.read(document) for document in self._documents.query(Query(TASKS, wanted, order_by="due", limit=limit))]

    def next_due(self) -> datetime | None:
        """When the next task is to be dispatched; ``None`` where none waits."""
        first = self._documents.query(Query(TASKS, (Where("held", "==", False),), order_by="due", limit=1))
        return Entry.read(first[0]).due if first else None

    def save(self, entry: Entry) -> bool:
        """Store the task as it is now; false where it has gone or changed meanwhile."""
        try:
            self._documents.update(Ref(TASKS, _id(entry.name)), entry.data(), expect=entry.version)
        except (PreconditionFailed, NotFound):
            return False
        return True

    def end(self, name: str) -> None:
        """Forget the task, and keep its name from being used for a while."""
        until = self._clock.now() + timedelta(seconds=self._names_kept_s)

        def work(tx: Transaction) -> None:
            tx.delete(Ref(TASKS, _id(name)))
            tx.put(Ref(ENDED, _id(name)), {"until": until.isoformat()})

        self._documents.transact(work)

    def recover(self) -> None:
        """Make what an earlier, dead server was dispatching due again, and forget names that are free."""
        for document in self._documents.query(Query(TASKS, (Where("held", "==", True),))):
            self._documents.put(document.ref, {**document.data, "held": False, "due": self._clock.now().isoformat()})
        for document in self._documents.query(Query(ENDED, (Where("until", "<=", self._clock.now().isoformat()),), order_by="until")):
            self._documents.delete(document.ref)


def _id(name: str) -> str:
    return name.replace("/", ":")
