"""``kimera bench quality`` as a person runs it: with a model (the stand-in server), in each pattern, left and taken up again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.drills.standin import Reply, StandIn
from tests.support.command import Kimera, eventually

pytestmark = [pytest.mark.bubblewrap, pytest.mark.slow, pytest.mark.timeout(300)]
MODEL = ("--model", "openai:any", "--price", "1/4", "--task-budget", "0.05")
ROLES = (
    *("AnalyzerAnswer", "PlannerAnswer", "CoderAnswer", "VerifierAnswer", "RouterAnswer", "FinalizerAnswer", "DebuggerAnswer"),
    *("ReaderAnswer", "AuditorAnswer", "SynthesizerAnswer"),
    *("FillerAnswer", "PairerAnswer", "WriterAnswer", "CheckerAnswer"),
)


@pytest.fixture
def kimera(tmp_path: Path) -> Kimera:
    (tmp_path / "a.csv").write_text("city,temp\nBern,14\nBern,15\nZug,9\n")
    (tmp_path / "history.md").write_text("# Stations\n\nThe station was moved in 1994 because a road was built.\n")
    return Kimera(tmp_path)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A model whose answers never fit: they are paid for, and the extractive roles do the work."""
    with StandIn() as running:
        for role in ROLES:
            running.always(role, lambda _: Reply({"nothing": "fits"}))
        yield running


def suite(kimera: Kimera, *names: str, question: str = "What is the mean temp by city?", docs: bool = False) -> None:
    for name in names:
        folder = kimera.folder / "suite" / name
        folder.mkdir(parents=True)
        inputs = 'inputs = ["../../a.csv"]\n' + ('docs = ["../../history.md"]\n' if docs else "")
        (folder / "task.toml").write_text(f'question = "{question}"\n{inputs}[[checks]]\ntype = "value"\nnumber = 14.5\n')


def attempts(kimera: Kimera) -> list[dict[str, object]]:
    results = kimera.folder / "run" / "results.jsonl"
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def test_a_run_stops_before_its_budget_and_a_second_call_buys_nothing_twice(kimera: Kimera, standin: StandIn) -> None:
    suite(kimera, "one", "three", "two")
    bench = ("bench", "quality", "suite", *MODEL, "--out", "run", "--json")
    first = kimera(*bench, "--run-budget", "0.05", **standin.environment())
    assert first.code == 1, first.err
    assert (first.json["total"], len(first.json["not_run"])) == (1, 2)
    assert "--run-budget could be passed" in first.err
    (done,) = first.json["tasks"]
    assert done["calls"] == len(standin.seen) > 0
    assert done["input_tokens"] > 0 and done["output_tokens"] > 0
    assert 0 < done["cost_usd"] <= 0.05

    asked = len(standin.seen)
    second = kimera(*bench, "--run-budget", "1", **standin.environment())
    assert (second.code, second.json["total"], second.json["not_run"]) == (0, 3, []), second.err
    assert second.json["calls"] == len(standin.seen) > asked
    assert [task["missions"] for task in second.json["tasks"] if task["name"] == done["name"]] == [done["missions"]]

    asked = len(standin.seen)
    third = kimera(*bench, "--baseline", "run/summary.json", **standin.environment())
    assert third.json["tasks"] == second.json["tasks"]
    assert third.json["baseline"]["difference"] == 0
    assert len(standin.seen) == asked


