"""Every contract runs on every adapter of its port."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.emulated.cloud_sdk import FirestoreEmulator
from shared.adapters.firestore_documents import FirestoreDocuments
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.packed_artifacts import PackedArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.artifacts import ArtifactStore
from shared.documents import DocumentStore
from tests.support.buckets import in_new_bucket
from tests.support.components import FIRESTORE, STORAGE
from tests.support.resilient import firestore
from tests.support.runs_twice import RunsTwice

_prefixes = itertools.count(1)


def in_emulator(emulator: FirestoreEmulator, monkeypatch: pytest.MonkeyPatch) -> FirestoreDocuments:
    """A store of its own in the running emulator: no other has its prefix."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.address)
    return firestore("kimera-contract", prefix=f"t{next(_prefixes)}_")


@pytest.fixture(params=["sqlite", "sqlite-indexed", pytest.param("firestore", marks=FIRESTORE)])
def documents(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DocumentStore]:
    """An empty ``DocumentStore`` of each kind."""
    inner: DocumentStore
    if request.param == "firestore":
        inner = in_emulator(request.getfixturevalue("firestore_emulator"), monkeypatch)
    else:
        indexes = {"things": ["n", "a.b", "kind"]} if request.param == "sqlite-indexed" else {}
        inner = SqliteDocuments(tmp_path / "documents.db", indexes=indexes)
    yield RunsTwice(inner)
    inner.close()


@pytest.fixture(params=["folder", "packed", pytest.param("cloud-storage", marks=STORAGE)])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArtifactStore]:
    """An empty ``ArtifactStore`` of each kind."""
    store: ArtifactStore
    documents: SqliteDocuments | None = None
    if request.param == "cloud-storage":
        store = in_new_bucket(request.getfixturevalue("storage_emulator"), monkeypatch)
    elif request.param == "packed":
        documents = SqliteDocuments(tmp_path / "kimera.sqlite3")
        store = PackedArtifacts(tmp_path / "artifacts", documents)
    else:
        store = FolderArtifacts(tmp_path / "artifacts")
    yield store
    store.close()
    if documents is not None:
        documents.close()
