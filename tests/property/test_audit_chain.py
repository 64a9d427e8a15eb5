"""Invariant 9: ``verify`` finds any change, reordering or removal up to the last anchor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.mission import MissionStatus, Track
from shared.documents import Json, Query, Ref
from shared.errors import Corrupt
from shared.missions.records import EVENTS
from tests.support.house import CountingTrack, House, step

FIELDS = ["kind", "at", "n", "detail", "writer", "previous", "hash", "trace_id"]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    """A mission whose two tracks worked, and whose chains are anchored."""
    house = House(tmp_path_factory.mktemp("audit"))
    mission_id, _ = house.claimed()
    for track in Track:
        logic = CountingTrack(slices=3)
        for seq in range(3):
            house.slices.run(logic, step(mission_id, seq, track=track))
    mission = house.missions.get(mission_id).model_copy(update={"status": MissionStatus.DONE})
    house.audit.anchor_mission(mission, house.missions.tracks(mission).values())
    yield house, mission_id
    house.close()


def test_an_untouched_chain_verifies(ended: tuple[House, str]) -> None:
    house, mission_id = ended
    result = house.audit.verify(mission_id)
    assert (result.breaks, result.anchors, result.missions) == ((), 1, 1)
    assert result.events >= 8


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_single_change_or_removal_is_found(ended: tuple[House, str], data: st.DataObject) -> None:
    house, mission_id = ended
    events = house.documents.query(Query(EVENTS))
    victim = data.draw(st.sampled_from(events), label="event")
    change = data.draw(st.sampled_from([*FIELDS, "remove"]), label="change")
    try:
        if change == "remove":
            house.documents.delete(victim.ref)
        else:
            house.documents.put(victim.ref, {**victim.data, change: _other(victim.data[change], change)})
        assert house.audit.verify(mission_id).breaks, f"{change} of {victim.ref} was not found"
    finally:
        for event in events:
            house.documents.put(event.ref, event.data)
    assert house.audit.verify(mission_id).breaks == ()


def test_a_chain_cut_off_at_its_end_is_found_by_the_anchor(ended: tuple[House, str]) -> None:
    house, mission_id = ended
    last = Ref(EVENTS, f"{mission_id}:ds_star:000003")
    kept = house.documents.get(last)
    assert kept is not None
    house.documents.delete(last)
    (broken,) = house.audit.verify(mission_id).breaks
    assert (broken.writer, broken.n) == ("ds_star", 3)
    house.documents.put(last, kept.data)


def test_a_document_that_is_no_event_any_more_is_a_break_like_any_other(ended: tuple[House, str]) -> None:
    house, mission_id = ended
    victim = Ref(EVENTS, f"{mission_id}:ds_star:000002")
    kept = house.documents.get(victim)
    assert kept is not None
    house.documents.put(victim, {"mission_id": mission_id, "x": 1})
    breaks = house.audit.verify(mission_id).breaks
    assert ("ds_star", 2, "it is no audit event any more") in {(b.writer, b.n, b.what) for b in breaks}
    with pytest.raises(Corrupt, match=r"ds_star 2 .* is damaged"):
        house.audit.events(mission_id)
    house.documents.put(victim, kept.data)


def test_two_entries_that_changed_places_are_found(ended: tuple[House, str]) -> None:
    house, mission_id = ended
    first, second = (Ref(EVENTS, f"{mission_id}:ds_star:00000{n}") for n in (1, 2))
    one, two = house.documents.get(first), house.documents.get(second)
    assert one is not None
    assert two is not None
    house.documents.put(first, two.data)
    house.documents.put(second, one.data)
    assert [(b.writer, b.n) for b in house.audit.verify(mission_id).breaks] == [("ds_star", 1), ("ds_star", 2)]
    house.documents.put(first, one.data)
    house.documents.put(second, two.data)


def _other(value: Json, field: str) -> Json:
    if field == "n":
        assert isinstance(value, int)
        return value + 1
    if field == "at":
        return "2031-01-01T00:00:00Z"
    if field == "detail":
        assert isinstance(value, dict)
        return {**value, "added": 1}
    if field in ("previous", "hash"):
        return "f" * 64
    return f"{value}x"
