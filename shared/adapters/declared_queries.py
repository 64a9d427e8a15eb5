"""A document store that answers only what ``shared/indexes.py`` declares, as Firestore does in production and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.documents import Document, DocumentStore, JsonMap, Query, Ref, Transaction
from shared.indexes import undeclared

T = TypeVar("T")


class DeclaredQueries:
    """``DocumentStore`` around another one. A query without its index raises ``LookupError``: a defect, to be met on the first run."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def get(self, ref: Ref) -> Document | None:
        """See ``DocumentStore.get``."""
        return self._documents.get(ref)

    def query(self, query: Query) -> list[Document]:
        """See ``DocumentStore.query``."""
        require_indexes(query)
        return self._documents.query(query)

    def create(self, ref: Ref, data: JsonMap) -> Document:
        """See ``DocumentStore.create``."""
        return self._documents.create(ref, data)

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        """See ``DocumentStore.update``."""
        return self._documents.update(ref, data, expect=expect)

    def put(self, ref: Ref, data: JsonMap) -> Document:
        """See ``DocumentStore.put``."""
        return self._documents.put(ref, data)

    def delete(self, ref: Ref) -> None:
        """See ``DocumentStore.delete``."""
        self._documents.delete(ref)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """See ``DocumentStore.transact``."""
        return self._documents.transact(lambda transaction: work(_DeclaredTransaction(transaction)))

    def close(self) -> None:
        """See ``DocumentStore.close``."""
        self._documents.close()


class _DeclaredTransaction:
    """``Transaction`` around another one."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.get = transaction.get
        self.create = transaction.create
        self.put = transaction.put
        self.delete = transaction.delete

    def query(self, query: Query) -> list[Document]:
        require_indexes(query)
        return self._transaction.query(query)


def require_indexes(query: Query) -> None:
    """Raise ``LookupError`` where ``shared/indexes.py`` lacks what the query needs."""
    lacking = undeclared(query)
    if lacking:
        raise LookupError(f"A query needs {' and '.join(lacking)}: declare it in shared/indexes.py.")
