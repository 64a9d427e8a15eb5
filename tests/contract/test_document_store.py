"""What every ``DocumentStore`` promises."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from shared.documents import MAX_DOCUMENT_BYTES, DocumentStore, Json, Query, Ref, Transaction, Where
from shared.errors import AlreadyExists, BadInput, Conflict, KimeraError, NotFound, PreconditionFailed, TooLarge
from tests.support.runs_twice import RunsTwice

A, B = Ref("things", "a"), Ref("things", "b")


def together(*work: Callable[[], object]) -> list[BaseException]:
    """Run all at once, each in a thread of its own; what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(work))

    def run(one: Callable[[], object]) -> None:
        start.wait()
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def number(store: DocumentStore, ref: Ref) -> Json:
    document = store.get(ref)
    assert document is not None
    return document.data["n"]


def add_one(transaction: Transaction) -> int:
    document = transaction.get(A)
    count = 0 if document is None else document.data["n"]
    assert isinstance(count, int)
    transaction.put(A, {"n": count + 1})
    return count + 1


class TestSingleWrites:
    def test_a_document_that_nobody_wrote_is_none(self, documents: DocumentStore) -> None:
        assert documents.get(A) is None

    def test_what_is_created_is_read_back_with_its_version(self, documents: DocumentStore) -> None:
        made = documents.create(A, {"n": 1})
        assert documents.get(A) == made
        assert made.ref == A and made.data == {"n": 1}

    def test_a_second_create_is_refused_and_changes_nothing(self, documents: DocumentStore) -> None:
        made = documents.create(A, {"n": 1})
        with pytest.raises(AlreadyExists, match="things/a"):
            documents.create(A, {"n": 2})
        assert documents.get(A) == made

    def test_of_two_creates_at_once_exactly_one_wins(self, documents: DocumentStore) -> None:
        for round_ in range(5):
            ref = Ref("things", f"race{round_}")
            raised = together(*[partial(documents.create, ref, {"n": n}) for n in range(2)])
            assert [type(error) for error in raised] == [AlreadyExists]

    def test_put_replaces_the_whole_document(self, documents: DocumentStore) -> None:
        documents.put(A, {"n": 1, "old": True})
        documents.put(A, {"n": 2})
        document = documents.get(A)
        assert document is not None and document.data == {"n": 2}

    def test_every_write_gives_a_new_version_even_one_that_changes_nothing(self, documents: DocumentStore) -> None:
        versions = [documents.put(A, {"n": 1}).version for _ in range(3)]
        documents.delete(A)
        versions.append(documents.create(A, {"n": 1}).version)
        assert len(set(versions)) == 4

    def test_update_replaces_the_document_while_its_version_holds(self, documents: DocumentStore) -> None:
        first = documents.create(A, {"n": 1, "old": True})
        second = documents.update(A, {"n": 2}, expect=first.version)
        assert documents.get(A) == second
        assert second.data == {"n": 2}

    @pytest.mark.parametrize("again", [{"n": 1}, {"n": 5}], ids=["unchanged", "changed"])
    def test_update_refuses_a_version_that_has_passed(self, documents: DocumentStore, again: dict[str, Json]) -> None:
        first = documents.create(A, {"n": 1})
        second = documents.put(A, again)
        with pytest.raises(PreconditionFailed, match="things/a"):
            documents.update(A, {"n": 2}, expect=first.version)
        assert documents.get(A) == second

    def test_update_refuses_a_version_that_never_was(self, documents: DocumentStore) -> None:
        documents.create(A, {"n": 1})
        with pytest.raises(PreconditionFailed):
            documents.update(A, {"n": 2}, expect="never")

    def test_update_of_a_missing_document_is_not_found(self, documents: DocumentStore) -> None:
        gone = documents.create(A, {"n": 1})
        documents.delete(A)
        with pytest.raises(NotFound, match="things/a"):
            documents.update(A, {"n": 2}, expect=gone.version)
        assert documents.get(A) is None

    def test_update_does_not_take_the_version_of_a_document_that_was_deleted_and_made_anew(self, documents: DocumentStore) -> None:
        first = documents.create(A, {"n": 1})
        documents.delete(A)
        documents.create(A, {"n": 1})
        with pytest.raises(PreconditionFailed):
            documents.update(A, {"n": 2}, expect=first.version)

    def test_of_two_updates_of_one_version_exactly_one_wins(self, documents: DocumentStore) -> None:
        seen = documents.create(A, {"n": 0}).version
        raised = together(*[partial(documents.update, A, {"n": 1}, expect=seen)] * 2)
        assert [type(error) for error in raised] == [PreconditionFailed]

    def test_delete_removes_and_may_come_again(self, documents: DocumentStore) -> None:
        documents.create(A, {"n": 1})
        documents.delete(A)
        documents.delete(A)
        assert documents.get(A) is None

    def test_collections_and_ids_are_apart(self, documents: DocumentStore) -> None:
        documents.put(Ref("x", "y"), {"n": 1})
        documents.put(Ref("x2", "y"), {"n": 2})
        documents.put(Ref("x", "y2"), {"n": 3})
        documents.delete(Ref("x2", "y"))
        assert (number(documents, Ref("x", "y")), documents.get(Ref("x2", "y")), number(documents, Ref("x", "y2"))) == (1, None, 3)


