"""Where a mission stands against its deadlines, which count from the moment it began to run."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.missions.records import MissionRecord


def past_soft_deadline(mission: MissionRecord, now: datetime) -> bool:
    """Whether a slow track no longer delays a partial report."""
    soft = soft_deadline(mission)
    return soft is not None and now >= soft


def soft_deadline(mission: MissionRecord) -> datetime | None:
    """When that is; ``None`` for a mission that has not begun to run."""
    return mission.started_at + timedelta(seconds=mission.request.deadlines.soft_s) if mission.started_at is not None else None


def past_hard_deadline(mission: MissionRecord, now: datetime) -> bool:
    """Whether tracks are closed with what they have."""
    return mission.started_at is not None and now >= mission.started_at + timedelta(seconds=mission.request.deadlines.hard_s)


def needs_gate(mission: MissionRecord, now: datetime) -> bool:
    """Whether a track that did a slice may have to do anything else than go on. It is seen from the mission alone."""
    return mission.over or mission.cancel_requested or mission.late or past_soft_deadline(mission, now) or past_hard_deadline(mission, now)


def late_deadline(mission: MissionRecord) -> datetime:
    """Until when a detached track may upgrade the report of a mission that began to run."""
    assert mission.started_at is not None
    return mission.started_at + timedelta(seconds=mission.request.deadlines.late_s)


def seconds_left(mission: MissionRecord, now: datetime) -> float:
    """How long a model's answer may take to be of use: until the last moment at which the mission takes something up."""
    return (late_deadline(mission) - now).total_seconds()
