"""What is stored of a mission: a document for the mission and one for each track's attempt, with the newest events of their audit chains.

What no longer fits into these lies in pages of the chains (``shared/missions/chain.py``).
"""

from __future__ import annotations

from typing import Self

from schemas.base import Sha256, Stored, Timestamp
from schemas.mission import FusionStatus, MissionError, MissionRequest, MissionStatus, ReportVersion, Tier, Track, TrackStatus
from schemas.steps import StepResult
from shared.documents import Ref
from shared.ledger.accounts import Account
from shared.missions.chain import Chain, ChainPointer, Tail
from shared.record import Record

MISSIONS = "missions"
TRACKS = "tracks"
IDEMPOTENCY = "idempotency"
SLICES = "slices"
JOURNAL = "journal"
"""The physical requests of a mission (``shared/models/rows.py``)."""
ACTIVITY = "activity"
"""What the slices at work are at (``shared/missions/activity.py``)."""


class MissionRecord(Record):
    """A mission. ``heads`` and ``tails``: the chains of the writers that change this document."""

    mission_id: str
    owner: str
    request: MissionRequest
    status: MissionStatus = MissionStatus.PENDING
    fusion_status: FusionStatus = FusionStatus.PENDING
    tier: Tier
    epoch: int = 1
    execution: str | None = None
    dispatched_epoch: int = 0
    admitted: bool = False
    """Whether it counts among the running missions: from its first dispatch to its end."""
    fruitless_epochs: int = 0
    """Executions in a row that died without finishing a single slice."""
    progress_mark: int = 0
    """Finished slices and reports when the epoch was last raised."""
    compensate_because: str | None = None
    """Set when the mission is given up: its next execution only fuses what there is."""
    attempts: dict[Track, int] = {Track.DEEP_RESEARCH: 1, Track.DS_STAR: 1}
    flags: tuple[str, ...] = ()
    reports: tuple[ReportVersion, ...] = ()
    published: dict[str, Sha256] = {}
    """The digests of the reports' formats, by address."""
    cancel_requested: bool = False
    late: bool = False
    """Whether the mission has ended but a track of it goes on, to upgrade the report until the late deadline."""
    error: MissionError | None = None
    heads: dict[str, ChainPointer] = {}
    tails: dict[str, Tail] = {}
    traceparent: str | None = None
    created_at: Timestamp
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    updated_at: Timestamp

    @property
    def ref(self) -> Ref:
        """Where the mission is stored."""
        return mission_ref(self.mission_id)

    @property
    def over(self) -> bool:
        """Whether nothing of the mission goes on any more."""
        return self.status.terminal and not self.late

    def chain(self, writer: str) -> Chain:
        """The writer's chain, which may not have begun."""
        return Chain(self.heads.get(writer), self.tails.get(writer))

    def with_chain(self, writer: str, chain: Chain) -> Self:
        """The mission with the writer's chain as it is now."""
        heads = self.heads | ({writer: chain.head} if chain.head else {})
        tails = {name: tail for name, tail in self.tails.items() if name != writer} | ({writer: chain.tail} if chain.tail else {})
        return self.model_copy(update={"heads": heads, "tails": tails})


class Lease(Stored):
    """Who works on a slice. It ends by time, or when a newer epoch comes."""

    seq: int
    holder: str
    epoch: int
    until: Timestamp


class SliceDone(Stored):
    """How a finished slice went: for the telemetry, which may be told again from here."""

    at: Timestamp
    epoch: int
    seconds: float
    retries: int
    """Earlier tries that did not commit."""
    error: str | None = None


class SliceRecord(Record):
    """What a slice froze before its first call, so that a slice that is run again asks the same.

    That of a track's slice lies in the track's document, written with its lease. Fusion has no lease: its own is a document.
    ``run`` counts how often it was begun; ``epoch`` is that of the last run. Only the last run may send requests.
    """

    mission_id: str
    account: Account
    attempt: int
    seq: int
    run: int = 1
    epoch: int
    tier: Tier
    flags: tuple[str, ...] = ()
    """Why the tier is not the mission's own."""
    handoff_uri: str | None = None
    """What the other track had offered, as far as this slice may know it."""
    other_ended: bool = False
    """Whether the other track did no more work."""
    frozen_at: Timestamp

    @property
    def slice_id(self) -> str:
        """``mission:account:attempt:seq``."""
        return slice_id(self.mission_id, self.account, self.attempt, self.seq)

    @property
    def ref(self) -> Ref:
        """Where it is stored if it is a document."""
        return slice_ref(self.mission_id, self.account, self.attempt, self.seq)


class Hearing(Stored):
    """A track waits for the other one: no slice of it begins before that one offers something else, or has ended, or ``until``."""

    since: Timestamp
    until: Timestamp
    offers_uri: str | None
    """What the slice that began to wait had heard: what was offered while it worked ends the wait at once."""


class TrackRecord(Record):
    """One attempt of one track: where it goes on, who works on it, and the stored result of every finished slice."""

    mission_id: str
    track: Track
    attempt: int
    status: TrackStatus = TrackStatus.PENDING
    next_seq: int = 0
    lease: Lease | None = None
    frozen: SliceRecord | None = None
    """What the slice that was begun last has frozen; ``None`` where it may buy nothing and has no other track to hear."""
    results: dict[str, StepResult] = {}
    done: dict[str, SliceDone] = {}
    tries: int = 0
    """How often the next slice was begun."""
    state_uri: str | None = None
    handoff_uri: str | None = None
    offers_uri: str | None = None
    """What the track has offered the other one, as of its last slice."""
    hearing: Hearing | None = None
    """Set while the track waits for the other one."""
    closed_because: str | None = None
    waiting_for: str | None = None
    progress: str = ""
    flags: tuple[str, ...] = ()
    error: MissionError | None = None
    head: ChainPointer | None = None
    tail: Tail | None = None
    started_at: Timestamp | None = None
    updated_at: Timestamp

    @property
    def ref(self) -> Ref:
        """Where the attempt is stored."""
        return track_ref(self.mission_id, self.track, self.attempt)

    @property
    def chain(self) -> Chain:
        """The track's chain, which may not have begun."""
        return Chain(self.head, self.tail)

    @property
    def detached(self) -> bool:
        """Whether the track handed off what it had at the hard deadline, and may go on from there: it is stored as DELAYED."""
        return self.status is TrackStatus.DELAYED

    @property
    def handed_off(self) -> bool:
        """Whether the mission need not wait for the track."""
        return self.status.final or self.detached


def mission_ref(mission_id: str) -> Ref:
    """Where a mission is stored."""
    return Ref(MISSIONS, mission_id)


def track_ref(mission_id: str, track: Track, attempt: int) -> Ref:
    """Where an attempt of a track is stored."""
    return Ref(TRACKS, f"{mission_id}:{track}:{attempt}")


def slice_id(mission_id: str, account: Account, attempt: int, seq: int) -> str:
    """``mission:account:attempt:seq``: the id of a slice, and the beginning of its calls' keys."""
    return f"{mission_id}:{account}:{attempt}:{seq}"


def slice_ref(mission_id: str, account: Account, attempt: int, seq: int) -> Ref:
    """Where what a slice froze is stored if it is a document of its own."""
    return Ref(SLICES, slice_id(mission_id, account, attempt, seq))
