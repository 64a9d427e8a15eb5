"""A document store that notes its reads and writes on the span around them: what a mission takes of the store, and how long that took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from opentelemetry import trace

from shared.documents import Document, DocumentStore, JsonMap, Query, Ref, Transaction
from shared.telemetry import names

T = TypeVar("T")


class TracedDocuments:
    """``DocumentStore`` around another one. It makes no spans of its own: a mission has dozens of reads and writes, most of them short.

    Reads are counted as Firestore bills them: one for each document, and one for a query or a get that finds none.
    """

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def get(self, ref: Ref) -> Document | None:
        """See ``DocumentStore.get``."""
        _add(names.STORE_READS, 1)
        return self._documents.get(ref)

    def query(self, query: Query) -> list[Document]:
        """See ``DocumentStore.query``."""
        found = self._documents.query(query)
        _add(names.STORE_READS, max(1, len(found)))
        return found

    def create(self, ref: Ref, data: JsonMap) -> Document:
        """See ``DocumentStore.create``."""
        with _written([ref.collection]):
            return self._documents.create(ref, data)

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        """See ``DocumentStore.update``."""
        with _written([ref.collection]):
            return self._documents.update(ref, data, expect=expect)

    def put(self, ref: Ref, data: JsonMap) -> Document:
        """See ``DocumentStore.put``."""
        with _written([ref.collection]):
            return self._documents.put(ref, data)

    def delete(self, ref: Ref) -> None:
        """See ``DocumentStore.delete``."""
        with _written([]):
            self._documents.delete(ref)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """See ``DocumentStore.transact``."""
        span = trace.get_current_span()
        if not span.is_recording():
            return self._documents.transact(work)
        last: _Counting | None = None
        runs, reads, began = 0, 0, time.perf_counter()

        def counted(transaction: Transaction) -> T:
            nonlocal runs, reads, last
            counting = _Counting(transaction)
            try:
                return work(counting)
            finally:
                runs += 1
                reads += counting.reads
                last = counting  # the others were not committed

        try:
            result = self._documents.transact(counted)
            if last is not None:
                _note_commit(span, last.written)
            return result
        finally:
            _add_to(span, names.STORE_SECONDS, time.perf_counter() - began)
            _add_to(span, names.STORE_RUNS, runs)
            _add_to(span, names.STORE_READS, reads)

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

    def put(self, ref: Ref, data: JsonMap) -> str | None:
        self.written.append(ref.collection)
        return self._transaction.put(ref, data)

    def delete(self, ref: Ref) -> None:
        self._transaction.delete(ref)


@contextmanager
def _written(collections: Sequence[str]) -> Iterator[None]:
    """Around a commit of one document in each of the collections. A failed one counts for its time."""
    began = time.perf_counter()
    span = trace.get_current_span()
    try:
        yield
        if span.is_recording():
            _note_commit(span, collections)
    finally:
        if span.is_recording():
            _add_to(span, names.STORE_SECONDS, time.perf_counter() - began)


def _note_commit(span: trace.Span, collections: Sequence[str]) -> None:
    if collections:
        before = _noted(span, names.STORE_COMMITS, "")
        commit = " ".join(sorted(collections))
        span.set_attribute(names.STORE_COMMITS, f"{before}{names.COMMIT_BREAK}{commit}" if before else commit)


def _add(name: str, more: float) -> None:
    """Add to an attribute of the current span; where nothing is recorded, nothing is counted."""
    span = trace.get_current_span()
    if span.is_recording():
        _add_to(span, name, more)


def _add_to(span: trace.Span, name: str, more: float) -> None:
    span.set_attribute(name, _noted(span, name, 0) + more)


def _noted(span: trace.Span, name: str, otherwise: T) -> T:
    value: T = (getattr(span, "attributes", None) or {}).get(name, otherwise)
    return value
