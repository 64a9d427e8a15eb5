"""Time for workflows: the real one, and one that jumps from event to event.

A clock is asked for the time, and to let the scheduler idle until either something happens or a moment is reached.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch, never running backwards, and a way to wait."""

    def now(self) -> float: ...

    def idle(self, wake: threading.Event, until: float | None, outside: bool) -> None:
        """Return when ``wake`` is set or the clock shows ``until``, whichever is first; None waits for ``wake`` alone.

        ``outside`` says that calls are under way whose duration this clock does not know.
        """
        ...


class RealClock:
    """The machine's clock as it was set when this was made, going on evenly from there: one that is set back holds up no sleep."""

    def __init__(self) -> None:
        self._epoch = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)  # which also passes while the machine is suspended

    def now(self) -> float:
        return self._epoch + time.clock_gettime(time.CLOCK_BOOTTIME)

    def idle(self, wake: threading.Event, until: float | None, outside: bool) -> None:
        wake.wait(None if until is None else max(0.0, until - self.now()))


class FastClock:
    """A clock on which waiting takes no time: when nothing can run and no call is under way it jumps to the next moment anything waits for.

    Time advances in order, so two sleeps end in the order of their lengths. It stands still while anything runs.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass, for whoever shares this clock with the workflows."""
        with self._lock:
            self._now += max(0.0, seconds)

    def idle(self, wake: threading.Event, until: float | None, outside: bool) -> None:
        if outside or until is None:
            wake.wait()
        elif not wake.is_set():
            with self._lock:
                self._now = max(self._now, until)
