"""Circuits on a clock that is passed in: pybreaker's own compares with the time of day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

import pybreaker

from shared.clock import Clock


class CircuitOpen(Exception):
    """Nothing was sent. It never leaves the module that asked the circuit."""


class Circuit:
    """Opens after ``failures`` outages in a row. ``reset_s`` later one call at a time may try; its success closes the circuit again."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        failures: int,
        reset_s: float,
        is_outage: Callable[[BaseException], bool],
        listeners: Sequence[pybreaker.CircuitBreakerListener] = (),
    ) -> None:
        self._reset_s = reset_s
        self._state = _Storage(clock)
        self._probe = Lock()
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=reset_s,
            exclude=[lambda error: not is_outage(error)],
            listeners=listeners,
            state_storage=self._state,
            name=name,
            throw_new_error_on_trip=False,
        )

    @property
    def opens_in_s(self) -> float:
        """In how many seconds a call may try: 0 where one may now."""
        return max(0.0, self._reset_s - self._state.open_for())

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Around one call: its outcome counts. Raises ``CircuitOpen`` where none may be made."""
        if self._state.state == pybreaker.STATE_CLOSED:
            with self._counted():
                yield
            return
        if not self._probe.acquire(blocking=False):
            raise CircuitOpen  # somebody else is trying
        try:
            with self._counted():
                yield
        finally:
            self._probe.release()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            # pybreaker's ``call`` would hold its lock during the request: one call at a time. ``calling`` does not.
            with self._breaker.calling():
                yield
        except pybreaker.CircuitBreakerError as error:
            raise CircuitOpen from error


class _Storage(pybreaker.CircuitMemoryStorage):
    """A circuit's state in memory, on our clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(pybreaker.STATE_CLOSED)
        self._clock = clock
        self._opened = 0.0

    def open_for(self) -> float:
        """For how many seconds it has been open; endless for one that is not."""
        return self._clock.monotonic() - self._opened if self.state == pybreaker.STATE_OPEN else float("inf")

    @property
    def opened_at(self) -> datetime | None:
        """The moment that pybreaker compares with the time of day: as far back as our clock says."""
        return datetime.now(UTC) - timedelta(seconds=self._clock.monotonic() - self._opened)

    @opened_at.setter
    def opened_at(self, datetime: datetime) -> None:
        self._opened = self._clock.monotonic()  # pybreaker gives the time of day; what passes from here on is our clock's
