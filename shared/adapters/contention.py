"""Optimistic work: run it, and run it again where somebody else was faster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from shared.errors import Unavailable

T = TypeVar("T")


class Contention(Exception):
    """Somebody else was faster; nothing was written. It never leaves the adapters."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often to try, and how long to wait in between: a random time up to a bound that doubles."""

    attempts: int
    first_pause_s: float
    longest_pause_s: float


@dataclass(frozen=True, slots=True)
class Turns:
    """Whoever was disturbed ``after`` times goes on while it has ``one_at_a_time``: many who want the same only disturb each other."""

    after: int
    one_at_a_time: AbstractContextManager[object]


def until_undisturbed(
    run: Callable[[], T],
    what: str,
    persistence: Persistence,
    *,
    pause: Callable[[float], object],
    jitter: Random,
    turns: Turns | None = None,
) -> T:
    """What ``run`` returns, once it does without ``Contention``; ``Unavailable`` after the last attempt."""
    bound = persistence.first_pause_s
    with ExitStack() as turn:
        for attempt in range(persistence.attempts):
            if turns is not None and attempt == turns.after:
                turn.enter_context(turns.one_at_a_time)
            elif attempt:
                pause(jitter.uniform(0, bound))
                bound = min(bound * 2, persistence.longest_pause_s)
            try:
                return run()
            except Contention:
                continue
    raise Unavailable(
        f"{what} met other writers {persistence.attempts} times in a row.",
        remedy="Try again; if it lasts, too many writers share one document.",
        retry_after_s=1.0,
    )
