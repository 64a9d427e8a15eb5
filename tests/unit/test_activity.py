"""What a slice is at is shown while it works: by its word, or by the request that is under way; and it costs a slice nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.mission import Track, TrackState
from shared.documents import Document, JsonMap, Ref
from shared.errors import Corrupt, Unavailable
from shared.missions import activity
from shared.missions.activity import Activity, activity_ref
from shared.missions.records import ACTIVITY, TrackRecord
from shared.missions.repository import load_track
from shared.models.calls import ModelCall
from shared.tracks import SliceContext, SliceOutcome
from tests.support.chain import ASKING, AskingTrack, ChainHouse
from tests.support.house import Count, CountingTrack, House, step
from tests.support.waiting import until

QUICK_S = 0.01


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "EVERY_S", QUICK_S)


class Telling(CountingTrack):
    """A track that says what it is at, and works on until it is let go."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words
        self.told = threading.Event()
        self.go_on = threading.Event()

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        for word in self.words:
            context.doing(word)
        self.told.set()
        assert self.go_on.wait(20)
        return super().step(context, state)


def shown(house: House, mission_id: str) -> TrackState:
    return house.missions.state(house.missions.get(mission_id)).track_status[Track.DS_STAR]


def record(house: House, mission_id: str) -> TrackRecord:
    return load_track(house.documents, house.missions.get(mission_id), Track.DS_STAR)


def words(house: House, mission_id: str) -> Document | None:
    return house.documents.get(activity_ref(record(house, mission_id)))


@contextmanager
def working(house: House, mission_id: str, *said: str) -> Iterator[TrackRecord]:
    """The track with a slice that somebody works on, until the block ends."""
    track = Telling(*said)
    seq = record(house, mission_id).next_seq
    worker = threading.Thread(target=lambda: house.slices.run(track, step(mission_id, seq)))
    worker.start()
    try:
        assert track.told.wait(20)
        yield record(house, mission_id)
    finally:
        track.go_on.set()
        worker.join(20)


def store(house: House, track: TrackRecord, text: str, *, holder: str | None = None) -> None:
    """A word as it lies in the store."""
    assert track.lease is not None
    house.documents.put(activity_ref(track), {"mission_id": track.mission_id, "holder": holder or track.lease.holder, "text": text})


def threads() -> int:
    return sum(thread.name == "kimera-activity" for thread in threading.enumerate())


@pytest.mark.usefixtures("quick")
def test_a_word_is_shown_while_its_slice_works_and_no_longer(house: House) -> None:
    mission_id, _ = house.claimed()
    house.slices.run(CountingTrack(), step(mission_id, 0))
    assert shown(house, mission_id).progress == "1 of 3"
    with working(house, mission_id, "reading a.pdf", "reading b.pdf"):
        house.clock.advance(1)
        until(lambda: shown(house, mission_id).progress == "reading b.pdf")
    assert shown(house, mission_id).progress == "2 of 3"


def test_a_track_that_is_at_something_waits_for_nothing(house: House) -> None:
    mission_id, _ = house.claimed()
    with working(house, mission_id) as track:
        house.documents.put(track.ref, track.model_copy(update={"waiting_for": "the agent"}).data())
        house.clock.advance(activity.EVERY_S)
        assert (shown(house, mission_id).progress, shown(house, mission_id).waiting_for) == ("", "the agent")
        store(house, track, "reading its report")
        assert (shown(house, mission_id).progress, shown(house, mission_id).waiting_for) == ("reading its report", None)


def test_the_word_of_another_run_is_not_shown_nor_one_behind_its_lease(house: House) -> None:
    mission_id, _ = house.claimed()
    with working(house, mission_id) as track:
        house.clock.advance(activity.EVERY_S)
        store(house, track, "reading a.pdf", holder="h_before")
        assert shown(house, mission_id).progress == ""
        store(house, track, "reading a.pdf")
        assert shown(house, mission_id).progress == "reading a.pdf"
        house.clock.advance(10_000)
        assert shown(house, mission_id).progress == ""


