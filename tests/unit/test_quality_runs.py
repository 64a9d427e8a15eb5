"""A run of a suite: its budget, its stored results, and the comparison with another run."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path

import pytest

from infra.local.quality.bench import Pattern, RunPlan
from infra.local.quality.comparing import compare, read_baseline, require_common
from infra.local.quality.results import Attempt, SuiteResult, TaskResult
from infra.local.quality.resuming import RESULTS, RunFolder, fingerprint
from infra.local.quality.spending import RunBudget
from infra.local.quality.tasks import AnswerCheck, Task, TaskFile
from schemas.mission import Tier
from shared.errors import BadInput
from shared.models.selection import Selection

PLAN = RunPlan(Selection(Tier.STANDARD), Decimal("0.50"))


def task(name: str = "t1", question: str = "What?") -> Task:
    return Task(name, TaskFile(question=question, checks=(AnswerCheck(type="answer", any_of=("x",)),)), (), ())


def attempt(one: Task, repeat: int = 0, *, passed: bool = True, cost: int = 0) -> Attempt:
    wrong = () if passed else ("answer: 'x' is not stated",)
    return Attempt(
        task=one.name,
        repeat=repeat,
        fingerprint=fingerprint(one),
        missions=("m_1",),
        status="DONE",
        failures=wrong,
        cost_micro_usd=cost,
        report="r",
    )


def test_nothing_begins_that_could_pass_the_runs_budget() -> None:
    budget = RunBudget(1_000)
    assert budget.take(600)
    budget.give_back(600, spent_micro_usd=300)
    assert budget.take(600)
    budget.give_back(600, spent_micro_usd=600)
    assert not budget.take(600)
    assert budget.spent_micro_usd == 900


def test_an_attempt_waits_for_what_a_running_one_may_give_back() -> None:
    budget = RunBudget(1_000)
    assert budget.take(600)
    begun: list[bool] = []
    waiting = threading.Thread(target=lambda: begun.append(budget.take(600)))
    waiting.start()
    assert begun == []
    budget.give_back(600, spent_micro_usd=100)
    waiting.join(timeout=10)
    assert begun == [True]


def test_a_closed_budget_lets_nobody_wait_or_begin() -> None:
    budget = RunBudget(1_000)
    assert budget.take(600)
    begun: list[bool] = []
    waiting = threading.Thread(target=lambda: begun.append(budget.take(600)))
    waiting.start()
    budget.close()
    waiting.join(timeout=10)
    assert begun == [False]
    assert not budget.take(0)


def test_what_stored_attempts_cost_counts_against_the_budget() -> None:
    assert not RunBudget(1_000, spent_micro_usd=700).take(600)
    assert RunBudget(None, spent_micro_usd=10**12).take(600)


def test_the_extractive_tier_sets_nothing_aside() -> None:
    assert PLAN.task_micro_usd == 500_000
    assert RunPlan(Selection(Tier.EXTRACTIVE), Decimal("0.50")).task_micro_usd == 0


def test_a_second_call_finds_what_the_first_one_stored(tmp_path: Path) -> None:
    first = RunFolder(tmp_path / "run", PLAN.identity())
    first.add(attempt(task(), cost=40))
    first.add(attempt(task(), 1, cost=2))
    again = RunFolder(tmp_path / "run", PLAN.identity())
    assert again.find(task(), 1) == attempt(task(), 1, cost=2)
    assert again.find(task(), 2) is None
    assert again.spent_micro_usd == 42


def test_a_line_that_a_kill_cut_off_is_run_again_and_the_file_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    RunFolder(folder, PLAN.identity()).add(attempt(task()))
    results = folder / RESULTS
    results.write_bytes(results.read_bytes() + b'{"task": "t2", "rep')
    again = RunFolder(folder, PLAN.identity())
    assert again.find(task("t2"), 0) is None
    again.add(attempt(task("t2")))
    assert RunFolder(folder, PLAN.identity()).find(task("t2"), 0) == attempt(task("t2"))


def test_a_folder_of_another_run_a_changed_task_or_foreign_things_are_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path / "run", PLAN.identity()).add(attempt(task()))
    serial = RunPlan(PLAN.selection, PLAN.task_usd, Pattern.SERIAL)
    with pytest.raises(BadInput, match="differs in pattern"):
        RunFolder(tmp_path / "run", serial.identity())
    with pytest.raises(BadInput, match="t1 has changed"):
        RunFolder(tmp_path / "run", PLAN.identity()).find(task(question="What else?"), 0)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(BadInput, match="holds other things"):
        RunFolder(tmp_path / "mine", PLAN.identity())


def test_a_task_that_changed_its_files_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    one = Task("t", task().content, (file,), ())
    before = fingerprint(one)
    file.write_text("a\n2\n")
    assert fingerprint(one) != before


def test_the_summary_is_a_baseline_for_a_later_run(tmp_path: Path) -> None:
    half = TaskResult("t1", (attempt(task()), attempt(task(), 1, passed=False)))
    folder = RunFolder(tmp_path / "run", PLAN.identity())
    assert read_baseline(folder.finish(SuiteResult("s", (half,)).as_json())) == {"t1": 0.5}


def test_what_an_older_version_printed_is_a_baseline_too(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"suite": "s", "tasks": [{"name": "t1", "passed": true, "failures": []}]}')
    assert read_baseline(tmp_path / "old.json") == {"t1": 1.0}


@pytest.mark.parametrize("content", ["", "{}", '{"tasks": []}', '{"tasks": [{"name": "t1"}]}'])
def test_a_file_that_is_no_run_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(BadInput, match="no stored run"):
        read_baseline(tmp_path / "x.json")


def test_a_baseline_without_common_tasks_is_refused_before_anything_runs() -> None:
    with pytest.raises(BadInput, match="none of these tasks"):
        require_common(["t1"], {"t2": 1.0})


def test_the_interval_of_a_clear_difference_leaves_out_zero_and_that_of_none_holds_it() -> None:
    names = [f"t{number}" for number in range(40)]
    none = compare(dict.fromkeys(names, 1.0), dict.fromkeys(names, 1.0))
    assert none is not None
    assert (none.mean, none.low, none.high) == (0, 0, 0)
    better = compare(dict.fromkeys(names, 1.0), {name: float(number % 2) for number, name in enumerate(names)})
    assert better is not None
    assert better.mean == 0.5
    assert 0 < better.low < 0.5 < better.high < 1


def test_the_interval_is_near_the_normal_one_and_the_same_each_time() -> None:
    now = {f"t{number}": float(number % 5 != 0) for number in range(200)}
    before = {f"t{number}": float(number % 4 != 0) for number in range(200)}
    pairs = [now[name] - before[name] for name in now]
    mean = sum(pairs) / 200
    error = (sum((p - mean) ** 2 for p in pairs) / 200 / 200) ** 0.5
    found = compare(now, before)
    assert found is not None
    assert found == compare(dict(reversed(now.items())), before)
    assert found.low == pytest.approx(mean - 1.96 * error, abs=0.01)
    assert found.high == pytest.approx(mean + 1.96 * error, abs=0.01)


def test_only_common_tasks_are_compared() -> None:
    found = compare({"t1": 1.0, "new": 0.0}, {"t1": 0.0, "old": 1.0})
    assert found is not None
    assert (found.tasks, found.now, found.before) == (1, 1.0, 0.0)
    assert compare({"new": 1.0}, {"old": 1.0}) is None


def test_tokens_calls_and_cost_are_summed_for_task_and_suite() -> None:
    used = attempt(task(), cost=1_500_000).model_copy(update={"calls": 3, "input_tokens": 1_000, "output_tokens": 50})
    told = SuiteResult("s", (TaskResult("t1", (used, used)),), ("t2",)).as_json()
    assert (told["cost_usd"], told["calls"], told["input_tokens"], told["output_tokens"]) == (3.0, 6, 2_000, 100)
    assert told["not_run"] == ["t2"]
