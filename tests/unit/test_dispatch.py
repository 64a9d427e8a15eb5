"""``dispatch``, ``claim`` and ``reconcile`` where the executions API fails: nothing is lost, and one execution of an epoch goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.lifecycle.dispatch import claim, dispatch
from functions.lifecycle.ending import Ending
from functions.lifecycle.reconcile import Reconciler
from schemas.lifecycle import ClaimRequest, DispatchRequest, ReconcileRequest
from shared.errors import Unavailable
from shared.executions import ExecutionState
from tests.support.house import REQUEST, House

LOST = Unavailable("The executions API at x cannot be reached.")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def mission_id(house: House) -> str:
    mission, _ = house.missions.create(REQUEST, owner="ann", idempotency_key=None)
    return mission.mission_id


def deliver(house: House, mission_id: str, *, max_running: int = 1) -> bool:
    request = DispatchRequest(mission_id=mission_id, epoch=1)
    return dispatch(house.missions, house.executions, request, max_running=max_running).started


def reconcile(house: House) -> None:
    ending = Ending(house.missions, house.audit, house.clock)
    Reconciler(house.missions, house.queue, house.executions, ending, house.clock).run(ReconcileRequest())


def test_an_execution_carries_the_mission_and_the_epoch_as_labels(house: House, mission_id: str) -> None:
    deliver(house, mission_id)
    assert house.executions.labels == [{"mission_id": mission_id, "epoch": "1"}]


def test_a_start_that_failed_is_made_by_the_next_delivery(house: House, mission_id: str) -> None:
    house.executions.fail_with = [LOST]
    with pytest.raises(Unavailable):
        deliver(house, mission_id)
    assert not house.missions.get(mission_id).admitted, "it takes nobody's place meanwhile"
    assert deliver(house, mission_id)
    assert not deliver(house, mission_id)
    kinds = [event.kind for event in house.audit.events(mission_id)]
    assert kinds[-3:] == ["mission.dispatched", "mission.not_dispatched", "mission.dispatched"]
    assert house.audit.verify(mission_id).breaks == ()


def test_of_two_executions_of_one_epoch_the_second_to_claim_stops(house: House, mission_id: str) -> None:
    """The first start's answer was lost, so the next delivery started another."""
    house.executions.fail_with = [LOST]
    with pytest.raises(Unavailable):
        deliver(house, mission_id)
    deliver(house, mission_id)
    claims = [
        claim(house.missions, house.clock, ClaimRequest(mission_id=mission_id, epoch=1, execution=name)).run
        for name in ("lost", "x1", "lost")
    ]
    assert claims == [True, False, True]


def test_where_the_lost_execution_has_claimed_the_mission_no_other_is_started(house: House, mission_id: str) -> None:
    house.executions.fail_with = [LOST]
    with pytest.raises(Unavailable):
        deliver(house, mission_id)
    claim(house.missions, house.clock, ClaimRequest(mission_id=mission_id, epoch=1, execution="lost"))
    assert not deliver(house, mission_id)
    assert house.missions.get(mission_id).admitted, "it runs, so it counts"
    house.executions.states["lost"] = ExecutionState.FAILED
    reconcile(house)
    assert house.missions.get(mission_id).epoch == 2, "and it is looked after like any other"


def test_where_it_claimed_before_the_failure_was_known_the_epoch_stays_dispatched(
    house: House, mission_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_and_lose(argument: object, labels: object) -> str:
        claim(house.missions, house.clock, ClaimRequest(mission_id=mission_id, epoch=1, execution="lost"))
        raise LOST

    monkeypatch.setattr(house.executions, "start", start_and_lose)
    with pytest.raises(Unavailable):
        deliver(house, mission_id)
    assert house.missions.get(mission_id).dispatched_epoch == 1


def test_a_round_goes_on_where_a_fenced_execution_cannot_be_cancelled(
    house: House, mission_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (mission_id, house.missions.create(REQUEST, owner="ann", idempotency_key="b")[0].mission_id):
        deliver(house, name, max_running=2)
        execution = f"x{len(house.executions.started)}"
        claim(house.missions, house.clock, ClaimRequest(mission_id=name, epoch=1, execution=execution))
        house.executions.states[execution] = ExecutionState.FAILED

    def unreachable(name: str) -> None:
        raise LOST

    monkeypatch.setattr(house.executions, "cancel", unreachable)
    reconcile(house)
    assert len(house.queue.tasks) == 2
    assert {mission.epoch for mission in house.missions.page().missions} == {2}
