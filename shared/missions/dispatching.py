"""The task that starts a mission's execution. The API enqueues it, and the reconciler where it got lost."""

from __future__ import annotations

from shared.missions.records import MissionRecord
from shared.queue import Task


def dispatch_task(mission: MissionRecord) -> Task:
    """The task for the mission's current epoch; one name for each epoch, so that repeats fall together."""
    name = f"dispatch-{mission.mission_id}-{mission.epoch}"
    return Task(name=name, route="lifecycle/dispatch", payload={"mission_id": mission.mission_id, "epoch": mission.epoch})
