"""Leases that were stored together with the commit of the slice before, for slices that nobody has begun yet.

Only where one process runs all slices: it hands such a lease to the first call that asks for the slice, from memory, so that a call
delivered twice finds none and is told BUSY. After a kill the next epoch ends the lease, like any other.
"""

from __future__ import annotations

from schemas.steps import StepRequest
from shared.missions.records import slice_id

_MOST = 4_096
"""A mission that ends leaves at most one for each track; the oldest go, and end by time."""


class LeasesAhead:
    """The holders of such leases, by slice and epoch. Threads may share it: each step of it is one that the interpreter does not divide."""

    def __init__(self) -> None:
        self._holders: dict[tuple[str, int], str] = {}

    def promise(self, request: StepRequest, holder: str) -> None:
        """The slice behind this one may be leased to ``holder``: what is stored decides."""
        for _ in range(len(self._holders) - _MOST):
            self._holders.pop(next(iter(self._holders.copy()), ("", 0)), None)
        self._holders[_key(request, request.seq + 1)] = holder

    def withdraw(self, request: StepRequest) -> None:
        """The slice behind this one was not leased."""
        self._holders.pop(_key(request, request.seq + 1), None)

    def take(self, request: StepRequest) -> str | None:
        """The holder of the slice's lease for the first call that asks; ``None`` for every other."""
        return self._holders.pop(_key(request, request.seq), None)


def _key(request: StepRequest, seq: int) -> tuple[str, int]:
    return slice_id(request.mission_id, request.track.value, request.attempt, seq), request.epoch
