"""All groups set against one that is named: nobody is left out, and the one that is named is no condition."""

from __future__ import annotations

import random

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

BEGUN = {"North": (500, 40), "South": (300, 60), "West": (900, -10), "East": (100, 20), "Middle": (460, 0)}
YEARLY = [(2020 + i, region, level + i * change) for i in range(4) for region, (level, change) in BEGUN.items()]
CHANCE = random.Random(3)
MONTHLY = [
    (f"{2022 + m // 12}-{m % 12 + 1:02}-01", region, level + m * change + CHANCE.randint(-9, 9))
    for m in range(36)
    for region, (level, change) in BEGUN.items()
]
VISITED = [(f"V{i:03}", 2022 + i % 2, CHANCE.choice(tuple(BEGUN))) for i in range(90)]
TABLES = {"yearly.csv": as_csv("year,region,revenue", YEARLY), "monthly.csv": as_csv("date,region,revenue", MONTHLY)}
TABLES["visited.csv"] = as_csv("visit_id,year,region", VISITED)


def _total(region: str, *years: int) -> float:
    return sum(v for y, r, v in YEARLY if r == region and (y in years or not years))


def _rise(region: str, first: int = 2020, last: int = 2023) -> float:
    return _total(region, last) - _total(region, first)


def _per_cent(region: str) -> float:
    return 100 * _rise(region) / _total(region, 2020)


def _quarter(region: str, start: str) -> float:
    months = [f"{start[:5]}{int(start[5:]) + i:02}-01" for i in range(3)]
    return sum(v for d, r, v in MONTHLY if r == region and d in months)


OTHERS = [r for r in BEGUN if r != "North"]
ASKED: dict[str, tuple[str, list[str]]] = {
    "Which region had more revenue than the North?": ("yearly.csv", [r for r in OTHERS if _total(r) > _total("North")]),
    "Which regions had less revenue than the North in 2023?": (
        "yearly.csv",
        [r for r in OTHERS if _total(r, 2023) < _total("North", 2023)],
    ),
    "List the regions with a lower mean revenue than North": ("yearly.csv", [r for r in OTHERS if _total(r) < _total("North")]),
    "Which region grew more than the North?": ("yearly.csv", [r for r in OTHERS if _rise(r) > _rise("North")]),
    "Which region grew faster than the North?": ("yearly.csv", [r for r in OTHERS if _per_cent(r) > _per_cent("North")]),
    "Which regions grew less than the North?": ("yearly.csv", [r for r in OTHERS if _rise(r) < _rise("North")]),
    "Which regions declined more than the North?": ("yearly.csv", [r for r in OTHERS if _rise(r) < min(0, _rise("North"))]),
    "Which region grew more than the South?": ("yearly.csv", []),
    "Which region grew more than the North from 2021 to 2022?": (
        "yearly.csv",
        [r for r in OTHERS if _rise(r, 2021, 2022) > _rise("North", 2021, 2022)],
    ),
    "Which region grew more than the North from Q1 2022 to Q1 2024?": (
        "monthly.csv",
        [
            r
            for r in OTHERS
            if _quarter(r, "2024-01") - _quarter(r, "2022-01") > _quarter("North", "2024-01") - _quarter("North", "2022-01")
        ],
    ),
}
MOVED = {
    "Which regions had more revenue in 2023 than in 2020?": ("yearly.csv", [r for r in BEGUN if _rise(r) > 0]),
    "Which regions had a higher revenue in 2023 than in 2020?": ("yearly.csv", [r for r in BEGUN if _rise(r) > 0]),
    "Which regions had less revenue in 2023 than in 2020?": ("yearly.csv", [r for r in BEGUN if _rise(r) < 0]),
    "Which regions had more revenue in 2020 than in 2023?": ("yearly.csv", [r for r in BEGUN if _rise(r) < 0]),
    "Which regions had more revenue in H1 2023 than in H1 2022?": (
        "monthly.csv",
        [r for r in BEGUN if sum(_quarter(r, f"2023-0{m}") - _quarter(r, f"2022-0{m}") for m in (1, 4)) > 0],
    ),
    "Which regions had more visits in 2023 than in 2022?": (
        "visited.csv",
        [r for r in BEGUN if sum(y == 2023 for _, y, s in VISITED if s == r) > sum(y == 2022 for _, y, s in VISITED if s == r)],
    ),
}
REFUSED = {
    "Which regions had more revenue in 2023 than in 2020 and 2021?": ("yearly.csv", "is no single group"),
    "Which regions had more revenue in 2023 than the North in 2020?": ("yearly.csv", "it is not clear how the periods"),
    "Which regions had 10 % more revenue in 2023 than in 2020?": ("yearly.csv", '"10"'),
    "Which regions had more revenue in Q1 2023 than in 2022?": ("monthly.csv", "are periods of different lengths"),
    "Which regions did not have more revenue in 2023 than in 2020?": ("yearly.csv", '"not"'),
    "Which region had the most revenue in 2023 than in 2020?": ("yearly.csv", ""),
    "Which region grew more than the North, please?": ("monthly.csv", "name the two times"),
    "Which region had more revenue than the mean?": ("yearly.csv", '"than the mean" is no single group of "region"'),
    "Which region had more revenue than the North and the South?": ("yearly.csv", "is no single group"),
    "Which region had more revenue than Bavaria?": ("yearly.csv", "is no single group"),
    "Which year had more revenue than 2021?": ("yearly.csv", "is no single group"),
}


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = {question: file for question, (file, _) in {**ASKED, **MOVED, **REFUSED}.items()}
    return ask_all(sandbox, tmp_path_factory.mktemp("members"), TABLES, questions)


@pytest.mark.parametrize("question", ASKED)
def test_the_groups_beyond_the_one_that_is_named_are_all_named(answers: dict[str, Answer], question: str) -> None:
    answer, (_, found) = answers[question], ASKED[question]
    assert answer.refusal is None, answer
    begin, _, named = answer.statements[0].partition(": ")
    assert {r for r in BEGUN if r in named} == set(found)
    assert begin.startswith(f"{len(found)} of 4 other groups" if found else "None of 4 other groups"), begin


@pytest.mark.parametrize("question", MOVED)
def test_the_groups_that_are_higher_or_lower_in_the_later_period_are_named(answers: dict[str, Answer], question: str) -> None:
    answer, (_, found) = answers[question], MOVED[question]
    assert answer.refusal is None, answer
    begin, _, named = answer.statements[0].partition(": ")
    assert {r for r in BEGUN if r in named} == set(found)
    assert begin.startswith(f"{len(found)} of 5 groups of region ha"), begin


@pytest.mark.parametrize("question", REFUSED)
def test_a_comparison_with_anything_but_one_group_is_refused(answers: dict[str, Answer], question: str) -> None:
    refusal = answers[question].refusal
    assert refusal is not None and REFUSED[question][1] in refusal
