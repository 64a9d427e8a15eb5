"""What the API answers with, where it is not a contract of its own."""

from __future__ import annotations

from schemas.base import Contract, Sha256
from schemas.events import AuditEvent
from schemas.mission import MissionState, MissionStatus


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
