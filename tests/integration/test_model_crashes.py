"""A process that is killed between a model request and its answer, or between its answer and its slice, buys nothing a second time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.crash_points import POINTS
from shared.indexes import FIELDS
from shared.models.rows import RowState
from shared.runtime import CHECKOUT
from tests.support.asking_process import QUESTIONS, SLICES
from tests.support.chain import assert_books_balance, rows

MODEL_POINTS = [point for point in POINTS if point.startswith("model.")]
LOST = {"model.sent", "model.received"}
"""Killed here, nobody knows what the request cost."""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.yaml"
    answers = "".join(f"  - {{role: adder, answer: {{total: {n}}}}}\n" for n in range(SLICES * QUESTIONS))
    path.write_text(f"scripted: adding\nanswers:\n{answers}")
    return path


def process(home: Path, script: Path, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.asking_process", str(home), str(script)],
        cwd=CHECKOUT,
        env={**os.environ, "KIMERA_CRASH_AT": crash_at},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("hit", [1, 4])
@pytest.mark.parametrize("point", [*MODEL_POINTS, "slice.worked"])
def test_what_was_answered_before_a_kill_is_not_bought_again(point: str, hit: int, script: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    at = f"{point}:{hit}" if point.startswith("model.") else f"{point}:{1 + (hit > 1)}"
    killed = process(home, script, at)
    assert killed.returncode == -signal.SIGKILL, f"{at} was not reached: {killed.stderr[-2000:]}"
    ended = process(home, script)
    assert ended.returncode == 0, ended.stderr[-2000:]

    documents = SqliteDocuments(home / "kimera.sqlite3", indexes=FIELDS)
    journal = rows(documents)
    assert_books_balance(documents)
    documents.close()
    assert sum(row.state is RowState.ANSWERED for row in journal) == SLICES * QUESTIONS
    assert sum(row.state is RowState.UNKNOWN for row in journal) == (1 if point in LOST else 0)
    assert len(journal) == SLICES * QUESTIONS + (1 if point in LOST else 0)


def test_every_question_gets_the_scripts_own_answer_whatever_died_before(script: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for crash_at in ("model.received:2", "model.stored:2", "model.answered:2"):
        assert process(home, script, crash_at).returncode == -signal.SIGKILL
    ended = process(home, script)
    assert "1: ['3', '4', '5']" in ended.stdout, (ended.stdout, ended.stderr[-2000:])
