"""Handoffs in missions with a model, whose analysis says at its end only what the data lack: research has read everything by then."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from infra.local.drills.standin import AT_ONCE, Reply, StandIn
from infra.local.drills.standin.playing import ids, plays_well
from infra.local.drills.standin.requests import Asked
from infra.local.drills.standin.server import Behaviour
from schemas.mission import Track
from schemas.outcome import MissionOutcomePackage
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import Query
from shared.indexes import FIELDS
from shared.missions.records import JOURNAL, TRACKS, TrackRecord
from shared.models.rows import JournalRow, RowState
from shared.runtime import Runtime
from shared.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

ASKED = "How many active customers are there by region?"
CUSTOMERS = "customer_id,region,orders\n" + "".join(f"c{n},{('north', 'south')[n % 2]},{n % 9}\n" for n in range(60))
CALLED = "Active customers were called by phone in May."
DEFINED = "An active customer is one who has placed three orders within a year."
LACKING = "No column says which customers are active."
REQUEST = 'the definition of "active customers"'


class Late(StandIn):
    """A model of the analysis that thinks until research has read everything and concludes; with ``home``, until it waits there."""

    def __init__(self) -> None:
        super().__init__()
        self.concluding = threading.Event()
        self.home: Path | None = None

    def next(self, asked: Asked) -> Behaviour:
        if asked.answer_type == "SynthesizerAnswer":
            self.concluding.set()
        if asked.answer_type == "PlannerAnswer" and not _of_research(asked):
            assert self.concluding.wait(60), "research did not come to its end"
            for _ in range(1_200):
                if self.home is None or research_waits(self.home):
                    break
                self.stopped.wait(0.05)
        return super().next(asked)


def research_waits(home: Path) -> bool:
    """Whether research waits for the other track in the only mission of ``home``, as another process has stored it."""
    documents = SqliteDocuments(home / "kimera.sqlite3", indexes=FIELDS)
    try:
        tracks = [TrackRecord.read(found) for found in documents.query(Query(TRACKS))]
    finally:
        documents.close()
    return any(track.track is Track.DEEP_RESEARCH and track.hearing is not None for track in tracks)


@pytest.fixture
def standin() -> Iterator[Late]:
    with Late() as running:
        plays_well(running)
        running.always("PlannerAnswer", _plans)
        running.always("ReaderAnswer", _reads)
        sentences: list[JsonValue] = [{"text": CALLED, "claim_ids": ["c1"], "finding_ids": []}]
        running.always("WriterAnswer", lambda asked: Reply({"sentences": sentences}))
        yield running


def _of_research(asked: Asked) -> bool:
    return "research" in asked.system.casefold()


def _plans(asked: Asked) -> Reply:
    if _of_research(asked):
        return Reply({"parts": [{"question_id": "q1", "queries": ["active customers"], "answer_if": ""}]})
    return Reply({"step": "", "question_ids": [], "impossible": LACKING})


def _reads(asked: Asked) -> Reply:
    """The definition where it is asked for, else what the documents say of such customers."""
    said = DEFINED if "definition" in asked.user.partition("passages")[0] else CALLED
    passage = next((p for p in ids(asked, "p") if said in asked.user), None)
    found: list[JsonValue] = [{"passage": passage, "quote": said, "claim": said, "nature": "fact"}] if passage else []
    return Reply({"claims": found, "answered": "fully" if found else "no", "leads": []})


def kimera(tmp_path: Path, standin: StandIn, *arguments: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **standin.environment(), **AT_ONCE, "KIMERA_HOME": str(tmp_path / "home"), "KIMERA_CRASH_AT": crash_at}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def run(tmp_path: Path, standin: StandIn, *arguments: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    return kimera(tmp_path, standin, "run", *arguments, "--out", str(tmp_path / "out"), "--json", crash_at=crash_at)


def asked(tmp_path: Path) -> list[str]:
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    (tmp_path / "handbook.md").write_text(f"# Handbook\n\n{CALLED}\n\n{DEFINED}\n")
    files = ["--data", str(tmp_path / "customers.csv"), "--docs", str(tmp_path / "handbook.md")]
    return [ASKED, *files, "--model", "openai:stand-in", "--price", "1/4"]


def is_answered(tmp_path: Path) -> None:
    """Asserts that the report tells what the analysis asked for, and the definition that research found for it."""
    outcome = MissionOutcomePackage.model_validate_json((tmp_path / "out" / "report.json").read_bytes())
    (handed,) = outcome.handoffs
    assert (handed.by, handed.text, handed.status) == ("analysis", REQUEST, "answered")
    (section,) = [one for one in outcome.sections if handed in one.handed_over]
    assert not section.asked
    assert [passage.text for passage in section.passages] == [DEFINED]


def test_a_request_that_comes_when_research_has_read_everything_is_answered_in_the_report(
    tmp_path: Path, standin: Late, bubblewrap: Path
) -> None:
    ran = run(tmp_path, standin, *asked(tmp_path))
    assert ran.returncode == 0, ran.stderr
    is_answered(tmp_path)
    assert DEFINED in (tmp_path / "out" / "report.md").read_text()

    told = kimera(tmp_path, standin, "inspect", json.loads(ran.stdout)["mission_id"]).stdout
    assert re.search(rf"the analysis asks for: {REQUEST}.* -> answered", told), told
    assert told.count("requests.taken_up") == told.count("evidence.requested") == 1
    assert told.count("question.concluded") == 2, "the question's own part was concluded before the wait, the request after it"


@pytest.mark.parametrize("crash_at", ["model.received@ds_star.planner:1", "model.sent@deep_research.reader:2"])
def test_killed_while_research_waits_or_when_it_took_a_request_up_the_same_is_handed_over_and_asked_once(
    tmp_path: Path, standin: Late, bubblewrap: Path, crash_at: str
) -> None:
    standin.home = tmp_path / "home"
    killed = run(tmp_path, standin, *asked(tmp_path), crash_at=crash_at)
    assert killed.returncode == -signal.SIGKILL, f"{crash_at} was not reached: {killed.stderr[-1500:]}"
    before, frozen = state_of(tmp_path)
    assert research_waits(standin.home) == ("planner" in crash_at)
    mission_id = before[0].mission_id
    asked_before = Counter(given.request_sha256 for given in standin.given)

    resumed = run(tmp_path, standin, "--resume", mission_id)
    assert resumed.returncode == 0, resumed.stderr
    is_answered(tmp_path)

    after, _ = state_of(tmp_path)
    answers = Counter(row.key for row in after if row.state in (RowState.ANSWERED, RowState.REJECTED))
    assert set(answers.values()) == {1}, "an answer was bought twice"
    asked_again = {sha for sha, times in Counter(given.request_sha256 for given in standin.given).items() if times > 1}
    lost = sum(row.state is RowState.UNKNOWN for row in after)
    assert len(asked_again) <= lost and set(asked_again) <= asked_before.keys(), "only what died unanswered was asked again"
    heard = [str(dict(event["detail"])["offers"]) for event in story(tmp_path, standin, mission_id) if event["what"] == "requests.taken_up"]
    assert len(heard) == 1, "the request was taken up once"
    if "reader" in crash_at:
        assert heard == [frozen], "the slice that was killed heard the same again"


def state_of(tmp_path: Path) -> tuple[list[JournalRow], str | None]:
    """(the journal, what research's last slice had frozen of the analysis's offers)."""
    runtime = Runtime(Settings(home=tmp_path / "home"))
    try:
        rows = [JournalRow.read(document) for document in runtime.documents.query(Query(JOURNAL))]
        research = runtime.missions.tracks(runtime.missions.get(rows[0].mission_id))[Track.DEEP_RESEARCH]
        return rows, research.frozen.handoff_uri if research.frozen is not None else None
    finally:
        runtime.close()


def story(tmp_path: Path, standin: StandIn, mission_id: str) -> list[dict[str, Any]]:
    """What ``kimera inspect`` tells a program."""
    told: list[dict[str, Any]] = json.loads(kimera(tmp_path, standin, "inspect", mission_id, "--json").stdout)["timeline"]
    return told
