"""Servers of the emulated cloud fail in the middle of a mission, and it ends in DONE all the same."""

from __future__ import annotations

import time

import pytest

from infra.local.emulated.component import Component
from schemas.mission import FusionStatus, MissionState, MissionStatus, TrackStatus
from tests.support.emulated import EmulatedPlatform

OUTAGE_S = 20.0
QUESTION = "What is the mean temp by station? How was the temperature measured?"
FILES = {
    "temp.csv": ("data", "station,temp\n" + "".join(f"{s},{n % 7 + k}\n" for n in range(30) for k, s in enumerate(["Bern", "Basel"]))),
    "method.md": ("document", "# Method\n\nThe temperature was measured every hour with a platinum resistance thermometer.\n"),
}


def server(platform: EmulatedPlatform, name: str) -> Component:
    """The server of that name."""
    known: tuple[Component, ...] = (*platform.cloud.servers.all(), platform.cloud.workflows, *platform.cloud.functions.values())
    return next(component for component in known if component.name == name)


@pytest.mark.parametrize("name", ["storage", "neo4j", "tasks", "pubsub", "workflows"])
def test_a_server_that_is_dead_for_a_while_costs_no_mission(name: str, emulated_cloud: EmulatedPlatform) -> None:
    platform, failing = emulated_cloud, server(emulated_cloud, name)
    mission_id = in_the_middle(platform)
    platform.cloud.supervisor.hold(failing)
    try:
        time.sleep(OUTAGE_S)
    finally:
        platform.cloud.supervisor.release(failing)
    assert_done(platform, mission_id)


def test_a_database_that_hangs_for_a_while_costs_no_mission(emulated_cloud: EmulatedPlatform) -> None:
    """Firestore's emulator holds its data in memory, so it is not killed."""
    mission_id = in_the_middle(emulated_cloud)
    firestore = emulated_cloud.cloud.servers.firestore
    firestore.pause()
    try:
        time.sleep(OUTAGE_S)
    finally:
        firestore.resume()
    assert_done(emulated_cloud, mission_id)


def test_each_function_is_killed_in_the_middle_of_a_mission_and_it_ends_done(emulated_cloud: EmulatedPlatform) -> None:
    missions: list[str] = []
    for function in emulated_cloud.cloud.functions.values():
        if not missions or emulated_cloud.until(missions[-1], lambda _: True).status.terminal:
            missions.append(in_the_middle(emulated_cloud))
        emulated_cloud.kill(function)
    for mission_id in missions:
        assert_done(emulated_cloud, mission_id)


def in_the_middle(platform: EmulatedPlatform) -> str:
    """A mission whose tracks are at work."""
    mission_id = platform.submit(QUESTION, FILES)

    def at_work(state: MissionState) -> bool:
        return state.status is not MissionStatus.PENDING and any(t.status is not TrackStatus.PENDING for t in state.track_status.values())

    state = platform.until(mission_id, at_work, seconds=90)
    assert not state.status.terminal
    return mission_id


def assert_done(platform: EmulatedPlatform, mission_id: str) -> None:
    ended = platform.until_over(mission_id, seconds=240)
    events = [(event.at.strftime("%H:%M:%S"), event.writer, event.kind) for event in platform.events(mission_id)]
    assert (ended.status, ended.fusion_status) == (MissionStatus.DONE, FusionStatus.FINAL), (ended.error, events)
    assert {track.status for track in ended.track_status.values()} == {TrackStatus.DONE}, (ended, events)
    assert b"platinum resistance" in platform.api.report(mission_id, form="md")
