"""Files that are on the disk when the call returns: written, flushed, moved into place, removed; with errors that say what to do."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from shared.errors import InputUnreadable, KimeraError, StorageFull, Unavailable

_CHUNK = 1 << 20
_FICLONE = 0x40049409
"""ioctl_ficlone(2): share the blocks of another file until one of the two changes."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MOST_PRUNED = 100
"""Times in a row that a delete takes away an empty folder before its new artifact is in it: more is no coincidence."""
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


class Digest(NamedTuple):
    """What identifies bytes."""

    sha256: str
    size: int


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """The system's errors come out of the block as ours; ``path`` is what they are about."""
    try:
        yield
    except OSError as error:
        raise _translated(error, path) from error


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file of the user's, for reading; ``InputUnreadable`` where that cannot be."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputUnreadable(
            f"{path} cannot be read ({error.strerror}).", remedy="Check that it is a file and that you may read it."
        ) from error
    with stream:
        yield stream


def bytes_if_there(path: str) -> bytes | None:
    """What the file holds; ``None`` where there is none."""
    try:
        with FileIO(path) as file:
            return file.readall()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _translated(error, Path(path)) from error


def digest(stream: BinaryIO) -> Digest:
    """The digest of the rest of the stream."""
    return _copy(stream, None)


def write(path: Path, stream: BinaryIO, *, clone: int | None) -> Digest:
    """A new read-only file with the stream's bytes, on the disk. ``clone`` is the stream's descriptor, where its blocks may be shared."""
    with path.open("xb+") as target:
        if clone is not None and _cloned(clone, target.fileno()):
            written = _copy(target, None)  # what was taken over, whatever becomes of the original
        else:
            written = _copy(stream, target)
        target.flush()
        os.fchmod(target.fileno(), 0o444)
        os.fsync(target.fileno())
    return written


def move_if_free(draft: Path, place: Path, *, top: Path) -> bool:
    """Rename the folder ``draft`` to ``place`` and flush; false where ``place`` is taken."""
    for remaining in range(_MOST_PRUNED, -1, -1):
        _make_folder(place.parent, top)
        try:
            draft.rename(place)
            break
        except FileNotFoundError:  # somebody pruned the empty folder that was just made
            if not remaining:
                raise
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
    flush_folder(place.parent)
    return True


def flush_folder(folder: Path) -> None:
    """The folder's entries are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prune(folder: Path, *, top: Path) -> None:
    """Remove the folder and those above it, below ``top``, as far as they are empty."""
    while folder != top:
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone
            return
        folder = folder.parent


def remove_stale(folder: Path, *, older_than: float) -> None:
    """Remove the entries in which nothing was written since ``older_than`` (seconds of the epoch)."""
    with translating(folder):
        for entry in folder.iterdir():
            if _last_written(entry) < older_than:
                shutil.rmtree(entry, ignore_errors=True)


def keys_below(folder: Path, path: str, prefix: str, *, mark: str) -> Iterator[str]:
    """Keys that start with ``prefix``, in order. ``path`` is the key of ``folder``, ``mark`` ends the name of an artifact's folder."""
    with translating(folder):
        try:
            names = [entry.name for entry in os.scandir(folder)]
        except (FileNotFoundError, NotADirectoryError):
            return
    # A folder sorts as its name with "/": so do the keys in it.
    for part in sorted(name.removesuffix(mark) if name.endswith(mark) else f"{name}/" for name in names):
        key = path + part
        if part.endswith("/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from keys_below(folder / part, key, prefix, mark=mark)
        elif key.startswith(prefix):
            yield key


def _copy(source: BinaryIO, target: BinaryIO | None) -> Digest:
    found, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        found.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return Digest(found.hexdigest(), size)


def _cloned(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # another file system, or one that cannot
        return False
    return True


def _make_folder(folder: Path, top: Path) -> None:
    """Make the folder and those above it, each flushed into its parent."""
    if folder == top or folder.is_dir():
        return
    _make_folder(folder.parent, top)
    try:
        folder.mkdir()
        flush_folder(folder.parent)
    except (FileExistsError, FileNotFoundError):  # somebody made it too, or pruned it: the rename will notice and begin anew
        return


def _last_written(entry: Path) -> float:
    try:
        inside = [file.stat().st_mtime for file in entry.iterdir()] if entry.is_dir() else []
        return max([entry.stat().st_mtime, *inside])
    except FileNotFoundError:  # its put has just finished
        return float("inf")


def _translated(error: OSError, path: Path) -> KimeraError:
    if error.errno in _NO_ROOM:
        return StorageFull(
            f"There is no room left for {path.name}.", remedy="Free some space and try again; nothing was lost.", place=str(path)
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Unavailable(
            f"{path.name} may not be read or written ({error.strerror}).", remedy="Check the rights of the folder.", place=str(path)
        )
    return Unavailable(
        f"{path.name} failed ({error.strerror or type(error).__name__}).", remedy="Try again; if it lasts, check the disk.", place=str(path)
    )
