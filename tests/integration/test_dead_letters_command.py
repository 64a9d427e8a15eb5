"""``kimera dead-letters`` against a platform that is served: a report that could not be laid out becomes a letter, and gets there later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from functions.intake.records import INTAKES, IntakeRecord
from shared.adapters.document_queue import TASKS
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.clock import SystemClock
from shared.dead_letters import UPLOADS, keep
from shared.documents import Document, JsonMap, Query
from shared.errors import NotFound, PreconditionFailed
from shared.queue import MAX_DELIVERIES
from tests.support.command import Kimera, eventually

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap, pytest.mark.timeout(240), pytest.mark.xdist_group("cli-serve")]
DELIVER = "intake/deliver"
BUCKET = "inbox"
"""What events call the inbox of this machine."""


@pytest.fixture(scope="module")
def kimera(bubblewrap: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kimera]:
    """The command, on a platform whose outbox has no place for the report of what lies in ``inbox/trip``."""
    command = Kimera(tmp_path_factory.mktemp("letters"))
    (command.folder / "outbox").mkdir()
    (command.folder / "outbox" / "trip").write_text("a file where the report's folder should be\n")
    trip = command.folder / "inbox" / "trip"
    trip.mkdir(parents=True)
    (trip / "a.csv").write_text("city,temp\nBern,12\nBern,13\nBasel,15\nBasel,14\n")
    (trip / "mission.json").write_text(json.dumps({"question": "What is the mean temp by city?", "data": ["a.csv"]}))
    with command.started("serve", "--port", "0", "--inbox", "inbox") as running:
        running.line_with("KIMERA is at")
        yield command


@pytest.fixture(scope="module")
def letter(kimera: Kimera) -> str:
    """The name of the letter that the queue's last attempt to lay the report out has left."""
    eventually(lambda: any(task.data.get("error") for task in tasks(kimera, DELIVER)), "a first attempt fails")
    eventually(lambda: one_attempt_is_left(kimera), "the attempts in between are behind us")
    eventually(lambda: letters(kimera) != [], "the last attempt fails, too")
    (found,) = letters(kimera)
    return str(found["name"])


def test_a_letter_is_listed_and_shown_with_all_that_is_known_of_it(kimera: Kimera, letter: str) -> None:
    listed = kimera("dead-letters", "list")
    assert (listed.code, letter in listed.out, f"to {DELIVER}, {MAX_DELIVERIES} deliveries" in listed.out) == (0, True, True), listed.err
    shown = kimera("dead-letters", "show", letter, "--json").json
    assert (shown["status"], shown["route"], shown["deliveries"]) == ("kept", DELIVER, MAX_DELIVERIES)
    assert "trip" in shown["error"] and "generation" in shown["payload"]
    assert letter in kimera("dead-letters", "show", letter).out
    assert tasks(kimera, DELIVER) == [], "the queue has given it up"
    unknown = kimera("dead-letters", "show", "no-such-letter")
    assert unknown.code != 0 and "kimera dead-letters list" in unknown.err


def test_a_letter_is_discarded_with_a_reason(kimera: Kimera, letter: str) -> None:
    assert kimera("dead-letters", "discard", letter).code == 2, "a reason is needed"
    assert kimera("dead-letters", "discard", letter, "--why", "read in the browser").code == 0
    assert letters(kimera) == []
    (discarded,) = letters(kimera, "--status", "discarded")
    assert (discarded["name"], discarded["discarded"]["why"]) == (letter, "read in the browser")


def test_a_replay_lays_out_the_report_that_had_no_place(kimera: Kimera, letter: str) -> None:
    place = kimera.folder / "outbox" / "trip"
    place.unlink()
    replayed = kimera("dead-letters", "replay", letter)
    assert replayed.code == 0 and f"{letter} is replayed: it is in the queue, for {DELIVER}" in replayed.out, replayed.err
    eventually((place / "status.json").exists, "the report is laid out")
    assert "14.5" in (place / "report.md").read_text()
    again = kimera("dead-letters", "replay", letter)
    assert again.code != 0 and "--again" in again.err
    assert [found["status"] for found in letters(kimera, "--status", "all")] == ["replayed"]


def test_an_upload_that_nobody_was_told_of_is_told_again_and_stays_one_mission(kimera: Kimera, letter: str) -> None:
    with store(kimera) as documents:
        (record,) = map(IntakeRecord.read, documents.query(Query(INTAKES)))
        message: JsonMap = {"data": {"bucket": BUCKET, "name": record.manifest, "generation": str(record.generation)}, "attributes": {}}
        keep(documents, "pubsub-1", route=UPLOADS, payload=dict(message), error="no answer", deliveries=5, at=SystemClock().now())
    replayed = kimera("dead-letters", "replay", "pubsub-1")
    assert replayed.code == 0, replayed.err
    eventually(lambda: tasks(kimera, "intake/redeliver") == [], "it is delivered")
    assert letters(kimera) == [], "it was taken"
    assert len(kimera("list", "--json").json["missions"]) == 1
    assert kimera("audit", "verify").code == 0


def letters(kimera: Kimera, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = kimera("dead-letters", "list", *options, "--json").json["dead_letters"]
    return found


@contextmanager
def store(kimera: Kimera) -> Iterator[SqliteDocuments]:
    """The platform's own store, beside the platform."""
    documents = SqliteDocuments(kimera.home / "kimera.sqlite3")
    try:
        yield documents
    finally:
        documents.close()


def tasks(kimera: Kimera, route: str) -> list[Document]:
    with store(kimera) as documents:
        return [task for task in documents.query(Query(TASKS)) if task.data["route"] == route]


def one_attempt_is_left(kimera: Kimera) -> bool:
    """Make the waiting task one that has failed all but one time, as it would in some minutes, and is due; false while it is held."""
    (task,) = tasks(kimera, DELIVER)
    if task.data["held"]:
        return False
    with store(kimera) as documents:
        try:
            due = SystemClock().now().isoformat()
            documents.update(task.ref, {**task.data, "deliveries": MAX_DELIVERIES - 1, "due": due}, expect=task.version)
        except (PreconditionFailed, NotFound):
            return False
    return True
