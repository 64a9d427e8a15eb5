"""The ``TelemetrySink`` port: rows for dashboards. A row that cannot be written is logged and counted; nothing else fails for it.

Adapters: ``JsonLines`` here (files that DuckDB reads) and ``shared/adapters/bigquery_sink.py``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.telemetry.appended_file import AppendedFile

if TYPE_CHECKING:
    from shared.telemetry.rows import Row

_log = logging.getLogger(__name__)


class TelemetrySink(Protocol):
    """Takes rows, each at least once if its caller tells it at least once. ``lost`` counts those that could not be written."""

    lost: int

    def write(self, rows: Sequence[Row]) -> None:
        """Take the rows; they may be sent later. Never raises for what the place they go to does."""
        ...

    def flush(self) -> None:
        """Send what was taken; returns within seconds."""
        ...

    def close(self) -> None:
        """Send what was taken, and let connections go."""
        ...


class JsonLines:
    """Rows as lines of ``<folder>/<table>.jsonl``, written at once: a kill loses none, and breaks at most the last line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, AppendedFile] = {}
        self.lost = 0

    def write(self, rows: Sequence[Row]) -> None:
        by_table: dict[str, list[str]] = {}
        for row in rows:
            by_table.setdefault(row.table, []).append(row.model_dump_json() + "\n")
        for table, lines in by_table.items():
            try:
                # One write, so that lines of other threads and processes do not mix with these: a lock would hold up all who come to it.
                self._file(f"{table}.jsonl").write("".join(lines).encode())
            except (OSError, ValueError) as error:  # the latter where it was closed meanwhile
                with self._lock:
                    self.lost += len(lines)
                _log.warning("%s rows of telemetry (%s) could not be written (%s so far): %s", len(lines), table, self.lost, error)

    def _file(self, name: str) -> AppendedFile:
        return self._files.get(name) or self._files.setdefault(name, AppendedFile(self._folder / name))

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Let the files go."""
        with self._lock:
            for file in self._files.values():
                file.close()


class Nowhere:
    """For who wants no rows."""

    lost = 0

    def write(self, rows: Sequence[Row]) -> None:
        """Nothing is kept."""

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is held."""


NOWHERE = Nowhere()
