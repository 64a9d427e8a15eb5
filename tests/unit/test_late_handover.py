"""A mission that ends with a late track hands it on at once: to one execution, of the next epoch, whatever is repeated or dies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from functions.lifecycle.dispatch import claim, dispatch
from functions.lifecycle.ending import Ending
from functions.lifecycle.promotion import promote_verified
from functions.lifecycle.reconcile import Reconciler
from schemas.lifecycle import AdvanceRequest, ClaimRequest, CompensateRequest, DispatchRequest, ReconcileRequest
from schemas.messages import ExecutionRef
from schemas.mission import MissionError, MissionStatus, Track, TrackStatus
from schemas.steps import HARD_DEADLINE
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.errors import StaleEpoch, Unavailable
from shared.executions import ExecutionState
from shared.queue import Task
from tests.support.house import REQUEST, CountingTrack, House, publish_report, step


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def caller(house: House) -> ExecutionRef:
    """The execution of a mission whose report is published and whose tracks the hard deadline met."""
    mission, _ = house.missions.create(REQUEST.model_copy(update={"knowledge_space": "stations"}), owner="ann", idempotency_key=None)
    dispatch(house.missions, house.executions, DispatchRequest(mission_id=mission.mission_id, epoch=1), max_running=1)
    first = ExecutionRef(mission_id=mission.mission_id, epoch=1, execution="x1")
    claim(house.missions, house.clock, ClaimRequest(**first.model_dump()))
    for track in Track:
        house.slices.run(CountingTrack(), step(mission.mission_id, 0, close=HARD_DEADLINE, track=track))
    ending(house).advance(AdvanceRequest(**first.model_dump(), to="FUSION"))
    publish_report(house, mission.mission_id, "final")
    return first


def ending(house: House) -> Ending:
    return Ending(house.missions, house.audit, house.clock, telemetry=house.telemetry, queue=lambda: house.queue)


def reconcile(house: House) -> None:
    Reconciler(house.missions, house.queue, house.executions, ending(house), house.clock).run(ReconcileRequest())


def deliver(house: House, task: Task) -> bool:
    """Deliver the task; whether it started an execution."""
    assert task.route == "lifecycle/dispatch"
    return dispatch(house.missions, house.executions, DispatchRequest.model_validate(task.payload), max_running=1).started


def kinds(house: House, mission_id: str) -> list[str]:
    return [event.kind for event in house.audit.events(mission_id)]


def test_the_end_of_a_mission_queues_the_execution_that_takes_its_late_track_on(house: House, caller: ExecutionRef) -> None:
    assert ending(house).complete(caller).status is MissionStatus.DONE
    mission = house.missions.get(caller.mission_id)
    assert (mission.late, mission.epoch, mission.execution, mission.admitted) == (True, 2, None, False)
    (task,) = house.queue.tasks.values()
    assert task.name == f"dispatch-{mission.mission_id}-2" and task.not_before is None
    assert deliver(house, task)
    claimed = claim(house.missions, house.clock, ClaimRequest(mission_id=mission.mission_id, epoch=2, execution="x2"))
    assert claimed.run and claimed.report == "upgrade" and not any(track.final for track in claimed.tracks.values())
    assert house.audit.verify(mission.mission_id).breaks == ()


def test_its_task_delivered_twice_starts_one_execution_and_the_reconciler_adds_none(house: House, caller: ExecutionRef) -> None:
    ending(house).complete(caller)
    (task,) = house.queue.tasks.values()
    reconcile(house)
    assert list(house.queue.tasks.values()) == [task], "the reconciler makes the same task"
    assert [deliver(house, task), deliver(house, task)] == [True, False]
    claim(house.missions, house.clock, ClaimRequest(mission_id=caller.mission_id, epoch=2, execution="x2"))
    before = house.missions.get(caller.mission_id)
    reconcile(house)
    assert not deliver(house, task)
    assert house.missions.get(caller.mission_id) == before and len(house.executions.started) == 2


def test_an_end_that_is_asked_for_again_ends_nothing_of_the_late_work(house: House, caller: ExecutionRef, tmp_path: Path) -> None:
    """The answer to ``complete`` was lost, and the workflow asks again: before the late execution is dispatched, and after."""
    ending(house).complete(caller)
    before, told = house.missions.get(caller.mission_id), kinds(house, caller.mission_id)
    knowledge = SqliteKnowledge(tmp_path / "knowledge.sqlite3")
    promote_verified(house.missions, caller, artifacts=house.artifacts, graph=knowledge)
    knowledge.close()
    assert ending(house).complete(caller).status is MissionStatus.DONE
    assert house.missions.get(caller.mission_id) == before and kinds(house, caller.mission_id) == told
    (task,) = house.queue.tasks.values()
    deliver(house, task)
    with pytest.raises(StaleEpoch):
        ending(house).complete(caller)
    with pytest.raises(StaleEpoch):
        ending(house).compensate(CompensateRequest(**caller.model_dump(), error=MissionError(code="workflow_failed", message="lost")))
    mission = house.missions.get(caller.mission_id)
    assert mission.late and {t.status for t in house.missions.tracks(mission).values()} == {TrackStatus.DELAYED}


def test_what_died_before_it_was_queued_is_queued_by_the_repeat_or_the_reconciler(house: House, caller: ExecutionRef) -> None:
    Ending(house.missions, house.audit, house.clock).complete(caller)
    assert not house.queue.tasks, "this one got no further than its commit"
    reconcile(house)
    assert list(house.queue.tasks) == [f"dispatch-{caller.mission_id}-2"]
    assert house.missions.get(caller.mission_id).epoch == 2, "the epoch is not raised once more"
    house.queue.tasks.clear()
    ending(house).complete(caller)
    assert list(house.queue.tasks) == [f"dispatch-{caller.mission_id}-2"]


def test_a_queue_that_is_down_keeps_no_mission_from_its_end(house: House, caller: ExecutionRef, caplog: pytest.LogCaptureFixture) -> None:
    class Down:
        def enqueue(self, task: Task) -> None:
            raise Unavailable("Cloud Tasks does not answer.")

        def close(self) -> None:
            """Nothing is held."""

    result = Ending(house.missions, house.audit, house.clock, queue=Down).complete(caller)
    assert result.status is MissionStatus.DONE
    assert "waits for the next reconciliation" in caplog.text
    reconcile(house)
    assert list(house.queue.tasks) == [f"dispatch-{caller.mission_id}-2"]


def test_an_execution_that_takes_a_late_track_on_and_dies_is_followed_by_another(house: House, caller: ExecutionRef) -> None:
    ending(house).complete(caller)
    (task,) = house.queue.tasks.values()
    deliver(house, task)
    claim(house.missions, house.clock, ClaimRequest(mission_id=caller.mission_id, epoch=2, execution="x2"))
    house.executions.states["x2"] = ExecutionState.FAILED
    reconcile(house)
    assert list(house.queue.tasks) == [task.name, f"dispatch-{caller.mission_id}-3"]
    assert house.missions.get(caller.mission_id).fruitless_epochs == 1


def test_a_mission_without_a_late_track_queues_nothing_and_keeps_its_epoch(house: House) -> None:
    mission_id, _ = house.claimed()
    for track in Track:
        house.slices.run(CountingTrack(slices=1), step(mission_id, 0, track=track))
    caller = ExecutionRef(mission_id=mission_id, epoch=1, execution="x1")
    ending(house).advance(AdvanceRequest(**caller.model_dump(), to="FUSION"))
    publish_report(house, mission_id, "final")
    for _ in range(2):
        ending(house).complete(caller)
    assert not house.queue.tasks
    assert (house.missions.get(mission_id).epoch, kinds(house, mission_id).count("mission.done")) == (1, 1)


def test_the_late_work_ends_once_by_its_own_execution(house: House, caller: ExecutionRef) -> None:
    ending(house).complete(caller)
    (task,) = house.queue.tasks.values()
    deliver(house, task)
    late = ExecutionRef(mission_id=caller.mission_id, epoch=2, execution="x2")
    claim(house.missions, house.clock, ClaimRequest(**late.model_dump()))
    house.clock.advance(timedelta(hours=2).total_seconds())
    for _ in range(2):
        assert ending(house).complete(late).status is MissionStatus.DONE
    mission = house.missions.get(caller.mission_id)
    assert mission.over and len(house.queue.tasks) == 1
    assert kinds(house, caller.mission_id).count("mission.late_ended") == 1
