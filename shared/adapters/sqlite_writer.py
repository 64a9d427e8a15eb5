"""Group commit: one caller at a time writes, for everyone who waits at that moment, so that they share one flush to the disk.

There is no thread for it: who comes while nobody writes does it, and hands on to the first of those who came meanwhile. So a write that
is alone costs no change of threads.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from threading import Condition, Lock
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

    def __init__(self, work: Callable[[sqlite3.Connection], T], flush: bool) -> None:
        self.work = work
        self.flush = flush
        self.leads = False
        """Whether this caller is the one that writes now."""
        self._told = Lock()
        self._told.acquire(blocking=False)
        self._value: T | None = None
        self._error: Exception | None = None

    def apply(self, connection: sqlite3.Connection) -> None:
        """Do the writes in a savepoint of their own. Raises ``sqlite3.Error`` only where the whole transaction is lost."""
        connection.execute("SAVEPOINT member")
        if not self._did(connection):
            connection.execute("ROLLBACK TO member")
        connection.execute("RELEASE member")

    def apply_alone(self, connection: sqlite3.Connection) -> None:
        """Do the writes as all that their transaction does."""
        if not self._did(connection):
            connection.execute("ROLLBACK")
            connection.execute("BEGIN")  # an empty one is what is left to commit

    def _did(self, connection: sqlite3.Connection) -> bool:
        try:
            self._value = self.work(connection)
        except Exception as error:
            if not connection.in_transaction:  # SQLite has rolled everything back by itself: no room, a failing disk
                raise
            self._error = error  # raised to whoever wanted this write; the others of the batch are committed
            return False
        return True

    def lose(self, error: Exception) -> None:
        """There was no commit, whatever the writes had found."""
        self._error = error

    def tell(self) -> None:
        """Wake the caller: its commit is over, or it leads."""
        self._told.release()

    def was_told(self) -> bool:
        """Waits until the caller is told; false where that took too long."""
        return self._told.acquire(timeout=_LONGEST_S)

    def outcome(self) -> T:
        """The value once it is on the disk, or the error."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # apply has set it


_Rider = tuple[Callable[[sqlite3.Connection], object], Callable[[], object]]


class GroupWriter:
    """The only writer of this process to the file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._lock = Lock()
        self._idle = Condition(self._lock)
        self._waiting: deque[_Member[object]] = deque()
        self._riders: list[_Rider] = []
        self._led = False
        """Whether somebody writes, or was told to."""
        self._closed = False
        self.failing = False
        """Whether there was no commit when one was last tried."""
        self._connection: sqlite3.Connection | None = None
        self._flushes = True
        """Whether the connection flushes its commits, as one that was just opened does."""

    @property
    def waiting(self) -> int:
        """Members that are in no commit yet."""
        return len(self._waiting)

    def submit(self, work: Callable[[sqlite3.Connection], T], *, flush: bool = True) -> T:
        """Run ``work`` inside the next commit; returns its value once that commit is on the disk, or raises its error.

        A commit that fails fails all of its members, whatever each of them had found: what they saw was never true. Without ``flush`` the
        operating system may hold it back: no kill loses it, and the next commit that is flushed takes it along, since a write-ahead log
        keeps their order.
        """
        member: _Member[T] = _Member(work, flush)
        with self._lock:
            if self._closed:
                raise Unavailable(f"The store {self._file.path.name} is closed.", place=str(self._file.path))
            self._waiting.append(member)  # type: ignore[arg-type]  # a queue of members of any type
            member.leads = not self._led
            self._led = True
        try:
            if not member.leads and not member.was_told():
                self._give_up(member)
            if member.leads:
                self._write()
        except KeyboardInterrupt:  # in the main thread, at any moment
            self._withdraw(member)
            raise
        try:
            return member.outcome()
        except sqlite3.Error as error:
            raise translated(error, self._file.path) from error

    def ride(self, work: Callable[[sqlite3.Connection], object], landed: Callable[[], object]) -> None:
        """Have ``work`` done by the next commit, ahead of its members; nobody waits for it.

        ``landed`` is called after that commit. It must not fail but for what fails the whole commit, with which it is tried again.
        """
        with self._lock:
            if self._closed:
                raise Unavailable(f"The store {self._file.path.name} is closed.", place=str(self._file.path))
            self._riders.append((work, landed))

    def close(self) -> None:
        """Commit what is waiting, then stop."""
        with self._lock:
            self._closed = True
            if self._idle.wait_for(lambda: not self._led, _LONGEST_S):
                self._drop_connection()

    def _give_up(self, member: _Member[T]) -> None:
        """End a wait that took too long, unless the caller was told to write at this very moment."""
        with self._lock:
            if member.leads:
                return
            if member in self._waiting:
                self._waiting.remove(member)  # type: ignore[arg-type]  # as above
        raise Unavailable(
            f"The document store {self._file.path.name} has committed nothing for {_LONGEST_S:.0f} s.",
            remedy="Is its disk full, or on a network that is gone? Whether the last write is stored shows when it answers again.",
            place=str(self._file.path),
        )

    def _withdraw(self, member: _Member[T]) -> None:
        """Leave, and let nobody wait for a caller that will not write."""
        with self._lock:
            if member in self._waiting:
                self._waiting.remove(member)  # type: ignore[arg-type]  # as above
            if member.leads:
                self._hand_on()

    def _write(self) -> None:
        """Commit those who wait, the caller first among them, and hand on."""
        with self._lock:
            leader = self._waiting[0]
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_MEMBERS))]
            riders, self._riders = self._riders, []
        landed = False
        try:
            landed = self._commit(batch, riders)
        finally:
            for _, tell in riders if landed else ():
                tell()
            with self._lock:
                if not landed:
                    self._riders[:0] = riders
                leader.leads = False
                self._hand_on()
            for member in batch[1:]:
                member.tell()

    def _hand_on(self) -> None:
        """Let the first of those who wait write. The lock is held."""
        if self._waiting:
            self._waiting[0].leads = True
            self._waiting[0].tell()
        else:
            self._led = False
            self._idle.notify_all()

    def _commit(self, batch: list[_Member[object]], riders: list[_Rider]) -> bool:
        """One transaction with all riders and members, each of which learns where there was none; whether there was one."""
        try:
            if self._connection is None:
                self._connection = self._file.connect_impatient()
                self._flushes = True
            flush = any(member.flush for member in batch)
            if flush is not self._flushes:
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
                self._flushes = flush
            self._file.begin(self._connection)
            for work, _ in riders:
                work(self._connection)
            if len(batch) == 1 and not riders:
                batch[0].apply_alone(self._connection)
            else:
                for member in batch:
                    member.apply(self._connection)
            self._connection.execute("COMMIT")
            self.failing = False
            return True
        except BaseException as error:
            self.failing = True
            self._drop_connection()  # rolls back; the next commit begins with a new connection, whatever state this one was in
            lost = (
                error
                if isinstance(error, Exception)
                else Unavailable(f"A write to {self._file.path.name} was interrupted.", place=str(self._file.path))
            )
            for member in batch:
                member.lose(lost)
            if lost is not error:
                raise
            return False

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
