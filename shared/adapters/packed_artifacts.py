"""The embedded ``ArtifactStore``: a folder, and for the many small artifacts a table beside the documents that name them.

A mission leaves dozens of states, packages and reports of a few kilobytes. As files each of them costs six flushes of the disk; as a row
it costs none, since it is on the disk as soon as a document that names it is. What is larger, and what comes as a file or a stream, is a
file of ``FolderArtifacts``.
"""

from __future__ import annotations

import hashlib
import heapq
import sqlite3
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from shared.adapters import folder_files
from shared.adapters.artifact_keys import check_key, check_media_type, key_of
from shared.adapters.folder_artifacts import FolderArtifacts, ReadOnlyFolder
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.adapters.sqlite_errors import translated
from shared.artifacts import SCHEME, Artifact
from shared.errors import AlreadyExists, Corrupt

MOST_BYTES = 64 * 1024
"""Of an artifact that is packed: below it reading a row is no slower than opening a file (sqlite.org/intern-v-extern-blob.html)."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS artifacts (
    key TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    data BLOB NOT NULL
)
"""
_INSERT = "INSERT INTO artifacts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_KNOWN = "SELECT key, sha256, length(data), media_type FROM artifacts "
_DIGITS = 16
"""Of its digest, that the key of what waits for a document holds."""
_PAGE = 1_000
"""Artifacts that a listing reads at a time."""
_AFTER = "\U0010ffff"
"""Sorts behind every character that a key may go on with."""


class PackedArtifacts:
    """An ``ArtifactStore`` in a folder that several processes may use at the same time, and in the file of ``documents``.

    What a ``put`` of bytes has returned outlives a kill of the process at once, and a loss of power from the next write of a document on.
    What waits for a document is held by this process until its next write, which takes it along.
    The documents are closed by whoever opened them.
    """

    def __init__(self, root: Path, documents: SqliteDocuments) -> None:
        """Makes the folder and the table where there are none and the documents can be written.

        Raises ``Unavailable``, ``StorageFull`` or ``Corrupt``.
        """
        self._files = FolderArtifacts(root) if documents.file.writable else ReadOnlyFolder(root)
        self._linked = root.absolute() / "linked"
        self._packed, self._writer = documents.file, documents.writer
        if documents.file.writable:
            self._writer.submit(lambda connection: connection.execute(_SCHEMA))
        self._riding: dict[str, tuple[Artifact, bytes]] = {}
        """What the next document takes along, by key."""

    def put(
        self, key: str, data: bytes | BinaryIO, *, media_type: str = "application/octet-stream", with_document: bool = False
    ) -> Artifact:
        check_key(key)
        if not isinstance(data, bytes) or len(data) > MOST_BYTES:
            known = self._find(key)
            return self._files.put(key, data, media_type=media_type) if known is None else _same(known, _digest(data))
        if with_document and (known := self._find(key)) is not None:
            return _same(known, _digest(data))
        if key in self._riding:
            self.settle()  # what this call returns has to outlive a kill
        if (filed := self._files.known(key)) is not None:
            return _same(filed, _digest(data))
        check_media_type(media_type)
        digest = _digest(data)
        made = Artifact(SCHEME + key, digest.sha256, digest.size, media_type)
        if with_document:
            return self._ride(made, data)
        first = self._writer.submit(lambda connection: _insert(connection, made, data), flush=False)
        return made if first is None else _same(first, digest)

    def _ride(self, made: Artifact, data: bytes) -> Artifact:
        """Have it written with the next document."""
        key = made.key
        if made.sha256[:_DIGITS] not in key:  # so nobody else can put other bytes there meanwhile, when it is too late to say so
            raise ValueError(f"The key {key!r} does not hold the digest of its bytes.")
        self._riding[key] = made, data
        self._writer.ride(lambda connection: _insert(connection, made, data), lambda: self._riding.pop(key, None))
        return made

    def settle(self) -> None:
        if self._riding:
            self._writer.submit(lambda _: None, flush=False)

    def put_file(self, key: str, path: Path, *, media_type: str = "application/octet-stream") -> Artifact:
        check_key(key)
        known = self._find(key)
        if known is None:
            return self._files.put_file(key, path, media_type=media_type)
        with folder_files.opened(path) as stream:
            return _same(known, _digest(stream))

    def stat(self, uri: str) -> Artifact:
        return self._find(key_of(uri)) or self._files.stat(uri)

    def get(self, uri: str) -> bytes:
        key = key_of(uri)
        if (riding := self._riding.get(key)) is not None:
            return riding[1]
        with self._packed.reader() as connection, self._packed.translating():
            row = connection.execute("SELECT data, sha256 FROM artifacts WHERE key = ?", (key,)).fetchone()
        if row is None:
            return self._files.get(uri)
        data = bytes(row[0])
        if hashlib.sha256(data).hexdigest() != row[1]:
            raise Corrupt(
                f"The artifact {key.rpartition('/')[2]!r} is not what was stored.",
                remedy="Restore it from a backup, or run again what made it.",
                place=f"{key} in {self._packed.path}",
            )
        return data

    def digest(self, uri: str) -> str:
        self.settle()
        with self._packed.reader() as connection, self._packed.translating():
            row = connection.execute("SELECT data FROM artifacts WHERE key = ?", (key_of(uri),)).fetchone()
        return self._files.digest(uri) if row is None else hashlib.sha256(row[0]).hexdigest()

    def local_copy(self, uri: str, folder: Path) -> Path:
        known = self._find(key_of(uri))
        if known is None:
            return self._files.local_copy(uri, folder)
        with folder_files.translating(folder):
            own = Path(tempfile.mkdtemp(dir=folder, prefix="artifact-"))
            own.chmod(0o755)
            return _written(own / _name(known), self.get(uri))

    def list(self, prefix: str) -> Iterator[Artifact]:
        self.settle()
        files = self._files.list(prefix)  # it also checks the prefix
        return heapq.merge(self._list(prefix), files, key=lambda artifact: artifact.key)

    def link(self, uri: str, *, seconds: int) -> str:
        known = self._find(key_of(uri))
        if known is None:
            return self._files.link(uri, seconds=seconds)
        place = self._place(known)
        with folder_files.translating(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._linked) as draft:
                _written(Path(draft) / "file", self.get(uri)).replace(place)
        return place.as_uri()

    def delete_prefix(self, prefix: str) -> int:
        self.settle()
        filed = self._files.delete_prefix(prefix)
        gone = self._writer.submit(lambda connection: _delete(connection, prefix))
        for artifact in gone:
            with folder_files.translating(self._linked):
                self._place(artifact).unlink(missing_ok=True)
        return filed + len(gone)

    def check(self) -> None:
        self._files.check()
        self._find("check")

    def take_over(self, packed: Path) -> None:
        """Move in what an earlier version kept in a file of its own; nobody else may have that open.

        Killed at any line it can be called again. Raises ``Corrupt``, ``StorageFull`` or ``Unavailable``; nothing is lost then.
        """
        with closing(_rows(packed)) as rows:
            self._writer.submit(lambda connection: connection.executemany(_INSERT, rows))
        for path in (packed.with_name(f"{packed.name}-wal"), packed.with_name(f"{packed.name}-shm"), packed):
            with folder_files.translating(path):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """See ``ArtifactStore.close``."""
        self._files.close()

    def _list(self, prefix: str) -> Iterator[Artifact]:
        """What is packed below the prefix, page by page: no reader is held between two of them."""
        condition, first = ">=", prefix
        while True:
            statement = f"{_KNOWN}WHERE key {condition} ? AND key < ? ORDER BY key LIMIT {_PAGE}"
            with self._packed.reader() as connection, self._packed.translating():
                rows = connection.execute(statement, (first, prefix + _AFTER)).fetchall()
            yield from map(_artifact, rows)
            if len(rows) < _PAGE:
                return
            condition, first = ">", rows[-1][0]

    def _place(self, artifact: Artifact) -> Path:
        """Where the file is that a link to a packed artifact opens."""
        return self._linked / artifact.sha256 / _name(artifact)

    def _find(self, key: str) -> Artifact | None:
        """What is packed under the key, or will be with the next document."""
        if (riding := self._riding.get(key)) is not None:
            return riding[0]
        with self._packed.reader() as connection, self._packed.translating():
            row = connection.execute(_KNOWN + "WHERE key = ?", (key,)).fetchone()
        return None if row is None else _artifact(row)


