"""When the heads of audit chains are anchored, and what that reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from functions.lifecycle.dispatch import claim
from functions.lifecycle.reconcile import Reconciler
from functions.missions.deletion import delete_mission
from schemas.events import Anchor
from schemas.lifecycle import ClaimRequest, ReconcileRequest
from schemas.mission import MissionStatus, Track
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.documents import Document, DocumentStore, Query, Ref
from shared.errors import AlreadyExists
from shared.missions import audit as auditing
from shared.missions.anchors import ANCHORS
from shared.missions.audit import Audit
from shared.missions.chain import Happening
from shared.missions.records import MissionRecord, TrackRecord, mission_ref
from shared.missions.repository import Change
from tests.support.deletion import kept
from tests.support.house import REQUEST, CountingTrack, House, step

HOUR = 3_600


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


class CountingReads:
    """A ``DocumentStore`` that counts the documents that it gave."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self.read = 0

    def get(self, ref: Ref) -> Document | None:
        self.read += 1
        return self._documents.get(ref)

    def query(self, query: Query) -> list[Document]:
        found = self._documents.query(query)
        self.read += len(found)
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self._documents, name)


def over(house: House, status: MissionStatus = MissionStatus.DONE) -> str:
    """A mission that has ended, without an anchor: its process died before it kept one."""
    mission_id, _ = house.claimed()
    house.slices.run(CountingTrack(slices=1), step(mission_id, 0))

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change:
        return Change(mission.model_copy(update={"status": status}), [Happening(f"mission.{status.lower()}")])

    house.missions.change(mission_id, "lifecycle", decide)
    return mission_id


def hourly(house: House) -> dict[str, set[tuple[str, str, int]]]:
    """What each hourly anchor holds, by its name."""
    found: dict[str, set[tuple[str, str, int]]] = {}
    for artifact in house.artifacts.list(f"{ANCHORS}/hourly/"):
        anchor = Anchor.model_validate_json(house.artifacts.get(artifact.uri))
        name = artifact.key.rpartition("/")[2].removesuffix(".json")
        found[name] = {(head.mission_id, head.writer, head.n) for head in anchor.heads}
    return found


def test_an_hour_anchors_what_moved_since_the_last_one_and_nothing_else(house: House) -> None:
    ended, running = over(house), house.claimed()[0]
    house.clock.advance(2 * HOUR)
    assert house.audit.anchor_hour() == 5
    house.clock.advance(2 * HOUR)
    house.slices.run(CountingTrack(), step(running, 0))
    waiting = house.missions.create(REQUEST, owner="ann", idempotency_key=None)[0].mission_id
    assert house.audit.anchor_hour() == 4
    house.clock.advance(2 * HOUR)
    assert house.audit.anchor_hour() == 4, "an hour is looked at again from its beginning: what moved in it after its anchor is not lost"
    house.clock.advance(2 * HOUR)
    assert house.audit.anchor_hour() == 0
    assert hourly(house) == {
        "2026-03-14T11": {
            (ended, "api", 1),
            (ended, "lifecycle", 2),
            (ended, "ds_star", 1),
            (running, "api", 1),
            (running, "lifecycle", 1),
        },
        "2026-03-14T13": {(running, "api", 1), (running, "lifecycle", 1), (running, "ds_star", 1), (waiting, "api", 1)},
        "2026-03-14T15": hourly(house)["2026-03-14T13"],
        "2026-03-14T17": set(),
    }


def test_what_moved_in_an_hour_after_its_anchor_is_anchored_by_the_next_one(house: House) -> None:
    house.audit.anchor_hour()
    house.clock.advance(60)
    mission_id = over(house)
    house.clock.advance(HOUR)
    house.audit.anchor_hour()
    assert {mission for mission, _, _ in hourly(house)["2026-03-14T10"]} == {mission_id}


def test_hours_that_were_missed_are_caught_up(house: House) -> None:
    house.audit.anchor_hour()
    house.clock.advance(2 * HOUR)
    lost = over(house)
    house.clock.advance(40 * 24 * HOUR)  # the host was down
    assert house.audit.anchor_hour() == 3
    assert list(hourly(house)) == ["2026-03-14T09", "2026-04-23T11"]
    assert {mission for mission, _, _ in hourly(house)["2026-04-23T11"]} == {lost}
    house.documents.delete(mission_ref(lost))
    assert {b.writer for b in house.audit.verify(lost).breaks} == {"api", "lifecycle"}


def test_an_hour_is_anchored_once_and_never_written_over(house: House) -> None:
    over(house)
    assert house.audit.anchor_hour() == 3
    kept = {artifact.key: house.artifacts.get(artifact.uri) for artifact in house.artifacts.list(ANCHORS)}
    house.clock.advance(60)
    moved = over(house)
    assert house.audit.anchor_hour() == 0
    assert {artifact.key: house.artifacts.get(artifact.uri) for artifact in house.artifacts.list(ANCHORS)} == kept
    house.clock.advance(HOUR)
    house.audit.anchor_hour()
    assert moved in {mission for mission, _, _ in hourly(house)["2026-03-14T10"]}


