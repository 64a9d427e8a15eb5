"""On the emulated cloud a late track goes on by a task of Cloud Tasks, the moment that its mission has ended."""

from __future__ import annotations

import time
from datetime import timedelta

from infra.local.drills.standin.playing import METHOD, QUESTION, TABLE
from schemas.mission import FusionStatus, MissionStatus
from tests.support.emulated import EmulatedPlatform

SLOW_S = 8.0
STANDARD = {"tier": "standard", "model": {"name": "openai:stand-in", "input_usd": "1", "output_usd": "4"}}
FILES = {"heights.csv": ("data", TABLE), "method.md": ("document", f"# Method\n\n{METHOD}\n")}
DEADLINES = {"soft_s": 2, "hard_s": 4, "late_s": 600}


def test_a_late_track_goes_on_at_once_by_a_task_of_the_queue(emulated_cloud: EmulatedPlatform) -> None:
    plan = emulated_cloud.standin.behaviour("PlannerAnswer")

    def slowly(asked):  # type: ignore[no-untyped-def]  # as the behaviour that it wraps
        time.sleep(SLOW_S)
        return plan(asked)

    emulated_cloud.standin.always("PlannerAnswer", slowly)
    try:
        mission_id = emulated_cloud.submit(QUESTION, FILES, **STANDARD, deadlines=DEADLINES)
        over = emulated_cloud.until(mission_id, lambda state: state.over, seconds=240)
    finally:
        emulated_cloud.standin.always("PlannerAnswer", plan)
    assert (over.status, over.fusion_status, over.epoch) == (MissionStatus.DONE, FusionStatus.UPGRADED, 2)
    events = emulated_cloud.events(mission_id)
    at = {event.kind: event.at for event in events}
    kinds = [event.kind for event in events]
    assert kinds.count("mission.dispatched") == 2 and "mission.restarted" not in kinds
    assert at["mission.dispatched"] - at["mission.done"] < timedelta(seconds=15), "the reconciler comes once a minute"