def test_who_has_just_begun_is_not_asked_what_it_is_at(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mission_id, _ = house.claimed()
    with working(house, mission_id) as track:
        store(house, track, "reading a.pdf")
        house.clock.advance(activity.EVERY_S - 0.1)
        reads: list[str] = []
        get: Callable[[Ref], Document | None] = house.documents.get

        def counted(ref: Ref) -> Document | None:
            reads.append(ref.collection)
            return get(ref)

        monkeypatch.setattr(house.documents, "get", counted)
        assert shown(house, mission_id).progress == ""
        assert ACTIVITY not in reads
        house.clock.advance(0.1)
        assert shown(house, mission_id).progress == "reading a.pdf"
        assert reads.count(ACTIVITY) == 1


def test_a_request_that_is_under_way_is_what_the_slice_is_at(tmp_path: Path) -> None:
    house = ChainHouse(tmp_path, in_order=False)
    mission_id, _ = house.claimed(ASKING)
    all_there = threading.Barrier(2)
    seen: list[str] = []

    def look(_: ModelCall) -> None:
        if house.endpoint.asked:
            all_there.wait(20)
        else:
            house.clock.advance(activity.EVERY_S)
        seen.append(shown(house, mission_id).progress)
        if len(house.endpoint.asked):
            all_there.wait(20)

    house.endpoint.before = look
    house.slices.run(AskingTrack(house.role), step(mission_id, 0))
    both = "asking openai:model-standard (adder), 2 at once"
    assert seen == ["asking openai:model-standard (adder)", both, both]
    assert shown(house, mission_id).progress == "1 of 3"
    house.close()


@pytest.mark.usefixtures("quick")
def test_a_slice_that_says_nothing_stores_nothing_and_starts_no_thread(house: House) -> None:
    mission_id, _ = house.claimed()
    with working(house, mission_id):
        time.sleep(5 * QUICK_S)
        assert words(house, mission_id) is None
        assert threads() == 0


@pytest.mark.usefixtures("quick")
def test_nothing_is_stored_behind_the_slice_and_no_thread_stays(house: House) -> None:
    mission_id, _ = house.claimed()
    with working(house, mission_id) as track:
        with Activity(house.documents, track) as told:
            told.say("reading a.pdf")
            until(lambda: words(house, mission_id) is not None)
        told.say("reading b.pdf")
        time.sleep(5 * QUICK_S)
        stored = words(house, mission_id)
        assert stored is not None and stored.data["text"] == "reading a.pdf"
        assert threads() == 0


@pytest.mark.usefixtures("quick")
def test_a_word_that_is_being_stored_is_stored_before_the_slice_goes_on_to_its_commit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission_id, _ = house.claimed()
    begun = threading.Event()
    put = house.documents.put

    def slow(ref: Ref, data: JsonMap) -> Document:
        begun.set()
        time.sleep(0.3)
        return put(ref, data)

    with working(house, mission_id) as track, monkeypatch.context() as patched:
        patched.setattr(house.documents, "put", slow)
        with Activity(house.documents, track) as told:
            told.say("reading a.pdf")
            assert begun.wait(20)
        assert words(house, mission_id) is not None


@pytest.mark.usefixtures("quick")
def test_a_word_that_cannot_be_stored_stops_nothing_and_the_next_one_is_tried(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mission_id, _ = house.claimed()
    tried: list[str] = []
    put = house.documents.put

    def fails_once(ref: Ref, data: JsonMap) -> Document:
        tried.append(str(data["text"]))
        if len(tried) == 1:
            raise Unavailable("the store is away")
        return put(ref, data)

    with working(house, mission_id) as track, monkeypatch.context() as patched:
        patched.setattr(house.documents, "put", fails_once)
        with Activity(house.documents, track) as told:
            told.say("reading a.pdf")
            until(lambda: len(tried) == 1)
            told.say("reading b.pdf")
            until(lambda: words(house, mission_id) is not None)
    assert tried == ["reading a.pdf", "reading b.pdf"]


@pytest.mark.usefixtures("quick")
def test_where_no_thread_can_be_had_the_slice_goes_on_and_the_next_word_tries_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mission_id, _ = house.claimed()

    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with working(house, mission_id) as track:
        with Activity(house.documents, track) as told:
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", none_left)
                told.say("reading a.pdf")
            told.say("reading b.pdf")
            until(lambda: words(house, mission_id) is not None)
        with monkeypatch.context() as patched, Activity(house.documents, track) as told:
            patched.setattr(threading.Thread, "start", none_left)
            told.say("reading c.pdf")


def test_a_damaged_word_damages_no_mission(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mission_id, _ = house.claimed()
    get = house.documents.get

    def damaged(ref: Ref) -> Document | None:
        if ref.collection == ACTIVITY:
            raise Corrupt("no document")
        return get(ref)

    with working(house, mission_id) as track, monkeypatch.context() as patched:
        store(house, track, "reading a.pdf")
        house.clock.advance(activity.EVERY_S)
        patched.setattr(house.documents, "get", damaged)
        assert shown(house, mission_id).progress == ""
