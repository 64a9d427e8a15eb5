"""The platform's log file, ``kimera.log`` in the data folder."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler, WatchedFileHandler
from pathlib import Path

_MOST_BYTES = 5_000_000


def log_to_file(home: Path, *, rotates: bool = True) -> None:
    """Send warnings and errors of all parts to ``<home>/kimera.log``, so that no traceback meets the user (``KIMERA_DEBUG=1``: stderr).

    ``rotates`` is for one process: the others follow when it has put the file away.
    """
    handler: logging.Handler
    if os.environ.get("KIMERA_DEBUG"):
        handler = logging.StreamHandler()
    else:
        logging.raiseExceptions = False  # a log that cannot be written stops nothing
        handler = (_Rotating if rotates else _Following)(home / "kimera.log")
    handler.setFormatter(_OneEntryEach("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers = [handler]


class _OneEntryEach(logging.Formatter):
    """Whatever a message quotes, it stays one entry: further lines are indented, other control characters are spelled out."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        return "\n    ".join("".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in line) for line in lines)


class _Rotating(RotatingFileHandler):
    """Makes its folder when there is something to write, and puts a long file away."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_MOST_BYTES, backupCount=1, delay=True, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        if _has_folder(self, record):
            super().emit(record)


class _Following(WatchedFileHandler):
    """Likewise, but goes on in a new file when another process has put the old one away."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, delay=True, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        if _has_folder(self, record):
            super().emit(record)


def _has_folder(handler: logging.FileHandler, record: logging.LogRecord) -> bool:
    try:
        Path(handler.baseFilename).parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        handler.handleError(record)  # raised here, it would end the thread that wanted to log
        return False
    return True
