"""What became of a folder of the inbox: one document for each, about its newest manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum

from schemas.base import Timestamp
from schemas.mission import MissionRequest
from shared.documents import DocumentStore, Ref, Transaction
from shared.inbox import InboxObject
from shared.record import Record

INTAKES = "intakes"


class IntakeStatus(StrEnum):
    """Where a manifest stands."""

    WAITING = "waiting"
    """Files that it names are not there yet."""
    COLLECTED = "collected"
    """Its files are stored as inputs; the mission may have been submitted."""
    STARTED = "started"
    REFUSED = "refused"
    """Its error lies in the outbox."""


class IntakeRecord(Record):
    """A manifest and what it became. Everything is keyed by ``generation``: a newer manifest begins anew."""

    folder: str
    manifest: str
    generation: int
    size: int
    status: IntakeStatus = IntakeStatus.WAITING
    since: Timestamp
    """When this manifest was first seen."""
    missing: tuple[str, ...] = ()
    pinned: dict[str, int] = {}
    """The files' generations, from the moment that all were there."""
    request: MissionRequest | None = None
    """What is submitted, with its stored inputs: fixed once, so that a repeat submits the same."""
    mission_id: str | None = None
    error: str = ""
    delivered: int = 0
    """The newest report version in the outbox."""

    @property
    def manifest_object(self) -> InboxObject:
        """The very manifest this is about."""
        return InboxObject(self.manifest, self.generation, self.size)


class Intakes:
    """The stored records of one inbox."""

    def __init__(self, documents: DocumentStore, bucket: str) -> None:
        self._documents = documents
        self._bucket = bucket

    def key(self, folder: str) -> str:
        """The id of a folder's record."""
        return hashlib.sha256(f"{self._bucket}/{folder}".encode()).hexdigest()[:32]

    def find(self, folder: str) -> IntakeRecord | None:
        """The folder's record."""
        return self.read(self.key(folder))

    def read(self, key: str) -> IntakeRecord | None:
        """The record of that id."""
        document = self._documents.get(Ref(INTAKES, key))
        return IntakeRecord.read(document) if document else None

    def change(self, folder: str, decide: Callable[[IntakeRecord | None], IntakeRecord | None]) -> IntakeRecord | None:
        """The record as ``decide`` left it, in one transaction; ``None`` from ``decide`` leaves it as it is."""
        ref = Ref(INTAKES, self.key(folder))

        def work(tx: Transaction) -> IntakeRecord | None:
            document = tx.get(ref)
            stored = IntakeRecord.read(document) if document else None
            decided = decide(stored)
            if decided is None:
                return stored
            tx.put(ref, decided.data())
            return decided

        return self._documents.transact(work)
