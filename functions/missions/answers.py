"""What the API answers with, where it is not a contract of its own."""

from __future__ import annotations

from typing import Literal

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
    """Missions, newest first; ``next`` continues the list where there is more."""

    missions: tuple[MissionState, ...]
    next: str | None = None


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
    """What was removed, and what stays beside the audit chain: the mission's inputs, which other missions may use."""

    mission_id: str
    artifacts: int
    inputs_kept: int = 0
    inputs_kept_bytes: int = 0


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
    """A request whose answer never came: it may have been worked on, and is charged at its bound."""

    mission_id: str
    track: str
    role: str
    model: str
    sent_at: str | None
    charged_micro_usd: MicroUsd


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
