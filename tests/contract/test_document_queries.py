"""What every ``DocumentStore`` finds, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import pytest

from shared.documents import DocumentStore, Json, Query, Ref, Where
from shared.errors import BadInput
from tests.support.document_model import answer

ODDITIES: Mapping[str, dict[str, Json]] = {
    "missing": {"kind": "x"},
    "null": {"n": None, "kind": "x"},
    "false": {"n": False},
    "true": {"n": True},
    "zero": {"n": 0},
    "zero_float": {"n": 0.0},
    "one": {"n": 1, "kind": "x"},
    "one_float": {"n": 1.0},
    "one_and_a_half": {"n": 1.5, "kind": "y"},
    "third": {"n": 1 / 3},
    "precise": {"n": 0.30000000000000004},
    "tiny": {"n": 5e-324},
    "huge": {"n": 1.7976931348623157e308},
    "large": {"n": 2**53 + 1},
    "larger": {"n": 2**63 - 1},
    "negative": {"n": -7},
    "empty": {"n": ""},
    "text_one": {"n": "1"},
    "text_true": {"n": "true"},
    "capital": {"n": "Zebra", "kind": "y"},
    "small": {"n": "apple"},
    "umlaut": {"n": "ärger"},
    "emoji": {"n": "🐎"},
    "private": {"n": "\uffee"},
    "quote": {"n": 'it\'s "so" \\ %_'},
    "inner": {"n": {"b": 1}},
    "Ünder": {"a": {"b": 1, "c": {"d": "x"}}},
    "dotted": {"a.b": 1},
    "under_text": {"a": {"b": "1"}},
    "under_list": {"a": [{"b": 1}]},
    "under_number": {"a": 1},
}
VALUES: list[Json] = [
    *[None, False, True, 0, 1, 1.0, 1.5, 1 / 3, 0.30000000000000004, 5e-324, 2**53 + 1, 2.0**53, 2**63 - 1, -7],
    *["", "1", "true", "Zebra", 'it\'s "so" \\ %_', "🐎", "zzz"],
]
LISTS: list[list[Json]] = [[1], [1, "1"], [True, "true"], ["apple", "no"], [0.5, 1.5, 0]]
RANGES: list[Literal["<", "<=", ">", ">="]] = ["<", "<=", ">", ">="]
CONDITIONS = [
    *[Where("n", "==", value) for value in VALUES],
    *[Where("n", op, value) for value in VALUES[1:] for op in RANGES],
    *[Where("n", "in", values) for values in LISTS],
    *[Where("a.b", "==", 1), Where("a.b", "==", "1"), Where("a.c.d", "==", "x"), Where("a.b.c", "==", 1)],
]


def fill(store: DocumentStore, documents: Mapping[str, dict[str, Json]]) -> dict[Ref, dict[str, Json]]:
    stored = {Ref("things", name): data for name, data in documents.items()}
    for ref, data in stored.items():
        store.put(ref, data)
    store.put(Ref("others", "one"), {"n": 1, "kind": "x", "a": {"b": 1}})
    return stored


def found(store: DocumentStore, query: Query) -> list[Ref]:
    return [document.ref for document in store.query(query)]


def pages(store: DocumentStore, query: Query) -> list[Ref]:
    """The whole answer, page by page."""
    refs: list[Ref] = []
    while page := store.query(query):
        refs += [document.ref for document in page]
        query = replace(query, after=page[-1])
    return refs


def test_a_condition_finds_what_has_the_field_with_a_value_of_that_kind(documents: DocumentStore) -> None:
    stored = fill(documents, ODDITIES)
    wrong = {
        str(where): found(documents, query)
        for where in CONDITIONS
        if found(documents, query := Query("things", (where,))) != answer(stored, query)
    }
    assert wrong == {}


def test_a_missing_field_never_matches_not_even_null(documents: DocumentStore) -> None:
    fill(documents, ODDITIES)
    assert found(documents, Query("things", (Where("n", "==", None),))) == [Ref("things", "null")]


def test_a_number_never_matches_a_text_nor_a_boolean(documents: DocumentStore) -> None:
    fill(documents, ODDITIES)
    assert {ref.id for ref in found(documents, Query("things", (Where("n", "==", 1),)))} == {"one", "one_float"}
    assert {ref.id for ref in found(documents, Query("things", (Where("n", "==", True),)))} == {"true"}
    assert {ref.id for ref in found(documents, Query("things", (Where("n", ">=", ""),)))} >= {"empty", "text_one", "emoji"}
    assert "one" not in {ref.id for ref in found(documents, Query("things", (Where("n", ">=", ""),)))}


@pytest.mark.parametrize("order", [None, "n", "-n", "a.b", "-a.b", "kind"])
def test_the_order_is_the_fields_then_the_ids_and_leaves_out_what_lacks_the_field(documents: DocumentStore, order: str | None) -> None:
    stored = fill(documents, ODDITIES)
    query = Query("things", order_by=order)
    assert found(documents, query) == answer(stored, query)


@pytest.mark.parametrize("order", ["n", "-n"])
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_join_to_the_whole_answer(documents: DocumentStore, order: str, limit: int) -> None:
    plain = {name: data for name, data in ODDITIES.items() if not isinstance(data.get("n"), dict)}
    stored = fill(documents, plain)
    query = Query("things", order_by=order, limit=limit)
    assert pages(documents, query) == answer(stored, query)


def test_equal_values_are_paged_by_id_in_both_directions(documents: DocumentStore) -> None:
    stored = fill(documents, {f"{i:02}": {"n": i // 5, "kind": "x"} for i in range(12)})
    for query in (
        Query("things", order_by="n", limit=2),
        Query("things", order_by="-n", limit=5),
        Query("things", limit=5),
        Query("things", (Where("kind", "==", "x"),), order_by="-n", limit=3),
        Query("things", (Where("n", ">=", 1),), order_by="n", limit=4),
        Query("things", (Where("kind", "==", "x"), Where("n", ">=", 1)), order_by="-n", limit=4),
        Query("things", (Where("n", "in", [0, 2]),), order_by="kind", limit=3),
    ):
        assert pages(documents, query) == answer(stored, query), query


def test_conditions_hold_together(documents: DocumentStore) -> None:
    stored = fill(
        documents, {f"{i:02}": {"n": i, "m": i % 3, "kind": "xy"[i % 2], "when": f"2026-03-{i + 1:02}T09:00:00Z"} for i in range(12)}
    )
    for query in (
        Query("things", (Where("kind", "==", "x"), Where("n", ">", 2), Where("n", "<=", 8)), order_by="n"),
        Query("things", (Where("kind", "in", ["x", "y"]), Where("m", "==", 1)), order_by="-when", limit=3),
        Query("things", (Where("when", "<", "2026-03-05"),)),
        Query("things", (Where("kind", "==", "x"), Where("when", ">=", "2026-03-05")), order_by="when"),
        Query("things", (Where("kind", "==", "x"), Where("kind", "==", "y"))),
        Query("things", (Where("n", "==", 3), Where("m", "==", 0), Where("kind", "==", "y"))),
    ):
        expected = answer(stored, query)[: query.limit]
        assert found(documents, query) == expected, query


def test_an_empty_collection_has_no_documents(documents: DocumentStore) -> None:
    assert documents.query(Query("nothing", order_by="n", limit=3)) == []


def test_a_query_brings_the_documents_as_they_are(documents: DocumentStore) -> None:
    made = documents.put(Ref("things", "a"), {"n": 1, "deep": [{"x": None}]})
    assert documents.query(Query("things")) == [made]


@pytest.mark.parametrize(
    "query",
    [
        Query(""),
        Query("a/b"),
        Query("things", limit=0),
        Query("things", limit=-1),
        Query("things", order_by=""),
        Query("things", order_by="-"),
        Query("things", order_by="a..b"),
        Query("things", order_by="n; DROP TABLE documents"),
        Query("things", (Where('n"', "==", 1),)),
        Query("things", (Where("n'", "==", 1),)),
        Query("things", (Where("__name__x y", "==", 1),)),
        Query("things", (Where("n", "<", None),)),
        Query("things", (Where("n", "==", [1]),)),
        Query("things", (Where("n", "==", {"a": 1}),)),
        Query("things", (Where("n", "in", []),)),
        Query("things", (Where("n", "in", 1),)),
        Query("things", (Where("n", "in", [None]),)),
        Query("things", (Where("n", "in", [[1]]),)),
        Query("things", (Where("n", "==", float("nan")),)),
        Query("things", (Where("n", "==", 2**63),)),
        Query("things", (Where("n", "in", list(range(31))),)),
        Query("things", (Where("n", ">", 1),), limit=1),
        Query("things", (Where("n", ">", 1),), order_by="m"),
        Query("things", (Where("n", ">", 1), Where("m", "<", 1))),
        Query("things", (Where("n", "in", list(range(6))), Where("m", "in", list(range(6))))),
    ],
    ids=str,
)
def test_a_query_that_the_adapters_could_not_answer_alike_is_refused(documents: DocumentStore, query: Query) -> None:
    with pytest.raises(BadInput):
        documents.query(query)


def test_a_page_begins_only_behind_a_document_of_the_same_answer(documents: DocumentStore) -> None:
    other = documents.put(Ref("others", "a"), {"n": 1})
    bare = documents.put(Ref("things", "a"), {"m": 1})
    for query in (Query("things", after=other), Query("things", order_by="n", after=bare)):
        with pytest.raises(BadInput):
            documents.query(query)


@pytest.mark.parametrize(
    "change",
    [lambda store: store.delete(Ref("things", "05")), lambda store: store.put(Ref("things", "02"), {"n": 100})],
    ids=["deleted", "moved"],
)
def test_a_page_goes_on_behind_its_last_document_whatever_became_of_that(
    documents: DocumentStore, change: Callable[[DocumentStore], object]
) -> None:
    fill(documents, {f"{i:02}": {"n": i} for i in range(10)})
    first = documents.query(Query("things", order_by="n", limit=6))
    change(documents)
    assert [document.data["n"] for document in documents.query(Query("things", order_by="n", limit=2, after=first[-1]))] == [6, 7]
