"""A SQLite file of ours that may not be written: on a read-only medium, in somebody else's folder."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.adapters.sqlite_errors import damaged
from shared.adapters.sqlite_file import SqliteFile
from shared.errors import Unavailable

_COPY = "Copy the data folder to a place that you may write to, and set KIMERA_HOME to that."


def may_only_be_read(path: Path) -> bool:
    """Whether the file is there, and it or its folder may not be written: a log of changes has to be made beside it."""
    return path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def read_only_connection(path: Path, *, timeout_s: float) -> sqlite3.Connection:
    """A connection that reads the file as it is. Raises ``sqlite3.Error``, and ``Unavailable`` where that would not be all of it.

    Without a log beside it, SQLite needs to be told that nobody writes the file; with one, that would hide what is in the log. The log is
    read through its index, which others may be using (sqlite.org/wal.html, "Read-Only Databases").
    """
    if not os.access(path, os.R_OK):
        raise Unavailable(
            f"{path.name} cannot be read.", remedy="Check that you may read the data folder and all that is in it.", place=str(path)
        )
    log, index = (path.with_name(f"{path.name}-{part}") for part in ("wal", "shm"))
    if log.exists() and index.exists():
        how = "mode=ro"
    elif not log.exists() or log.stat().st_size == 0:
        how = "mode=ro&immutable=1"
    else:
        raise Unavailable(
            f"{log.name} holds changes that are not in {path.name} yet, and cannot be read where nothing may be written.",
            remedy=_COPY,
            place=str(log),
        )
    return sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False)


def not_written(path: Path) -> Unavailable:
    """The error for who would write the file."""
    return Unavailable("The data folder can only be read.", remedy=_COPY, place=str(path.parent))


class ReadOnlySqliteFile(SqliteFile):
    """Opens connections that read the file as it is. Every write raises ``Unavailable``; nothing is made, neither index nor log."""

    writable = False

    def connect(self) -> sqlite3.Connection:
        raise not_written(self.path)

    def _prepare(self, indexes: Sequence[str], statistics: Mapping[str, str]) -> None:
        connection = self._connect()
        try:
            if self._is_new(connection):
                raise damaged(self.path, "nothing is in it")
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        return read_only_connection(self.path, timeout_s=self._busy_timeout_s)
