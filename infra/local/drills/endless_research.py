"""Remote research that never ends: a partial report, a final one without it, and in the end its job is cancelled and paid."""

from __future__ import annotations

from infra.local.drills import promises
from infra.local.drills.drill import Drill, Scene
from infra.local.drills.host import Host
from infra.local.drills.kills import JOB_BOUND
from infra.local.drills.missions import Asked, submit, until_over
from infra.local.drills.standin.playing import TABLE
from infra.local.drills.standin.remote import Look, RemoteStandIn
from schemas.mission import MissionStatus, Track, TrackStatus
from shared.counted import counted
from shared.documents import Json, JsonMap
from shared.ledger.money import dollars

DEADLINES: dict[str, Json] = {"soft_s": 20, "hard_s": 60, "late_s": 140}
REQUEST: JsonMap = {
    "tier": "extractive",
    "budget": {"cap_usd": "6"},
    "deadlines": DEADLINES,
    "tracks": {"deep_research": {"provider": "gemini"}},
}
WITHIN_S = 300.0


def drills() -> list[Drill]:
    """One."""
    return [Drill("research.endless", "the remote research agent is at work for ever", _endless)]


def _endless(scene: Scene) -> None:
    remote = scene.closing.enter_context(RemoteStandIn())
    remote.looks.append(Look())
    host = scene.closing.enter_context(Host(scene.folder, remote.environment()))
    asked = Asked(REQUEST, "What is the mean height by team?", {"heights.csv": ("data", TABLE.encode())})
    mission_id = submit(host.api, asked.upload(host.api, scene.folder / "files"), "drill")
    assert mission_id is not None, "the platform answers"
    scene.until(lambda: host.api.state(mission_id).status.terminal or None, "the mission's end", seconds=WITHIN_S)
    done = host.api.state(mission_id)
    detached = done.track_status[Track.DEEP_RESEARCH].status
    scene.check("the mission is done while the job works on", done.status is MissionStatus.DONE, f"{done.status}, {done.fusion_status}")
    goes_on = detached is TrackStatus.DELAYED and done.late_until is not None
    scene.check("the track is detached", goes_on, f"{detached}, until {done.late_until}")
    held = done.cost_so_far.reserved_micro_usd
    scene.check("what the job may cost stays set aside", held == JOB_BOUND, dollars(held))
    state = until_over(scene, host.api, mission_id, seconds=WITHIN_S)
    proof = f"{counted(len(remote.begun), 'job')} begun, {counted(len(remote.looked_at), 'look')}, all in_progress"
    scene.hurt("a research job that never ends", proof=proof, really=bool(remote.begun and remote.looked_at))
    kinds = [report.kind for report in state.reports]
    scene.check("a partial report came first", kinds[:2] == ["partial", "final"], f"reports: {', '.join(kinds)}")
    scene.check("the job is cancelled at the late deadline", remote.cancelled == ["job-1"], f"cancelled: {remote.cancelled}")
    costs = host.api.costs_of_mission(mission_id, by="role")
    settled = costs.whole.settled_micro_usd
    seen = f"{dollars(settled)} settled, {len(costs.unknown)} charged without an answer"
    scene.check("the job is charged at its bound", settled == JOB_BOUND and len(costs.unknown) == 1, seen)
    promises.all_kept(scene, host, state, None)
