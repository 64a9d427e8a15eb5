"""Ids that sort by the time they were made: ``m_01kr...`` (a prefix, then a ULID in lower case)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from shared.clock import Clock

Randomness: TypeAlias = Callable[[int], bytes]
"""Gives that many random bytes: ``os.urandom``, or ``random.Random(seed).randbytes`` where ids must repeat."""

_RANDOM_BYTES = 10  # github.com/ulid/spec: 48 bits of time, 80 bits of randomness


def new_id(prefix: str, clock: Clock, randomness: Randomness) -> str:
    """A new id, ``prefix_`` and 26 characters. Ids of different milliseconds sort by time; within one they are in no order."""
    from ulid import ULID  # takes 70 ms to import

    milliseconds = int(clock.now().timestamp() * 1000)
    return f"{prefix}_{ULID(milliseconds.to_bytes(6, 'big') + randomness(_RANDOM_BYTES))}".lower()


def made_at(made: str) -> datetime | None:
    """When an id was made, by itself; ``None`` for a text that is none of ours."""
    from ulid import ULID

    try:
        return ULID.from_str(made.rpartition("_")[2].upper()).datetime
    except ValueError:
        return None


class Ids:
    """Makes ids from one clock and one source of randomness."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    def new(self, prefix: str) -> str:
        return new_id(prefix, self._clock, self._randomness)
