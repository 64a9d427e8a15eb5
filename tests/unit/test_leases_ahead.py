"""Where one process runs all slices, a commit leases the next slice too: who may work under such a lease, and what it knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.lifecycle.dispatch import claim
from functions.lifecycle.reconcile import raise_epoch
from schemas.mission import Track
from schemas.steps import ClaimRequest
from shared.handoffs import all_offers, heard, offer_of
from shared.missions.records import TrackRecord
from shared.missions.repository import Change
from shared.runtime import Runtime
from shared.settings import Settings
from shared.times import SLICE_LEASE_S
from shared.tracks import SliceContext, SliceOutcome
from tests.support.house import REQUEST, Count, CountingTrack, House, step


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, alone=True)
    yield made
    made.close()


def record(house: House, mission_id: str) -> TrackRecord:
    return house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]


class Watching(CountingTrack):
    """Keeps the version of its track's document during each slice."""

    def __init__(self, house: House, mission_id: str) -> None:
        super().__init__(slices=3)
        self.versions: list[str] = []
        self._house, self._mission_id = house, mission_id

    def now(self) -> str:
        document = self._house.documents.get(record(self._house, self._mission_id).ref)
        assert document is not None
        return document.version

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        self.versions.append(self.now())
        return super().step(context, state)


def test_the_next_slice_begins_without_a_write_and_the_last_one_leaves_no_lease(house: House) -> None:
    mission_id, _ = house.claimed()
    track = Watching(house, mission_id)
    house.slices.run(track, step(mission_id, 0))
    committed = track.now()
    house.slices.run(track, step(mission_id, 1))
    assert track.versions[1] == committed
    house.slices.run(track, step(mission_id, 2))
    assert record(house, mission_id).lease is None
    assert [done.retries for done in record(house, mission_id).done.values()] == [0, 0, 0]
    assert house.audit.verify(mission_id).breaks == ()


def test_a_call_that_is_delivered_twice_is_busy_though_the_lease_was_stored_ahead(house: House) -> None:
    mission_id, _ = house.claimed()
    second = CountingTrack()

    class Meanwhile(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            assert house.slices.run(second, step(mission_id, 1)).outcome == "BUSY"
            return super().step(context, state)

    house.slices.run(CountingTrack(), step(mission_id, 0))
    assert house.slices.run(Meanwhile(), step(mission_id, 1)).outcome == "CONTINUE"
    assert second.worked == []


def test_a_slice_that_begins_late_is_leased_for_its_whole_time(house: House) -> None:
    mission_id, _ = house.claimed()
    house.slices.run(CountingTrack(), step(mission_id, 0))
    house.clock.advance(SLICE_LEASE_S / 2)

    class Looks(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            lease = record(house, mission_id).lease
            assert lease is not None
            self.left = (lease.until - house.clock.now()).total_seconds()
            return super().step(context, state)

    track = Looks()
    house.slices.run(track, step(mission_id, 1))
    assert track.left == SLICE_LEASE_S


def test_a_lease_stored_ahead_by_a_process_that_died_ends_with_the_next_epoch(house: House, tmp_path: Path) -> None:
    mission_id, _ = house.claimed()
    house.slices.run(CountingTrack(), step(mission_id, 0))
    restarted = House(tmp_path, alone=True)
    try:
        raise_epoch(restarted.missions, restarted.missions.get(mission_id))
        result = restarted.slices.run(CountingTrack(), step(mission_id, 1, epoch=2, execution="x2"))
    finally:
        restarted.close()
    assert result.outcome == "CONTINUE"


def test_a_cancelled_mission_closes_its_track_at_once(house: House) -> None:
    mission_id, _ = house.claimed()
    house.slices.run(CountingTrack(), step(mission_id, 0))
    house.missions.change(mission_id, "api", lambda mission, _: Change(mission.model_copy(update={"cancel_requested": True})))
    assert house.slices.run(CountingTrack(), step(mission_id, 1, close="cancelled")).outcome == "FINAL"


def test_a_slice_that_was_leased_ahead_hears_what_the_other_track_has_offered_since(tmp_path: Path) -> None:
    class Speaking(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            offers = all_offers([offer_of("hypothesis", "a thing grows")], complete=False)
            return SliceOutcome(super().step(context, state).state, offers=offers)

    class Hearing(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            offers = heard(context)
            texts.append([offer.text for offer in offers.offers] if offers else [])
            return super().step(context, state)

    texts: list[list[str]] = []
    runtime = Runtime(Settings(home=tmp_path / "home"), alone=True)
    mission, _ = runtime.missions.create(REQUEST, owner="local", idempotency_key=None)
    own = mission.mission_id
    claim(runtime.missions, runtime.clock, ClaimRequest(mission_id=own, epoch=1, execution="x1"))
    hearing = Hearing(slices=9)
    runtime.slices.run(hearing, step(own, 0))
    assert runtime.missions.tracks(runtime.missions.get(own))[Track.DS_STAR].lease is not None
    runtime.slices.run(Speaking(slices=9), step(own, 0, track=Track.DEEP_RESEARCH))
    for seq in (1, 2):
        runtime.slices.run(hearing, step(own, seq))
    runtime.close()
    assert texts == [[], ["a thing grows"], ["a thing grows"]]
