"""Halves of years as groups and as what is ranked, and the words that look like them. The truth is summed by hand."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(31)
DAYS = [dt.date(2022, 1, 1) + dt.timedelta(days=i) for i in range(1096)]
SALES = [(day, region, CHANCE.randint(50, 500)) for day in DAYS for region in ("North", "South")]
QUARTERS = [(y, q, CHANCE.randint(100, 900)) for y in (2022, 2023, 2024) for q in (1, 2, 3, 4)]
TABLES = {
    "sales.csv": as_csv("date,region,revenue", SALES),
    "one_year.csv": as_csv("date,region,revenue", [row for row in SALES if row[0].year == 2024]),
    "cut.csv": as_csv("date,region,revenue", [row for row in SALES if row[0] <= dt.date(2024, 8, 20)]),
    "quarters.csv": as_csv("year,quarter,revenue", [(y, f"Q{q}", v) for y, q, v in QUARTERS]),
    "years.csv": as_csv("year,revenue", [(y, CHANCE.randint(100, 900)) for y in range(2010, 2025)]),
}
HALVES = [f"{year}-H{half}" for year in (2022, 2023, 2024) for half in (1, 2)]
OF_DAYS = {h: sum(v for d, _, v in SALES if f"{d.year}-H{1 + (d.month > 6)}" == h) for h in HALVES}
OF_QUARTERS = {h: sum(v for y, q, v in QUARTERS if f"{y}-H{1 + (q > 2)}" == h) for h in HALVES}
RANKED = {
    "Which half had the highest revenue?": (HALVES, 1),
    "Which half had the lowest revenue?": (HALVES, -1),
    "the half-year with the highest revenue": (HALVES, 1),
    "Which half of 2023 had the highest revenue?": (HALVES[2:4], 1),
    "What was the best half of 2022 by revenue?": (HALVES[:2], 1),
    "Which half had more revenue, H1 2023 or H2 2023?": (HALVES[2:4], 1),
    "What are the top 3 halves by revenue?": (HALVES, 1),
    "Which 2 halves had the lowest revenue?": (HALVES, -1),
}
LISTED = ["What was the revenue by half?", "half-yearly revenue", "revenue per half-year", "total revenue in each half"]
REFUSED = {
    "Did revenue drop by half?": ("sales.csv", '"half" matches no column'),
    "What is half of the revenue in 2024?": ("sales.csv", '"half" matches no column'),
    "Which half of the regions has the highest revenue?": ("sales.csv", ""),
    "Is there a trend in revenue per half-year?": ("sales.csv", "no trend is fitted to halves of years"),
    "Which half of the year had the highest revenue?": ("sales.csv", "of one year or of all years together"),
    "Which month of the year had the highest revenue?": ("sales.csv", "of one year or of all years together"),
    "Which region had the highest revenue in each half?": ("sales.csv", "the first of each half is not given"),
    "What was the total revenue in the last half?": ("sales.csv", '"half" matches no column'),
    "Which half had the highest total revenue?": ("years.csv", "cannot tell a half"),
}


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = dict.fromkeys((*RANKED, *LISTED), "sales.csv") | {f"{q} Please": "quarters.csv" for q in RANKED}
    questions |= {question: file for question, (file, _) in REFUSED.items()}
    questions["Which half of the year had more revenue?"] = "one_year.csv"
    questions["Which half brought the highest revenue?"] = "cut.csv"
    return ask_all(sandbox, tmp_path_factory.mktemp("by_half"), TABLES, questions)


@pytest.mark.parametrize("question", RANKED)
def test_the_halves_are_ranked_by_their_totals(answers: dict[str, Answer], question: str) -> None:
    halves, sign = RANKED[question]
    for asked, totals in ((question, OF_DAYS), (f"{question} Please", OF_QUARTERS)):
        order = sorted(halves, key=lambda h: -sign * totals[h])
        assert answers[asked].statements[0].startswith(order[0]) and answers[asked].has(totals[order[0]]), answers[asked]


@pytest.mark.parametrize("question", LISTED)
def test_each_half_has_its_total(answers: dict[str, Answer], question: str) -> None:
    assert answers[question].statements == [f"The total revenue in {h} is {OF_DAYS[h]}." for h in HALVES]


def test_the_half_of_the_only_year_is_that_of_this_year(answers: dict[str, Answer]) -> None:
    best = max(HALVES[4:], key=lambda h: OF_DAYS[h])
    assert answers["Which half of the year had more revenue?"].statements[0].startswith(f"{best} has the highest total revenue")


def test_a_half_that_the_data_hold_a_part_of_is_left_out_and_told(answers: dict[str, Answer]) -> None:
    best = max(HALVES[:5], key=lambda h: OF_DAYS[h])
    answer = answers["Which half brought the highest revenue?"]
    assert answer.statements[0].startswith(best) and "incomplete halves are left out: 2024-H2" in answer.limitations


@pytest.mark.parametrize("question", REFUSED)
def test_what_is_no_half_of_a_year_is_refused(answers: dict[str, Answer], question: str) -> None:
    refusal = answers[question].refusal
    assert refusal is not None and REFUSED[question][1] in refusal
