"""What SQLite says, as errors of KIMERA: what happened, to which file, what to do."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from shared.errors import BadInput, Corrupt, KimeraError, StorageFull, Unavailable

_PRIMARY = 0xFF  # sqlite.org/rescode.html: the low byte of an extended code is its primary code
_NO_ROOM_BYTES = 1 << 20


def translated(error: sqlite3.Error, path: Path) -> KimeraError:
    """The error to raise in the place of SQLite's own."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, str(error))
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return StorageFull(
            f"There is no room left for {path.name}.", remedy="Free some space and try again; nothing was lost.", place=str(path)
        )
    if code == sqlite3.SQLITE_TOOBIG:
        return BadInput(f"{path.name}: a value is too large for the database ({error}).", place=str(path))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable(
            f"Another process holds the lock of {path.name}.",
            remedy="Try again; if it lasts, look for a process that hangs.",
            retry_after_s=1.0,
            place=str(path),
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return Unavailable(
            f"{path.name} cannot be opened for writing ({error}).",
            remedy=f"Check that you may write to its folder, to it, and to {path.name}-wal and {path.name}-shm where they are there.",
            place=str(path),
        )
    return Unavailable(f"The database {path.name} failed: {error}.", remedy="Try again; if it lasts, check the disk.", place=str(path))


def damaged(path: Path, what: str) -> Corrupt:
    """The file is not a database of ours any more. It is left as it is."""
    return Corrupt(
        f"The database {path.name} is damaged ({what}).",
        remedy=f"Restore it from a backup, or move {path.name} and its -wal and -shm files away to begin anew. Nothing was deleted.",
        place=str(path),
    )


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NO_ROOM_BYTES
    except OSError:
        return False
