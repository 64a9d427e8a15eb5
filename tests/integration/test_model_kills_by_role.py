"""``kill -9`` at every role that there is, in both windows: answered but nothing stored, and paid but the slice not committed.

One mission for each window dies at every role in turn, whichever is reached first, and is resumed each time.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.local.drills.roles import every_role
from infra.local.drills.standin import AT_ONCE, StandIn
from infra.local.drills.standin.every_role import every_role_speaks, mission_files
from infra.local.platform import OneMission, Platform
from schemas.mission import MissionStatus
from shared.documents import Query
from shared.missions.records import JOURNAL
from shared.models.rows import JournalRow, RowState
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.forked import Ended, kimera

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap, pytest.mark.timeout(600)]
ROLES = every_role()
LOST, PAID = "model.received", "model.answered"


@dataclass(frozen=True)
class Kill:
    """What was stored, and what the provider had been asked, when the process was dead."""

    at: str
    rows: tuple[JournalRow, ...]
    asked: Mapping[str, int]
    """Requests that reached the provider, by role."""
    committed: Mapping[str, int]
    """Slices by account; for fusion the reports."""

    def hit(self, role: str, window: str) -> list[JournalRow]:
        """The role's requests that were in the window, by what is stored and by what the provider saw."""
        own = [row for row in self.rows if row.prompt_id == role]
        if window == LOST:
            answered = sum(row.state.has_answer for row in own)
            return [row for row in own if row.state is RowState.SENT] if self.asked[role] > answered else []
        return [row for row in own if row.state is RowState.ANSWERED and row.seq >= self.committed[row.account]]


@dataclass
class Mission:
    """A mission that was killed at every role, and what it came to."""

    home: Path
    files: list[str]
    standin: StandIn
    mission_id: str = ""
    kills: list[Kill] = field(default_factory=list)
    rows: tuple[JournalRow, ...] = ()

    def kimera(self, *arguments: str, crash_at: str = "") -> Ended:
        """The command, over the mission's data folder and the stand-in."""
        environment = {**os.environ, **self.standin.environment(), **AT_ONCE, "KIMERA_HOME": str(self.home), "KIMERA_CRASH_AT": crash_at}
        return kimera([*arguments, "--json"], environment, folder=self.home.parent)

    def run(self, window: str) -> None:
        """To its end, through one kill at every role, whichever comes first."""
        while True:
            waiting = ROLES.keys() - {kill.at for kill in self.kills}
            what = ["--resume", self.mission_id] if self.mission_id else [*self.files, "--model", "openai:stand-in", "--price", "1/4"]
            crash_at = ",".join(f"{window}@{role}" for role in sorted(waiting))
            ended = self.kimera("run", *what, "--out", str(self.home / "out"), crash_at=crash_at)
            if ended.code == 0:
                break
            assert ended.code == -signal.SIGKILL, ended.err[-3000:]
            role = ended.err.rpartition(f"killed at {window}@")[2].strip()
            assert role in waiting, ended.err[-3000:]
            self.kills.append(self._kill(role))
        self.rows = self._stored()[0]

    def hits(self, role: str, window: str) -> list[JournalRow]:
        """The role's requests that a kill met in the window.

        The kill is the role's own; where another track's came in the very moment between the answer's payment and the crash point,
        that other one.
        """
        named = sorted(self.kills, key=lambda kill: kill.at != role)
        return next((rows for kill in named if (rows := kill.hit(role, window))), [])

    def _kill(self, role: str) -> Kill:
        asked = {name: sum(known.prompt.canary in seen.asked.system for seen in self.standin.seen) for name, known in ROLES.items()}
        rows, committed = self._stored()
        self.mission_id = rows[0].mission_id
        return Kill(role, rows, asked, committed)

    def _stored(self) -> tuple[tuple[JournalRow, ...], dict[str, int]]:
        runtime = Runtime(Settings(home=self.home))
        try:
            rows = tuple(JournalRow.read(document) for document in runtime.documents.query(Query(JOURNAL)))
            mission = runtime.missions.get(rows[0].mission_id)
            slices = {name.value: track.next_seq for name, track in runtime.missions.tracks(mission).items()}
            return rows, {**slices, "fusion": len(mission.reports) + 1}
        finally:
            runtime.close()


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in (LOST, PAID)])
def window(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def mission(window: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mission]:
    folder = tmp_path_factory.mktemp(window)
    with StandIn() as standin:
        every_role_speaks(standin)
        killed = Mission(folder / "home", mission_files(folder), standin)
        killed.run(window)
        yield killed


@pytest.mark.parametrize("role", ROLES)
def test_a_kill_at_this_role_buys_nothing_twice(role: str, window: str, mission: Mission) -> None:
    hit = mission.hits(role, window)
    assert hit, "no kill met this role: does infra/local/drills/standin/every_role.py make it speak?"
    after = {row.ref: row for row in mission.rows}
    for row in hit:
        later = [r for r in mission.rows if r.key == row.key and r.send > row.send]
        if window == LOST:
            now = after[row.ref]
            assert (now.state, now.cost_micro_usd) == (RowState.UNKNOWN, row.bound_micro_usd), "charged at its bound"
            assert [r.state for r in later if r.state is not RowState.UNKNOWN] == [RowState.ANSWERED], "and bought anew, once"
        else:
            assert after[row.ref] == row, "what was paid stays as it was"
            assert not later, "and is not asked again"


def test_the_kills_were_at_the_roles_one_by_one(mission: Mission, window: str) -> None:
    named = [kill.at for kill in mission.kills if kill.hit(kill.at, window)]
    assert len(named) == len(mission.kills) >= len(ROLES) - 2, "but for two that were met in passing, each died at its own point"


def test_what_was_settled_before_a_kill_never_changes_and_no_call_is_answered_twice(mission: Mission) -> None:
    after = {row.ref: row for row in mission.rows}
    for kill in mission.kills:
        assert all(after[row.ref] == row for row in kill.rows if row.state is not RowState.SENT)
    assert set(Counter(row.key for row in mission.rows if row.state.has_answer).values()) == {1}


def test_costs_shows_each_request_that_was_charged_without_an_answer(mission: Mission, window: str) -> None:
    shown = json.loads(mission.kimera("costs", "--mission", mission.mission_id).out)
    unknown = [row for row in mission.rows if row.state is RowState.UNKNOWN]
    listed = Counter((call["track"], call["role"], call["charged_micro_usd"]) for call in shown["unknown"])
    assert listed == Counter((row.account, row.role, row.bound_micro_usd) for row in unknown)
    assert len(unknown) >= (len(mission.kills) if window == LOST else 0)
    assert shown["whole"]["settled_micro_usd"] == sum(row.cost_micro_usd for row in mission.rows)
    assert shown["whole"]["reserved_micro_usd"] == 0


def test_the_mission_ends_well_after_all_kills(mission: Mission) -> None:
    with Platform(Settings(home=mission.home), command="test", only=OneMission()) as platform:
        assert platform.runtime.missions.get(mission.mission_id).status is MissionStatus.DONE
        assert platform.runtime.audit.verify().breaks == ()
    assert mission.standin.refused == []