def test_anchors_are_write_once_in_a_folder(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path)
    key = f"{ANCHORS}/m_1/done-000001.json"
    store.put(key, b"{}")
    with pytest.raises(AlreadyExists):
        store.put(key, b"{ }")
    assert store.get(f"artifact:{key}") == b"{}"


def test_a_mission_that_ends_twice_is_anchored_once_and_one_that_goes_on_again(house: House) -> None:
    mission_id = over(house)

    def anchor() -> int:
        mission = house.missions.get(mission_id)
        house.audit.anchor_mission(mission, house.missions.tracks(mission).values())
        house.clock.advance(1)
        return len(list(house.artifacts.list(f"{ANCHORS}/{mission_id}/")))

    assert [anchor(), anchor()] == [1, 1]
    house.missions.change(mission_id, "lifecycle", lambda mission, _: Change(mission, [Happening("mission.late_ended")]))
    assert [anchor(), anchor()] == [2, 2]
    assert house.audit.verify(mission_id).anchors == 2


def test_what_anchoring_and_reconciling_read_does_not_grow_with_what_is_stored(house: House) -> None:
    def read(missions: int) -> tuple[int, int]:
        for _ in range(missions):
            over(house)
        house.audit.anchor_hour()
        house.clock.advance(5 * HOUR)
        house.audit.anchor_hour()
        running, _ = house.claimed()
        house.slices.run(CountingTrack(), step(running, 0))
        house.clock.advance(HOUR)
        counting = CountingReads(house.documents)
        Audit(counting, house.artifacts, house.clock).anchor_hour()  # type: ignore[arg-type]  # it has what is asked of it here
        anchored = counting.read
        house.missions.change(running, "lifecycle", lambda m, _: Change(m.model_copy(update={"status": MissionStatus.FAILED})))
        return anchored, len(house.missions.page(statuses=(MissionStatus.RUNNING,)).missions)

    assert read(3) == read(30)


def test_many_heads_are_kept_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "_HEADS_KEPT_TOGETHER", 6)
    missions = {over(house) for _ in range(5)}
    assert house.audit.anchor_hour() == 15
    assert sorted(map(len, hourly(house).values())) == [3, 6, 6]
    assert {mission for heads in hourly(house).values() for mission, _, _ in heads} == missions
    assert house.audit.verify().breaks == ()
    house.documents.delete(mission_ref(min(missions)))
    assert {b.mission_id for b in house.audit.verify().breaks} == {min(missions)}


def test_a_call_that_died_half_way_is_made_up_for_in_the_same_hour(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "_HEADS_KEPT_TOGETHER", 3)
    over(house)
    over(house)
    with monkeypatch.context() as dying:
        dying.setattr("shared.missions.anchors.Anchors.close_hour", _dies)
        with pytest.raises(KeyboardInterrupt):
            house.audit.anchor_hour()
    over(house)
    assert house.audit.anchor_hour() == 9
    assert house.audit.verify().breaks == ()


def test_a_deleted_mission_is_anchored_with_its_deletion(house: House, tmp_path: Path) -> None:
    mission_id = over(house)
    house.clock.advance(1)
    graph = SqliteKnowledge(tmp_path / "knowledge.sqlite3")
    delete_mission(mission_id, kept(house, graph), owner="ann")
    graph.close()
    assert house.audit.events(mission_id)[-1].kind == "mission.deleted"
    assert (house.audit.verify(mission_id).breaks, house.audit.verify().missions) == ((), 1)
    house.documents.delete(Ref("events", f"{mission_id}:api:000001"))
    assert [(b.writer, b.n) for b in house.audit.verify().breaks] == [("api", 2)]


def test_reconciling_looks_at_open_missions_only(house: House) -> None:
    for _ in range(5):
        over(house)
    mission, _ = house.missions.create(REQUEST, owner="ann", idempotency_key=None)
    claim(house.missions, house.clock, ClaimRequest(mission_id=mission.mission_id, epoch=1, execution="x1"))
    reconciler = Reconciler(house.missions, house.queue, house.executions, None, house.clock)  # type: ignore[arg-type]  # nothing ends here
    assert reconciler.run(ReconcileRequest()).looked_at == 1


def test_a_mission_of_another_hour_is_found_by_its_own_anchors_alone(house: House) -> None:
    old = over(house)
    house.clock.advance(2 * HOUR)
    house.audit.anchor_hour()
    for _ in range(3):
        house.clock.advance(24 * HOUR)
        over(house)
        house.audit.anchor_hour()
    assert house.audit.verify(old).anchors == 1
    assert house.audit.verify().anchors == 4


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_hour_that_is_still_to_come_hides_none(house: House) -> None:
    """By a clock that was ahead, or by somebody who wants nothing to be anchored."""
    mission_id = over(house)
    coming = Anchor(at=house.clock.now() + timedelta(days=365), reason="hourly", heads=())
    house.artifacts.put(f"{ANCHORS}/hourly/{coming.at:%Y-%m-%dT%H}.json", coming.model_dump_json().encode())
    assert house.audit.anchor_hour() == 3
    assert mission_id in {mission for heads in hourly(house).values() for mission, _, _ in heads}
