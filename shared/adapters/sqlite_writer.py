"""Group commit: one thread writes, and everyone who waits at that moment shares one flush to the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

from shared.adapters.sqlite_errors import translated
from shared.adapters.sqlite_file import SqliteFile
from shared.errors import Unavailable

T = TypeVar("T")

_LONGEST_S = 120.0
"""How long a write waits for its commit: a disk that hangs does not hang whoever writes."""
_MOST_MEMBERS = 256
"""Of one commit, so that the first of them does not wait for ever."""


class _Member(Generic[T]):
    """One caller's writes, which succeed or fail as a whole."""

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self.work = work
        self.done: Future[T] = Future()
        self._value: T | None = None
        self._error: Exception | None = None

    def apply(self, connection: sqlite3.Connection) -> None:
        """Do the writes in a savepoint of their own. Raises ``sqlite3.Error`` only where the whole transaction is lost."""
        connection.execute("SAVEPOINT member")
        try:
            self._value = self.work(connection)
        except Exception as error:
            if not connection.in_transaction:  # SQLite has rolled everything back by itself: no room, a failing disk
                raise
            self._error = error
            connection.execute("ROLLBACK TO member")
        connection.execute("RELEASE member")

    def acknowledge(self, lost: Exception | None) -> None:
        """Tell the caller, after the commit: ``lost`` is why there was none."""
        error = lost or self._error
        if error is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(self._value)  # type: ignore[arg-type]  # apply has set it


class GroupWriter:
    """The only writer of this process to the file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._waiting: SimpleQueue[_Member[object] | None] = SimpleQueue()
        self._lock = Lock()
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._thread = Thread(target=self._run, name="kimera-documents", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Members that are in no commit yet."""
        return self._waiting.qsize()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` inside the next commit; returns its value once that commit is on the disk, or raises its error.

        A commit that fails fails all of its members, whatever each of them had found: what they saw was never true.
        """
        member = _Member(work)
        with self._lock:
            if self._closed:
                raise Unavailable(f"The store {self._file.path} is closed.")
            self._waiting.put(member)  # type: ignore[arg-type]  # a queue of members of any type
        try:
            return member.done.result(_LONGEST_S)
        except TimeoutError as error:
            raise Unavailable(
                f"The document store {self._file.path} has committed nothing for {_LONGEST_S:.0f} s.",
                remedy="Is its disk full, or on a network that is gone? Whether the last write is stored shows when it answers again.",
            ) from error
        except sqlite3.Error as error:
            raise translated(error, self._file.path) from error

    def close(self) -> None:
        """Commit what is waiting, then stop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._thread.join(_LONGEST_S)

    def _run(self) -> None:
        going = True
        while going:
            first = self._waiting.get()
            batch: list[_Member[object]] = []
            while first is not None:
                batch.append(first)
                if len(batch) == _MOST_MEMBERS:
                    break
                try:
                    first = self._waiting.get_nowait()
                except Empty:
                    break
            going = first is not None
            lost = self._commit(batch) if batch else None
            for member in batch:
                member.acknowledge(lost)
        self._drop_connection()

    def _commit(self, batch: list[_Member[object]]) -> Exception | None:
        """One transaction with all members; why it was not committed, if so."""
        try:
            if self._connection is None:
                self._connection = self._file.connect()
            self._connection.execute("BEGIN IMMEDIATE")
            for member in batch:
                member.apply(self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - raised again on every caller's thread
            self._drop_connection()  # rolls back; the next commit begins with a new connection, whatever state this one was in
            return error
        return None

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
