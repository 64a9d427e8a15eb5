"""What the API answers with, where it is not a contract of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from schemas.base import Contract, MicroUsd, Sha256, Timestamp
from schemas.events import AuditEvent
from schemas.mission import MissionState, MissionStatus

CURSOR = "[0-9A-Za-z][0-9A-Za-z_]{0,63}"
"""What a page's ``next`` looks like: a regular expression."""


class Accepted(Contract):
    """A mission was accepted (202), or is the one that this idempotency key made before."""

    mission_id: str
    status: MissionStatus
    created: bool


class MissionPage(Contract):
    """Missions, newest first; ``next`` continues the list where there is more.

    ``unreadable``: the ids of those of this page whose stored documents are damaged; read one to be told what is.
    """

    missions: tuple[MissionState, ...]
    next: str | None = None
    unreadable: tuple[str, ...] = ()


class EventPage(Contract):
    """A mission's audit events in time order."""

    events: tuple[AuditEvent, ...]


class StoredInput(Contract):
    """An uploaded file, to be named in a mission's inputs."""

    uri: str
    sha256: Sha256
    size: int
    name: str


class Deleted(Contract):
    """What was removed, and what stays beside the audit chain: the mission's inputs, which other missions may use.

    ``unknown``: what could not be known of a mission whose documents are damaged, and what follows from it.
    """

    mission_id: str
    artifacts: int
    inputs_kept: int = 0
    inputs_kept_bytes: int = 0
    unknown: tuple[str, ...] = ()


class Health(Contract):
    """The platform answers."""

    status: str = "ok"
    version: str


class CapState(Contract):
    """How far a cap is used: a mission's, or a day's."""

    cap_micro_usd: MicroUsd
    settled_micro_usd: MicroUsd
    reserved_micro_usd: MicroUsd
    left_micro_usd: MicroUsd


class CostShare(Contract):
    """What one track, role, model, tool or mission came to. ``reserved_micro_usd``: set aside for calls under way."""

    name: str
    track: str | None = None
    """Of a role: the track that it works for, since both have a planner."""
    calls: int
    input_tokens: int
    output_tokens: int
    settled_micro_usd: MicroUsd
    reserved_micro_usd: MicroUsd


class UnknownCall(Contract):
    """A request that is charged at its bound: its answer never came, though it may have been worked on, or does not say what it used."""

    mission_id: str
    track: str
    role: str
    model: str
    sent_at: str | None
    charged_micro_usd: MicroUsd
    why: str = ""
    """What became of it: what the provider said, what cut it off, or that its answer names no usage."""


class OverrunCall(Contract):
    """A request that cost more than it could by its prices."""

    mission_id: str
    track: str
    day: str
    reserved_micro_usd: MicroUsd
    cost_micro_usd: MicroUsd
    at: Timestamp


class CostReport(Contract):
    """The costs of a mission, or of a UTC day.

    ``unattributed_micro_usd`` is what is settled and has no call here: on a day, of missions that were deleted or are somebody else's.
    """

    day: str | None
    mission_id: str | None
    whole: CapState
    by: Literal["track", "role", "model", "tool", "mission"]
    shares: tuple[CostShare, ...]
    unattributed_micro_usd: MicroUsd
    unknown: tuple[UnknownCall, ...]
    overruns: tuple[OverrunCall, ...]
    today: str
    today_whole: CapState


class LetterHandling(Contract):
    """That somebody replayed or discarded a dead letter. ``mission_id``: the mission that a replay began anew."""

    by: str
    at: Timestamp
    why: str = ""
    mission_id: str | None = None


class DeadLetter(Contract):
    """A message that could not be delivered: what (``payload``), to whom (``route``), how often it was tried, why it failed."""

    name: str
    status: Literal["kept", "replayed", "discarded"]
    route: str
    payload: JsonValue
    error: str
    deliveries: int
    at: Timestamp
    trace_id: str | None
    mission_id: str | None
    replays: tuple[LetterHandling, ...]
    discarded: LetterHandling | None


class DeadLetterPage(Contract):
    """Dead letters, newest first; ``next`` continues the list where there is more.

    ``unreadable``: the names of those of this page that are damaged, whatever they are narrowed by; they can be discarded.
    """

    letters: tuple[DeadLetter, ...]
    next: str | None = None
    unreadable: tuple[str, ...] = ()


class DiscardRequest(Contract):
    """Why a dead letter is not needed any more."""

    why: str = Field(min_length=1, max_length=500, pattern=r"\S")


What = Literal[
    "status",
    "answer",
    "summary",
    "finding",
    "passage",
    "value",
    "verdict",
    "flag",
    "notice",
    "limitation",
    "assumption",
    "source",
    "file",
    "trust",
]
"""Parts of a report that two versions can differ in."""


class ComparedVersion(Contract):
    """One of two compared versions of a report."""

    version: int
    kind: Literal["partial", "final", "upgrade"]
    created_at: Timestamp


class ReportChange(Contract):
    """Something that one version says and the other does not, or says otherwise; ``about``: the question or statement that it is of."""

    what: What
    change: Literal["added", "removed", "changed"]
    about: str = ""
    before: str | None = None
    after: str | None = None


class ReportDifference(Contract):
    """What two versions of a mission's report differ in; no changes where they say the same."""

    mission_id: str
    old: ComparedVersion
    new: ComparedVersion
    changes: tuple[ReportChange, ...]
