"""The gate of the extractive tier: 60 questions with planted truth, 20 that nobody should answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sandbox_python import find_sandbox_python
from shared.clock import SystemClock
from shared.errors import SandboxUnavailable
from tests.quality.extractive.suite import Bench, failures, prepared, run_mission
from tests.quality.extractive.tables import all_tables, write
from tests.quality.extractive.tasks import answerable, unanswerable, write_suite
from tests.support.components import missing

ROOT = Path(__file__).resolve().parents[3]
RIGHT_SHARE = 0.9

pytestmark = pytest.mark.bubblewrap


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The tables and a working sandbox."""
    folder = tmp_path_factory.mktemp("extractive")
    try:
        sandbox = BubblewrapSandbox(find_sandbox_python(os.environ, ROOT))
        sandbox.check()
    except SandboxUnavailable as unavailable:
        missing("bubblewrap", str(unavailable))
    write(all_tables().values(), folder / "tables")
    (folder / "work").mkdir()
    return Bench(sandbox, FolderArtifacts(folder / "artifacts"), SystemClock(), folder / "tables", folder / "work")


@pytest.mark.slow
@pytest.mark.timeout(600)  # 40 s of processor time, on cores that may be busy
def test_at_least_nine_in_ten_questions_get_the_right_operation_columns_and_value(bench: Bench) -> None:
    tasks = answerable()
    shared = prepared(bench, tasks)
    wrong = {task.question: found for task in tasks if (found := failures(task, run_mission(bench, shared, task.question, task.inputs)))}
    assert len(tasks) == 60
    assert len(wrong) <= len(tasks) * (1 - RIGHT_SHARE), wrong
    assert shared.alone <= 5, "the track asks for other operations than were read"


def test_no_unanswerable_question_is_answered(bench: Bench) -> None:
    tasks = unanswerable()
    packages = {task: run_mission(bench, bench.sandbox, task.question, task.inputs) for task in tasks}
    assert len(tasks) == 20
    assert not {task.question: found for task, package in packages.items() if (found := failures(task, package))}
    assert all(answer.note.startswith("Not answered: ") for package in packages.values() for answer in package.answers)


def test_the_same_mission_twice_gives_the_same_package(bench: Bench) -> None:
    question = "What is the mean age by arm, and why?"
    first, second = (run_mission(bench, bench.sandbox, question, ("trial.csv",)) for _ in range(2))
    assert first.model_copy(update={"lineage": second.lineage}) == second


def test_the_suite_is_written_as_task_folders(tmp_path: Path) -> None:
    write_suite(tmp_path)
    assert len(list(tmp_path.glob("*/task.toml"))) == 80
    assert 'type = "must_refuse"' in (tmp_path / "u01" / "task.toml").read_text()
