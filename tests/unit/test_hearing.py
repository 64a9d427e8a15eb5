"""A track that waits for the other one: one slice, however long it waits, and nothing is written while it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from functions.lifecycle.reconcile import raise_epoch
from schemas.lifecycle import ClaimRequest
from schemas.mission import MissionInput, MissionRequest, Track
from schemas.steps import CANCELLED, StepResult
from shared.handoffs import all_offers, offer_of
from shared.missions.records import TrackRecord
from shared.times import MAX_RETRY_AFTER_S
from shared.tracks import SliceContext, SliceOutcome
from tests.support.house import Count, CountingTrack, House, step

WHOLE_S = 120


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


class Waiting(CountingTrack):
    """Waits for the other track in its second slice."""

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        outcome = super().step(context, state)
        until = context.clock.now() + timedelta(seconds=WHOLE_S)
        return replace(outcome, until=until, waiting_for="the other one") if context.seq == 1 else outcome


class Offering(CountingTrack):
    """Offers something with each slice."""

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        offers = all_offers([offer_of("hypothesis", f"thing {context.seq} grows")], complete=False)
        return replace(super().step(context, state), offers=offers)


def record(house: House, mission_id: str) -> TrackRecord:
    return house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]


def waits(house: House, track: CountingTrack) -> tuple[str, StepResult]:
    mission_id, _ = house.claimed()
    house.slices.run(track, step(mission_id, 0))
    return mission_id, house.slices.run(track, step(mission_id, 1))


def test_a_wait_is_asked_about_ever_less_often_writes_nothing_and_ends_at_its_time(house: House) -> None:
    track = Waiting(slices=3)
    mission_id, result = waits(house, track)
    stored = record(house, mission_id)
    pauses = []
    while result.outcome == "WAIT":
        assert (result.next_seq, record(house, mission_id)) == (2, stored)
        pauses.append(result.retry_after_s)
        house.clock.advance(result.retry_after_s)
        result = house.slices.run(track, step(mission_id, 2))
    assert pauses == [4, 4, 8, 15, 15, 15, 15, 15, 15, 14]
    assert max(pauses) <= MAX_RETRY_AFTER_S and sum(pauses) == WHOLE_S
    assert (result.outcome, track.worked) == ("FINAL", [0, 1, 2])
    assert (stored.waiting_for, record(house, mission_id).hearing) == ("the other one", None)


def test_a_wait_ends_when_the_other_track_offers_something_else(house: House) -> None:
    track, other = Waiting(slices=3), Offering(slices=9)
    mission_id, _ = waits(house, track)
    assert house.slices.run(track, step(mission_id, 2)).outcome == "WAIT"
    house.slices.run(other, step(mission_id, 0, track=Track.DEEP_RESEARCH))
    assert house.slices.run(track, step(mission_id, 2)).outcome == "FINAL"


def test_a_wait_ends_when_the_other_track_has_ended_without_a_word(house: House) -> None:
    track, other = Waiting(slices=3), CountingTrack(slices=1)
    mission_id, _ = waits(house, track)
    house.slices.run(other, step(mission_id, 0, track=Track.DEEP_RESEARCH))
    assert house.slices.run(track, step(mission_id, 2)).outcome == "FINAL"


def test_a_waiting_track_is_closed_at_once(house: House) -> None:
    track = Waiting(slices=3)
    mission_id, _ = waits(house, track)
    assert house.slices.run(track, step(mission_id, 2, close=CANCELLED)).outcome == "FINAL"


def test_a_waiting_track_asks_for_the_gate_once_there_is_something_to_decide(house: House) -> None:
    request = MissionRequest.model_validate(
        {
            "question": "How many?",
            "inputs": (MissionInput(uri="artifact:inputs/x/a.csv", kind="data", name="a.csv"),),
            "deadlines": {"soft_s": 60},
        }
    )
    track = Waiting(slices=3)
    mission_id, _ = house.claimed(request)
    for seq in (0, 1):
        house.slices.run(track, step(mission_id, seq))
    assert not house.slices.run(track, step(mission_id, 2)).ask_gate
    house.clock.advance(60)
    asked = house.slices.run(track, step(mission_id, 2))
    assert (asked.outcome, asked.ask_gate) == ("WAIT", True)


def test_another_execution_goes_on_with_the_wait_where_it_was(house: House) -> None:
    track = Waiting(slices=3)
    mission_id, _ = waits(house, track)
    house.clock.advance(100)
    raised = raise_epoch(house.missions, house.missions.get(mission_id))
    from functions.lifecycle.dispatch import claim

    claimed = claim(house.missions, house.clock, ClaimRequest(mission_id=mission_id, epoch=raised.epoch, execution="x2"))
    assert claimed.tracks[Track.DS_STAR].seq == 2
    again = house.slices.run(track, step(mission_id, 2, epoch=raised.epoch, execution="x2"))
    assert (again.outcome, again.retry_after_s) == ("WAIT", MAX_RETRY_AFTER_S)
    house.clock.advance(20)
    assert house.slices.run(track, step(mission_id, 2, epoch=raised.epoch, execution="x2")).outcome == "FINAL"
    assert track.worked == [0, 1, 2]
