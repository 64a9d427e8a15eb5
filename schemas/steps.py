"""The API between the workflow and the functions. It serves one version back, so that a deployment in mid-mission breaks nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Contract
from schemas.mission import FusionMode, MissionError, MissionStatus, Track, TrackStatus

STEP_API_VERSION = 1
CANCELLED = "cancelled"
HARD_DEADLINE = "hard deadline"
LATE_DEADLINE = "late deadline"
"""Why the gate has a track closed. At the hard deadline it is only detached where the mission leaves it time until the late one."""


class StepMessage(BaseModel):
    """A message from a workflow that may be one version older or newer: unknown fields are left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class ExecutionRef(StepMessage):
    """Who is calling: a mission's execution. ``epoch`` is the fencing token."""

    mission_id: str
    epoch: int = Field(ge=1)
    execution: str = ""


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


class GateRequest(ExecutionRef):
    """After a slice that had ``ask_gate``, a track asks how to go on. ``seq`` is the slice that would be next."""

    track: Track
    attempt: int = Field(ge=1)
    seq: int = Field(ge=0)


class GateResult(Contract):
    """``continue``; ``downgrade`` (continue, one tier down); ``stop`` (close the track); ``fuse_partial`` (publish, then go on).

    This version never says ``downgrade``: a slice freezes its own tier before its first call. A workflow takes it for ``continue``.
    """

    action: Literal["continue", "downgrade", "stop", "fuse_partial"]
    reason: str = ""


class AdvanceRequest(ExecutionRef):
    """The workflow reports progress: a track that failed for good, or both tracks ended (``to=FUSION``)."""

    to: Literal["FUSION", "TRACK_FAILED"]
    track: Track | None = None
    attempt: int = 1
    error: MissionError | None = None


class FuseRequest(ExecutionRef):
    """Publish a report."""

    mode: FusionMode


class FuseResult(Contract):
    """The version that now stands."""

    version: int
    mode: FusionMode
    published: bool
    reason: str = ""


class CompensateRequest(ExecutionRef):
    """Something failed for good: fuse what there is, release what is held, record why."""

    error: MissionError


class MissionStatusResult(Contract):
    """Where the mission stands after a lifecycle call."""

    status: MissionStatus
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


class IntakeResult(Contract):
    """What became of an upload. ``noted``: nothing waits for it; ``stale``: something newer has taken its place."""

    outcome: Literal["started", "waiting", "refused", "noted", "stale", "delivered"]
    mission_id: str | None = None
    missing: tuple[str, ...] = ()
    detail: str = ""


class IntakeTask(StepMessage):
    """The queue asks to look after a folder of the inbox: its manifest of that generation."""

    key: str
    generation: int = Field(ge=0)


class StopRequest(StepMessage):
    """Stop a research job at its provider: its mission is over, and whoever ended it has no key."""

    mission_id: str
    job: str = Field(min_length=1, max_length=500)


class StopResult(Contract):
    """``known`` is false where the provider knows no such job (any more)."""

    known: bool


class Kept(Contract):
    """The letter that holds what could not be delivered."""

    name: str
