"""The embedded ``DocumentStore``: one SQLite file, WAL, ``synchronous=FULL``, group commit, optimistic transactions."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import TypeVar

from shared.adapters import query_sql, sqlite_rows
from shared.adapters.contention import Persistence, Turns, until_undisturbed
from shared.adapters.document_rules import check_query, check_ref, checked
from shared.adapters.sqlite_file import SqliteFile, write_nothing_new
from shared.adapters.sqlite_statistics import statistics
from shared.adapters.sqlite_transaction import SnapshotTransaction
from shared.adapters.sqlite_writer import GroupWriter
from shared.documents import Document, JsonMap, Query, Ref, Transaction
from shared.indexes import Composite

T = TypeVar("T")

_PERSISTENCE = Persistence(attempts=50, first_pause_s=0.0005, longest_pause_s=0.05)
_FREE_ATTEMPTS = 4
"""Before a transaction waits for its turn. With 32 threads at the same few documents, 2 are as good, and 8 cost a third more."""


class SqliteDocuments:
    """A ``DocumentStore`` in one file that several processes may use at the same time.

    ``indexes`` names, for a collection, the fields whose queries should be fast; ``composites`` those that are asked for in the order of
    another one. The store works the same without.
    """

    def __init__(
        self,
        path: Path,
        *,
        indexes: Mapping[str, Sequence[str]] | None = None,
        composites: Sequence[Composite] = (),
        busy_timeout_s: float = 10.0,
        opens: type[SqliteFile] = SqliteFile,
    ) -> None:
        """Opens or creates the file; ``opens`` may be a class that only reads it.

        Raises ``Corrupt``, ``StorageFull`` or ``Unavailable`` with the place and the remedy.
        """
        begins = {(one.collection, one.equal) for one in composites}  # an index of several fields serves the first one alone, too
        alone = {of: [name for name in names if (of, name) not in begins] for of, names in (indexes or {}).items()}
        statements = [query_sql.index(collection, name) for collection, names in alone.items() for name in names]
        statements += [query_sql.index(one.collection, one.equal, one.order.removeprefix("-")) for one in composites]
        statements += [query_sql.no_index(collection, name) for collection, name in sorted(begins)]
        told = statistics(alone, composites) if alone else {}
        self.file = opens(path, indexes=statements, statistics=told, busy_timeout_s=busy_timeout_s)
        self.writer = GroupWriter(self.file)
        self._jitter = random.Random()
        self._turns = Turns(_FREE_ATTEMPTS, RLock())
        opening, count = os.urandom(8).hex(), itertools.count(1)
        self._next_version: Callable[[], str] = lambda: f"{opening}-{next(count)}"  # unique across processes, with no write of its own

    def get(self, ref: Ref) -> Document | None:
        check_ref(ref)
        with self.file.reader() as connection, self.file.translating():
            return sqlite_rows.read(connection, ref, self.file.path)

    def query(self, query: Query) -> list[Document]:
        check_query(query)
        with self.file.reader() as connection, self.file.translating():
            return sqlite_rows.find(connection, query, self.file.path)

    def create(self, ref: Ref, data: JsonMap) -> Document:
        written = self._document(ref, data)
        row = sqlite_rows.row(written)
        self.writer.submit(lambda connection: sqlite_rows.insert(connection, row))
        return written

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        written = self._document(ref, data)
        row = sqlite_rows.row(written)
        self.writer.submit(lambda connection: sqlite_rows.replace(connection, row, expect))
        return written

    def put(self, ref: Ref, data: JsonMap) -> Document:
        written = self._document(ref, data)
        row = sqlite_rows.row(written)
        self.writer.submit(lambda connection: sqlite_rows.upsert(connection, row))
        return written

    def delete(self, ref: Ref) -> None:
        check_ref(ref)
        self.writer.submit(lambda connection: sqlite_rows.remove(connection, ref))

    def transact(self, work: Callable[[Transaction], T]) -> T:
        def once() -> T:
            with self.file.snapshot() as connection:
                transaction = SnapshotTransaction(self.file, connection, self._document)
                result = work(transaction)
                transaction.end()
            if transaction.writes:  # without writes, what was read is one consistent moment already
                self.writer.submit(transaction.commit)
            return result

        what = f"A transaction on {self.file.path.name}"
        return until_undisturbed(once, what, _PERSISTENCE, pause=self.file.pause, jitter=self._jitter, turns=self._turns)

    def require_commits(self) -> None:
        """Raise what writes fail by, where this process had no commit when it last tried: tried again, with nothing to store."""
        if self.writer.failing:
            self.writer.submit(write_nothing_new)

    def close(self) -> None:
        """Commits what is waiting. The store refuses everything afterwards."""
        self.writer.close()
        self.file.close()

    def _document(self, ref: Ref, data: JsonMap) -> Document:
        return Document(ref, checked(ref, data), self._next_version())
