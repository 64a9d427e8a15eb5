"""Past a mission's last deadline no model is asked, and no answer is waited for; the work goes on without one, and the books balance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.mission import Deadlines, Track
from shared.errors import Unavailable
from shared.models.calls import ModelAnswer, ModelCall
from shared.models.failures import Failure
from shared.models.flags import MODEL_UNAVAILABLE, OUT_OF_TIME
from shared.models.rows import RowState
from tests.support.chain import ASKING, AskingTrack, Behaviour, ChainHouse, answering, assert_books_balance, failing
from tests.support.house import step

SHORT = ASKING.model_copy(update={"deadlines": Deadlines(soft_s=20, hard_s=25, late_s=25)})
LATE = ASKING.model_copy(update={"deadlines": Deadlines(soft_s=20, hard_s=25, late_s=100)})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ChainHouse]:
    made = ChainHouse(tmp_path)
    yield made
    made.close()


def after(house: ChainHouse, seconds: float, behaviour: Behaviour) -> Behaviour:
    """What the endpoint does, that much later."""

    def behave(call: ModelCall) -> ModelAnswer:
        house.clock.advance(seconds)
        return behaviour(call)

    return behave


def flags(house: ChainHouse, mission_id: str) -> tuple[str, ...]:
    return house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR].flags


def test_a_request_is_told_how_long_its_answer_is_of_use(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(SHORT)
    house.endpoint.next.extend([after(house, 10, answering()), after(house, 10, answering())])
    house.slices.run(AskingTrack(house.role, questions=2), step(mission_id, 0))
    assert [call.within_s for call in house.endpoint.asked] == [25, 15]


def test_an_answer_that_comes_too_late_is_not_waited_for_and_nothing_more_is_asked(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(SHORT)
    house.endpoint.next.append(after(house, 25, failing(Failure.CUT_OFF)))
    track = AskingTrack(house.role, questions=3)
    result = house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["out_of_time"] * 3}
    assert len(house.endpoint.asked) == 1
    assert result.ask_gate
    assert [row.state for row in house.rows()] == [RowState.UNKNOWN]
    assert OUT_OF_TIME in flags(house, mission_id) and MODEL_UNAVAILABLE not in flags(house, mission_id)
    assert_books_balance(house.documents)


def test_a_track_that_may_go_on_behind_the_ended_mission_has_until_the_late_deadline(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(LATE)
    house.endpoint.next.extend([after(house, 60, answering()), after(house, 50, answering())])
    track = AskingTrack(house.role, questions=3)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["3", "3", "out_of_time"]}
    assert [call.within_s for call in house.endpoint.asked] == [100, 40]


def test_what_was_answered_in_time_is_known_also_after_it(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(SHORT)
    track = AskingTrack(house.role, questions=1)
    track.fail_with = [Unavailable("the store is down")]
    with pytest.raises(Unavailable):
        house.slices.run(track, step(mission_id, 0))
    house.clock.advance(60)
    house.start()
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["3"]}
    assert len(house.endpoint.asked) == 1
