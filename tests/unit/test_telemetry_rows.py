"""What the telemetry is told, and when: after the commit, again where its teller may have died, and never in a mission's way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.mission import MissionError, Track
from shared.errors import Unavailable
from shared.missions.records import TrackRecord
from shared.models.failures import Failure
from shared.telemetry.rows import MissionRow, ModelCallRow, SliceRow, slice_rows
from shared.telemetry.sink import JsonLines
from shared.tracks import SliceContext, SliceOutcome
from tests.support.chain import ASKING, AskingTrack, ChainHouse, answering, failing
from tests.support.house import Count, CountingTrack, step


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ChainHouse]:
    made = ChainHouse(tmp_path)
    yield made
    made.close()


def slices(house: ChainHouse) -> list[SliceRow]:
    return [row for row in house.telemetry.rows if isinstance(row, SliceRow)]


def calls(house: ChainHouse) -> list[ModelCallRow]:
    return [row for row in house.telemetry.rows if isinstance(row, ModelCallRow)]


def test_a_committed_slice_tells_how_long_it_took_and_how_often_it_was_begun(house: ChainHouse) -> None:
    mission_id, _ = house.claimed()

    class Slow(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            house.clock.advance(2.5)
            return super().step(context, state)

    track = Slow()
    track.fail_with = [Unavailable("the store is down"), Unavailable("still")]
    for _ in range(2):
        with pytest.raises(Unavailable):
            house.slices.run(track, step(mission_id, 0))
    assert slices(house) == [], "nothing was committed"
    house.slices.run(track, step(mission_id, 0))
    house.slices.run(track, step(mission_id, 1))
    assert [(row.seq, row.seconds, row.retries, row.outcome) for row in slices(house)] == [(0, 2.5, 2, "CONTINUE"), (1, 2.5, 0, "CONTINUE")]


def test_a_slice_that_is_asked_for_again_is_told_again_as_the_same_event(house: ChainHouse) -> None:
    mission_id, _ = house.claimed()
    for _ in range(2):
        house.slices.run(CountingTrack(), step(mission_id, 0))
    first, second = slices(house)
    assert first == second


def test_the_end_tells_the_mission_and_once_more_all_that_led_to_it(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.extend([failing(Failure.THROTTLED), answering('{"total": 4}')])
    house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    told = {row.event_id: row for row in house.telemetry.rows}
    house.telemetry.rows.clear()  # as if every process had died before it told
    for _ in range(2):
        house.ending.give_up(mission_id, MissionError(code="x", message="it broke"))
    assert {row.event_id: row for row in house.telemetry.rows if not isinstance(row, MissionRow)} == told
    ends = [row for row in house.telemetry.rows if isinstance(row, MissionRow)]
    assert len({row.event_id for row in ends}) == 1
    spent = house.missions.spent(house.missions.get(mission_id)).total.settled_micro_usd
    assert (ends[0].status, ends[0].error, ends[0].cost_micro_usd, ends[0].ds_star_micro_usd) == ("FAILED", "x", spent, spent)


def test_each_request_tells_what_became_of_it_and_a_rejected_answer_is_another_event_of_the_same(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.extend([answering('{"sum": 1}'), answering('{"total": 4}')])
    house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    assert [row.outcome for row in calls(house)] == ["answered", "rejected", "answered"]
    first, rejected, second = calls(house)
    assert first.request_id == rejected.request_id != second.request_id
    assert first.event_id != rejected.event_id
    assert (first.role, first.model, first.input_tokens, first.cost_micro_usd) == ("adder", "openai:model-standard", 100, 180)


def test_a_telemetry_that_cannot_be_written_is_in_no_missions_way(house: ChainHouse, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sink = JsonLines(tmp_path / "file")
    house.slices._telemetry = sink
    mission_id, _ = house.claimed()
    assert house.slices.run(CountingTrack(), step(mission_id, 0)).outcome == "CONTINUE"
    assert sink.lost == 1


def test_a_slice_that_an_earlier_version_committed_has_no_figures_and_no_row(house: ChainHouse) -> None:
    mission_id, _ = house.claimed()
    house.slices.run(CountingTrack(), step(mission_id, 0))
    record = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]
    old = {key: value for key, value in record.model_dump(mode="json").items() if key not in ("done", "tries")}
    assert slice_rows(TrackRecord.model_validate(old)) == []
