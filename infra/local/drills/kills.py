"""``kill -9`` of the host at every named crash point (``shared/crash_points.py``): it is started again, and the mission ends as if nothing
had been.

The drills are made from the table of points, so a new point has its drill; where the mission that its drill runs does not pass it, the
drill fails.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from infra.local.drills import promises
from infra.local.drills.drill import Drill, DrillFailed, Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import WITH_MODEL, Asked, submit, until_over
from infra.local.drills.roles import every_role
from infra.local.drills.standin import StandIn
from infra.local.drills.standin.every_role import FILES, every_role_speaks
from infra.local.drills.standin.playing import plays_well
from infra.local.drills.standin.remote import Look, RemoteStandIn
from schemas.mission import MissionState, MissionStatus
from shared.counted import counted
from shared.crash_points import POINTS
from shared.documents import JsonMap
from shared.errors import Unavailable
from shared.ledger.money import dollars
from shared.times import MAX_EPOCHS

DEATH_WITHIN_S = 180.0
AFTER_ITS_END_S = 3.0
"""How long the platform may live on after its mission's end is seen, where that is the point that kills."""
LATER = {"model.": 3, "slice.worked": 3, "slice.committed": 2}
"""Which passing of a point kills, where it is not the first: in the middle of a mission rather than at its begin."""
REMOTE: JsonMap = {
    "tier": "extractive",
    "budget": {"cap_usd": "11"},
    "tracks": {"deep_research": {"provider": "gemini"}, "ds_star": {"enabled": False}},
}
JOB_BOUND, JOB_COST = 5_000_000, 100_000 * 2 + 10_000 * 12 + 20 * 14_000
"""In micro-dollars: what a research job is set aside and, without an answer, charged at; and what the job here comes to."""
LOST, PAID = "model.received", "model.answered"
ROUNDS = 3
FRUITLESS = "mission.claimed"
"""Where executions die that finish nothing, so that their mission is given up."""


def drills() -> list[Drill]:
    """One for each point, and two that kill at every role of a model in turn."""
    scenes: Mapping[str, Callable[[str, Scene], None]] = {"intake": _uploading, "job": _researching, "letter": _replaying}
    of_points = [Drill(f"kill.{point}", POINTS[point], partial(scenes.get(point.partition(".")[0], asking), point)) for point in POINTS]
    return [
        *of_points,
        Drill("kill.roles-lost", "dead at each role of a model: between request sent and answer journaled", partial(_every_role, LOST)),
        Drill("kill.roles-paid", "dead at each role of a model: between answer journaled and slice committed", partial(_every_role, PAID)),
    ]


def place(point: str) -> str:
    """The point and the passing of it that kills."""
    hit = next((hit for name, hit in LATER.items() if point.startswith(name)), 1)
    return f"{point}:{hit}" if hit > 1 else point


def asking(point: str, scene: Scene) -> None:
    """A mission with a model, over the API."""
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    host = scene.closing.enter_context(Host(scene.folder, standin.environment() | {"KIMERA_CRASH_AT": place(point)}))
    request = Asked().upload(host.api, scene.folder / "files")
    submit(host.api, request, "drill")
    _dies(scene, host, place(point), lambda: f"; the provider had given {len(standin.given)} answers")
    host.start_with(KIMERA_CRASH_AT="")
    again = host.api.submit(request, idempotency_key="drill")
    scene.check("accepted once", not again.created and len(host.api.missions(limit=9)) == 1, f"asked again: created={again.created}")
    promises.all_kept(scene, host, until_over(scene, host.api, again.mission_id), standin)
    scene.check("the provider was asked nothing wrong", not standin.refused, f"{len(standin.refused)} refused")


