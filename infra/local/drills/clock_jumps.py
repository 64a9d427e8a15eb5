"""The time of day jumps by an hour in the middle of a mission: it ends as if nothing had been."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from infra.local.drills import promises
from infra.local.drills.drill import Drill, Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import WITH_MODEL, Asked, submit, until_over
from infra.local.drills.standin import StandIn
from infra.local.drills.standin.playing import plays_well
from shared.documents import JsonMap

HOUR_S = 3_600
PATIENT: JsonMap = {**WITH_MODEL, "deadlines": {"soft_s": 3 * HOUR_S, "hard_s": 4 * HOUR_S, "late_s": 5 * HOUR_S}}
"""Deadlines that an hour does not pass: what is looked at are leases, heartbeats and delays."""
_NEAR = timedelta(minutes=30)


def drills() -> list[Drill]:
    """Both ways."""
    return [
        Drill("clock.forward", "the time of day jumps an hour ahead", partial(_jumps, HOUR_S)),
        Drill("clock.back", "the time of day jumps an hour back", partial(_jumps, -HOUR_S)),
    ]


def _jumps(seconds: int, scene: Scene) -> None:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    offset = scene.folder / "clock-offset"
    offset.write_text("0")
    host = scene.closing.enter_context(Host(scene.folder, standin.environment() | {"KIMERA_CLOCK_OFFSET": str(offset)}))
    mission_id = submit(host.api, Asked(PATIENT).upload(host.api, scene.folder / "files"), "drill")
    assert mission_id is not None, "the platform answers"
    scene.until(lambda: len(standin.given) >= 3 or None, "the middle of the mission", seconds=60)
    beside = scene.folder / "clock-offset.new"
    beside.write_text(str(seconds))
    beside.rename(offset)
    state = until_over(scene, host.api, mission_id)
    at = {event.kind: event.at for event in host.api.events(mission_id)}
    begun, over = at["mission.created"], at["mission.done"]
    seen = f"the mission was created at {begun:%H:%M:%S} and done at {over:%H:%M:%S}, as its own clock had it"
    jumped = abs(over - begun - timedelta(seconds=seconds)) < _NEAR
    scene.hurt(f"the clock jumps by {seconds / HOUR_S:+.0f} h", proof=seen, really=bool(jumped))
    promises.all_kept(scene, host, state, standin)
