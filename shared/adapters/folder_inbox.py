"""The embedded ``Inbox``: a folder that people put files into, and one beside it for the answers."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import StorageFull, Unavailable
from shared.inbox import InboxObject, Superseded
from shared.inputs import copy_limited


class FolderInbox:
    """A file's generation is the moment of its last change of any kind (ctime): a copy that keeps its old date counts as new too."""

    def __init__(self, inbox: Path, outbox: Path) -> None:
        self._inbox = inbox
        self._outbox = outbox

    @property
    def bucket(self) -> str:
        return self._inbox.name

    def stat(self, name: str) -> InboxObject | None:
        with _translated(self._inbox):
            path = self._inside(name)
            return _object(name, path.stat()) if path is not None and path.is_file() else None

    def list(self, folder: str) -> list[InboxObject]:
        with _translated(self._inbox):
            if not self._inbox.is_dir():
                raise Unavailable(f"The inbox {self._inbox} is no folder (any more).", remedy="Make it again; it is tried again.")
            root = self._inside(folder)
            if root is None or not root.is_dir():
                return []
            names = sorted(str(path.relative_to(self._inbox.resolve())) for path in root.rglob("*") if path.is_file())
        found = (self.stat(name) for name in names if not any(part.startswith((".", "~$")) for part in Path(name).parts))
        return [entry for entry in found if entry is not None]

    def fetch(self, found: InboxObject, target: Path, *, limit: int) -> int:
        with _translated(self._inbox):
            path = self._inside(found.name)
            if path is None or not path.is_file():
                raise Superseded(found.name)
            with path.open("rb") as stream:
                before = _object(found.name, os.fstat(stream.fileno()))
                size = copy_limited(stream, target, limit=limit)
            if before != found or self.stat(found.name) != found:
                raise Superseded(found.name)
            return size

    def answer(self, name: str, data: bytes, *, media_type: str) -> None:
        with _translated(self._outbox):
            path = self._outbox / name
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.part")
            draft.write_bytes(data)
            draft.replace(path)

    def withdraw(self, name: str) -> None:
        with _translated(self._outbox):
            (self._outbox / name).unlink(missing_ok=True)

    def _inside(self, name: str) -> Path | None:
        """The file of that name, links followed; ``None`` where they lead out of the inbox."""
        path = (self._inbox / name).resolve()
        return path if path.is_relative_to(self._inbox.resolve()) else None


def _object(name: str, about: os.stat_result) -> InboxObject:
    return InboxObject(name, about.st_ctime_ns, about.st_size)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"There is no room left in {folder}.", remedy="Free some space; it is tried again.") from error
        where = error.filename or folder
        raise Unavailable(f"{where} cannot be used: {error.strerror}.", remedy="Check its permissions; it is tried again.") from error
