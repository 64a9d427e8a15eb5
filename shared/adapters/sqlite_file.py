"""One SQLite file as the embedded stores need it: opened safely, read by many threads at once, in snapshots."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from types import TracebackType

from shared.adapters.sqlite_errors import damaged, translated
from shared.adapters.sqlite_statistics import tell
from shared.errors import Unavailable

APPLICATION_ID = 0x4B494D45
"""``KIME``: written into the file's header, so that another program's database is not taken for ours."""
SCHEMA_VERSION = 2
"""Of the file's layout. 1: small artifacts may lie in a file of their own; an earlier version would look for them there."""
DOCUMENTS = """
CREATE TABLE documents (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (collection, id)
)
"""
_IDLE_READERS = 32
_FIRST_PAUSE_S, _LONGER, _LONGEST_PAUSE_S = 0.0003, 1.2, 0.02
_JOURNAL_KEPT_BYTES = 64 << 20


class SqliteFile:
    """Opens connections to one file. Other processes may have it open, for reading and for writing, at the same time.

    The file must lie on a local disk: WAL needs shared memory between the processes (sqlite.org/wal.html).
    """

    writable = True

    def __init__(
        self,
        path: Path,
        *,
        schema: str = DOCUMENTS,
        indexes: Sequence[str],
        busy_timeout_s: float,
        statistics: Mapping[str, str] | None = None,
    ) -> None:
        """Creates the file with the table of ``schema`` where there is none.

        ``indexes`` are statements that may run again, ``statistics`` what the planner is told.
        """
        self._schema = schema
        self.path = path.absolute()
        self._busy_timeout_s = busy_timeout_s
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = Event()
        self._translating = _Translating(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The folder of {self.path.name} cannot be made ({error.strerror}).",
                remedy="Choose a folder you may write to.",
                place=str(self.path),
            ) from error
        with self.translating():
            self._prepare(indexes, statistics or {})

    def connect(self) -> sqlite3.Connection:
        """A connection that writes, durably. The caller closes it. Raises ``sqlite3.Error``."""
        connection = self._connect()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_KEPT_BYTES}")
        return connection

    def connect_impatient(self) -> sqlite3.Connection:
        """The same for ``begin``, which waits instead of SQLite."""
        connection = self.connect()
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction that writes, when no other process does. Raises ``sqlite3.OperationalError`` where that takes too long.

        The connection is one of ``connect_impatient``. SQLite would look again after pauses that soon are 25 and 50 ms, where a commit
        takes one: processes that write in turns would stand still for most of the time.
        """
        pause, until = _FIRST_PAUSE_S, time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until or self._closed.is_set():
                    raise
            self.pause(pause)
            pause = min(pause * _LONGER, _LONGEST_PAUSE_S)

    def reader(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection that only reads, for this thread until the block ends."""
        return _Reading(self)

    def snapshot(self) -> AbstractContextManager[sqlite3.Connection]:
        """Like ``reader``, and all reads of the block see one moment: that of the first."""
        return _Snapshot(self)

    def translating(self) -> AbstractContextManager[None]:
        """SQLite's errors come out of the block as ours."""
        return self._translating

    def take_reader(self) -> sqlite3.Connection:
        """A connection that only reads, for this thread until it is given back."""
        if self._closed.is_set():
            raise Unavailable(f"The store {self.path.name} is closed.", place=str(self.path))
        try:
            return self._idle.pop()
        except IndexError:
            return self._open_reader()

    def give_back(self, connection: sqlite3.Connection) -> None:
        """What ``take_reader`` gave."""
        if self._closed.is_set() or len(self._idle) >= _IDLE_READERS:
            connection.close()
        else:
            self._idle.append(connection)

    def pause(self, seconds: float) -> None:
        """Wait, or return at once when the store closes."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Close the idle readers; those in use close as they come back."""
        self._closed.set()
        while self._idle:
            self._idle.pop().close()

    def _open_reader(self) -> sqlite3.Connection:
        with self.translating():
            connection = self._connect()
            # Not mode=ro: a reader of a WAL file takes part in its shared memory, which it may have to create.
            connection.execute("PRAGMA query_only = ON")
            return connection

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False)

    def _prepare(self, indexes: Sequence[str], statistics: Mapping[str, str]) -> None:
        connection = self.connect()
        try:
            self._is_new(connection)  # before anything is changed in a file that may not be ours
            self._switch_to_wal(connection)
            connection.execute("BEGIN IMMEDIATE")
            if self._is_new(connection):
                connection.execute(self._schema)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            if _layout(connection) < SCHEMA_VERSION:  # each write of it costs a page
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            for statement in indexes:
                connection.execute(statement)
            tell(connection, statistics)
            connection.execute("COMMIT")
        finally:
            connection.close()

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        """SQLite does not wait for a lock here, and another process may just be doing the same."""
        for remaining in range(int(self._busy_timeout_s / 0.02), -1, -1):
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if remaining == 0 or error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
            self.pause(0.02)

    def _is_new(self, connection: sqlite3.Connection) -> bool:
        """Whether nothing is in the file yet. Raises where what is in it is not ours, or newer than we are."""
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        version = _layout(connection)
        (entries,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (owner, version, entries) == (0, 0, 0):
            return True
        if owner != APPLICATION_ID:
            raise damaged(self.path, "it is another program's database")
        if version > SCHEMA_VERSION:
            raise Unavailable(
                f"{self.path.name} was written by a newer KIMERA (layout {version}).",
                remedy="Install that version to go on.",
                place=str(self.path),
            )
        return False


def _layout(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def write_nothing_new(connection: sqlite3.Connection) -> None:
    """Write the number of the layout once more: the least that shows whether the file takes anything."""
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


# A mission reads a hundred times: a generator for each of these blocks would cost as much as the reads.


class _Translating:
    """See ``SqliteFile.translating``; it holds nothing of its block, so that one serves all."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, sqlite3.Error):
            raise translated(error, self._path) from error


class _Reading:
    """See ``SqliteFile.reader``."""

    __slots__ = ("_connection", "_file")

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def __enter__(self) -> sqlite3.Connection:
        self._connection = self._file.take_reader()
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.give_back(self._connection)


class _Snapshot(_Reading):
    """See ``SqliteFile.snapshot``."""

    __slots__ = ()

    def __enter__(self) -> sqlite3.Connection:
        connection = super().__enter__()
        try:
            connection.execute("BEGIN")
        except BaseException:  # also when interrupted, the connection is given back
            self._file.give_back(connection)
            raise
        return connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._connection.rollback()
        finally:
            super().__exit__(kind, error, trace)
