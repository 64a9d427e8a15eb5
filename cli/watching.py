"""Follows a mission to its end: reads its state, shows it, and passes a Ctrl-C on as a cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.interruption import Interruption
from cli.progress import Progress
from schemas.mission import MissionState
from shared.clock import Clock
from shared.errors import Unavailable

_PATIENCE_S = 30.0
"""How long a platform may be away (it restarts) before watching gives up."""
_QUIET_S = 2.0
"""How long it may be away before that is said."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """What Ctrl-C does: ``cancel`` is called once when it was pressed."""

    interruption: Interruption
    cancel: Callable[[], object]


def has_ended(state: MissionState) -> bool:
    """Whether the mission has its result; a late track may still go on behind it."""
    return state.status.terminal


def watch(
    read: Callable[[], MissionState],
    *,
    view: Progress,
    clock: Clock,
    every_s: float,
    until: Callable[[MissionState], bool] = has_ended,
    stopping: Stopping | None = None,
) -> MissionState:
    """The first state that ``until`` is true of. ``Unavailable``: for half a minute there was none, or waiting does not help."""
    patience = _Patience(view, clock)
    told = False
    with view:
        while True:
            try:
                state = read()
                view.show(state)
                if until(state):
                    return state
                if stopping is not None and stopping.interruption.wanted and not told:
                    stopping.cancel()
                    told = True
                    view.say("Stopping: what there is gets fused into a report. Ctrl-C again leaves at once.")
                patience.renew()
            except Unavailable as error:
                patience.bear(error, stop_waits=stopping is not None and stopping.interruption.wanted and not told)
            clock.sleep(every_s)


class _Patience:
    """With a platform that does not answer: says so, once, and gives up in the end."""

    def __init__(self, view: Progress, clock: Clock) -> None:
        self._view = view
        self._clock = clock
        self._answered_at = clock.monotonic()
        self._away_since: float | None = None
        self._said: set[str] = set()

    def renew(self) -> None:
        """It answered."""
        if self._said:
            self._view.say("It goes on.")
        self._answered_at = self._clock.monotonic()
        self._away_since = None
        self._said.clear()

    def bear(self, error: Unavailable, *, stop_waits: bool) -> None:
        """Raises the error where patience is at its end. ``stop_waits``: Ctrl-C was pressed, and could not be passed on."""
        now = self._clock.monotonic()
        if self._away_since is None:
            self._away_since = now
        if not error.retryable or now - self._away_since >= _PATIENCE_S:
            raise error
        if now - self._answered_at >= _QUIET_S:
            self._say_once("away", f"{error.message} Waiting until that has passed, for {_PATIENCE_S:.0f} s at most.")
        if stop_waits:
            self._say_once("stop", "It will be asked to stop as soon as it answers. Ctrl-C again leaves at once.")

    def _say_once(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._view.say(text)