def _uploading(point: str, scene: Scene) -> None:
    """The same mission, put into the inbox."""
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    inbox = scene.folder / "inbox"
    environment = standin.environment() | {"KIMERA_CRASH_AT": place(point)}
    host = scene.closing.enter_context(Host(scene.folder, environment, arguments=("--inbox", str(inbox))))
    Asked().put(inbox / "heights")
    _dies(scene, host, place(point), lambda: f"; the provider had given {len(standin.given)} answers")
    host.start_with(KIMERA_CRASH_AT="")
    found = scene.until(lambda: host.api.missions(limit=9), "the uploaded mission", seconds=30)
    state = until_over(scene, host.api, found[0].mission_id)
    report = scene.folder / "outbox" / "heights" / "report.md"
    scene.until(lambda: report.exists() or None, f"the report in {report.parent.name}/", seconds=30)
    listed = host.api.missions(limit=9)
    scene.check("one upload is one mission", len(listed) == 1, counted(len(listed), "mission"))
    promises.all_kept(scene, host, state, standin)


def _researching(point: str, scene: Scene) -> None:
    """A job of a remote research agent, which ends after a few looks."""
    remote = scene.closing.enter_context(RemoteStandIn())
    text = "The bay ferries carried 412,000 passengers in 2023."
    remote.looks.extend([Look("queued"), Look(), Look(), Look("completed", text, (), (100_000, 10_000), searches=20)])
    host = scene.closing.enter_context(Host(scene.folder, remote.environment() | {"KIMERA_CRASH_AT": place(point)}))
    asked = Asked(REMOTE, "How many passengers did the bay ferries carry in 2023?", {})
    request = asked.upload(host.api, scene.folder / "files")
    submit(host.api, request, "drill")
    _dies(scene, host, place(point), lambda: f"; {counted(len(remote.begun), 'job')} begun, {counted(len(remote.looked_at), 'look')}")
    host.start_with(KIMERA_CRASH_AT="")
    again = host.api.submit(request, idempotency_key="drill")
    state = until_over(scene, host.api, again.mission_id)
    promises.all_kept(scene, host, state, None)
    costs = host.api.costs_of_mission(state.mission_id, by="track")
    unknown, settled = len(costs.unknown), costs.whole.settled_micro_usd
    seen = f"{counted(len(remote.begun), 'job')} begun, {unknown} charged at its bound, {dollars(settled)} settled"
    good = len(remote.begun) <= 1 + unknown and settled == unknown * JOB_BOUND + JOB_COST
    scene.check("no second job is begun but for one that was charged", good, seen)


def _replaying(point: str, scene: Scene) -> None:
    """A mission whose every execution dies until it is given up, and the dead letter of it, which is replayed."""
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    host = scene.closing.enter_context(Host(scene.folder, standin.environment() | {"KIMERA_CRASH_AT": FRUITLESS}))
    submit(host.api, Asked().upload(host.api, scene.folder / "files"), "drill")
    for execution in range(1, MAX_EPOCHS):
        _killed(scene, host, FRUITLESS, f"; execution {execution}")
        host.launch_with(KIMERA_CRASH_AT=FRUITLESS)
    _killed(scene, host, FRUITLESS, f"; execution {MAX_EPOCHS}")
    host.start_with(KIMERA_CRASH_AT=place(point))
    given_up = until_over(scene, host.api, host.api.missions(limit=9)[0].mission_id)
    (name,) = (letter.name for letter in scene.until(lambda: host.api.dead_letters(limit=9), "the dead letter", seconds=30))
    told = f"{given_up.status}, letter {name}"
    scene.check("a mission that is given up says so and leaves a letter", given_up.status is MissionStatus.FAILED, told)

    try:
        host.api.replay(name, again=False)
    except Unavailable:
        _killed(scene, host, place(point), "; who asked for the replay got no answer")
    else:
        raise DrillFailed(f"The letter was replayed without passing {point}: nothing was killed.")
    host.start_with(KIMERA_CRASH_AT="")
    between = host.api.dead_letter(name)
    seen = f"{between.status}, {counted(len(between.replays), 'replay')}"
    scene.check("a replay that nobody was told of is not recorded", between.status == "kept" and not between.replays, seen)
    letter = host.api.replay(name, again=False)
    begun = letter.replays[-1].mission_id
    listed = {state.mission_id for state in host.api.missions(limit=9)}
    scene.check("asked for again, it is the same mission", listed == {given_up.mission_id, begun}, counted(len(listed) - 1, "new mission"))
    seen = f"{letter.status}, {counted(len(letter.replays), 'replay')}"
    scene.check("the letter tells of one replay", letter.status == "replayed" and len(letter.replays) == 1, seen)
    told_of = sum(event.kind == "dead_letter.replayed" for event in host.api.events(given_up.mission_id))
    scene.check("the audit chain tells of one replay", told_of == 1, counted(told_of, "event"))
    assert begun is not None
    state = until_over(scene, host.api, begun)
    costs = host.api.costs_of_mission(begun, by="track")
    promises.ended(scene, state)
    promises.once(scene, state, host.api.events(begun))
    promises.bought_once(scene, costs, standin)
    promises.within_caps(scene, costs)
    promises.audited(scene, host, missions=2)


