"""A call goes on with the slices that follow at once: as if each had come in a call of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.lifecycle.reconcile import raise_epoch
from schemas.mission import Track
from shared.errors import StaleEpoch, Unavailable
from shared.missions.records import TrackRecord
from shared.missions.repository import Change
from shared.times import SLICE_LEASE_S
from shared.tracks import SliceContext, SliceOutcome
from tests.support.house import Count, CountingTrack, House, step

GO_ON_S = 30


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, go_on_s=GO_ON_S)
    yield made
    made.close()


def record(house: House, mission_id: str) -> TrackRecord:
    return house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]


class Slow(CountingTrack):
    """Takes a while for each slice."""

    def __init__(self, seconds: float) -> None:
        super().__init__(slices=5)
        self.seconds = seconds

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        context.clock.sleep(self.seconds)
        return super().step(context, state)


def test_one_call_does_all_slices_and_each_has_its_own_result_and_event(house: House) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack(slices=3)
    assert house.slices.run(track, step(mission_id, 0)).outcome == "FINAL"
    assert track.worked == [0, 1, 2]
    ended = record(house, mission_id)
    assert [ended.results[str(seq)].next_seq for seq in range(3)] == [1, 2, 3]
    events = [event for event in house.audit.events(mission_id) if event.kind == "slice.committed"]
    assert [event.detail["seq"] for event in events] == [0, 1, 2]
    assert ended.lease is None and ended.tries == 0


def test_a_call_that_comes_again_is_answered_step_by_step_from_what_is_stored(house: House) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack(slices=3)
    house.slices.run(track, step(mission_id, 0))
    again = [house.slices.run(track, step(mission_id, seq)) for seq in range(3)]
    assert [(result.outcome, result.next_seq) for result in again] == [("CONTINUE", 1), ("CONTINUE", 2), ("FINAL", 3)]
    assert track.worked == [0, 1, 2]


def test_a_call_begins_no_slice_after_its_time(house: House) -> None:
    mission_id, _ = house.claimed()
    track = Slow(GO_ON_S / 2)
    result = house.slices.run(track, step(mission_id, 0))
    assert (result.outcome, result.next_seq) == ("CONTINUE", 2)
    assert record(house, mission_id).lease is None
    assert house.slices.run(track, step(mission_id, 2)).next_seq == 4


def test_a_cancel_stops_the_call_after_the_slice_that_it_is_at(house: House) -> None:
    mission_id, _ = house.claimed()

    class Cancelled(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            house.missions.change(mission_id, "api", lambda mission, _: Change(mission.model_copy(update={"cancel_requested": True})))
            return super().step(context, state)

    track = Cancelled()
    assert house.slices.run(track, step(mission_id, 0)).ask_gate
    assert track.worked == [0] and record(house, mission_id).lease is None


def test_a_slice_that_waits_ends_the_call(house: House) -> None:
    mission_id, _ = house.claimed()

    class Waits(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            outcome = super().step(context, state)
            return SliceOutcome(outcome.state, wait_s=7) if context.seq == 1 else outcome

    result = house.slices.run(Waits(), step(mission_id, 0))
    assert (result.outcome, result.next_seq, result.retry_after_s) == ("WAIT", 2, 7)


def test_a_passing_fault_of_a_later_slice_leaves_it_to_a_call_of_its_own(house: House) -> None:
    mission_id, _ = house.claimed()

    class Fails(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            if context.seq == 1 and self.worked.count(1) < 2:
                self.fail_with = [Unavailable("The provider does not answer.", remedy="Try again.")]
            return super().step(context, state)

    track = Fails()
    result = house.slices.run(track, step(mission_id, 0))
    assert (result.outcome, result.next_seq) == ("CONTINUE", 1)
    with pytest.raises(Unavailable):  # in its own call whoever asked hears of it, and waits before the next try
        house.slices.run(track, step(mission_id, 1))
    assert house.slices.run(track, step(mission_id, 1)).outcome == "FINAL"
    assert track.worked == [0, 1, 1, 1, 2] and record(house, mission_id).done["1"].retries == 2


def test_a_kill_in_a_later_slice_costs_that_slice_only(house: House) -> None:
    mission_id, _ = house.claimed()

    class Killed(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            if context.seq == 2:
                raise KeyboardInterrupt
            return super().step(context, state)

    with pytest.raises(KeyboardInterrupt):
        house.slices.run(Killed(), step(mission_id, 0))
    track = CountingTrack()
    assert [house.slices.run(track, step(mission_id, seq)).outcome for seq in (0, 1)] == ["CONTINUE", "CONTINUE"]
    assert house.slices.run(track, step(mission_id, 2)).outcome == "BUSY"  # until the dead call's lease has run out
    house.clock.advance(SLICE_LEASE_S + 1)
    assert house.slices.run(track, step(mission_id, 2)).outcome == "FINAL"
    assert track.worked == [2]


def test_a_newer_execution_stops_the_call_at_its_next_commit(house: House) -> None:
    mission_id, _ = house.claimed()

    class Overtaken(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            if context.seq == 1:
                raise_epoch(house.missions, house.missions.get(mission_id))
            return super().step(context, state)

    track = Overtaken()
    with pytest.raises(StaleEpoch):
        house.slices.run(track, step(mission_id, 0))
    assert track.worked == [0, 1] and set(record(house, mission_id).results) == {"0"}
