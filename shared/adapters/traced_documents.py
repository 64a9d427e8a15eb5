"""A document store whose writes are spans: how long the mission's state took to become durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.documents import Document, DocumentStore, JsonMap, Query, Ref, Transaction
from shared.telemetry.tracing import Tracing

T = TypeVar("T")


class TracedDocuments:
    """``DocumentStore`` around another one. Reads are not traced: they are many and short."""

    def __init__(self, documents: DocumentStore, tracing: Tracing) -> None:
        self._documents = documents
        self._tracing = tracing

    def get(self, ref: Ref) -> Document | None:
        """See ``DocumentStore.get``."""
        return self._documents.get(ref)

    def query(self, query: Query) -> list[Document]:
        """See ``DocumentStore.query``."""
        return self._documents.query(query)

    def create(self, ref: Ref, data: JsonMap) -> Document:
        """See ``DocumentStore.create``."""
        with self._tracing.span("store.create", attributes={"store.collection": ref.collection}):
            return self._documents.create(ref, data)

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        """See ``DocumentStore.update``."""
        with self._tracing.span("store.update", attributes={"store.collection": ref.collection}):
            return self._documents.update(ref, data, expect=expect)

    def put(self, ref: Ref, data: JsonMap) -> Document:
        """See ``DocumentStore.put``."""
        with self._tracing.span("store.put", attributes={"store.collection": ref.collection}):
            return self._documents.put(ref, data)

    def delete(self, ref: Ref) -> None:
        """See ``DocumentStore.delete``."""
        with self._tracing.span("store.delete", attributes={"store.collection": ref.collection}):
            self._documents.delete(ref)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """See ``DocumentStore.transact``; ``store.runs`` counts how often the work ran."""
        runs = 0

        def counted(transaction: Transaction) -> T:
            nonlocal runs
            runs += 1
            return work(transaction)

        with self._tracing.span("store.transaction") as span:
            try:
                return self._documents.transact(counted)
            finally:
                span.set_attribute("store.runs", runs)

    def close(self) -> None:
        """See ``DocumentStore.close``."""
        self._documents.close()
