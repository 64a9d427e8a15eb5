"""A Firestore transaction for one run of its callback. Firestore holds locks, or notes what was read, and aborts the slower of two."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from shared.adapters.contention import Contention
from shared.adapters.document_rules import check_ref, checked
from shared.adapters.firestore_session import FirestoreSession
from shared.documents import Document, JsonMap, Query, Ref
from shared.errors import KimeraError

if TYPE_CHECKING:
    from google.cloud.firestore_v1.types import Write


class FirestoreTransaction:
    """A ``Transaction`` and a context: it rolls back where the block ends without a commit."""

    def __init__(self, session: FirestoreSession, retried: bytes) -> None:
        """``retried`` is the id of the run that this one repeats, or empty."""
        self._session = session
        self.id = session.begin(retried)
        self._writes: list[Write] = []
        self._ended = False

    def __enter__(self) -> FirestoreTransaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._ended:
            return
        self._ended = True
        try:
            self._session.rollback(self.id)
        except (KimeraError, Contention):
            return  # it is over on the server too, or will be when its time is up: what matters is why we are here

    def get(self, ref: Ref) -> Document | None:
        self._may_read()
        return self._session.read(ref, self.id)

    def query(self, query: Query) -> list[Document]:
        self._may_read()
        return self._session.find(query, self.id)

    def create(self, ref: Ref, data: JsonMap) -> None:
        self._may_write()
        self._writes.append(self._session.writing(ref, checked(ref, data), exists=False))

    def put(self, ref: Ref, data: JsonMap) -> None:
        self._may_write()
        self._writes.append(self._session.writing(ref, checked(ref, data)))

    def delete(self, ref: Ref) -> None:
        check_ref(ref)
        self._may_write()
        self._writes.append(self._session.deleting(ref))

    def commit(self) -> None:
        """Do all the writes, or raise ``Contention`` or the error of one of them."""
        self._session.commit(self._writes, "a transaction's documents", self.id)
        self._ended = True

    def _may_read(self) -> None:
        self._may_write()
        if self._writes:
            raise RuntimeError("A transaction reads before it writes: move this read up.")

    def _may_write(self) -> None:
        if self._ended:
            raise RuntimeError("This transaction has ended: use it only inside its callback.")