class TestValues:
    @pytest.mark.parametrize(
        "value",
        [
            None, True, False, 0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 0.0, 1.0, 0.1, 1e300, -2.5e-300, 1 / 3,
            "", "plain", "Žluťoučký kůň 🐎 \u202e א", "a\nb\t\"'\\ \x00 \x7f", "{not: json}", [], {}, [1, "a", None, {"b": [1]}],
            {"a": {"b": {"c": [True, {}]}}}, {"with.dot": 1, "with space": 2, "ключ": 3, "\"'`": 4},
        ],
        ids=repr,
    )  # fmt: skip
    def test_a_value_comes_back_as_it_went_in(self, documents: DocumentStore, value: Json) -> None:
        documents.put(A, {"value": value})
        document = documents.get(A)
        assert document is not None
        back = document.data["value"]
        assert back == value
        assert type(back) is type(value)

    @pytest.mark.parametrize(
        "value",
        [
            float("nan"),
            float("inf"),
            -float("inf"),
            2**63,
            -(2**63) - 1,
            b"bytes",
            {1, 2},
            (1, 2),
            Ellipsis,
            "\ud800",
            [[1]],
            {"": 1},
            {"__x__": 1},
            {1: 1},
        ],
        ids=repr,
    )
    def test_what_is_no_document_is_refused_by_name_and_nothing_is_written(self, documents: DocumentStore, value: Json) -> None:
        for write in (documents.put, documents.create):
            with pytest.raises(BadInput, match="things/a"):
                write(A, {"deep": [{"value": value}]})
        with pytest.raises(BadInput):
            documents.transact(lambda transaction: transaction.put(A, {"value": value}))
        assert documents.get(A) is None

    def test_twenty_levels_are_taken_and_more_are_refused(self, documents: DocumentStore) -> None:
        def nested(levels: int) -> dict[str, Json]:
            return {} if levels == 1 else {"a": nested(levels - 1)}

        documents.put(A, nested(20))
        with pytest.raises(BadInput, match="20"):
            documents.put(A, nested(21))

    @pytest.mark.parametrize("name", ["", "a/b", ".", "..", "__x__", "x" * 1501, "ž" * 751, "a\0b", "\ud800"])
    def test_a_name_that_cannot_be_is_refused(self, documents: DocumentStore, name: str) -> None:
        for ref in (Ref("things", name), Ref(name, "a")):
            with pytest.raises(BadInput):
                documents.put(ref, {})
            with pytest.raises(BadInput):
                documents.get(ref)
            with pytest.raises(BadInput):
                documents.delete(ref)

    @pytest.mark.parametrize("name", ["x" * 1500, "with space", "Ž🐎", "a'b\"c`d", "%2F", "..."])
    def test_an_odd_name_is_taken(self, documents: DocumentStore, name: str) -> None:
        made = documents.put(Ref("things", name), {"n": 1})
        assert documents.get(Ref("things", name)) == made

    def test_a_document_close_to_a_megabyte_is_taken_and_a_larger_one_is_refused(self, documents: DocumentStore) -> None:
        documents.put(A, {"text": "x" * (MAX_DOCUMENT_BYTES - 300)})
        document = documents.get(A)
        assert document is not None and document.data == {"text": "x" * (MAX_DOCUMENT_BYTES - 300)}
        for write in (documents.put, documents.create):
            with pytest.raises(TooLarge, match=r"things/b.*artifact"):
                write(B, {"text": "x" * MAX_DOCUMENT_BYTES})
        assert documents.get(B) is None

    def test_what_the_caller_changes_afterwards_is_not_written(self, documents: DocumentStore) -> None:
        data: dict[str, Json] = {"n": 1, "inner": {"m": 1}}
        made = documents.put(A, data)
        data["n"] = 2
        assert isinstance(data["inner"], dict)
        data["inner"]["m"] = 2
        assert documents.get(A) == made
        assert made.data == {"n": 1, "inner": {"m": 1}}


