"""A document store whose writes are spans, and whose reads are counted: how long a mission's state took to become durable, and its bill."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from opentelemetry import trace

from shared.documents import Document, DocumentStore, JsonMap, Query, Ref, Transaction
from shared.telemetry import names
from shared.telemetry.tracing import Tracing

T = TypeVar("T")


class TracedDocuments:
    """``DocumentStore`` around another one. Reads are no spans, since they are many and short: the span around them counts them.

    They are counted as Firestore bills them: one for each document, and one for a query or a get that finds none.
    """

    def __init__(self, documents: DocumentStore, tracing: Tracing) -> None:
        self._documents = documents
        self._tracing = tracing

    def get(self, ref: Ref) -> Document | None:
        """See ``DocumentStore.get``."""
        _count_reads(1)
        return self._documents.get(ref)

    def query(self, query: Query) -> list[Document]:
        """See ``DocumentStore.query``."""
        found = self._documents.query(query)
        _count_reads(max(1, len(found)))
        return found

    def create(self, ref: Ref, data: JsonMap) -> Document:
        """See ``DocumentStore.create``."""
        with self._tracing.span("store.create", attributes={names.STORE_COLLECTION: ref.collection, names.STORE_WRITES: 1}):
            return self._documents.create(ref, data)

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        """See ``DocumentStore.update``."""
        with self._tracing.span("store.update", attributes={names.STORE_COLLECTION: ref.collection, names.STORE_WRITES: 1}):
            return self._documents.update(ref, data, expect=expect)

    def put(self, ref: Ref, data: JsonMap) -> Document:
        """See ``DocumentStore.put``."""
        with self._tracing.span("store.put", attributes={names.STORE_COLLECTION: ref.collection, names.STORE_WRITES: 1}):
            return self._documents.put(ref, data)

    def delete(self, ref: Ref) -> None:
        """See ``DocumentStore.delete``."""
        with self._tracing.span("store.delete", attributes={names.STORE_COLLECTION: ref.collection}):
            self._documents.delete(ref)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """See ``DocumentStore.transact``; ``store.runs`` counts how often the work ran."""
        runs, reads = 0, 0
        written: list[str] = []

        def counted(transaction: Transaction) -> T:
            nonlocal runs, reads, written
            counting = _Counting(transaction)
            try:
                return work(counting)
            finally:
                runs += 1
                reads += counting.reads
                written = counting.written  # those of the last run: the others were not committed

        with self._tracing.span("store.transaction") as span:
            try:
                return self._documents.transact(counted)
            finally:
                span.set_attributes({"store.runs": runs, names.STORE_READS: reads, names.STORE_WRITES: len(written)})
                span.set_attribute(names.STORE_COLLECTION, " ".join(sorted(set(written))))

    def close(self) -> None:
        """See ``DocumentStore.close``."""
        self._documents.close()


class _Counting:
    """A ``Transaction`` that counts what goes through it; a delete is no write, and is billed apart."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.reads = 0
        self.written: list[str] = []
        """The collection of each document that was written."""

    def get(self, ref: Ref) -> Document | None:
        self.reads += 1
        return self._transaction.get(ref)

    def query(self, query: Query) -> list[Document]:
        found = self._transaction.query(query)
        self.reads += max(1, len(found))
        return found

    def create(self, ref: Ref, data: JsonMap) -> None:
        self.written.append(ref.collection)
        self._transaction.create(ref, data)

    def put(self, ref: Ref, data: JsonMap) -> None:
        self.written.append(ref.collection)
        self._transaction.put(ref, data)

    def delete(self, ref: Ref) -> None:
        self._transaction.delete(ref)


def _count_reads(more: int) -> None:
    """Add to the reads of the current span; where nothing is recorded, nothing is counted."""
    span = trace.get_current_span()
    if span.is_recording():
        so_far = (getattr(span, "attributes", None) or {}).get(names.STORE_READS, 0)
        span.set_attribute(names.STORE_READS, so_far + more)
