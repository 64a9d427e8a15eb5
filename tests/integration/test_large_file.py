"""A table of 1 GB: its rows are read in the sandbox, and nothing of it reaches a model but its description."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from infra.local.drills.roles import every_role
from infra.local.drills.standin import Reply, StandIn
from infra.local.drills.standin.playing import plays_well
from shared.models.prompts import BYTES_PER_TOKEN
from tests.support.forked import kimera

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap, pytest.mark.timeout(400)]
SIZE = 1_000_000_000
CANARY = "canary-7Q4Z"
WORDS = "that goes on and on " * 20
COUNTING = """import duckdb
found = duckdb.sql(f"select team, avg(height), count(*) from read_csv('{inputs['heights.csv']}') group by team order by team").fetchall()
for team, mean, n in found:
    record(f"mean height, {team}", mean, unit="cm", n=n, filters=f"team {team}")
"""


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Path]:
    """The file; every row from the second block on holds the canary. It is removed at once, as is the store's copy."""
    path = tmp_path / "heights.csv"
    rows = [(("red", "blue")[n % 2], 170 + 10 * (n % 2) + n % 5) for n in range(20_000)]
    first = "team,height,note\n" + "".join(f"{team},{height},a note on player {n} {WORDS}\n" for n, (team, height) in enumerate(rows))
    block = "".join(f"{team},{height},{CANARY} {n} {WORDS}\n" for n, (team, height) in enumerate(rows)).encode()
    with path.open("wb") as stream:
        stream.write(first.encode())
        while stream.tell() < SIZE:
            stream.write(block)
    yield path
    for found in tmp_path.rglob("*"):
        if found.is_file() and found.stat().st_size > SIZE // 2:
            found.unlink()


def test_nothing_of_a_file_of_1_gb_reaches_a_prompt_but_its_description(large: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    question = "What is the mean height by team?"
    with StandIn() as standin:
        plays_well(standin)
        standin.always("CoderAnswer", lambda asked: Reply({"code": COUNTING}))
        standin.always("FinalizerAnswer", lambda asked: Reply({"findings": [_FINDING], "answers": [_ANSWERED]}))
        arguments = ["run", question, "--data", str(large), "--model", "openai:stand-in", "--price", "1/4", "--json"]
        environment = {**os.environ, **standin.environment(), "KIMERA_HOME": str(home)}
        ended = kimera([*arguments, "--out", str(tmp_path / "out")], environment, within_s=380)
    assert ended.code == 0, ended.err[-3000:]
    assert json.loads(ended.out)["status"] == "DONE"
    report = (tmp_path / "out" / "report.md").read_text()
    assert "Blue players are 182" in report, "the whole file was read"

    budgets = {role.prompt.canary: role.prompt.front.token_budget for role in every_role().values()}
    assert len(standin.seen) >= 6
    for seen in standin.seen:
        text = seen.asked.system + seen.asked.user
        (budget,) = (budget for mark, budget in budgets.items() if mark in seen.asked.system)
        assert CANARY not in text
        assert len(text.encode()) <= budget * BYTES_PER_TOKEN
    shown = next(seen.asked.user for seen in standin.seen if seen.asked.answer_type == "CoderAnswer")
    assert "table `heights`" in shown and "height: measure" in shown, "the description is there"


_FINDING: JsonValue = {"question_id": "q1", "statement": "The mean height is {v1} for blue and {v2} for red."}
_ANSWERED: JsonValue = {"question_id": "q1", "status": "answered"}