@pytest.mark.parametrize(
    ("task_usd", "day_usd", "flag"),
    [("0.05", "0.014", "day_budget_exhausted"), ("0.014", "10", "budget_exhausted")],
    ids=["day", "task"],
)
def test_the_days_cap_and_the_tasks_cap_hold_for_every_attempt(
    kimera: Kimera, standin: StandIn, task_usd: str, day_usd: str, flag: str
) -> None:
    """Where the money ends, the rest of the suite is done without a model: no task is lost, and no cent is over."""
    suite(kimera, "one", "two")
    bench = ("bench", "quality", "suite", *MODEL, "--task-budget", task_usd, "--out", "run", "--json")
    run = kimera(*bench, KIMERA_DAY_BUDGET_USD=day_usd, **standin.environment())
    assert (run.code, run.json["total"], run.json["not_run"]) == (0, 2, []), run.err
    costs = [task["cost_usd"] for task in run.json["tasks"]]
    assert all(cost <= float(task_usd) for cost in costs) and 0 < sum(costs) <= float(day_usd)
    home = str(kimera.folder / "run" / "missions")
    told = kimera("costs", "--by", "mission", "--json", KIMERA_HOME=home, KIMERA_DAY_BUDGET_USD=day_usd).json
    assert told["whole"]["reserved_micro_usd"] == 0
    assert round(sum(costs) * 1_000_000) == told["whole"]["settled_micro_usd"] == sum(s["settled_micro_usd"] for s in told["shares"])
    flags = [kimera("status", m, "--json", KIMERA_HOME=home).json["flags"] for task in run.json["tasks"] for m in task["missions"]]
    assert {name for of in flags for name in of if name.endswith("budget_exhausted")} == {flag}, "it says which cap it was"


def test_a_run_that_was_killed_goes_on_with_the_missions_it_had(kimera: Kimera) -> None:
    suite(kimera, *(f"t{number}" for number in range(5)))
    with kimera.started("bench", "quality", "suite", "--out", "run"):
        eventually(lambda: bool(attempts(kimera)), "a stored attempt")
    before = attempts(kimera)
    assert len(before) < 5
    again = kimera("bench", "quality", "suite", "--out", "run", "--json")
    assert (again.code, again.json["passed"]) == (0, 5), again.err
    assert attempts(kimera)[: len(before)] == before
    missions = kimera("list", "--json", KIMERA_HOME=str(kimera.folder / "run" / "missions")).json["missions"]
    assert len(missions) == 5


def test_ctrl_c_leaves_nothing_of_a_run_that_was_not_to_be_kept(kimera: Kimera) -> None:
    suite(kimera, *(f"t{number}" for number in range(100)))
    temporary = kimera.folder / "temporary"
    temporary.mkdir()
    with kimera.started("bench", "quality", "suite", TMPDIR=str(temporary)) as running:
        eventually(lambda: any(temporary.glob("kimera-bench-*/missions/scratch/slice-*/*")), "a file is being read")
        running.interrupt()
        ended = running.ended()
    assert (ended.code, ended.err.splitlines()[-1]) == (130, "interrupted")
    assert not list(temporary.glob("kimera-bench-*")), "the missions that were measured are left behind"


def test_serial_lets_research_end_before_the_analysis_begins(kimera: Kimera) -> None:
    suite(kimera, "one", question="What is the mean temp by city, and why was the station moved?", docs=True)
    scored = kimera("bench", "quality", "suite", "--pattern", "serial", "--keep", "kept", "--json")
    assert scored.code == 0, scored.err
    assert scored.json["pattern"] == "serial"
    (mission,) = scored.json["tasks"][0]["missions"]
    events = kimera("inspect", mission, "--json", KIMERA_HOME=str(kimera.folder / "kept")).json["timeline"]
    research = [event["at"] for event in events if (event["who"], event["what"]) == ("deep_research", "slice.committed")]
    analysis = [event["at"] for event in events if event["what"] == "ds_star.slice"]
    assert max(research) <= min(analysis)


def test_independent_gives_each_track_a_mission_of_its_own(kimera: Kimera) -> None:
    suite(kimera, "one", question="What is the mean temp by city, and why was the station moved?", docs=True)
    scored = kimera("bench", "quality", "suite", "--pattern", "independent", "--keep", "kept", "--json")
    assert scored.code == 0, scored.err
    missions = scored.json["tasks"][0]["missions"]
    assert len(missions) == 2
    ran = []
    for mission in missions:
        tracks = kimera("status", mission, "--json", KIMERA_HOME=str(kimera.folder / "kept")).json["track_status"]
        ran.append([track for track, state in tracks.items() if state["status"] != "SKIPPED"])
    assert ran == [["deep_research"], ["ds_star"]]
