"""What is particular to artifacts beside the documents: those that are written together with the next one."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.packed_artifacts import PackedArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.artifacts import Artifact
from shared.documents import Ref
from shared.errors import AlreadyExists, NotFound, Unavailable

PLACE = Ref("tracks", "one")


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[SqliteDocuments]:
    opened = SqliteDocuments(tmp_path / "kimera.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def artifacts(tmp_path: Path, documents: SqliteDocuments) -> PackedArtifacts:
    return PackedArtifacts(tmp_path / "artifacts", documents)


def put(artifacts: PackedArtifacts, data: bytes) -> Artifact:
    return artifacts.put(f"m/{hashlib.sha256(data).hexdigest()[:16]}/state.json", data, with_document=True)


def stored(tmp_path: Path) -> int:
    """How many another process would see."""
    with closing(sqlite3.connect(tmp_path / "kimera.sqlite3")) as other:
        return int(other.execute("SELECT count(*) FROM artifacts").fetchone()[0])


def test_it_is_written_with_the_next_document_not_before(artifacts: PackedArtifacts, documents: SqliteDocuments, tmp_path: Path) -> None:
    made = [put(artifacts, data) for data in (b"one", b"two")]
    assert stored(tmp_path) == 0
    documents.put(PLACE, {"state": made[0].uri})
    assert stored(tmp_path) == 2
    assert [artifacts.get(one.uri) for one in made] == [b"one", b"two"]


def test_a_write_that_is_refused_keeps_nothing_from_being_written_with_it(
    artifacts: PackedArtifacts, documents: SqliteDocuments, tmp_path: Path
) -> None:
    documents.create(PLACE, {})
    put(artifacts, b"one")
    with pytest.raises(AlreadyExists):
        documents.create(PLACE, {})
    assert stored(tmp_path) == 1


def test_who_puts_the_same_and_does_not_wait_for_a_document_finds_it_written(artifacts: PackedArtifacts, tmp_path: Path) -> None:
    made = put(artifacts, b"one")
    assert artifacts.put(made.key, b"one") == made
    assert stored(tmp_path) == 1


def test_a_commit_that_fails_leaves_it_to_the_next_one(artifacts: PackedArtifacts, documents: SqliteDocuments, tmp_path: Path) -> None:
    def lose(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")  # what SQLite does by itself when the disk fails

    made = put(artifacts, b"one")
    with pytest.raises(Unavailable):
        documents.writer.submit(lose)
    assert stored(tmp_path) == 0
    assert artifacts.get(made.uri) == b"one"
    documents.put(PLACE, {})
    assert stored(tmp_path) == 1


def test_what_no_document_came_for_is_gone_with_the_process(artifacts: PackedArtifacts, documents: SqliteDocuments, tmp_path: Path) -> None:
    made = put(artifacts, b"one")
    documents.close()
    again = SqliteDocuments(tmp_path / "kimera.sqlite3")
    with pytest.raises(NotFound):
        PackedArtifacts(tmp_path / "artifacts", again).get(made.uri)
    again.close()


def test_what_is_settled_needs_no_document(artifacts: PackedArtifacts, documents: SqliteDocuments, tmp_path: Path) -> None:
    made = put(artifacts, b"one")
    artifacts.settle()
    documents.close()
    again = SqliteDocuments(tmp_path / "kimera.sqlite3")
    assert PackedArtifacts(tmp_path / "artifacts", again).get(made.uri) == b"one"
    again.close()


def test_a_key_that_others_could_take_meanwhile_is_refused(artifacts: PackedArtifacts) -> None:
    with pytest.raises(ValueError, match="does not hold the digest"):
        artifacts.put("m/state.json", b"one", with_document=True)
