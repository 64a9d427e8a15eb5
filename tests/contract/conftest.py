"""Every contract runs on every adapter of its port."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from shared.adapters.firestore_documents import FirestoreDocuments
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.artifacts import ArtifactStore
from shared.documents import Document, DocumentStore, JsonMap, Query, Ref, Transaction
from tests.support.components import FirestoreEmulator

T = TypeVar("T")

_prefixes = itertools.count(1)


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


def firestore(emulator: FirestoreEmulator, monkeypatch: pytest.MonkeyPatch) -> FirestoreDocuments:
    """A store of its own in the running emulator: no other has its prefix."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.host)
    return FirestoreDocuments("kimera-contract", prefix=f"t{next(_prefixes)}_")


@pytest.fixture(params=["sqlite", "sqlite-indexed", "firestore"])
def documents(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DocumentStore]:
    """An empty ``DocumentStore`` of each kind."""
    inner: DocumentStore
    if request.param == "firestore":
        inner = firestore(request.getfixturevalue("firestore_emulator"), monkeypatch)
    else:
        indexes = {"things": ["n", "a.b", "kind"]} if request.param == "sqlite-indexed" else {}
        inner = SqliteDocuments(tmp_path / "documents.db", indexes=indexes)
    yield RunsTwice(inner)
    inner.close()


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    """An empty ``ArtifactStore`` of each kind."""
    return FolderArtifacts(tmp_path / "artifacts")
