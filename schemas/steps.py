"""``step`` of the tracks, which the workflow calls for every slice, and the word with which it has a track close."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Contract
from schemas.messages import ExecutionRef
from schemas.mission import Track, TrackStatus

STEP_API_VERSION = 1
CANCELLED = "cancelled"
HARD_DEADLINE = "hard deadline"
LATE_DEADLINE = "late deadline"
"""Why the gate has a track closed. At the hard deadline it is only detached where the mission leaves it time until the late one."""


class StepRequest(ExecutionRef):
    """Do the slice ``seq`` of a track. ``close`` asks for the handoff with what there is, and says why."""

    track: Track
    attempt: int = Field(ge=1)
    seq: int = Field(ge=0)
    close: str | None = None


class StepResult(Contract):
    """What became of a slice.

    ``CONTINUE``: ask for ``next_seq``. ``WAIT``: ask for ``next_seq`` after ``retry_after_s`` (a remote job is under way).
    ``BUSY``: another call works on this very slice; ask again for the same ``seq``. ``FINAL``: the track has ended.

    ``ask_gate`` is false where the gate would say ``continue``: no flag was set and no deadline had passed.
    """

    outcome: Literal["CONTINUE", "WAIT", "BUSY", "FINAL"]
    next_seq: int
    retry_after_s: float = Field(default=0, ge=0, le=15)
    track_status: TrackStatus
    ask_gate: bool = True
    version: int = STEP_API_VERSION
