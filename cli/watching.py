"""Follows a mission to its end: reads its state, shows it, and passes a Ctrl-C on as a cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.interruption import Interruption
from cli.patience import Patience
from cli.progress import Progress
from schemas.mission import MissionState
from shared.clock import Clock
from shared.errors import Unavailable


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
    patience = Patience(view.say, clock)
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
