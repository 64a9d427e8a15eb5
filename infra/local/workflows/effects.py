"""What a running workflow asks of its scheduler.

A workflow runs as generators. Each effect is yielded, and the scheduler answers by resuming the generator with the result or with a
WorkflowError.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

from infra.local.workflows.errors import WorkflowError
from infra.local.workflows.values import Value


@dataclass(frozen=True, slots=True)
class Pause:
    """Let others run; resume with None."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Resume with None once the clock shows ``until`` (seconds since the epoch)."""

    until: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What an ``Outside`` call gave, and how long it took on the workflow's clock beyond the time that really passed (mocks use it)."""

    value: object
    extra_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outside:
    """Run ``call`` on a thread of the pool and resume with the value of its Answer, or with TimeoutError after ``timeout_s``."""

    call: Callable[[], Answer]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Resume with what ``arrange``'s argument is called with, later and from any thread; TimeoutError after ``timeout_s``.

    ``arrange`` is called at once, by who drives the scheduler. Nothing is under way outside meanwhile, so a fast clock moves on.
    """

    arrange: Callable[[Callable[[object], None]], None]
    timeout_s: float
    what: str = "the wait"


@dataclass(frozen=True, slots=True)
class Fork:
    """Run ``count`` branches at the same time, at most ``limit`` of them; resume with the error of each that failed, by its position.

    ``start`` makes the branch at a position once it is its turn.
    """

    count: int
    start: Callable[[int], Coroutine]
    limit: int | None


Effect: TypeAlias = "Pause | Sleep | Outside | Wait | Fork"
ForkErrors: TypeAlias = "list[tuple[int, WorkflowError]]"
Coroutine: TypeAlias = "Generator[Effect, object, Value]"

PAUSE = Pause()
