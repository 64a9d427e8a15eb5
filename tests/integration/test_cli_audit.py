"""``kimera audit verify`` as a person and a program meet it: what is good, what is broken, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.mission import MissionStatus, Track
from shared.dead_letters import NO_MISSION, keep
from shared.documents import Ref
from shared.missions.chain import PAGE_EVENTS, Happening, event_ref
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change, Decide
from tests.support.chains import place, with_field
from tests.support.command import Kimera
from tests.support.house import CountingTrack, House, step


@pytest.fixture
def kimera(tmp_path: Path) -> Kimera:
    return Kimera(tmp_path)


@pytest.fixture
def missions(kimera: Kimera) -> list[str]:
    """Two missions in the data folder that have ended; the first one's lifecycle fills a page and more."""
    house = House(kimera.home)
    made = []
    for events in (PAGE_EVENTS, 1):
        mission_id, _ = house.claimed()
        house.slices.run(CountingTrack(slices=1), step(mission_id, 0))
        mission = house.missions.change(mission_id, "lifecycle", ending_with(events))
        house.audit.anchor_mission(mission, house.missions.tracks(mission).values())
        house.clock.advance(1)
        made.append(mission_id)
    house.close()
    return made


def ending_with(events: int) -> Decide:
    """The end of a mission that tells so many events, its end last."""

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change:
        ended = mission.model_copy(update={"status": MissionStatus.DONE})
        return Change(ended, [*(Happening("noted", {"n": n}) for n in range(events - 1)), Happening("mission.done")])

    return decide


def forge(kimera: Kimera, mission_id: str, writer: str, n: int) -> None:
    """Change what an entry tells."""
    house = House(kimera.home)
    where, at = place(house.documents, mission_id, writer, n)
    entries = where.entries
    entries[at] = with_field(entries[at], "detail", {"n": 99})
    house.documents.put(where.document.ref, where.changed(entries))
    house.close()


def test_what_is_as_it_was_written_is_intact(kimera: Kimera, missions: list[str]) -> None:
    one, all_ = kimera("audit", "verify", missions[0]), kimera("audit", "verify", "--json")
    assert (one.code, all_.code) == (0, 0), one.err + all_.err
    assert one.out.splitlines() == [
        "ok      api            1 entry, anchored up to 1",
        "ok      ds_star        1 entry, anchored up to 1",
        f"ok      lifecycle      {PAGE_EVENTS + 1} entries, anchored up to {PAGE_EVENTS + 1}",
        f"intact: {PAGE_EVENTS + 3} events of 1 mission, 1 anchor, 2 files",
    ]
    events = PAGE_EVENTS + 3 + 4
    assert all_.json == {
        "ok": True,
        "missions": 2,
        "events": events,
        "letter_events": 0,
        "unanchored": 0,
        "anchors": 2,
        "files": 4,
        "undigested": 0,
        "breaks": [],
    }


def test_what_no_anchor_covers_is_said_and_a_letter_is_no_mission(kimera: Kimera, missions: list[str]) -> None:
    lettered(kimera, missions[1])
    shown = kimera("audit", "verify")
    assert shown.code == 0, shown.out + shown.err
    verdict, uncovered = shown.out.splitlines()
    assert verdict == f"intact: {PAGE_EVENTS + 3 + 4 + 1} events of 2 missions, 2 of dead letters without a mission, 2 anchors, 4 files"
    assert uncovered.startswith("not covered by an anchor: 3 of these events")


@pytest.mark.parametrize("of_mission", [False, True])
def test_the_last_events_of_a_letter_cannot_go_while_the_letter_is_there(kimera: Kimera, missions: list[str], of_mission: bool) -> None:
    lettered(kimera, missions[1])
    house = House(kimera.home)
    about, writer, n = (missions[1], "letter-given-up", 1) if of_mission else (NO_MISSION, "letter-upload", 2)
    house.documents.delete(event_ref(about, writer, n))
    house.close()
    (broken,) = kimera("audit", "verify", "--json").json["breaks"]
    assert (broken["mission_id"], broken["writer"], broken["n"]) == (about, writer, n)


def lettered(kimera: Kimera, mission_id: str) -> None:
    """Keep a dead letter without a mission, twice with another error, and one of the mission."""
    house = House(kimera.home)
    at = house.clock.now()
    for error in ("no such file", "no such folder"):
        keep(house.documents, "upload", route="intake/", payload={"bucket": "b"}, error=error, deliveries=5, at=at)
    keep(house.documents, "given-up", route="missions", payload={"mission_id": mission_id}, error="5 epochs", deliveries=5, at=at)
    house.close()


@pytest.mark.parametrize(("n", "where"), [(3, "a page"), (PAGE_EVENTS + 1, "a tail")])
def test_a_change_is_named_with_its_mission_its_writer_and_its_entry(kimera: Kimera, missions: list[str], n: int, where: str) -> None:
    forge(kimera, missions[0], "lifecycle", n)
    told, shown = kimera("audit", "verify", "--json"), kimera("audit", "verify", missions[0])
    assert (told.code, shown.code) == (1, 1), where
    assert told.json["breaks"] == [{"mission_id": missions[0], "writer": "lifecycle", "n": n, "what": "its content was changed"}]
    assert f"BROKEN  {missions[0]}  lifecycle entry {n}: its content was changed" in shown.out
    assert "restore it from a backup" in shown.err
    assert "BROKEN  lifecycle " in shown.out and shown.out.splitlines()[-1].startswith("1 break: ")
    assert kimera("audit", "verify", missions[1]).code == 0


def test_a_page_that_is_gone_is_named_as_the_entries_that_are_missing(kimera: Kimera, missions: list[str]) -> None:
    house = House(kimera.home)
    house.documents.delete(event_ref(missions[0], "lifecycle", 1))
    house.close()
    (broken,) = kimera("audit", "verify", "--json").json["breaks"]
    assert broken["what"] == f"entries 1 to {PAGE_EVENTS} are missing"


def test_a_mission_that_nobody_knows_is_bad_input(kimera: Kimera, missions: list[str]) -> None:
    unknown = kimera("audit", "verify", "m_unknown", "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "not_found")


def test_a_document_that_cannot_be_read_any_more_is_a_break(kimera: Kimera, missions: list[str]) -> None:
    house = House(kimera.home)
    house.documents.put(Ref("tracks", f"{missions[0]}:{Track.DS_STAR}:1"), {"mission_id": missions[0], "head": "none"})
    house.close()
    broken = kimera("audit", "verify", "--json")
    assert broken.code == 1
    assert "cannot be read" in json.dumps(broken.json["breaks"])
