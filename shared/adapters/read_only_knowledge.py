"""A knowledge graph in a SQLite file that may not be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from shared.adapters.sqlite_errors import translated
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.adapters.sqlite_read_only import not_written, read_only_connection


class ReadOnlyKnowledge(SqliteKnowledge):
    """Reads the file as it is; every write raises ``Unavailable``. What is no graph of ours, or none, is told by what reads it."""

    def _open(self) -> None:
        try:
            self._connection = read_only_connection(self._path, timeout_s=0)
        except sqlite3.Error as error:
            raise translated(error, self._path) from error

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        if begin != "BEGIN":
            raise not_written(self._path)
        with super()._transaction(begin) as db:
            yield db
