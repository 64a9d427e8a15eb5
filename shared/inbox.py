"""The ``Inbox`` port: where people put a mission's files, and where its report is laid out for them.

Adapters: ``shared/adapters/folder_inbox.py`` (two folders), ``shared/adapters/cloud_storage_inbox.py`` (two buckets). Both pass
``tests/contract/test_inbox.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class InboxObject:
    """One state of a file. ``generation`` grows with every change of it."""

    name: str
    """``folder/file``: relative, with ``/``."""
    generation: int
    size: int


class Superseded(Exception):
    """The file has another state by now, or is gone."""


class Inbox(Protocol):
    """Files come in, answers go out, and an answer never comes in again. Every method raises ``Unavailable``."""

    @property
    def bucket(self) -> str:
        """What events call the place that files come into."""
        ...

    def stat(self, name: str) -> InboxObject | None:
        """The file as it is now; ``None`` where there is none."""
        ...

    def list(self, folder: str) -> list[InboxObject]:
        """All files below ``folder/``, by name; hidden ones are left out."""
        ...

    def fetch(self, found: InboxObject, target: Path, *, limit: int) -> int:
        """Write exactly that state of the file to ``target``; how many bytes it has, or ``limit + 1`` where it has more.

        Raises ``Superseded``.
        """
        ...

    def answer(self, name: str, data: bytes, *, media_type: str) -> None:
        """Lay ``data`` out as ``folder/file``, in place of an earlier answer of that name."""
        ...

    def withdraw(self, name: str) -> None:
        """Take an answer back; nothing happens where there is none."""
        ...
