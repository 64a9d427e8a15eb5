"""What a span tells of the reads and writes under it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.adapters.contention import Contention
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.adapters.traced_documents import TracedDocuments
from shared.documents import Query, Ref, Transaction
from shared.telemetry import names
from shared.telemetry.reading import Attribute, mission_spans
from shared.telemetry.span_lines import SpanLines
from shared.telemetry.tracing import Tracing


@pytest.fixture
def attributes(tmp_path: Path) -> Callable[[Callable[[TracedDocuments], object]], dict[str, Attribute]]:
    """The attributes of a span around some work on a store."""

    def under(work: Callable[[TracedDocuments], object]) -> dict[str, Attribute]:
        tracing = Tracing(SpanLines(tmp_path / "spans.jsonl", service="test"))
        documents = TracedDocuments(SqliteDocuments(tmp_path / "documents.db"))
        try:
            with tracing.span("work", attributes={names.MISSION_ID: "m_1"}):
                work(documents)
        finally:
            documents.close()
            tracing.close()
        (span,) = mission_spans(tmp_path / "spans.jsonl", "m_1")
        return dict(span.attributes)

    return under


A, B = Ref("things", "a"), Ref("others", "b")


def test_every_commit_names_the_collections_that_it_wrote(
    attributes: Callable[[Callable[[TracedDocuments], object]], dict[str, Attribute]],
) -> None:
    def work(documents: TracedDocuments) -> None:
        def both(transaction: Transaction) -> None:
            transaction.get(A)
            transaction.put(A, {"n": 1})
            transaction.create(B, {})

        documents.transact(both)
        documents.put(A, {"n": 2})

    told = attributes(work)
    assert told[names.STORE_COMMITS] == "others things; things"
    assert (told[names.STORE_RUNS], told[names.STORE_READS]) == (1, 1)
    assert float(told[names.STORE_SECONDS]) > 0


def test_reads_are_counted_as_they_are_billed(
    attributes: Callable[[Callable[[TracedDocuments], object]], dict[str, Attribute]],
) -> None:
    def work(documents: TracedDocuments) -> None:
        documents.get(A)
        documents.query(Query("things"))  # finds none, and costs one

    told = attributes(work)
    assert told[names.STORE_READS] == 2
    assert names.STORE_COMMITS not in told


def test_a_commit_that_failed_wrote_nothing(
    attributes: Callable[[Callable[[TracedDocuments], object]], dict[str, Attribute]],
) -> None:
    def work(documents: TracedDocuments) -> None:
        def fails(transaction: Transaction) -> None:
            transaction.put(A, {})
            raise ValueError

        with pytest.raises(ValueError):
            documents.transact(fails)

    assert names.STORE_COMMITS not in attributes(work)


def test_a_transaction_that_was_disturbed_counts_all_reads_and_the_writes_of_its_last_run(
    attributes: Callable[[Callable[[TracedDocuments], object]], dict[str, Attribute]],
) -> None:
    def work(documents: TracedDocuments) -> None:
        runs = iter((True, False))

        def disturbed(transaction: Transaction) -> None:
            transaction.get(A)
            transaction.query(Query("things"))  # finds none, and costs one
            first = next(runs)
            transaction.put(A if first else B, {})
            if first:
                raise Contention

        documents.transact(disturbed)

    told = attributes(work)
    assert told[names.STORE_COMMITS] == "others"
    assert (told[names.STORE_RUNS], told[names.STORE_READS]) == (2, 4)


def test_a_delete_is_no_write(attributes: Callable[[Callable[[TracedDocuments], object]], dict[str, Attribute]]) -> None:
    def work(documents: TracedDocuments) -> None:
        documents.put(A, {})
        documents.delete(A)
        documents.transact(lambda transaction: transaction.delete(B))

    assert attributes(work)[names.STORE_COMMITS] == "things"
