"""A copy of a SQLite file of ours, as it was at one moment, while others read and write it (sqlite.org/backup.html)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from shared.adapters.sqlite_errors import damaged, translated
from shared.adapters.sqlite_read_only import may_only_be_read, read_only_connection

_PATIENCE_S = 30.0


def back_up(path: Path, target: Path) -> int:
    """Copy the database ``path`` to the new file ``target``, onto the disk; its bytes. In ``path`` nothing is changed, its layout neither.

    Raises ``Corrupt`` (also where the copy turns out to be damaged), ``StorageFull``, ``Unavailable``.
    """
    with _source(path) as source, closing(sqlite3.connect(target)) as copy:
        with _translating(target):
            source.backup(copy)  # in one step: in several it begins anew with each write of somebody else
        with _translating(path):  # whose damage it is
            problems = [str(row[0]) for row in copy.execute("PRAGMA quick_check(3)")]
    if problems != ["ok"]:
        raise damaged(path, "; ".join(problems)[:300])
    return target.stat().st_size


@contextmanager
def _source(path: Path) -> Iterator[sqlite3.Connection]:
    with _translating(path):
        if may_only_be_read(path):
            connection = read_only_connection(path, timeout_s=_PATIENCE_S)
        else:
            connection = sqlite3.connect(path, timeout=_PATIENCE_S)
    with closing(connection):
        with _translating(path):
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # a file that is none is named as what it is
        yield connection


@contextmanager
def _translating(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path) from error
