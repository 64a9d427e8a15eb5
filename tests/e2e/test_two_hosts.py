"""Two executions compete for one mission: one of them works on it, and no slice is committed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from functions.lifecycle.reconcile import raise_epoch
from infra.local.emulated.cloud import LOCATION, PROJECT
from schemas.mission import MissionStatus
from shared.adapters.google_executions import GoogleExecutions
from shared.clock import SystemClock
from shared.executions import ExecutionState, WorkflowAddress
from shared.ids import Ids
from shared.missions.repository import Missions
from tests.support.emulated import EmulatedPlatform
from tests.support.resilient import executions as google
from tests.support.waiting import until

QUESTION = "How was the temperature measured?"
FILES = {"method.md": ("document", "# Method\n\nThe temperature was measured every hour with a platinum resistance thermometer.\n")}
ENDS = (ExecutionState.SUCCEEDED, ExecutionState.FAILED, ExecutionState.CANCELLED)


def test_of_two_executions_of_one_epoch_one_works_on_the_mission(emulated_cloud: EmulatedPlatform) -> None:
    mission_id = emulated_cloud.submit(QUESTION, FILES)
    with executions(emulated_cloud) as workflow:
        second = workflow.start({"mission_id": mission_id, "epoch": 1}, {})
        ended = emulated_cloud.until_over(mission_id)
        until(lambda: workflow.state(second) in ENDS)
    assert ended.status is MissionStatus.DONE, ended.error
    assert_nothing_is_done_twice(emulated_cloud, mission_id)
    claimed = [event.detail for event in emulated_cloud.events(mission_id) if event.kind == "mission.claimed"]
    assert [detail["epoch"] for detail in claimed] == [1]


def test_an_execution_of_a_newer_epoch_fences_the_older_one_off(emulated_cloud: EmulatedPlatform) -> None:
    mission_id = emulated_cloud.submit(QUESTION, FILES)
    with executions(emulated_cloud) as workflow, emulated_cloud.stored() as documents:
        missions = Missions(documents, SystemClock(), Ids(SystemClock(), lambda size: b"0" * size))
        first = until(lambda: missions.get(mission_id).execution)
        raised = raise_epoch(missions, missions.get(mission_id))
        assert raised.epoch == 2
        emulated_cloud.cloud.reconcile()  # dispatches the new epoch while the old execution still runs
        late = workflow.start({"mission_id": mission_id, "epoch": 1}, {})
        emulated_cloud.until_over(mission_id)
        ended = missions.get(mission_id)
        until(lambda: {workflow.state(first), workflow.state(late)} <= set(ENDS))
    assert (ended.status, ended.epoch) == (MissionStatus.DONE, 2)
    assert ended.execution not in (None, first, late)
    assert_nothing_is_done_twice(emulated_cloud, mission_id)
    claimed = [event.detail for event in emulated_cloud.events(mission_id) if event.kind == "mission.claimed"]
    assert [(detail["epoch"], detail["execution"]) for detail in claimed] == [(1, first), (2, ended.execution)]


@contextmanager
def executions(platform: EmulatedPlatform) -> Iterator[GoogleExecutions]:
    """The official client of the workflow's server, as a second host has it."""
    name = f"projects/{PROJECT}/locations/{LOCATION}/workflows/mission"
    client = google(WorkflowAddress(name, platform.cloud.workflows.address))
    try:
        yield client
    finally:
        client.close()


def assert_nothing_is_done_twice(platform: EmulatedPlatform, mission_id: str) -> None:
    events = platform.events(mission_id)
    slices = Counter((event.writer, event.detail["seq"]) for event in events if event.kind == "slice.committed")
    assert slices and set(slices.values()) == {1}
    kinds = Counter(event.kind for event in events)
    assert kinds["report.published"] == kinds["mission.done"] == 1
