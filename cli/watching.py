"""Follows a mission to its end: reads its state, shows it, and passes a Ctrl-C on as a cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.interruption import Interruption
from cli.progress import Progress
from schemas.mission import MissionState
from shared.clock import Clock
from shared.errors import Unavailable

_PATIENCE = 60
"""Failed readings in a row (a platform that restarts) before watching gives up."""


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
    """The first state that ``until`` is true of."""
    told = False
    failures = 0
    with view:
        while True:
            try:
                state = read()
                failures = 0
                view.show(state)
                if until(state):
                    return state
                if stopping is not None and stopping.interruption.wanted and not told:
                    told = True
                    stopping.cancel()
                    view.say("Stopping: what there is gets fused into a report. Ctrl-C again leaves at once.")
            except Unavailable:
                failures += 1
                if failures >= _PATIENCE:
                    raise
            clock.sleep(every_s)