class TestTransactions:
    def test_it_gives_back_what_its_work_gives(self, documents: DocumentStore) -> None:
        assert documents.transact(add_one) == 1
        assert documents.transact(add_one) == 2

    def test_a_version_that_it_tells_of_is_the_one_that_is_read_afterwards(self, documents: DocumentStore) -> None:
        told = documents.transact(lambda transaction: transaction.put(A, {"n": 1}))
        found = documents.get(A)
        assert found is not None
        assert told in (None, found.version)

    def test_all_its_writes_happen_together(self, documents: DocumentStore) -> None:
        documents.create(B, {"n": 1})

        def move(transaction: Transaction) -> None:
            document = transaction.get(B)
            assert document is not None
            transaction.create(A, document.data)
            transaction.delete(B)

        documents.transact(move)
        assert number(documents, A) == 1
        assert documents.get(B) is None

    def test_an_exception_leaves_nothing_written_and_comes_out_as_it_is(self, documents: DocumentStore) -> None:
        trouble = ValueError("mine")

        def work(transaction: Transaction) -> None:
            transaction.put(A, {"n": 1})
            raise trouble

        assert isinstance(documents, RunsTwice)
        with pytest.raises(ValueError, match="mine") as raised:
            documents.inner.transact(work)
        assert raised.value is trouble
        assert documents.get(A) is None

    def test_one_refused_write_leaves_none_written(self, documents: DocumentStore) -> None:
        made = documents.create(B, {"n": 1})

        def work(transaction: Transaction) -> None:
            transaction.put(A, {"n": 1})
            transaction.create(B, {"n": 2})

        with pytest.raises(AlreadyExists):
            documents.transact(work)
        assert documents.get(A) is None
        assert documents.get(B) == made

    def test_a_read_after_a_write_is_a_mistake_of_the_program(self, documents: DocumentStore) -> None:
        assert isinstance(documents, RunsTwice)
        for read in (lambda transaction: transaction.get(B), lambda transaction: transaction.query(Query("things"))):
            with pytest.raises(RuntimeError, match="reads before"):
                documents.inner.transact(lambda transaction, read=read: (transaction.put(A, {"n": 1}), read(transaction)))  # type: ignore[misc]  # bound at once
        assert documents.get(A) is None

    def test_later_writes_of_one_document_come_on_top_of_earlier_ones(self, documents: DocumentStore) -> None:
        def work(transaction: Transaction) -> None:
            transaction.create(A, {"n": 1})
            transaction.put(A, {"n": 2})
            transaction.put(B, {"n": 1})
            transaction.delete(B)

        documents.transact(work)
        assert number(documents, A) == 2
        assert documents.get(B) is None

    def test_it_is_of_no_use_once_it_has_ended(self, documents: DocumentStore) -> None:
        assert isinstance(documents, RunsTwice)
        kept = documents.inner.transact(lambda transaction: transaction)
        with pytest.raises(RuntimeError, match="ended"):
            kept.put(A, {"n": 1})
        with pytest.raises(RuntimeError, match="ended"):
            kept.get(A)

    def test_concurrent_increments_are_exact(self, documents: DocumentStore) -> None:
        assert isinstance(documents, RunsTwice)
        threads, each = (2, 5) if "Firestore" in type(documents.inner).__name__ else (16, 12)

        def work() -> None:
            for _ in range(each):
                documents.transact(add_one)

        assert together(*[work] * threads) == []
        assert number(documents, A) == threads * each

    def test_a_document_that_was_absent_is_created_by_one_and_seen_by_the_other(self, documents: DocumentStore) -> None:
        """Two requests with one idempotency key: one creates, the other finds what was created, neither fails."""

        def ensure(transaction: Transaction) -> str:
            if transaction.get(A) is not None:
                return "found"
            transaction.create(A, {"n": 1})
            return "created"

        outcomes: list[str] = []
        assert together(*[lambda: outcomes.append(documents.transact(ensure))] * 2) == []
        assert sorted(outcomes) == ["created", "found"]

    def test_what_a_query_found_still_holds_at_the_commit(self, documents: DocumentStore) -> None:
        """Two admissions into one free place: a decision on a query's result is one on documents that do not exist yet, too."""

        def admit(mine: Ref) -> Callable[[], None]:
            def work(transaction: Transaction) -> None:
                if not transaction.query(Query("things", (Where("kind", "==", "running"),))):
                    transaction.create(mine, {"kind": "running"})

            return lambda: documents.transact(work)

        assert [error for error in together(admit(A), admit(B)) if not isinstance(error, Conflict)] == []
        assert (documents.get(A) is None) != (documents.get(B) is None)

    def test_a_write_in_between_makes_it_run_again(self, documents: DocumentStore) -> None:
        """The write comes from another thread: where the store locks what was read, it waits for the transaction instead."""
        documents.create(A, {"n": 10})
        runs: list[int] = []
        other: list[threading.Thread] = []

        def work(transaction: Transaction) -> None:
            document = transaction.get(A)
            assert document is not None and isinstance(document.data["n"], int)
            runs.append(document.data["n"])
            if not other:
                other.append(threading.Thread(target=documents.put, args=(A, {"n": 20})))
                other[0].start()
                other[0].join(timeout=0.3)
            transaction.put(Ref("things", "sum"), {"n": document.data["n"] + 1})

        assert isinstance(documents, RunsTwice)
        documents.inner.transact(work)
        other[0].join()
        assert number(documents, A) == 20
        assert number(documents, Ref("things", "sum")) == runs[-1] + 1
        assert runs in ([10, 20], [10])


def test_a_closed_store_refuses(documents: DocumentStore) -> None:
    documents.close()
    for use in (lambda: documents.get(A), lambda: documents.put(A, {}), lambda: documents.transact(add_one)):
        with pytest.raises(KimeraError, match="closed"):
            use()
    documents.close()
