"""What ``kimera dead-letters`` says, and who is told that there is a letter."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from cli.main import main
from cli.results import ended
from functions.lifecycle.ending import Ending
from infra.local.api import MissionsApi
from schemas.lifecycle import AdvanceRequest, CompensateRequest
from schemas.messages import ExecutionRef
from schemas.mission import MissionError, Track
from shared.dead_letters import DEAD_LETTERS, keep
from shared.documents import Json, Query
from shared.errors import Unavailable
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.house import House

LETTER = "dispatch-m_1-1"


@pytest.fixture
def letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A letter on the data folder of the current folder, which belongs to no mission."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KIMERA_HOME", raising=False)
    runtime = Runtime(Settings(home=Path(".kimera")), clock=FrozenClock())
    payload: dict[str, Json] = {"mission_id": "m_1", "epoch": 1}
    at = runtime.clock.now()
    keep(runtime.documents, LETTER, route="lifecycle/dispatch", payload=payload, error="out of order", deliveries=20, at=at)
    runtime.close()
    return LETTER


def test_a_listed_letter_says_that_its_time_is_utc(letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    at = FrozenClock().now()
    assert main(["dead-letters", "list"]) == 0
    assert capsys.readouterr().out.startswith(f"{at:%Y-%m-%d %H:%M:%S} UTC  kept")


def test_a_letter_whose_deliveries_nobody_counted_does_not_say_that_there_were_none(
    letter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = Runtime(Settings(home=tmp_path / ".kimera"), clock=FrozenClock())
    keep(runtime.documents, "pubsub-2", route="intake/", payload={}, error="not taken", deliveries=0, at=runtime.clock.now())
    runtime.close()
    assert main(["dead-letters", "list"]) == 0
    assert "to intake/, deliveries that nobody counted: not taken" in capsys.readouterr().out
    assert main(["dead-letters", "show", "pubsub-2"]) == 0
    assert "UTC, after deliveries that nobody counted" in capsys.readouterr().out


def test_a_second_discarding_says_that_the_first_reason_stands(letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dead-letters", "discard", letter, "--why", "the file is gone"]) == 0
    assert "is discarded" in capsys.readouterr().out
    assert main(["dead-letters", "discard", letter, "--why", "another reason"]) == 0
    told = capsys.readouterr().out
    assert "was discarded before, by local at" in told and "the file is gone. Nothing was changed." in told


def test_one_that_is_damaged_is_named_and_can_be_put_aside(letter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(tmp_path / ".kimera" / "kimera.sqlite3")) as store, store:
        changed = store.execute("UPDATE documents SET data = json_set(data, '$.deliveries', 'x') WHERE collection = 'dead_letters'")
        assert changed.rowcount == 1
    assert main(["dead-letters", "list"]) == 0
    assert letter in capsys.readouterr().err
    assert main(["dead-letters", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"dead_letters": [], "unreadable": [letter]}
    assert main(["dead-letters", "discard", letter, "--why", "damaged"]) == 0
    assert main(["dead-letters", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"dead_letters": []}


def test_letters_of_a_mission_that_has_none_are_said_to_be_of_it(letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dead-letters", "list", "--mission", "m_2"]) == 0
    assert "There are no dead letters of m_2 that are kept." in capsys.readouterr().err


def test_who_is_told_that_a_mission_was_given_up_is_told_of_its_letter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(tmp_path)
    ending = Ending(house.missions, house.audit, house.clock, letters=house.documents)
    broke = MissionError(code="workflow_failed", message="fusion cannot be reached")
    (given_up, _), (failed, _) = house.claimed(execution="x1"), house.claimed(execution="x2")
    ending.compensate(CompensateRequest(mission_id=given_up, epoch=1, execution="x1", error=broke))
    for track in Track:
        ending.advance(AdvanceRequest(mission_id=failed, epoch=1, execution="x2", to="TRACK_FAILED", track=track))
    ending.complete(ExecutionRef(mission_id=failed, epoch=1, execution="x2"))

    told = {}
    for mission_id in (given_up, failed):
        assert ended(house.missions.state(house.missions.get(mission_id))) == 1
        told[mission_id] = capsys.readouterr().err
    (letter,) = (document.ref.id for document in house.documents.query(Query(DEAD_LETTERS)))
    assert f"kimera dead-letters replay {letter}" in told[given_up]
    assert "dead-letters" not in told[failed], "it has none"
    house.close()


def test_a_platform_that_went_away_is_told_in_one_sentence() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)

    api = MissionsApi(httpx.Client(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(gone)))
    with pytest.raises(Unavailable) as told:
        api.health()
    assert told.value.message.endswith("without sending a response.") and ".." not in told.value.message
