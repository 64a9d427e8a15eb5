"""A file that several processes append lines to, and that its owner may delete or move away while they do."""

from __future__ import annotations

import os
import threading
from io import FileIO
from pathlib import Path


class AppendedFile:
    """Each write goes to the end of the file, in one piece. Any thread may write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: FileIO | None = None
        self._left: list[FileIO] = []

    def open(self) -> FileIO:
        """The file, made where there is none under its name (any more). Raises ``OSError``."""
        file = self._file
        if file is not None and self._in_place(file):
            return file
        with self._lock:
            file = self._file
            if file is not None:
                if self._in_place(file):
                    return file
                for before in self._left:
                    before.close()
                self._left = [file]  # another thread may just be writing to it
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._file = FileIO(self._path, "ab")
            return file

    def write(self, data: bytes) -> None:
        """Append it. Raises ``OSError``, and ``ValueError`` where it was closed meanwhile."""
        self.open().write(data)

    def close(self) -> None:
        """Let the file go; the next write opens it again."""
        with self._lock:
            for file in (*self._left, *([self._file] if self._file is not None else [])):
                file.close()
            self._file, self._left = None, []

    def _in_place(self, file: FileIO) -> bool:
        try:
            there = os.stat(self._path)  # noqa: PTH116 - a Path's own takes twice as long, once for each line
        except FileNotFoundError:
            return False
        held = os.fstat(file.fileno())
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
