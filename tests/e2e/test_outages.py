"""Servers of the emulated cloud fail in the middle of a mission, and it ends in DONE all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from infra.local.emulated.component import Component
from schemas.mission import FusionStatus, MissionState, MissionStatus, TrackStatus
from tests.support.emulated import EmulatedPlatform

OUTAGE_S = 20.0
DEAD_TOGETHER = (("storage", "pubsub", "tasks"), ("neo4j", "workflows"))
QUESTION = "What is the mean temp by station? How was the temperature measured?"
FILES = {
    "temp.csv": ("data", "station,temp\n" + "".join(f"{s},{n % 7 + k}\n" for n in range(30) for k, s in enumerate(["Bern", "Basel"]))),
    "method.md": ("document", "# Method\n\nThe temperature was measured every hour with a platinum resistance thermometer.\n"),
}


def server(platform: EmulatedPlatform, name: str) -> Component:
    """The server of that name."""
    known: tuple[Component, ...] = (*platform.cloud.servers.all(), platform.cloud.workflows, *platform.cloud.functions.values())
    return next(component for component in known if component.name == name)


def test_servers_and_functions_fail_in_the_middle_of_missions_which_all_end_done(emulated_cloud: EmulatedPlatform) -> None:
    """What was killed in the middle of a slice holds its lease for minutes, until the workflow's own death brings a new epoch."""
    missions = [*kill_each_function(emulated_cloud)]
    for names in DEAD_TOGETHER:
        missions.append(in_the_middle(emulated_cloud))
        dead_for_a_while(emulated_cloud, [server(emulated_cloud, name) for name in names])
    missions.append(in_the_middle(emulated_cloud))
    hang_for_a_while(emulated_cloud.cloud.servers.firestore)  # it holds its data in memory, so it is not killed
    for mission_id in missions:
        assert_done(emulated_cloud, mission_id)


def kill_each_function(platform: EmulatedPlatform) -> Iterator[str]:
    """Kill one after the other; the missions that were under way."""
    mission_id = None
    for function in platform.cloud.functions.values():
        if mission_id is None or platform.until(mission_id, lambda _: True).status.terminal:
            mission_id = in_the_middle(platform)
            yield mission_id
        platform.kill(function)


def dead_for_a_while(platform: EmulatedPlatform, servers: Sequence[Component]) -> None:
    for failing in servers:
        platform.cloud.supervisor.hold(failing)
    try:
        time.sleep(OUTAGE_S)
    finally:
        for failing in servers:
            platform.cloud.supervisor.release(failing)
    for failing in servers:
        platform.until_it_serves(failing)


def hang_for_a_while(failing: Component) -> None:
    failing.pause()
    try:
        time.sleep(OUTAGE_S)
    finally:
        failing.resume()


def in_the_middle(platform: EmulatedPlatform) -> str:
    """A mission whose tracks are at work."""
    mission_id = platform.submit(QUESTION, FILES)

    def at_work(state: MissionState) -> bool:
        return state.status is not MissionStatus.PENDING and any(t.status is not TrackStatus.PENDING for t in state.track_status.values())

    state = platform.until(mission_id, at_work, seconds=90)
    assert not state.status.terminal
    return mission_id


def assert_done(platform: EmulatedPlatform, mission_id: str) -> None:
    ended = platform.until_over(mission_id, seconds=300)
    events = [(event.at.strftime("%H:%M:%S"), event.writer, event.kind) for event in platform.events(mission_id)]
    assert (ended.status, ended.fusion_status) == (MissionStatus.DONE, FusionStatus.FINAL), (ended.error, events)
    assert {track.status for track in ended.track_status.values()} == {TrackStatus.DONE}, (ended, events)
    assert b"platinum resistance" in platform.api.report(mission_id, form="md")
