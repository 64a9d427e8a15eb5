"""Time, passed in: nothing in this project looks at a clock that it was not given."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.errors import BadInput


class Clock(Protocol):
    """Tells the time and waits. Tests use ``tests/support/clock.py``, where time passes only when a test says so."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back, so differences of it are durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Returns once that many seconds have passed; at once where ``seconds`` is not positive."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)  # noqa: TID251 - this is the real clock


class OffsetClock(SystemClock):
    """The machine's clock, as far off as ``offset`` says: a file with a number of seconds, read at each look. For drills.

    Only the time of day is off, as where somebody sets a machine's clock: durations stay true.
    """

    def __init__(self, offset: Path) -> None:
        """Raises ``BadInput`` for a file that cannot be read, or holds no number of seconds; so does each look."""
        self._offset = offset
        self.now()

    def now(self) -> datetime:
        try:
            return super().now() + timedelta(seconds=float(self._offset.read_text("utf-8")))
        except (OSError, ValueError, OverflowError) as error:
            raise BadInput(
                f"KIMERA_CLOCK_OFFSET names {self._offset}, which cannot be read as a number of seconds: {error}.",
                remedy="Write one number into that file, for instance 3600, or unset KIMERA_CLOCK_OFFSET.",
            ) from error