def _every_role(window: str, scene: Scene) -> None:
    """Missions until each role has had its own kill: of two roles that are asked at the same moment, one kill meets both, and the other
    role's answer is then remembered and not asked for again.
    """
    waiting = set(every_role())
    for n in range(ROUNDS):
        if waiting:
            _mission_of_kills(window, scene, scene.folder / f"mission-{n + 1}", waiting)
    scene.check("every role was killed", not waiting, f"not: {', '.join(sorted(waiting)) or 'none'}")


def _mission_of_kills(window: str, scene: Scene, folder: Path, waiting: set[str]) -> None:
    """A mission that dies at each of these roles, whichever comes first, and is started again each time; who was met waits no longer."""
    standin = scene.closing.enter_context(StandIn())
    every_role_speaks(standin)
    host = scene.closing.enter_context(Host(folder, standin.environment() | _at(window, waiting)))
    request = Asked(WITH_MODEL, files=FILES).upload(host.api, folder / "files")
    submit(host.api, request, "drill")
    while (state := _dead_or_over(scene, host)) is None:
        role = host.said("killed at ").rpartition("@")[2].strip()
        if role not in waiting:
            raise DrillFailed(f"The platform died by itself: {host.said('')}")
        waiting.discard(role)
        scene.hurt(f"kill -9 at {window}@{role}", proof=f"died of SIGKILL, {len(standin.given)} answers given; {host.said('killed at ')}")
        host.launch_with(**_at(window, waiting))  # it may die again before it serves: an answer that was left is paid at once
    promises.all_kept(scene, host, state, standin)
    host.stop()


def _at(window: str, roles: set[str]) -> dict[str, str]:
    return {"KIMERA_CRASH_AT": ",".join(f"{window}@{role}" for role in sorted(roles))}


def _dead_or_over(scene: Scene, host: Host) -> MissionState | None:
    """The mission if it is over; ``None`` once the platform is dead."""

    def look() -> tuple[MissionState | None] | None:
        if host.pid is None:
            return (None,)
        states = _states(host)
        return (states[0],) if states and states[0].over else None

    return scene.until(look, "the end of the mission or of the platform", seconds=DEATH_WITHIN_S)[0]


def _states(host: Host) -> list[MissionState]:
    try:
        return host.api.missions(limit=9)
    except Unavailable:
        return []


def _dies(scene: Scene, host: Host, at: str, more: Callable[[], str]) -> None:
    """The platform died of the kill at that point, and said so. Raises ``DrillFailed`` once its mission is over without it."""
    state = _dead_or_over(scene, host)
    if state is not None and host.pid is not None:
        scene.clock.sleep(AFTER_ITS_END_S)
    if host.pid is not None:
        raise DrillFailed(f"The mission ended without passing {at}: nothing was killed.", remedy="Let the drill's mission pass that point.")
    _killed(scene, host, at, more())


def _killed(scene: Scene, host: Host, at: str, more: str) -> None:
    """The platform dies of the kill at that point now, and says so."""
    code, line = host.died(DEATH_WITHIN_S), host.said(f"killed at {at}")
    if code != -signal.SIGKILL or not line:
        raise DrillFailed(f"The platform ended with {code}, not by the kill at {at}. Its last words: {host.said('')}")
    scene.hurt(f"kill -9 at {at}", proof=f'process ended by SIGKILL, its stderr: "{line}"{more}')
