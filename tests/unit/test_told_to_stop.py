"""Who asks a mission to stop pays for nothing more: the answer that is under way is waited for, and no further question is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.mission import Track
from shared.errors import Unavailable
from shared.missions.chain import Happening
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change
from shared.models.calls import ModelAnswer, ModelCall
from shared.models.failures import Failure
from shared.models.flags import MODEL_UNAVAILABLE, TIER_EXTRACTIVE
from shared.models.rows import RowState
from tests.support.chain import ASKING, AskingTrack, Behaviour, ChainHouse, answering, assert_books_balance, failing
from tests.support.house import step


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ChainHouse]:
    made = ChainHouse(tmp_path)
    yield made
    made.close()


def told_to_stop(house: ChainHouse, mission_id: str) -> None:
    """Ask the mission to stop, as `kimera cancel` and the first Ctrl-C do."""

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change:
        return Change(mission.model_copy(update={"cancel_requested": True}), [Happening("mission.cancel_requested")])

    house.missions.change(mission_id, "api", decide)


def told_to_stop_before(house: ChainHouse, behaviour: Behaviour) -> Behaviour:
    """What the endpoint does while somebody asks the mission to stop."""

    def behave(call: ModelCall) -> ModelAnswer:
        told_to_stop(house, call.key.mission_id)
        return behaviour(call)

    return behave


def test_an_answer_that_does_not_fit_is_not_corrected_once_the_mission_was_told_to_stop(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(told_to_stop_before(house, answering('{"sum": 3}')))
    track = AskingTrack(house.role, questions=3)
    result = house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["told_to_stop"] * 3}
    assert [row.state for row in house.rows()] == [RowState.REJECTED], "one answer, which was paid, and nothing after it"
    assert result.ask_gate, "the workflow closes the track next"
    flags = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR].flags
    assert TIER_EXTRACTIVE in flags and MODEL_UNAVAILABLE not in flags
    assert_books_balance(house.documents)


def test_an_answer_that_is_under_way_then_counts(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(told_to_stop_before(house, answering()))
    track = AskingTrack(house.role, questions=3)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["3", "told_to_stop", "told_to_stop"]}
    assert [row.state for row in house.rows()] == [RowState.ANSWERED]


def test_what_failed_for_a_moment_is_not_tried_again_either(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(told_to_stop_before(house, failing(Failure.THROTTLED)))
    track = AskingTrack(house.role, questions=1)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["told_to_stop"]}
    assert [row.state for row in house.rows()] == [RowState.FAILED]
    assert_books_balance(house.documents)


def test_a_slice_that_is_run_again_after_the_word_still_knows_its_answers_once_the_word_is_withdrawn(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(told_to_stop_before(house, answering()))
    track = AskingTrack(house.role, questions=2)
    track.fail_with = [Unavailable("the store is down")]
    with pytest.raises(Unavailable):
        house.slices.run(track, step(mission_id, 0))
    house.missions.change(
        mission_id,
        "api",
        lambda mission, _: Change(mission.model_copy(update={"cancel_requested": False}), [Happening("mission.cancel_withdrawn")]),
    )
    house.start()
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["3", "3"]}
    assert len(house.endpoint.asked) == 2, "the first answer is not bought again"
