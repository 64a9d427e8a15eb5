"""``lifecycle``: a mission's way from its dispatch to its end, and the look after all that are open."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Contract
from schemas.messages import ExecutionRef, StepMessage
from schemas.mission import FusionMode, MissionError, MissionStatus, Track


class DispatchRequest(StepMessage):
    """The queue asks to start the mission's execution for this epoch."""

    mission_id: str
    epoch: int = Field(ge=1)


class DispatchResult(Contract):
    """``started`` is false where there is nothing (more) to start."""

    started: bool
    execution: str | None = None
    reason: str = ""


class ClaimRequest(ExecutionRef):
    """An execution claims its mission."""


class ClaimedTrack(Contract):
    """Where a track goes on."""

    enabled: bool
    attempt: int
    seq: int
    final: bool


class ClaimResult(Contract):
    """``run`` is false where the mission has ended or belongs to another execution: the workflow stops silently."""

    run: bool
    status: MissionStatus
    tracks: dict[Track, ClaimedTrack]
    report: FusionMode = "final"
    """The report that this execution is to end with: the final one, or the upgrade of a mission whose report is out."""
    reason: str = ""


class AdvanceRequest(ExecutionRef):
    """The workflow reports progress: a track that failed for good, both tracks ended (``FUSION``), or it gives up those that have not."""

    to: Literal["FUSION", "TRACK_FAILED", "GIVEN_UP"]
    track: Track | None = None
    attempt: int = 1
    error: MissionError | None = None


class CompensateRequest(ExecutionRef):
    """Something failed for good: fuse what there is, release what is held, record why."""

    error: MissionError


class MissionStatusResult(Contract):
    """Where the mission stands after a lifecycle call."""

    status: MissionStatus
    reason: str = ""


class EraseRequest(StepMessage):
    """The queue asks to look once more for what lies under a mission that was deleted. ``spaces`` of its owner may hold knowledge of it."""

    mission_id: str
    owner: str
    spaces: tuple[str, ...]


class EraseResult(Contract):
    """How many artifacts were removed; none of a mission that is there."""

    artifacts: int
    reason: str = ""


class ReconcileRequest(StepMessage):
    """``none_alive``: the caller knows that no execution is alive, as a platform does that has just started on its own data folder.

    ``mission_id`` narrows the round to one mission; ``anew`` gives what is restarted its five executions anew, since a person asked.
    """

    none_alive: bool = False
    mission_id: str | None = None
    anew: bool = False


class ReconcileResult(Contract):
    """What one round of the reconciler did."""

    looked_at: int = 0
    restarted: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
