"""Which groups went up, or down, between two periods: named by a number, by "more ... than", or by a verb. The truth is summed by hand."""

from __future__ import annotations

import random

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(43)
REGIONS = ("North", "South", "East", "West")
ROWS = [(f"{y}-{m:02}-11", r, CHANCE.randint(50, 500)) for y in (2022, 2023, 2024) for m in range(1, 13) for r in REGIONS]
TABLES = {"sales.csv": as_csv("date,region,revenue", ROWS)}
MOVED = {
    "Which 2 regions had more revenue in 2024 than in 2023?": 1,
    "Which two regions had less revenue in 2024 than in 2023?": -1,
    "Which regions grew from 2023 to 2024 in revenue?": 1,
    "Which regions' revenue rose from 2023 to 2024?": 1,
    "Which region's revenue fell between 2023 and 2024?": -1,
    "Which regions had their revenue shrink from 2023 to 2024?": -1,
}


def _total(region: str, year: str) -> int:
    return sum(v for d, r, v in ROWS if r == region and d.startswith(year))


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = dict.fromkeys(
        (*MOVED, "Which 2 regions had the highest revenue?", "Which region grew most from 2023 to 2024 in revenue?"), "sales.csv"
    )
    questions["Which regions' revenue changed from 2023 to 2024?"] = "sales.csv"
    return ask_all(sandbox, tmp_path_factory.mktemp("moved"), TABLES, questions)


@pytest.mark.parametrize("question", MOVED)
def test_the_groups_that_went_that_way_are_named(answers: dict[str, Answer], question: str) -> None:
    sign = MOVED[question]
    changes = {r: _total(r, "2024") - _total(r, "2023") for r in REGIONS}
    moved = sorted((r for r in REGIONS if sign * changes[r] > 0), key=lambda r: -sign * changes[r])
    assert 0 < len(moved) < 4, "the case shows nothing"
    named = ", ".join(f"{r} (change {changes[r]})" for r in moved)
    verb, what = "has" if len(moved) == 1 else "have", "higher" if sign > 0 else "lower"
    assert (
        answers[question].statements[0]
        == f"{len(moved)} of 4 groups of region {verb} a {what} total revenue in 2024 than in 2023: {named}."
    )


def test_two_that_are_ranked_are_the_first_two(answers: dict[str, Answer]) -> None:
    totals = {r: sum(v for _, o, v in ROWS if o == r) for r in REGIONS}
    first, second = sorted(REGIONS, key=lambda r: -totals[r])[:2]
    assert f"{first} ({totals[first]}), {second} ({totals[second]})." in answers["Which 2 regions had the highest revenue?"].statements[1]


def test_a_superlative_still_ranks_and_a_change_without_a_direction_names_all(answers: dict[str, Answer]) -> None:
    assert "this is the strongest rise" in answers["Which region grew most from 2023 to 2024 in revenue?"].statements[0]
    assert len(answers["Which regions' revenue changed from 2023 to 2024?"].statements) == len(REGIONS)