def _rows(packed: Path) -> Generator[tuple[str, str, str, bytes], None, None]:
    """What lies in the file of an earlier version."""
    try:
        with closing(sqlite3.connect(packed, isolation_level=None, check_same_thread=False)) as connection:
            yield from connection.execute("SELECT key, sha256, media_type, data FROM artifacts")
    except sqlite3.Error as error:
        raise translated(error, packed) from error


def _insert(connection: sqlite3.Connection, made: Artifact, data: bytes) -> Artifact | None:
    """Add the row; what is there already, if so."""
    if connection.execute(_INSERT, (made.key, made.sha256, made.media_type, data)).rowcount:
        return None
    return _artifact(connection.execute(_KNOWN + "WHERE key = ?", (made.key,)).fetchone())


def _delete(connection: sqlite3.Connection, prefix: str) -> list[Artifact]:
    """Remove the rows below the prefix; what they were."""
    statement = "DELETE FROM artifacts WHERE key >= ? AND key < ? RETURNING key, sha256, length(data), media_type"
    return [_artifact(row) for row in connection.execute(statement, (prefix, prefix + _AFTER)).fetchall()]


def _artifact(row: tuple[str, str, int, str]) -> Artifact:
    return Artifact(SCHEME + row[0], row[1], row[2], row[3])


def _digest(data: bytes | BinaryIO) -> folder_files.Digest:
    if isinstance(data, bytes):
        return folder_files.Digest(hashlib.sha256(data).hexdigest(), len(data))
    return folder_files.digest(data)


def _same(known: Artifact, found: folder_files.Digest) -> Artifact:
    if (known.sha256, known.size) != found:
        raise AlreadyExists(f"The artifact {known.key!r} exists with other bytes.", remedy="An artifact never changes: choose another key.")
    return known


def _name(artifact: Artifact) -> str:
    return artifact.key.rpartition("/")[2]


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o444)
    return path
