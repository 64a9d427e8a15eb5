"""The watcher of the inbox folder: what it tells, and how it goes on where something fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from infra.local.inbox import InboxWatcher
from tests.support.clock import FrozenClock
from tests.support.waiting import until


@dataclass
class Intake:
    """Stands where ``intake`` would answer, with the statuses that a test gives; what it was told is in ``told``."""

    statuses: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.told.append(json.loads(request.content)["name"])
        return httpx.Response(self.statuses.pop(0) if self.statuses else 200, text="no outbox")


@pytest.fixture
def intake() -> Intake:
    return Intake()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def watcher(tmp_path: Path, intake: Intake, clock: FrozenClock) -> InboxWatcher:
    for name in ("inbox", "outbox"):
        (tmp_path / name).mkdir()
    client = httpx.Client(transport=httpx.MockTransport(intake.answer))
    return InboxWatcher(tmp_path / "inbox", tmp_path / "outbox", client, clock)


def looks(watcher: InboxWatcher, clock: FrozenClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)
        watcher.look()


def test_a_file_is_told_once_it_rests_and_only_once(watcher: InboxWatcher, intake: Intake, clock: FrozenClock, tmp_path: Path) -> None:
    (tmp_path / "inbox" / "a.csv").write_text("n\n1\n")
    looks(watcher, clock, 1)
    assert intake.told == []
    looks(watcher, clock, 5)
    assert intake.told == ["a.csv"]


def test_a_manifest_is_told_when_the_files_beside_it_rest_too(
    watcher: InboxWatcher, intake: Intake, clock: FrozenClock, tmp_path: Path
) -> None:
    for mission in ("slow", "quick"):
        (tmp_path / "inbox" / mission).mkdir()
        (tmp_path / "inbox" / mission / "mission.yaml").write_text("question: How many rows are there?\ndata: [a.csv]\n")
    growing = tmp_path / "inbox" / "slow" / "a.csv"
    for second in range(3):
        growing.write_text("n\n" + "1\n" * second)
        looks(watcher, clock, 1)
    assert intake.told == ["quick/mission.yaml"]
    looks(watcher, clock, 1)
    assert sorted(intake.told) == ["quick/mission.yaml", "slow/a.csv", "slow/mission.yaml"]


def test_a_file_that_intake_cannot_take_is_told_again_with_growing_pauses_and_logged_once(
    watcher: InboxWatcher, intake: Intake, clock: FrozenClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    intake.statuses = [503] * 1_000
    (tmp_path / "inbox" / "a.csv").write_text("n\n1\n")
    looks(watcher, clock, 600)
    assert 10 <= len(intake.told) <= 16  # after 1, 2, 4 ... 32 s, then once a minute
    assert [record.getMessage() for record in caplog.records] == ["intake answered 503 to a.csv and is told again: no outbox"]
    (tmp_path / "inbox" / "b.csv").write_text("n\n1\n")
    looks(watcher, clock, 2)
    assert intake.told[-1] == "b.csv"  # nobody waits for another file
    intake.statuses = []
    looks(watcher, clock, 61)
    assert intake.told[-1] in ("a.csv", "b.csv") and set(intake.told) == {"a.csv", "b.csv"}
    count = len(intake.told)
    looks(watcher, clock, 200)
    assert len(intake.told) == count


def test_what_intake_refuses_for_good_is_told_once(watcher: InboxWatcher, intake: Intake, clock: FrozenClock, tmp_path: Path) -> None:
    intake.statuses = [400]
    (tmp_path / "inbox" / "a.csv").write_text("n\n1\n")
    looks(watcher, clock, 100)
    assert intake.told == ["a.csv"]


def test_a_folder_that_fails_again_later_is_said_again(
    watcher: InboxWatcher, clock: FrozenClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        (tmp_path / "inbox").rename(tmp_path / "elsewhere")
        (tmp_path / "inbox").write_text("no folder")
        looks(watcher, clock, 3)
        (tmp_path / "inbox").unlink()
        (tmp_path / "elsewhere").rename(tmp_path / "inbox")
        looks(watcher, clock, 61)
    assert [("cannot be" in record.getMessage()) for record in caplog.records] == [True, False, True, False]


def test_a_folder_that_cannot_be_read_is_looked_into_again_and_said_once(
    watcher: InboxWatcher, intake: Intake, clock: FrozenClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "inbox").rename(tmp_path / "elsewhere")
    (tmp_path / "inbox").write_text("no folder")
    looks(watcher, clock, 100)
    assert sum("cannot be looked into" in record.getMessage() for record in caplog.records) == 1
    (tmp_path / "inbox").unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "inbox")
    (tmp_path / "inbox" / "a.csv").write_text("n\n1\n")
    looks(watcher, clock, 70)
    assert intake.told == ["a.csv"]
    assert "can be looked into again" in caplog.records[-1].getMessage()


def test_a_defect_does_not_end_the_looks(watcher: InboxWatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    looked: list[bool] = []

    def look() -> None:
        looked.append(True)
        if len(looked) == 1:
            raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(watcher, "look", look)
    watcher.start()
    until(lambda: len(looked) > 1)
    watcher.stop()
    assert "nobody thought of this" in caplog.text
