"""An optimistic transaction: it reads a snapshot and notes what it saw; the commit checks that all of it still holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

from shared.adapters import sqlite_rows
from shared.adapters.contention import Contention
from shared.adapters.document_rules import check_query, check_ref
from shared.adapters.sqlite_file import SqliteFile
from shared.documents import Document, JsonMap, Query, Ref


class SnapshotTransaction:
    """A ``Transaction`` for one run of its callback."""

    def __init__(self, file: SqliteFile, connection: sqlite3.Connection, prepare: Callable[[Ref, JsonMap], Document]) -> None:
        """``prepare`` checks a document and gives it its version."""
        self._file = file
        self._connection = connection
        self._prepare = prepare
        self._seen: dict[Ref, str | None] = {}
        self._found: list[tuple[Query, list[sqlite_rows.Match]]] = []
        self._writes: list[Callable[[sqlite3.Connection], None]] = []
        self._ended = False

    @property
    def writes(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._writes)

    def get(self, ref: Ref) -> Document | None:
        check_ref(ref)
        self._may_read()
        with self._file.translating():
            document = sqlite_rows.read(self._connection, ref, self._file.path)
        self._seen[ref] = None if document is None else document.version
        return document

    def query(self, query: Query) -> list[Document]:
        check_query(query)
        self._may_read()
        with self._file.translating():
            documents = sqlite_rows.find(self._connection, query, self._file.path)
        self._found.append((query, [(document.ref.id, document.version) for document in documents]))
        return documents

    def create(self, ref: Ref, data: JsonMap) -> None:
        self._may_write()
        self._writes.append(partial(sqlite_rows.insert, new=sqlite_rows.row(self._prepare(ref, data))))

    def put(self, ref: Ref, data: JsonMap) -> str:
        self._may_write()
        written = self._prepare(ref, data)
        self._writes.append(partial(sqlite_rows.upsert, new=sqlite_rows.row(written)))
        return written.version

    def delete(self, ref: Ref) -> None:
        check_ref(ref)
        self._may_write()
        self._writes.append(partial(sqlite_rows.remove, ref=ref))

    def end(self) -> None:
        """The callback has returned: whatever it kept of this transaction is of no use any more."""
        self._ended = True

    def commit(self, connection: sqlite3.Connection) -> None:
        """Apply the writes on the writer's connection, or raise ``Contention`` where a read would now come out differently."""
        for ref, version in self._seen.items():
            if sqlite_rows.version(connection, ref) != version:
                raise Contention
        for query, found in self._found:
            if sqlite_rows.matches(connection, query) != found:
                raise Contention
        for write in self._writes:
            write(connection)

    def _may_read(self) -> None:
        self._may_write()
        if self._writes:
            raise RuntimeError("A transaction reads before it writes: move this read up.")

    def _may_write(self) -> None:
        if self._ended:
            raise RuntimeError("This transaction has ended: use it only inside its callback.")
