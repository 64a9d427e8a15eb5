"""The frozen suite: its answers follow from its files, and what the extractive tier reaches of it."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.quality.tasks import AnswerCheck, Figure, MustCite, Task, ValueCheck, load_suite
from tests.support.command import Kimera

SUITE = Path(__file__).resolve().parent
FILES = SUITE / "files"
REACHED = {
    "a1-mean-by-route",
    "a2-highest-total",
    "a4-change",
    "m1-agreement",
    "m3-figure-and-reason",
    "r1-opened",
    "r3-reason",
    "r4-disagreeing",
}
"""What the extractive tier answers right. The others want two documents joined, a conflict seen, a refusal."""


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    return {task.name: task for task in load_suite(SUITE)}


def rows(name: str) -> list[dict[str, str]]:
    with (FILES / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def passengers(route: str, year: str = "") -> list[int]:
    return [int(row["passengers"]) for row in rows("ferry.csv") if row["route"] == route and row["year"].startswith(year)]


def yields(column: str, value: str) -> list[float]:
    return [float(row["yield_kg"]) for row in rows("orchard.csv") if row[column] == value]


def numbers(task: Task) -> list[tuple[float, float]]:
    """The figures that the task wants, with their tolerances."""
    return [*_numbers(task)]


def _numbers(task: Task) -> Iterator[tuple[float, float]]:
    for check in task.content.checks:
        if isinstance(check, ValueCheck) and check.number is not None:
            yield check.number, check.tolerance
        elif isinstance(check, AnswerCheck):
            yield from ((form.number, form.tolerance) for form in check.any_of if isinstance(form, Figure))


def test_there_are_four_tasks_of_each_kind(tasks: dict[str, Task]) -> None:
    assert sorted(name[0] for name in tasks) == ["a"] * 4 + ["m"] * 4 + ["r"] * 4
    assert all(bool(task.data) == (name[0] in "am") and bool(task.documents) == (name[0] in "rm") for name, task in tasks.items())


def test_the_wanted_figures_follow_from_the_tables(tasks: dict[str, Task]) -> None:
    pairs = [(float(row["rain_mm"]), float(row["yield_kg"])) for row in rows("orchard.csv")]
    change = sum(passengers("Island", "2022")) / sum(passengers("Island", "2021")) - 1
    truth = {
        "a1-mean-by-route": [statistics.mean(passengers("Island")), statistics.mean(passengers("North"))],
        "a2-highest-total": [max(sum(yields("variety", variety)) for variety in ("Pell", "Russet", "Amber"))],
        "a3-correlation": [statistics.correlation([rain for rain, _ in pairs], [kg for _, kg in pairs])],
        "a4-change": [100 * change, change],
        "m1-agreement": [statistics.mean(passengers("North"))],
        "m2-conflict": [statistics.mean(yields("variety", "Amber"))],
        "m3-figure-and-reason": [statistics.mean(yields("treated", "yes"))],
    }
    for name, figures in truth.items():
        found = numbers(tasks[name])
        assert len(found) == len(figures), name
        assert all(abs(wanted - figure) <= tolerance for (wanted, tolerance), figure in zip(found, figures, strict=True)), name
    assert max(("Pell", "Russet", "Amber"), key=lambda variety: sum(yields("variety", variety))) == "Russet"


def test_what_has_to_be_cited_stands_in_the_documents(tasks: dict[str, Task]) -> None:
    for task in tasks.values():
        texts = {
            path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# "): path.read_text(encoding="utf-8") for path in task.documents
        }
        for check in task.content.checks:
            if isinstance(check, MustCite):
                assert check.source in texts, task.name
                assert " ".join((check.quote or "").split()) in " ".join(texts[check.source].split()), task.name


@pytest.mark.slow
@pytest.mark.bubblewrap
@pytest.mark.timeout(300)
def test_the_extractive_tier_reaches_what_it_reached(tmp_path: Path) -> None:
    done = Kimera(tmp_path, limit_s=280)("bench", "quality", str(SUITE), "--json")
    scored = done.json
    assert {task["name"] for task in scored["tasks"] if task["passed"]} >= REACHED, done.err
    assert (scored["cost_usd"], scored["calls"], scored["not_run"]) == (0, 0, [])
