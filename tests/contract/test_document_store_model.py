"""Any sequence of operations leaves every ``DocumentStore`` as it leaves a dictionary."""

from __future__ import annotations

import itertools
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shared.documents import Document, DocumentStore, Json, Query, Ref, Transaction, Where
from shared.errors import AlreadyExists, NotFound, PreconditionFailed
from tests.support.document_model import answer

_collections = itertools.count(1)

IDS = st.sampled_from(["a", "b", "c", "ž"])
SCALARS: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
DATA = cast(
    "st.SearchStrategy[dict[str, Json]]",
    st.dictionaries(
        st.sampled_from(["n", "m", "a"]),
        st.one_of(SCALARS, st.dictionaries(st.sampled_from(["b", "c"]), SCALARS, max_size=2), st.lists(SCALARS, max_size=2)),
    ),
)
FIELDS = st.sampled_from(["n", "m", "a", "a.b"])


class Machine(RuleBasedStateMachine):
    def __init__(self, store: DocumentStore) -> None:
        super().__init__()
        self.store = store
        self.collection = f"things{next(_collections)}"
        self.model: dict[Ref, dict[str, Json]] = {}
        self.versions: dict[Ref, str] = {}
        self.passed: set[str] = set()

    def ref(self, name: str) -> Ref:
        return Ref(self.collection, name)

    def written(self, document: Document) -> None:
        assert document.version not in self.passed
        self.passed.add(document.version)
        self.model[document.ref] = document.data
        self.versions[document.ref] = document.version

    @rule(name=IDS, data=DATA)
    def put(self, name: str, data: dict[str, Json]) -> None:
        self.written(self.store.put(self.ref(name), data))
        assert self.model[self.ref(name)] == data

    @rule(name=IDS, data=DATA)
    def create(self, name: str, data: dict[str, Json]) -> None:
        if self.ref(name) in self.model:
            with pytest.raises(AlreadyExists):
                self.store.create(self.ref(name), data)
        else:
            self.written(self.store.create(self.ref(name), data))

    @rule(name=IDS, data=DATA)
    def update(self, name: str, data: dict[str, Json]) -> None:
        ref = self.ref(name)
        if ref in self.model:
            self.written(self.store.update(ref, data, expect=self.versions[ref]))
        else:
            with pytest.raises(NotFound):
                self.store.update(ref, data, expect="1970-01-01T00:00:00.000001Z")

    @rule(name=IDS, data=DATA)
    def update_from_long_ago(self, name: str, data: dict[str, Json]) -> None:
        ref = self.ref(name)
        stale = sorted(self.passed - {self.versions.get(ref, "")})
        if ref in self.model and stale:
            with pytest.raises(PreconditionFailed):
                self.store.update(ref, data, expect=stale[-1])

    @rule(name=IDS)
    def delete(self, name: str) -> None:
        self.store.delete(self.ref(name))
        self.model.pop(self.ref(name), None)

    @rule(name=IDS, other=IDS, data=DATA)
    def move(self, name: str, other: str, data: dict[str, Json]) -> None:
        """Read one, remove it, write another, with what was read: or fail as a whole."""
        source, target = self.ref(name), self.ref(other)

        def work(transaction: Transaction) -> None:
            document = transaction.get(source)
            transaction.delete(source)
            transaction.create(target, data if document is None else document.data)

        if target in self.model and target != source:
            with pytest.raises(AlreadyExists):
                self.store.transact(work)
            return
        self.store.transact(work)
        self.model[target] = self.model.pop(source, data)
        moved = self.store.get(target)
        assert moved is not None
        self.written(moved)

    @rule(field=FIELDS, value=SCALARS, op=st.sampled_from(["==", "<", "<=", ">", ">="]))
    def ask(self, field: str, value: Json, op: str) -> None:
        query = Query(self.collection, (Where(field, op if value is not None else "==", value),))  # type: ignore[arg-type]  # one of them
        assert [document.ref for document in self.store.query(query)] == answer(self.model, query)

    @rule(field=FIELDS, descending=st.booleans(), limit=st.integers(1, 4))
    def order(self, field: str, descending: bool, limit: int) -> None:
        query = Query(self.collection, order_by=f"-{field}" if descending else field, limit=limit)
        plain = all(not isinstance(data.get(field), (dict, list)) for data in self.model.values())
        if plain:
            assert [document.ref for document in self.store.query(query)] == answer(self.model, query)[:limit]

    @invariant()
    def it_holds_what_the_dictionary_holds(self) -> None:
        assert {document.ref: document.data for document in self.store.query(Query(self.collection))} == self.model
        for name in ("a", "ž"):
            document = self.store.get(self.ref(name))
            assert (document.version if document else None) == (self.versions[self.ref(name)] if self.ref(name) in self.model else None)


def test_any_sequence_of_operations_leaves_it_as_a_dictionary(documents: DocumentStore, request: pytest.FixtureRequest) -> None:
    cloud = "firestore" in request.node.name
    limits = settings(max_examples=5 if cloud else 60, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: Machine(documents), settings=limits)  # type: ignore[arg-type]  # any callable that makes one
