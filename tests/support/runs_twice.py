"""A store whose transactions run twice, as under contention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.documents import Document, DocumentStore, JsonMap, Query, Ref, Transaction

T = TypeVar("T")


class RunsTwice:
    """A ``DocumentStore`` that runs every callback twice in its transaction, as contention would: nothing may depend on how often."""

    def __init__(self, store: DocumentStore) -> None:
        self.inner = store

    def get(self, ref: Ref) -> Document | None:
        return self.inner.get(ref)

    def create(self, ref: Ref, data: JsonMap) -> Document:
        return self.inner.create(ref, data)

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        return self.inner.update(ref, data, expect=expect)

    def put(self, ref: Ref, data: JsonMap) -> Document:
        return self.inner.put(ref, data)

    def delete(self, ref: Ref) -> None:
        self.inner.delete(ref)

    def query(self, query: Query) -> list[Document]:
        return self.inner.query(query)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        def twice(transaction: Transaction) -> T:
            work(_Discarding(transaction))
            return work(transaction)

        return self.inner.transact(twice)

    def close(self) -> None:
        self.inner.close()


class _Discarding:
    """The first of two runs: it reads, its writes go nowhere, and it too refuses a read after a write."""

    def __init__(self, transaction: Transaction) -> None:
        self._inner = transaction
        self._wrote = False

    def get(self, ref: Ref) -> Document | None:
        self._reads()
        return self._inner.get(ref)

    def query(self, query: Query) -> list[Document]:
        self._reads()
        return self._inner.query(query)

    def create(self, ref: Ref, data: JsonMap) -> None:
        self._wrote = True

    def put(self, ref: Ref, data: JsonMap) -> None:
        self._wrote = True

    def delete(self, ref: Ref) -> None:
        self._wrote = True

    def _reads(self) -> None:
        if self._wrote:
            raise RuntimeError("A transaction reads before it writes.")
