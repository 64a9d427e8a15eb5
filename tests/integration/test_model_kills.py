"""``kill -9`` at any model call of a mission: what was answered is not bought again, and what is not known is charged at its bound."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.drills.standin import AT_ONCE, StandIn
from infra.local.drills.standin.playing import METHOD, QUESTION, TABLE, plays_well
from infra.local.platform import OneMission, Platform
from schemas.mission import MissionStatus
from shared.documents import Query
from shared.missions.records import JOURNAL
from shared.models.answers import Answers
from shared.models.rows import JournalRow, RowState
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.forked import Ended, kimera

pytestmark = pytest.mark.slow


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        plays_well(running)
        yield running


def run(tmp_path: Path, standin: StandIn, *arguments: str, crash_at: str = "") -> Ended:
    environment = {**os.environ, **standin.environment(), **AT_ONCE, "KIMERA_HOME": str(tmp_path / "home"), "KIMERA_CRASH_AT": crash_at}
    return kimera(["run", *arguments, "--out", str(tmp_path / "out"), "--json"], environment, within_s=110)


def begun(tmp_path: Path, standin: StandIn, *, crash_at: str) -> Ended:
    (tmp_path / "heights.csv").write_text(TABLE)
    (tmp_path / "method.md").write_text(f"# Method\n\n{METHOD}\n")
    files = ["--data", str(tmp_path / "heights.csv"), "--docs", str(tmp_path / "method.md")]
    return run(tmp_path, standin, QUESTION, *files, "--model", "openai:stand-in", "--price", "1/4", crash_at=crash_at)


@pytest.mark.parametrize("hit", [1, 5, 9, 12])
@pytest.mark.parametrize("point", ["model.sent", "model.stored", "model.answered"])
def test_a_mission_killed_at_a_model_call_buys_nothing_twice(
    standin: StandIn, tmp_path: Path, bubblewrap: Path, point: str, hit: int
) -> None:
    killed = begun(tmp_path, standin, crash_at=f"{point}:{hit}")
    assert killed.code == -signal.SIGKILL, f"{point}:{hit} was not reached: {killed.err[-1500:]}"
    settings = Settings(home=tmp_path / "home")
    before = {row.ref.id: row for row in journal(settings)}

    mission_id = next(iter(before.values())).mission_id
    resumed = run(tmp_path, standin, "--resume", mission_id)
    assert resumed.code == 0, resumed.err
    after = journal(settings)

    answers = Counter(row.key for row in after if row.state in (RowState.ANSWERED, RowState.REJECTED))
    assert set(answers.values()) == {1}, "an answer was bought twice"
    for row in before.values():
        now = next(r for r in after if r.ref == row.ref)
        if row.state is not RowState.SENT:
            assert now == row, "what was settled has changed"
        elif now.state is RowState.UNKNOWN:
            assert now.cost_micro_usd == now.bound_micro_usd
        else:
            assert now.state is RowState.ANSWERED and now.answer_uri is not None, "the stored answer was found and paid for"
    unknown = [row for row in after if row.state is RowState.UNKNOWN]
    assert len(after) - len(unknown) <= len(standin.seen) <= len(after), "each request that reached the provider has its row"
    assert len(unknown) <= 8, "no more than a fan-out of each track was under way"
    with Platform(settings, command="test", only=OneMission()) as platform:
        mission = platform.runtime.missions.get(mission_id)
        assert mission.status is MissionStatus.DONE
        state = platform.runtime.missions.state(mission)
        assert state.cost_so_far.settled_micro_usd == sum(row.cost_micro_usd for row in after)
        assert state.cost_so_far.reserved_micro_usd == 0
        assert platform.runtime.audit.verify().breaks == ()


def test_an_answer_that_a_killed_run_left_is_paid_once_though_the_next_one_dies_as_it_has_paid(
    standin: StandIn, tmp_path: Path, bubblewrap: Path
) -> None:
    settings = Settings(home=tmp_path / "home")
    assert begun(tmp_path, standin, crash_at="model.stored").code == -signal.SIGKILL
    left = next(row for row in journal(settings) if has_answer_left(settings, row))
    assert run(tmp_path, standin, "--resume", left.mission_id, crash_at=f"model.answered@{left.prompt_id}").code == -signal.SIGKILL
    (paid,) = (row for row in journal(settings) if row.ref == left.ref)
    assert (left.state, paid.state) == (RowState.SENT, RowState.ANSWERED)

    assert run(tmp_path, standin, "--resume", left.mission_id).code == 0
    assert [row for row in journal(settings) if row.key == left.key] == [paid]


def has_answer_left(settings: Settings, row: JournalRow) -> bool:
    runtime = Runtime(settings)
    try:
        return row.state is RowState.SENT and Answers(runtime.artifacts).left_behind(row) is not None
    finally:
        runtime.close()


def journal(settings: Settings) -> list[JournalRow]:
    runtime = Runtime(settings)
    try:
        return [JournalRow.read(document) for document in runtime.documents.query(Query(JOURNAL))]
    finally:
        runtime.close()
