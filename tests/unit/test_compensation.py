"""A mission that cannot go on ends with what there is, the reason, and a dead letter; nothing of it stays held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.lifecycle.dispatch import dispatch
from functions.lifecycle.ending import Ending
from functions.lifecycle.reconcile import Reconciler
from schemas.lifecycle import CompensateRequest, DispatchRequest, ReconcileRequest
from schemas.mission import FusionStatus, MissionError, MissionStatus
from shared.dead_letters import DEAD_LETTERS, Letter
from shared.documents import Query
from shared.errors import StaleEpoch
from shared.executions import ExecutionState
from shared.times import MAX_EPOCHS
from tests.support.house import House

BROKE = MissionError(code="workflow_failed", message="the fusion function answered 500")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def ending(house: House) -> Ending:
    return Ending(house.missions, house.audit, house.clock, letters=house.documents)


def letters(house: House) -> list[Letter]:
    return [Letter.read(document) for document in house.documents.query(Query(DEAD_LETTERS))]


def test_a_compensated_mission_has_failed_with_the_reason_and_leaves_a_letter(house: House) -> None:
    mission_id, _ = house.claimed()
    ask = CompensateRequest(mission_id=mission_id, epoch=1, execution="x1", error=BROKE)
    for _ in range(2):
        assert ending(house).compensate(ask).status is MissionStatus.FAILED
    mission = house.missions.get(mission_id)
    assert (mission.error, mission.fusion_status, mission.admitted) == (BROKE, FusionStatus.FAILED, False)
    (letter,) = letters(house)
    assert (letter.mission_id, letter.owner, letter.error) == (mission_id, "ann", BROKE.message)
    assert house.audit.verify(mission_id).breaks == ()


def test_an_execution_that_was_fenced_off_leaves_no_letter(house: House) -> None:
    mission_id, _ = house.claimed()
    with pytest.raises(StaleEpoch):
        ending(house).compensate(CompensateRequest(mission_id=mission_id, epoch=7, execution="x9", error=BROKE))
    assert letters(house) == []


def test_a_mission_that_was_to_be_cancelled_is_cancelled_and_leaves_none(house: House) -> None:
    mission_id, _ = house.claimed()
    wanted = house.missions.get(mission_id).model_copy(update={"cancel_requested": True})
    house.documents.put(wanted.ref, wanted.data())
    ending(house).compensate(CompensateRequest(mission_id=mission_id, epoch=1, execution="x1", error=BROKE))
    assert house.missions.get(mission_id).status is MissionStatus.CANCELLED
    assert letters(house) == []


def test_after_so_many_epochs_without_a_step_the_last_compensates_and_the_mission_is_a_letter(house: House) -> None:
    mission_id, _ = house.claimed()
    reconciler = Reconciler(house.missions, house.queue, house.executions, ending(house), house.clock)
    for round_ in range(MAX_EPOCHS + 1):
        assert house.missions.get(mission_id).status in (MissionStatus.PENDING, MissionStatus.RUNNING), round_
        assert letters(house) == []
        epoch = house.missions.get(mission_id).epoch
        dispatch(house.missions, house.executions, DispatchRequest(mission_id=mission_id, epoch=epoch), max_running=1)
        house.executions.states |= dict.fromkeys(house.executions.states, ExecutionState.FAILED)
        house.clock.advance(400)
        reconciler.run(ReconcileRequest())
    mission = house.missions.get(mission_id)
    assert mission.status is MissionStatus.FAILED and mission.error is not None and mission.error.code == "given_up"
    (letter,) = letters(house)
    assert letter.name == f"failed-{mission_id}" and "without finishing" in letter.error
