"""The one table of indexes, and the guard that holds every query of the platform to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from shared.adapters.declared_queries import DeclaredQueries
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import Query, Transaction, Where
from shared.indexes import COMPOSITES, FIELDS, Composite, undeclared

A, B = Where("a", "==", 1), Where("b", "in", [1, 2])


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[DeclaredQueries]:
    store = DeclaredQueries(SqliteDocuments(tmp_path / "documents.db", indexes=FIELDS, composites=COMPOSITES))
    yield store
    store.close()


@pytest.mark.parametrize(
    ("query", "composites"),
    [
        (Query("c"), ()),
        (Query("c", (A,)), ()),
        (Query("c", (A, B)), ()),
        (Query("c", order_by="n"), ()),
        (Query("c", order_by="-n"), ()),
        (Query("c", (Where("n", "<", 1),)), ()),
        (Query("c", (Where("n", "<", 1), Where("n", ">", 0)), order_by="n"), ()),
        (Query("c", (Where("n", "==", 1),), order_by="-n"), ()),
        (Query("c", (A,), order_by="-n"), (Composite("c", "a", "-n"),)),
        (Query("c", (A, Where("n", "<", 1))), (Composite("c", "a", "n"),)),
        (Query("c", (A, B, Where("n", "<", 1)), order_by="-n"), (Composite("c", "a", "-n"), Composite("c", "b", "-n"))),
    ],
)
def test_a_query_needs_just_these_composites(query: Query, composites: Sequence[Composite]) -> None:
    fields = {"c": ("a", "b", "n")}
    assert undeclared(query, fields=fields, composites=composites) == []
    for left_out in composites:
        without = [one for one in composites if one != left_out]
        assert undeclared(query, fields=fields, composites=without) == [f"a composite of {left_out.equal} and {left_out.order} of c"]


def test_an_order_the_other_way_is_another_index() -> None:
    query = Query("c", (A,), order_by="n")
    assert undeclared(query, fields={"c": ("a", "n")}, composites=(Composite("c", "a", "-n"),)) == ["a composite of a and n of c"]


@pytest.mark.parametrize(
    "query", [Query("c", (A,)), Query("c", (Where("a", ">", 1),)), Query("c", order_by="a"), Query("c", order_by="-a")]
)
def test_a_field_that_is_not_in_the_table_is_named(query: Query) -> None:
    assert undeclared(query, fields={"c": ("b",)}, composites=()) == ["the field a of c"]
    assert undeclared(query, fields={}, composites=()) == ["the field a of c"]


def test_the_platform_refuses_a_query_that_production_could_not_answer(documents: DeclaredQueries) -> None:
    undeclared_query = Query("missions", (Where("owner", "==", "me"),), order_by="mission_id")
    with pytest.raises(LookupError, match="a composite of owner and mission_id of missions"):
        documents.query(undeclared_query)

    def inside(transaction: Transaction) -> None:
        transaction.query(undeclared_query)

    with pytest.raises(LookupError, match=r"shared/indexes\.py"):
        documents.transact(inside)
    assert documents.query(Query("missions", (Where("owner", "==", "me"),), order_by="-mission_id")) == []


def test_every_composite_is_of_declared_fields() -> None:
    for composite in COMPOSITES:
        assert {composite.equal, composite.order.removeprefix("-")} <= set(FIELDS[composite.collection])
