"""The year, or another period, that had most: over days, over a column of years, and over years with their quarters beside them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(11)
REGIONS = ("North", "South", "West")
DAYS = [dt.date(2021, 1, 1) + dt.timedelta(days=3 * i) for i in range(487)]
ORDERS = [
    (f"O{i:04}", day, REGIONS[i % 3], CHANCE.randint(50, 500), CHANCE.randint(1, 9)) for i, day in enumerate(d for d in DAYS for _ in "ab")
]
CUT = [row for row in ORDERS if dt.date(2021, 6, 10) <= row[1] <= dt.date(2024, 8, 20)]
AHEAD = [(i, day, region, 9 * v if day.year == 2024 else v, u) for i, day, region, v, u in CUT]
YEARS = [(year, region, CHANCE.randint(900, 4000), CHANCE.randint(10, 99)) for year in range(2012, 2025) for region in REGIONS]
SINGLE = [(1000 + year, year, sum(v for y, _, v, _ in YEARS if y == year)) for year in range(2012, 2025)]
QUARTERS = [(y, q, r, CHANCE.randint(100, 900)) for y in (2021, 2022, 2023, 2024) for q in (1, 2, 3, 4) for r in REGIONS]
QUARTERS_CUT = [row for row in QUARTERS if (2021, 2) <= row[:2] <= (2024, 2)] + [(2022, None, "West", 2500)]
BORN = [(f"P{i:03}", 1950 + CHANCE.randint(0, 40), CHANCE.randint(1, 9)) for i in range(200)]
MONTHLY = [(f"{2020 + m // 12}-{m % 12 + 1:02}", CHANCE.randint(100, 900)) for m in range(1, 50)]
HEADER = "order_id,order_date,region,revenue,units"
TABLES = {
    "shop.csv": as_csv(HEADER, ORDERS),
    "cut.csv": as_csv(HEADER, CUT),
    "ahead.csv": as_csv(HEADER, AHEAD),
    "people.csv": as_csv("patient_id,birth_year,visits", BORN),
    "late.csv": as_csv("month,revenue", MONTHLY),
    "plain.csv": as_csv("year,region,revenue,orders", YEARS),
    "single.csv": as_csv("code,year,revenue", SINGLE),
    "split.csv": as_csv("year,quarter,region,revenue", [(y, q and f"Q{q}", r, v) for y, q, r, v in QUARTERS_CUT]),
}


def _totals(rows: Iterable[tuple[object, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for period, value in rows:
        found[str(period)] = found.get(str(period), 0) + value
    return found


def _first(totals: dict[str, float], what: str, pick: Callable[..., str] = max) -> str:
    period = pick(totals, key=lambda p: totals[p])
    return f"{period} has the {'highest' if pick is max else 'lowest'} {what}: {totals[period]:g} ({len(totals)} groups compared)"


BY_YEAR = _totals((d.year, v) for _, d, _, v, _ in ORDERS)
NORTH = _totals((d.year, v) for _, d, r, v, _ in ORDERS if r == "North")
ROWS = _totals((d.year, 1) for _, d, _, _, _ in ORDERS)
BY_MONTH = _totals((f"{d:%Y-%m}", v) for _, d, _, v, _ in ORDERS)
OF_YEARS = _totals((y, v) for y, _, v, _ in YEARS)
ORDERED = _totals((y, o) for y, _, _, o in YEARS)
SINCE = {year: v for year, v in OF_YEARS.items() if year >= "2018"}
OF_QUARTERS = _totals((y, v) for y, _, _, v in QUARTERS_CUT)
IN_Q2 = _totals((y, v) for y, q, _, v in QUARTERS_CUT if q == 2)
WHOLE_YEARS = {year: OF_QUARTERS[year] for year in ("2022", "2023")}
WHOLE = {year: BY_YEAR[year] for year in ("2022", "2023")}

BIRTHS = _totals((y, 1) for _, y, _ in BORN)
OF_MONTHS = _totals((m[:4], v) for m, v in MONTHLY if "2021" <= m < "2024")
FIRST = {
    ("late.csv", "Which year had the lowest revenue?"): _first(OF_MONTHS, "total revenue", min),
    ("people.csv", "Which birth year had the most patients?"): f"birth_year {_first(BIRTHS, 'number of rows')}",
    ("shop.csv", "Which year had the highest revenue?"): _first(BY_YEAR, "total revenue"),
    ("shop.csv", "In which year was the revenue lowest?"): _first(BY_YEAR, "total revenue", min),
    ("shop.csv", "Which year saw the highest revenue?"): _first(BY_YEAR, "total revenue"),
    ("shop.csv", "What is the year with the highest revenue?"): _first(BY_YEAR, "total revenue"),
    ("shop.csv", "What was the highest revenue in a single month?"): _first(BY_MONTH, "total revenue"),
    ("shop.csv", "What was the highest revenue in a year?"): _first(BY_YEAR, "total revenue"),
    ("shop.csv", "Which year had the most orders?"): _first(ROWS, "number of rows"),
    ("shop.csv", "In which year did the North have the highest revenue?"): _first(NORTH, "total revenue where region is North"),
    ("plain.csv", "Which year had the highest revenue?"): _first(OF_YEARS, "total revenue"),
    ("plain.csv", "In which year was revenue highest?"): _first(OF_YEARS, "total revenue"),
    ("plain.csv", "In which year was the revenue lowest?"): _first(OF_YEARS, "total revenue", min),
    ("plain.csv", "Which year had the most orders?"): _first(ORDERED, "total orders"),
    ("plain.csv", "Which year had the fewest orders?"): _first(ORDERED, "total orders", min),
    ("plain.csv", "Which year had the lowest revenue since 2018?"): _first(SINCE, "total revenue where year is at least 2018", min),
    ("cut.csv", "Which year had the highest revenue?"): _first(WHOLE, "total revenue"),
    ("cut.csv", "In which year was revenue lowest?"): _first(WHOLE, "total revenue", min),
    ("split.csv", "Which year had the highest revenue?"): _first(WHOLE_YEARS, "total revenue"),
    ("split.csv", "In which year was revenue lowest?"): _first(WHOLE_YEARS, "total revenue", min),
    ("split.csv", "Which year had the highest revenue in Q2?"): _first(IN_Q2, "total revenue where quarter is Q2"),
    ("single.csv", "Which year had the highest revenue?"): _first(OF_YEARS, "revenue").replace("groups", "rows"),
}
LISTED = {
    ("plain.csv", "Which 2 years had the highest revenue?"): (OF_YEARS, 2),
    ("plain.csv", "top 3 years by revenue"): (OF_YEARS, 3),
    ("shop.csv", "the three years with the highest revenue"): (BY_YEAR, 3),
    ("shop.csv", "Which 3 months had the highest revenue?"): (BY_MONTH, 3),
}
INCOMPLETE = [(file, question) for file, question in FIRST if file in ("cut.csv", "split.csv") and "Q2" not in question]
REFUSED = {
    ("people.csv", "Which year had the most patients?"): 'the times of the table are those of "birth_year"',
    ("people.csv", "In which year were the visits highest?"): 'the times of the table are those of "birth_year"',
    ("plain.csv", "Which region had the highest revenue in each year?"): "the first of each year is not given",
    ("shop.csv", "Which region had the highest revenue in every month?"): "the first of each month is not given",
    ("shop.csv", "Which year was the best?"): "no word of the question names a numeric column",
    ("shop.csv", "Which months had the highest revenue in 3 years?"): '"3" matches no column',
    ("shop.csv", "Which year had the second highest revenue?"): 'a single place such as "second" is not given',
    ("shop.csv", "Which fiscal year had the highest revenue?"): "speaks of a fiscal year",
}
OTHERS = (("ahead.csv", "Which year had the highest revenue?"), ("cut.csv", "Which year had the highest average revenue?"))


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = {f"In {file}, {question}": file for file, question in (*FIRST, *LISTED, *REFUSED, *OTHERS)}
    return ask_all(sandbox, tmp_path_factory.mktemp("years"), TABLES, questions)


@pytest.mark.parametrize(("file", "question"), FIRST)
def test_the_period_that_comes_first_is_that_of_the_totals(answers: dict[str, Answer], file: str, question: str) -> None:
    answer = answers[f"In {file}, {question}"]
    assert answer.refusal is None and answer.has(FIRST[file, question]), answer


@pytest.mark.parametrize(("file", "question"), LISTED)
def test_several_periods_are_listed_in_order(answers: dict[str, Answer], file: str, question: str) -> None:
    totals, n = LISTED[file, question]
    ranked = ", ".join(f"{p} ({totals[p]})" for p in sorted(totals, key=lambda p: -totals[p])[:n])
    assert answers[f"In {file}, {question}"].statements[1].endswith(f": {ranked}.")


@pytest.mark.parametrize(("file", "question"), INCOMPLETE)
def test_years_that_the_data_hold_a_part_of_are_left_out_and_named(answers: dict[str, Answer], file: str, question: str) -> None:
    assert "incomplete years are left out: 2021, 2024" in answers[f"In {file}, {question}"].limitations


def test_an_incomplete_year_that_has_more_already_is_told(answers: dict[str, Answer]) -> None:
    answer = answers["In ahead.csv, Which year had the highest revenue?"]
    assert "has the highest total revenue of those that the data cover as a whole" in answer.statements[0]
    assert "more already, though the data hold a part of the time only: 2024" in answer.limitations


def test_a_year_that_begins_with_its_second_month_is_incomplete(answers: dict[str, Answer]) -> None:
    assert "incomplete years are left out: 2020, 2024" in answers["In late.csv, Which year had the lowest revenue?"].limitations


def test_a_mean_of_an_incomplete_year_is_told_as_such(answers: dict[str, Answer]) -> None:
    assert (
        "the data do not cover 2021 and 2024 as a whole" in answers["In cut.csv, Which year had the highest average revenue?"].limitations
    )


@pytest.mark.parametrize(("file", "question"), REFUSED)
def test_what_asks_for_something_else_is_refused(answers: dict[str, Answer], file: str, question: str) -> None:
    refusal = answers[f"In {file}, {question}"].refusal
    assert refusal is not None and REFUSED[file, question] in refusal
