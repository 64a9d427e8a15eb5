"""A folder for what a slice unpacks and runs: made when it is first asked for, since most slices of a mission need none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self


class Scratch:
    """A context manager; leaving it removes the folder with everything in it. For one thread.

    What cannot be removed (no file handle is left, a network file system keeps an open file) is left to the next start of the platform, and
    hides neither what the slice came to nor why it failed.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._folder: TemporaryDirectory[str] | None = None

    @property
    def path(self) -> Path:
        """The folder, empty at first. Raises ``OSError`` where it cannot be made."""
        if self._folder is None:
            self._parent.mkdir(parents=True, exist_ok=True)
            self._folder = TemporaryDirectory(dir=self._parent, prefix=_prefix(os.getpid()), ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def clear_after(pid: int, parent: Path) -> None:
    """Remove the folders of a process that was killed. What cannot be removed is left to the next start of the platform."""
    for left in parent.glob(f"{_prefix(pid)}*"):
        shutil.rmtree(left, ignore_errors=True)


def _prefix(pid: int) -> str:
    return f"slice-{pid}-"
