"""The cloud's ``DocumentStore``: Firestore in native mode. ``FIRESTORE_EMULATOR_HOST`` is honoured, as in Google's own libraries."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from shared.adapters.contention import Persistence, until_undisturbed
from shared.adapters.document_rules import checked
from shared.adapters.firestore_session import FirestoreSession
from shared.adapters.firestore_transaction import FirestoreTransaction
from shared.adapters.resilience import Resilience
from shared.documents import Document, JsonMap, Query, Ref, Transaction
from shared.errors import BadInput, NotFound, PreconditionFailed, Unavailable

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")

_PERSISTENCE = Persistence(attempts=12, first_pause_s=0.05, longest_pause_s=2.0)


class FirestoreDocuments:
    """A ``DocumentStore`` in one database. ``prefix`` goes in front of every collection's name, so that installations can share it."""

    def __init__(self, project: str, database: str = "(default)", prefix: str = "", *, resilience: Callable[[str], Resilience]) -> None:
        """Raises ``Unavailable`` without credentials; sends nothing yet, so what is wrong with the project shows at the first use."""
        self._session = FirestoreSession(project, database, prefix, resilience)
        self._jitter = Random()
        self._closed = Event()

    def get(self, ref: Ref) -> Document | None:
        return self._persistently(str(ref), lambda: self._session.read(ref))

    def query(self, query: Query) -> list[Document]:
        return self._persistently(f"A query on {query.collection}", lambda: self._session.find(query))

    def create(self, ref: Ref, data: JsonMap) -> Document:
        return self._write(ref, data, exists=False)

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        copy = checked(ref, data)
        try:
            return self._write(ref, copy, updated=_moment(expect))
        except (
            NotFound,
            PreconditionFailed,
            BadInput,
            ValueError,
        ) as error:  # the emulator calls the version of a younger document bad input
            stored = self.get(ref)
            if stored is None:
                raise NotFound(f"There is no document {ref}.", remedy="Create it first.") from error
            if stored.version == expect:
                raise
            raise PreconditionFailed(f"The document {ref} changed since it was read.", remedy="Read it again and decide anew.") from error

    def put(self, ref: Ref, data: JsonMap) -> Document:
        return self._write(ref, data)

    def delete(self, ref: Ref) -> None:
        write = self._session.deleting(ref)
        self._persistently(str(ref), lambda: self._session.commit([write], str(ref)))

    def transact(self, work: Callable[[Transaction], T]) -> T:
        before = b""

        def once() -> T:
            nonlocal before
            with FirestoreTransaction(self._session, before) as transaction:
                before = transaction.id
                result = work(transaction)
                transaction.commit()
                return result

        return self._persistently("A transaction", once)

    def close(self) -> None:
        """Closes the connection. The store refuses everything afterwards."""
        self._closed.set()
        self._session.close()

    def _write(self, ref: Ref, data: JsonMap, *, exists: bool | None = None, updated: datetime | None = None) -> Document:
        copy = checked(ref, data)
        write = self._session.writing(ref, copy, exists=exists, updated=updated)
        return Document(ref, copy, self._persistently(str(ref), lambda: self._session.commit([write], str(ref))))

    def _persistently(self, what: str, run: Callable[[], T]) -> T:
        where = f"{what} in Firestore ({self._session.where})"
        if self._closed.is_set():
            raise Unavailable(f"{where}: the store is closed.")
        return until_undisturbed(run, where, _PERSISTENCE, pause=self._closed.wait, jitter=self._jitter)


def _moment(version: str) -> datetime:
    """The moment of a version; ``ValueError`` where it is none of ours."""
    from google.api_core.datetime_helpers import DatetimeWithNanoseconds

    moment: datetime = DatetimeWithNanoseconds.from_rfc3339(version)  # type: ignore[no-untyped-call]  # it has no types
    return moment
