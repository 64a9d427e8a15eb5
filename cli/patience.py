"""Patience with a platform that is away for a moment: it restarts, its disk is full, it hangs."""

from __future__ import annotations

from collections.abc import Callable

from shared.clock import Clock
from shared.errors import Unavailable

_PATIENCE_S = 30.0
"""How long a platform may be away before it is given up."""
_QUIET_S = 2.0
"""How long it may be away before that is said."""


class Patience:
    """With a platform that does not answer: says so, once, and gives up in the end."""

    def __init__(self, say: Callable[[str], object], clock: Clock) -> None:
        self._say = say
        self._clock = clock
        self._answered_at = clock.monotonic()
        self._away_since: float | None = None
        self._said: set[str] = set()

    def renew(self) -> None:
        """It answered."""
        if self._said:
            self._say("It goes on.")
        self._answered_at = self._clock.monotonic()
        self._away_since = None
        self._said.clear()

    def bear(self, error: Unavailable, *, at_the_end: Unavailable | None = None, stop_waits: bool = False) -> None:
        """Raise ``at_the_end`` (or the error itself) where patience is at its end.

        ``stop_waits``: Ctrl-C was pressed, and could not be passed on.
        """
        now = self._clock.monotonic()
        if self._away_since is None:
            self._away_since = now
        if not error.retryable or now - self._away_since >= _PATIENCE_S:
            raise at_the_end or error
        if now - self._answered_at >= _QUIET_S:
            self._say_once("away", f"{error.message} Waiting until that has passed, for {_PATIENCE_S:.0f} s at most.")
        if stop_waits:
            self._say_once("stop", "It will be asked to stop as soon as it answers. Ctrl-C again leaves at once.")

    def _say_once(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._say(text)
