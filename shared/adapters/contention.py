"""Optimistic work: run it, and run it again where somebody else was faster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeVar

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


class Turn(Protocol):
    """What one at a time has: a lock of ``threading``."""

    def acquire(self, *, timeout: float) -> bool:
        """Whether it was had within ``timeout`` seconds."""
        ...

    def release(self) -> None:
        """Leave it to the next."""
        ...


@dataclass(frozen=True, slots=True)
class Turns:
    """Whoever was disturbed ``after`` times goes on while it has ``one_at_a_time``: many who want the same only disturb each other.

    Nobody waits for it longer than ``at_most_s``, which is well within a slice: who has it may hang on a disk that hangs.
    """

    after: int
    one_at_a_time: Turn
    at_most_s: float = 20.0

    def take(self, turn: ExitStack, what: str) -> None:
        """Have the turn until ``turn`` is left; ``Unavailable`` where it does not come."""
        if not self.one_at_a_time.acquire(timeout=self.at_most_s):
            raise Unavailable(
                f"{what} waited {self.at_most_s:g} s for its turn among others that met other writers; nothing was written.",
                remedy="Try again; if it lasts, look whether the disk answers, and whether another process holds the data folder.",
                retry_after_s=1.0,
            )
        turn.callback(self.one_at_a_time.release)


def until_undisturbed(
    run: Callable[[], T],
    what: str,
    persistence: Persistence,
    *,
    pause: Callable[[float], object],
    jitter: Random,
    turns: Turns | None = None,
) -> T:
    """What ``run`` returns, once it does without ``Contention``; ``Unavailable`` after the last attempt, or without its turn."""
    bound = persistence.first_pause_s
    with ExitStack() as turn:
        for attempt in range(persistence.attempts):
            if turns is not None and attempt == turns.after:
                turns.take(turn, what)
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
