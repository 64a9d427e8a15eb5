"""A mission that cannot go on ends with what there is, the reason, and a dead letter; nothing of it stays held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from functions.fusion.publish import Publisher
from functions.fusion.service import Fusion
from functions.lifecycle.dispatch import dispatch
from functions.lifecycle.ending import Ending
from functions.lifecycle.reconcile import Reconciler
from schemas.fusing import FuseRequest
from schemas.lifecycle import AdvanceRequest, CompensateRequest, DispatchRequest, ReconcileRequest
from schemas.messages import ExecutionRef
from schemas.mission import FusionMode, FusionStatus, MissionError, MissionStatus, ResearchOptions, Track, Tracks, TrackStatus
from schemas.outcome import MissionOutcomePackage
from shared.dead_letters import DEAD_LETTERS, Letter
from shared.documents import Query
from shared.errors import StaleEpoch
from shared.executions import ExecutionState
from shared.models.calls import ModelAnswer, ModelCall
from shared.times import MAX_EPOCHS
from tests.support.chain import ASKING, AskingTrack, ChainHouse
from tests.support.house import House, step

BROKE = MissionError(code="workflow_failed", message="the fusion function could not be reached")


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


def test_the_tracks_of_a_mission_that_is_given_up_have_failed_with_its_reason(house: House) -> None:
    mission_id, _ = house.claimed()
    ask = AdvanceRequest(mission_id=mission_id, epoch=1, execution="x1", to="GIVEN_UP", error=BROKE)
    for _ in range(2):
        assert ending(house).advance(ask).status is MissionStatus.RUNNING
    tracks = house.missions.tracks(house.missions.get(mission_id))
    assert {(track.status, track.error) for track in tracks.values()} == {(TrackStatus.FAILED, BROKE)}
    assert [event.kind for event in house.audit.events(mission_id)].count("track.failed") == 2


@pytest.mark.parametrize(("cancel", "status"), [(False, TrackStatus.FAILED), (True, TrackStatus.CANCELLED)])
def test_no_track_of_a_mission_that_has_ended_reads_as_running(house: House, *, cancel: bool, status: TrackStatus) -> None:
    mission_id, _ = house.claimed()
    wanted = house.missions.get(mission_id).model_copy(update={"cancel_requested": cancel})
    house.documents.put(wanted.ref, wanted.data())
    ending(house).compensate(CompensateRequest(mission_id=mission_id, epoch=1, execution="x1", error=BROKE))
    assert {track.status for track in house.missions.tracks(house.missions.get(mission_id)).values()} == {status}


@pytest.mark.parametrize("partial_before", [False, True])
def test_the_report_of_a_mission_that_is_given_up_promises_nothing_more(house: House, *, partial_before: bool) -> None:
    mission_id, _ = house.claimed()
    running = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR].model_copy(update={"status": TrackStatus.RUNNING})
    house.documents.put(running.ref, running.data())
    publisher = Publisher(house.missions, house.artifacts, Fusion(house.artifacts), house.clock)
    fuse = FuseRequest(mission_id=mission_id, epoch=1, execution="x1", mode="partial")
    if partial_before:
        publisher.fuse(fuse)
        assert "analysis_running" in house.missions.get(mission_id).flags
    ending(house).advance(AdvanceRequest(mission_id=mission_id, epoch=1, execution="x1", to="GIVEN_UP", error=BROKE))
    for _ in range(2):
        publisher.fuse(fuse)
    ending(house).compensate(CompensateRequest(mission_id=mission_id, epoch=1, execution="x1", error=BROKE))

    mission = house.missions.get(mission_id)
    assert len(mission.reports) == 1 + partial_before and mission.fusion_status is FusionStatus.PARTIAL
    assert {"research_failed", "analysis_failed"} <= set(mission.flags) and "analysis_running" not in mission.flags
    text = house.artifacts.get(mission.reports[-1].markdown_uri).decode()
    assert BROKE.message in text
    assert not [promise for promise in ("running", "will be replaced", "the other part") if promise in text]
    assert house.audit.verify(mission_id).breaks == ()


@pytest.mark.parametrize(
    ("ends", "mode", "status"),
    [(("GIVEN_UP",), "partial", MissionStatus.FAILED), (("TRACK_FAILED", "FUSION"), "final", MissionStatus.FAILED)],
)
def test_the_report_tells_what_a_request_is_charged_that_nobody_will_answer(
    ends: tuple[Literal["GIVEN_UP", "TRACK_FAILED", "FUSION"], ...], mode: FusionMode, status: MissionStatus, tmp_path: Path
) -> None:
    house = ChainHouse(tmp_path)
    analysis = Tracks(deep_research=ResearchOptions(enabled=False))
    mission_id, _ = house.claimed(ASKING.model_copy(update={"tracks": analysis}))
    house.endpoint.next.append(_killed)
    with pytest.raises(KeyboardInterrupt):
        house.slices.run(AskingTrack(house.role), step(mission_id, 0))
    for to in ends:
        house.ending.advance(AdvanceRequest(mission_id=mission_id, epoch=1, execution="x1", to=to, track=Track.DS_STAR, error=BROKE))

    fusion = Fusion(house.artifacts, spent=lambda mission_id: house.missions.spent(house.missions.get(mission_id)).settled)
    Publisher(house.missions, house.artifacts, fusion, house.clock).fuse(
        FuseRequest(mission_id=mission_id, epoch=1, execution="x1", mode=mode)
    )
    house.ending.complete(ExecutionRef(mission_id=mission_id, epoch=1, execution="x1"))

    mission = house.missions.get(mission_id)
    outcome = MissionOutcomePackage.model_validate_json(house.artifacts.get(mission.reports[-1].outcome_uri))
    spent = house.missions.spent(mission).total
    assert mission.status is status
    assert (sum(outcome.cost_per_track.values()), 0) == (spent.settled_micro_usd, spent.reserved_micro_usd) != (0, 0)
    house.close()


def _killed(call: ModelCall) -> ModelAnswer:
    raise KeyboardInterrupt
