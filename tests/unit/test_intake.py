"""Uploads become missions: once, whatever is delivered twice, late or in another order."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.intake.delivering import Deliverer
from functions.intake.event import FINALIZED, StorageObject, read_event
from functions.intake.manifest import read_manifest
from functions.intake.records import Intakes, IntakeStatus
from functions.intake.service import WAIT, Intake
from schemas.mission import Tier
from schemas.uploads import IntakeResult
from shared.adapters.folder_inbox import FolderInbox
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.documents import Json
from shared.errors import BadInput, Busy, Unavailable
from shared.inbox import InboxObject
from shared.missions.submission import Submission
from shared.models.credentials import ModelEndpoints
from shared.settings import Settings
from tests.support.house import House

MANIFEST = json.dumps({"question": "What is the mean temp by city?", "data": ["a.csv"], "docs": ["papers"]})
_folders = itertools.count(1)


class Station:
    """An inbox of its own, with the house behind it."""

    def __init__(self, folder: Path) -> None:
        self.inbox_folder, self.outbox_folder = folder / "inbox", folder / "outbox"
        self.inbox_folder.mkdir(parents=True)
        self.house = House(folder)
        self.inbox = FolderInbox(self.inbox_folder, self.outbox_folder)
        self.intakes = Intakes(self.house.documents, self.inbox.bucket)
        knowledge = SqliteKnowledge(folder / "knowledge.sqlite3")
        house = self.house
        submission = Submission(house.missions, house.artifacts, knowledge, house.queue, house.clock, None)
        self.intake = Intake(
            self.inbox,
            self.intakes,
            submission,
            house.queue,
            house.artifacts,
            house.clock,
            owner="ann",
            scratch=folder / "scratch",
            largest=1 << 30,
            read=partial(read_manifest, settings=Settings(tier=Tier.EXTRACTIVE), endpoints=ModelEndpoints()),
        )
        self.deliverer = Deliverer(self.inbox, self.intakes, house.missions, house.artifacts, house.clock)

    def put(self, name: str, content: str) -> StorageObject:
        """A file, and the event of its upload."""
        path = self.inbox_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        found = self.inbox.stat(name)
        assert found is not None
        return StorageObject(bucket=self.inbox.bucket, name=name, generation=found.generation, size=found.size)

    def answer(self, name: str) -> str | None:
        path = self.outbox_folder / name
        return path.read_text() if path.exists() else None

    def missions(self) -> int:
        return len(self.house.missions.page(owner="ann", limit=100).missions)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path / "station")
    yield made
    made.house.close()


def test_a_manifest_with_its_files_becomes_a_mission(station: Station) -> None:
    station.put("trip/a.csv", "city,temp\nBern,12\n")
    station.put("trip/papers/one.md", "# One\n\nText.\n")
    result = station.intake.arrived(station.put("trip/mission.json", MANIFEST))
    assert result.outcome == "started"
    mission = station.house.missions.get(str(result.mission_id))
    assert [(i.name, i.kind) for i in mission.request.inputs] == [("a.csv", "data"), ("one.md", "document")]
    assert mission.owner == "ann"


def test_a_manifest_waits_for_its_files_and_says_so(station: Station) -> None:
    waiting = station.intake.arrived(station.put("trip/mission.json", MANIFEST))
    assert (waiting.outcome, waiting.missing) == ("waiting", ("a.csv", "papers"))
    assert "a.csv, papers" in str(station.answer("trip/waiting.txt"))
    assert station.intake.arrived(station.put("trip/a.csv", "x\n1\n")).outcome == "waiting"
    started = station.intake.arrived(station.put("trip/papers/one.md", "# One\n"))
    assert started.outcome == "started"
    assert station.answer("trip/waiting.txt") is None


def test_a_file_that_is_too_large_is_refused_before_it_is_fetched(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    station.put("trip/a.csv", "")
    os.truncate(station.inbox_folder / "trip" / "a.csv", (1 << 30) + 1)  # sparse
    station.put("trip/papers/one.md", "# One\n")
    fetch = station.inbox.fetch
    fetched: list[str] = []

    def noted(found: InboxObject, target: Path, *, limit: int) -> int:
        fetched.append(found.name)
        return fetch(found, target, limit=limit)

    monkeypatch.setattr(station.inbox, "fetch", noted)
    assert station.intake.arrived(station.put("trip/mission.json", MANIFEST)).outcome == "refused"
    assert "trip/a.csv is larger than 1 GiB" in str(station.answer("trip/error.txt"))
    assert fetched == ["trip/mission.json"]


def test_the_same_manifest_put_again_is_another_mission(station: Station) -> None:
    station.put("trip/a.csv", "x\n1\n")
    station.put("trip/papers/one.md", "# One\n")
    started = {station.intake.arrived(station.put("trip/mission.json", MANIFEST)).mission_id for _ in range(2)}
    assert len(started) == station.missions() == 2


def test_of_two_deliveries_at_once_the_files_of_the_faster_count(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    station.put("trip/a.csv", "x\n1\n")
    station.put("trip/papers/one.md", "# One\n")
    event = station.put("trip/mission.json", MANIFEST)
    fetch = station.inbox.fetch
    faster: list[IntakeResult] = []

    def overtaken(found: InboxObject, target: Path, *, limit: int) -> int:
        size = fetch(found, target, limit=limit)
        if found.name == "trip/a.csv":
            monkeypatch.setattr(station.inbox, "fetch", fetch)
            station.put("trip/a.csv", "x\n2\n")
            faster.append(station.intake.arrived(event))
        return size

    monkeypatch.setattr(station.inbox, "fetch", overtaken)
    slower = station.intake.arrived(event)
    assert [slower] == faster
    assert (slower.outcome, station.missions()) == ("started", 1)


def test_a_refusal_that_a_newer_manifest_overtakes_leaves_that_one_alone(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    unreadable, answer = station.put("trip/mission.json", "{"), station.inbox.answer

    def overtaken(name: str, data: bytes, *, media_type: str) -> None:
        monkeypatch.setattr(station.inbox, "answer", answer)
        assert station.intake.arrived(station.put("trip/mission.json", MANIFEST)).outcome == "waiting"
        answer(name, data, media_type=media_type)

    monkeypatch.setattr(station.inbox, "answer", overtaken)
    station.intake.arrived(unreadable)
    found = station.intakes.find("trip")
    assert found is not None and (found.status, found.missing) == (IntakeStatus.WAITING, ("a.csv", "papers"))


def test_a_manifest_whose_files_do_not_come_expires_with_a_readable_error(station: Station) -> None:
    station.intake.arrived(station.put("trip/mission.json", MANIFEST))
    (task,) = station.house.queue.tasks.values()
    assert task.route == "intake/expire"
    assert task.not_before == station.house.clock.now() + WAIT
    result = station.intake.expire(str(task.payload["key"]), int(str(task.payload["generation"])))
    assert result.outcome == "refused"
    assert "there is still no a.csv, papers" in str(station.answer("trip/error.txt"))
    assert station.intake.arrived(station.put("trip/a.csv", "x\n1\n")).outcome == "noted"


def test_expiry_of_what_has_started_changes_nothing(station: Station) -> None:
    station.put("trip/a.csv", "x\n1\n")
    station.put("trip/papers/one.md", "# One\n")
    event = station.put("trip/mission.json", MANIFEST)
    station.intake.arrived(event)
    assert station.intake.expire(station.intakes.key("trip"), event.generation).outcome == "stale"
    assert station.answer("trip/error.txt") is None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("mission.json", "{", "cannot be read", id="no json"),
        pytest.param("mission.yaml", "question: How many?\nbudget: {cap_usd: -1}\nunknown: 1\n", "budget.cap_usd", id="wrong fields"),
        pytest.param("mission.yaml", "question: How many?\nbudget: 2\n", 'budget: {cap_usd: "0.50"}', id="a bare budget"),
        pytest.param("mission.yaml", "question: How many?\ndata: [../../etc/passwd]\n", "outside", id="a path that leads out"),
        pytest.param("mission.yaml", "a: &a [1]\nb: *a\n", "aliases", id="aliases"),
        pytest.param(
            "mission.yaml",
            "question: A?\ndata: a.csv\nquestion: B?\n",
            "'question' is written twice, in line 1 and in line 3",
            id="a key twice",
        ),
        pytest.param(
            "mission.yaml",
            "question: A?\nbudget:\n  cap_usd: 1\n  'cap_usd': 9\n",
            "'cap_usd' is written twice, in line 3 and in line 4",
            id="a key twice within",
        ),
        pytest.param("mission.json", '{"question": "A?", "question": "B?"}', "'question' is written twice", id="a key twice in JSON"),
        pytest.param("mission.yaml", "question: How many rows are there?\n", "nothing to work on", id="no inputs"),
    ],
)
def test_an_invalid_manifest_is_answered_with_a_readable_error_and_never_again(
    station: Station, name: str, content: str, said: str
) -> None:
    event = station.put(f"bad/{name}", content)
    assert station.intake.arrived(event).outcome == "refused"
    first = str(station.answer("bad/error.txt"))
    assert said in first
    (station.outbox_folder / "bad" / "error.txt").unlink()
    assert station.intake.arrived(event).outcome == "refused"
    assert station.answer("bad/error.txt") is None  # it was answered once
    assert station.missions() == 0


def test_a_corrected_manifest_starts(station: Station) -> None:
    station.put("trip/a.csv", "x\n1\n")
    station.intake.arrived(station.put("trip/mission.json", "{"))
    result = station.intake.arrived(station.put("trip/mission.json", json.dumps({"question": "How many rows are there?", "data": "a.csv"})))
    assert result.outcome == "started"
    assert station.answer("trip/error.txt") is None


def test_an_older_manifest_that_is_delivered_late_starts_nothing(station: Station) -> None:
    station.put("trip/a.csv", "x\n1\n")
    old = station.put("trip/mission.json", json.dumps({"question": "How many rows are there?", "data": "a.csv"}))
    new = station.put("trip/mission.json", json.dumps({"question": "What is the mean x?", "data": "a.csv"}))
    assert station.intake.arrived(new).outcome == "started"
    assert station.intake.arrived(old).outcome == "stale"
    assert station.missions() == 1


def test_a_redelivery_after_days_gives_the_same_mission(station: Station) -> None:
    station.put("trip/a.csv", "x\n1\n")
    event = station.put("trip/mission.json", json.dumps({"question": "How many rows are there?", "data": "a.csv"}))
    first = station.intake.arrived(event)
    station.house.clock.advance(timedelta(days=3).total_seconds())
    assert station.intake.arrived(event) == first
    assert station.missions() == 1


def test_what_dies_between_submitting_and_recording_submits_the_same_again(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    station.put("trip/a.csv", "x\n1\n")
    event = station.put("trip/mission.json", json.dumps({"question": "How many rows are there?", "data": "a.csv"}))
    dies = monkeypatch.context()
    with dies as patch:
        patch.setattr(
            "functions.intake.service.reached",
            lambda point: (_ for _ in ()).throw(Unavailable(point)) if point == "intake.submitted" else None,
        )
        with pytest.raises(Unavailable):
            station.intake.arrived(event)
    station.put("trip/a.csv", "x\n1\n2\n")  # what is submitted was fixed before
    assert station.intake.arrived(event).outcome == "started"
    assert station.missions() == 1


def test_events_of_another_bucket_are_refused(station: Station) -> None:
    with pytest.raises(BadInput, match="of the bucket elsewhere"):
        station.intake.arrived(StorageObject(bucket="elsewhere", name="trip/mission.json", generation=1))


def test_files_outside_of_a_folder_are_noted(station: Station) -> None:
    assert station.intake.arrived(station.put("mission.json", MANIFEST)).outcome == "noted"


def test_delivery_waits_for_the_mission_and_lays_out_its_end(station: Station) -> None:
    station.put("trip/a.csv", "x\n1\n")
    event = station.put("trip/mission.json", json.dumps({"question": "How many rows are there?", "data": "a.csv"}))
    result = station.intake.arrived(event)
    key = station.intakes.key("trip")
    with pytest.raises(Busy):
        station.deliverer.deliver(key, event.generation)
    from functions.lifecycle.ending import Ending
    from schemas.mission import MissionError

    ending = Ending(station.house.missions, station.house.audit, station.house.clock)
    ending.give_up(str(result.mission_id), MissionError(code="given_up", message="It was too hard."))
    assert station.deliverer.deliver(key, event.generation).outcome == "delivered"
    assert "It was too hard." in str(station.answer("trip/error.txt"))
    assert json.loads(str(station.answer("trip/status.json")))["status"] == "FAILED"


@given(order=st.permutations(["trip/mission.json", "trip/a.csv", "trip/papers/one.md"]), repeats=st.lists(st.integers(0, 2), max_size=4))
@settings(max_examples=25)
def test_any_order_and_any_repeats_give_one_mission(tmp_path_factory: pytest.TempPathFactory, order: list[str], repeats: list[int]) -> None:
    station = Station(tmp_path_factory.mktemp("station") / str(next(_folders)))
    contents = {"trip/mission.json": MANIFEST, "trip/a.csv": "city,temp\nBern,12\n", "trip/papers/one.md": "# One\n"}
    delivered: list[IntakeResult] = []
    events: list[StorageObject] = []
    for name in order:
        events.append(station.put(name, contents[name]))
        delivered.append(station.intake.arrived(events[-1]))
    for n in repeats:
        station.intake.arrived(events[n])
    station.house.close()
    record_missions = {result.mission_id for result in delivered if result.outcome == "started"}
    assert len(record_missions) == 1


HEADERS = {"ce-specversion": "1.0", "ce-type": FINALIZED, "ce-id": "1", "ce-source": "//storage", "content-type": "application/json"}
DATA: dict[str, Json] = {
    "bucket": "inbox",
    "name": "trip/mission.json",
    "generation": "1700000000000001",
    "size": "12",
    "kind": "storage#object",
}


def test_binary_and_structured_events_are_read() -> None:
    wanted = StorageObject(bucket="inbox", name="trip/mission.json", generation=1700000000000001, size=12)
    assert read_event(HEADERS, json.dumps(DATA).encode()) == wanted
    structured = {"specversion": "1.0", "type": FINALIZED, "id": "1", "source": "//storage", "data": DATA}
    assert read_event({"Content-Type": "application/cloudevents+json"}, json.dumps(structured).encode()) == wanted
    assert wanted.found == InboxObject("trip/mission.json", 1700000000000001, 12)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, b"{}", id="no attributes"),
        pytest.param(HEADERS, b"{", id="no json"),
        pytest.param(HEADERS, b"", id="no data"),
        pytest.param(HEADERS, b"[1]", id="data is a list"),
        pytest.param(HEADERS, b'{"bucket": "b", "name": "", "generation": "x"}', id="wrong fields"),
        pytest.param({**HEADERS, "ce-type": "google.cloud.storage.object.v1.deleted"}, json.dumps(DATA).encode(), id="another type"),
        pytest.param({"Content-Type": "application/cloudevents+json"}, b"[]", id="structured, but a list"),
    ],
)
def test_what_is_no_such_event_is_bad_input(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadInput):
        read_event(headers, body)


@given(st.binary(max_size=200))
def test_no_body_is_anything_but_read_or_refused(body: bytes) -> None:
    for headers in (HEADERS, {"Content-Type": "application/cloudevents+json"}):
        try:
            read_event(headers, body)
        except BadInput:
            pass


def test_the_status_of_a_refused_manifest_is_kept(station: Station) -> None:
    station.intake.arrived(station.put("bad/mission.json", "{"))
    record = station.intakes.find("bad")
    assert record is not None
    assert record.status is IntakeStatus.REFUSED
