"""The same part of several years: first months set against each other, and years that share a part. The truth is summed by hand."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(29)
DAYS = [dt.date(2022, 1, 1) + dt.timedelta(days=i) for i in range(1096)]
SALES = [(d, r, CHANCE.randint(50, 500)) for d in DAYS for r in ("North", "South")]
QUARTERS = [(y, q, CHANCE.randint(100, 900)) for y in (2022, 2023, 2024) for q in (1, 2, 3, 4)]
TABLES = {
    "sales.csv": as_csv("date,region,revenue", SALES),
    "cut.csv": as_csv("date,region,revenue", [row for row in SALES if row[0] <= dt.date(2024, 9, 10)]),
    "quarters.csv": as_csv("year,quarter,revenue", [(y, f"Q{q}", v) for y, q, v in QUARTERS]),
}
NINE = tuple(range(1, 10))
CHANGES = {
    "revenue in the first 9 months of 2023 vs 2024": (2023, 2024, NINE),
    "revenue in the first 9 months of 2024 vs 2023": (2023, 2024, NINE),
    "the first 9 months of 2023 vs the first 9 months of 2024 in revenue": (2023, 2024, NINE),
    "What is the total revenue of the first nine months of 2023 versus the same period of 2024?": (2023, 2024, NINE),
    "How did revenue in the first 8 months of 2023 compare to the first 8 months of 2024?": (2023, 2024, NINE[:8]),
    "How much did revenue grow from the first 9 months of 2023 to the first 9 months of 2024?": (2023, 2024, NINE),
    "Was revenue higher in the first three quarters of 2024 than in the first three quarters of 2022?": (2022, 2024, NINE),
    "Q1 2023 vs 2024 revenue": (2023, 2024, (1, 2, 3)),
    "revenue in H1 2023 compared to 2024": (2023, 2024, NINE[:6]),
    "revenue in the second half of 2022 vs 2023": (2022, 2023, (7, 8, 9, 10, 11, 12)),
    "revenue in February 2023 vs 2024": (2023, 2024, (2,)),
    "revenue in Q1 2023 versus the same quarter of 2024": (2023, 2024, (1, 2, 3)),
}
TOTALS = {
    "in Q1 of 2023 and 2024": ((2023, 2024), (1, 2, 3)),
    "in Q1 of 2022, 2023 and 2024": ((2022, 2023, 2024), (1, 2, 3)),
    "in the first half of 2023 and 2024": ((2023, 2024), NINE[:6]),
    "in February of 2023 and 2024": ((2023, 2024), (2,)),
}
REFUSED = {
    "total revenue in Q1 2023 and 2024": ("sales.csv", "may mean the same part of both years or the whole of 2024"),
    "total revenue between March 2023 and 2024": ("sales.csv", "may mean the same part of both years or the whole of 2024"),
    "total revenue from the first 9 months of 2023 to the first 9 months of 2024": ("sales.csv", "may be two periods or one with two ends"),
    "revenue in the first 9 months of 2023 vs the first 8 months of 2024": ("sales.csv", "compares groups"),
    "How much did revenue change from the first 9 months of 2023 to the first 9 months of 2024?": (
        "cut.csv",
        "do not cover 2024-01 to 2024-09 as a",
    ),
    "revenue in the first 8 months of 2022 vs 2024": ("quarters.csv", "cannot tell the period"),
}


def _total(year: int, months: tuple[int, ...], region: str | None = None) -> int:
    return sum(v for d, r, v in SALES if d.year == year and d.month in months and region in (r, None))


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = dict.fromkeys(CHANGES, "sales.csv") | {f"total revenue {when}": "sales.csv" for when in TOTALS}
    questions |= {question: file for question, (file, _) in REFUSED.items()}
    questions["revenue in the first 9 months of 2022 vs 2024"] = "quarters.csv"
    questions["revenue in the first 8 months of 2023 vs 2024"] = "cut.csv"
    questions["Which regions had more revenue in the first 9 months of 2024 than in the first 9 months of 2023?"] = "sales.csv"
    return ask_all(sandbox, tmp_path_factory.mktemp("shared"), TABLES, questions)


@pytest.mark.parametrize("question", CHANGES)
def test_the_same_part_of_two_years_is_set_against_each_other(answers: dict[str, Answer], question: str) -> None:
    first, last, months = CHANGES[question]
    before, after = _total(first, months), _total(last, months)
    assert answers[question].has(before) and answers[question].has(after) and answers[question].has(after - before), answers[question]


@pytest.mark.parametrize("when", TOTALS)
def test_years_behind_a_part_of_a_year_are_of_the_same_part(answers: dict[str, Answer], when: str) -> None:
    years, months = TOTALS[when]
    answer = answers[f"total revenue {when}"]
    assert answer.has(sum(_total(year, months) for year in years)), answer
    assert any(note.startswith('"2024" is taken for 2024-') for note in answer.notes)


@pytest.mark.parametrize("question", REFUSED)
def test_a_year_that_may_be_whole_or_a_part_is_refused(answers: dict[str, Answer], question: str) -> None:
    refusal = answers[question].refusal
    assert refusal is not None and REFUSED[question][1] in refusal


def test_first_months_are_told_by_quarters_where_they_are_whole_ones(answers: dict[str, Answer]) -> None:
    first, last = (sum(v for y, q, v in QUARTERS if y == year and q < 4) for year in (2022, 2024))
    answer = answers["revenue in the first 9 months of 2022 vs 2024"]
    assert answer.has(first) and answer.has(last), answer


def test_first_months_that_the_data_cover_are_compared(answers: dict[str, Answer]) -> None:
    answer = answers["revenue in the first 8 months of 2023 vs 2024"]
    assert answer.has(_total(2024, NINE[:8]) - _total(2023, NINE[:8])), answer


def test_groups_that_had_more_in_the_first_months_of_a_year(answers: dict[str, Answer]) -> None:
    answer = answers["Which regions had more revenue in the first 9 months of 2024 than in the first 9 months of 2023?"]
    changes = {r: _total(2024, NINE, r) - _total(2023, NINE, r) for r in ("North", "South")}
    assert all((f"{r} (change {c}" in answer.statements[0]) == (c > 0) for r, c in changes.items()), answer
