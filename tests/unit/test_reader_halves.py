"""Halves of years, their first months, and years in two digits: the truth is summed from the rows by hand."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

import pytest

from functions.fusion.periods import parse_period
from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(23)
DAYS = [dt.date(2023, 1, 1) + dt.timedelta(days=i) for i in range(731)]
SALES = [(day, region, CHANCE.randint(50, 500)) for day in DAYS for region in ("North", "South")]
ONE_YEAR = [row for row in SALES if row[0].year == 2024]
CUT = [row for row in SALES if row[0] <= dt.date(2024, 8, 20)]
SPLIT = [(y, f"Q{q}", CHANCE.randint(100, 900)) for y in (2023, 2024) for q in (1, 2, 3, 4) for _ in "ab"]
MONTHS = [(f"{y}-{m:02}", CHANCE.randint(100, 900)) for y in (2023, 2024) for m in range(1, 13)]
TABLES = {
    "sales.csv": as_csv("date,region,revenue", SALES),
    "one_year.csv": as_csv("date,region,revenue", ONE_YEAR),
    "cut.csv": as_csv("date,region,revenue", CUT),
    "split.csv": as_csv("year,quarter,revenue", SPLIT),
    "months.csv": as_csv("month,revenue", MONTHS),
    "late.csv": as_csv("month,revenue", MONTHS[1:]),
    "dated.csv": as_csv("date,revenue", [(f"{m}-01", v) for m, v in MONTHS[1:]]),
    "years.csv": as_csv("year,revenue", [(y, CHANCE.randint(100, 900)) for y in range(2010, 2025)]),
}
Inside = Callable[[int, int], bool]
"""Of a year and a month."""


def _half(year: int, half: int) -> Inside:
    return lambda y, m: y == year and (m > 6) == (half == 2)


def _months(year: int, *months: int) -> Inside:
    return lambda y, m: y == year and m in months


TIMES: dict[str, Inside] = {
    "in H1 2024": _half(2024, 1),
    "in the first half of 2024": _half(2024, 1),
    "in the second half of 2023": _half(2023, 2),
    "in the 2nd half 2023": _half(2023, 2),
    "in the first half of the year 2024": _half(2024, 1),
    "in the first half-year of 2024": _half(2024, 1),
    "in 2024-H1": _half(2024, 1),
    "in 2024 H1": _half(2024, 1),
    "in H2/2023": _half(2023, 2),
    "in 2024H1": _half(2024, 1),
    "in 1H 2024": _half(2024, 1),
    "in H1 '24": _half(2024, 1),
    "not in H1 2024": lambda y, m: not (y == 2024 and m <= 6),
    "since H2 2023": lambda y, m: (y, m) >= (2023, 7),
    "after H1 2023": lambda y, m: (y, m) >= (2023, 7),
    "before H2 2024": lambda y, m: (y, m) < (2024, 7),
    "from H2 2023 to H1 2024": lambda y, m: (2023, 7) <= (y, m) <= (2024, 6),
    "in H1 and H2 2024": lambda y, _: y == 2024,
    "in the first and second half of 2024": lambda y, _: y == 2024,
    "in the first three quarters of 2024": _months(2024, *range(1, 10)),
    "in the first 9 months of 2024": _months(2024, *range(1, 10)),
    "in the first 2 quarters of 2024": _half(2024, 1),
    "in Q2 '24": _months(2024, 4, 5, 6),
    "in Q2'24": _months(2024, 4, 5, 6),
    "in Q2 and Q3 ’24": _months(2024, 4, 5, 6, 7, 8, 9),
    "in Q2-2024": _months(2024, 4, 5, 6),
    "in Jan '24": _months(2024, 1),
    "in Jan/Feb 2024": _months(2024, 1, 2),
    "in Q1/Q2 2024": _half(2024, 1),
}
BY_QUARTER = [when for when in TIMES if "Jan" not in when]
IN_ONE_YEAR = {"in H1": 1, "in the first half": 1, "in the second half of the year": 2, "in the 2nd half": 2}
CHANGES = {
    "revenue H1 vs H2 2024": ((2024, 1), (2024, 2)),
    "How much did revenue grow from H1 2023 to H1 2024?": ((2023, 1), (2024, 1)),
    "revenue in the first half of 2023 vs the first half of 2024": ((2023, 1), (2024, 1)),
    "Was the revenue higher in H2 '24 than in H2 '23?": ((2023, 2), (2024, 2)),
    "How did H1 2024 compare to H1 2023 in revenue?": ((2023, 1), (2024, 1)),
}
REFUSED = {
    "in H1": '"H1" needs its year right behind it',
    "in the first half": '"first half" needs its year right behind it',
    "in the first half of the revenue": "",
    "in the last half of 2024": '"half" matches no column',
    "in half of 2024": '"half" matches no column',
    "in H3 2024": '"H3" matches no column',
    "in the first half of March 2024": '"half" matches no column',
    "in the first half of Q2 2024": '"half" matches no column',
    "in the first 2 months of Q2 2024": '"first", "2" matches no column',
    "in the first 13 months of 2024": '"13" matches no column',
    "in the first three quarters": '"first"',
    "in FY24 H1": "is no calendar year, and nothing says when it begins",
    "in FY24H1": "is no calendar year, and nothing says when it begins",
    "in fiscal H1 2024": "is no calendar year, and nothing says when it begins",
    "in H1 of the financial year 2024": "is no calendar year, and nothing says when it begins",
    "in the first half of fiscal 2024": "is no calendar year, and nothing says when it begins",
    "by H1 2024": '"by H1 2024" may mean "in H1 2024" or "until H1 2024"',
    "between H2 and H1 2024": 'in "H2 and H1 2024" the first may be that of 2024 or of 2023',
    "in Q2 24": '"Q2" needs its year',
    "in Q2 '99": '"Q2" needs its year',
    "in Jan 24": '"Jan" needs its year',
    "in '24": '"24" matches no column',
}
OTHERS = {
    "What was the total revenue in the first half of the rows?": ("one_year.csv", '"half"'),
    "What was the total revenue in the first quarter of the rows?": ("one_year.csv", '"first quarter" needs its year'),
    "What was the total revenue of product H2?": ("one_year.csv", '"H2" needs its year'),
    "What was the total revenue over 2h?": ("one_year.csv", '"2h" matches no column'),
    "What was the total revenue in H1 2024?": ("years.csv", "cannot tell the period"),
    "What was the total revenue in H1?": ("split.csv", '"H1" needs its year'),
    "How much did revenue grow from H2 2023 to H2 2024?": ("cut.csv", "the data do not cover 2024-H2 as a whole"),
    "How much did revenue grow from H1 2023 to H1 2024?": ("late.csv", "the data do not cover 2023-H1 as a whole"),
    "How much did revenue grow from Q1 2023 to Q1 2024?": ("late.csv", "the data do not cover 2023-Q1 as a whole"),
    "How much did revenue grow from Q1 2024 to H2 2024?": ("sales.csv", "are periods of different lengths"),
    "What was the revenue from the first 9 months of 2023 to the first 9 months of 2024?": ("sales.csv", "may be two periods or one"),
}


def _of_half(rows: list[tuple[dt.date, str, int]], year: int, half: int) -> int:
    return sum(v for d, _, v in rows if _half(year, half)(d.year, d.month))


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = {f"What was the total revenue {when}?": "sales.csv" for when in (*TIMES, *REFUSED)}
    questions |= {f"total revenue {when}": "months.csv" for when in TIMES}
    questions |= {f"the total revenue {when}": "split.csv" for when in BY_QUARTER}
    questions |= {f"What was the revenue of this table {when}?": "one_year.csv" for when in IN_ONE_YEAR}
    questions |= dict.fromkeys(CHANGES, "sales.csv")
    questions |= {f"{question} Please": file for question, (file, _) in OTHERS.items()}
    questions["the revenue in H2 2024"] = "cut.csv"
    questions["Q1 2023 vs Q1 2024"] = "dated.csv"
    return ask_all(sandbox, tmp_path_factory.mktemp("halves"), TABLES, questions)


@pytest.mark.parametrize("when", TIMES)
def test_the_total_of_a_period_is_that_of_its_months(answers: dict[str, Answer], when: str) -> None:
    of_days, of_months = answers[f"What was the total revenue {when}?"], answers[f"total revenue {when}"]
    assert of_days.has(sum(v for d, _, v in SALES if TIMES[when](d.year, d.month))), of_days
    assert of_months.has(sum(v for m, v in MONTHS if TIMES[when](int(m[:4]), int(m[5:])))), of_months


@pytest.mark.parametrize("when", BY_QUARTER)
def test_the_total_of_a_period_is_that_of_its_quarters_beside_their_years(answers: dict[str, Answer], when: str) -> None:
    answer = answers[f"the total revenue {when}"]
    assert answer.has(sum(v for y, q, v in SPLIT if TIMES[when](y, 3 * int(q[1])))), answer


@pytest.mark.parametrize("when", IN_ONE_YEAR)
def test_a_half_without_a_year_is_that_of_the_only_year_and_the_answer_says_so(answers: dict[str, Answer], when: str) -> None:
    answer = answers[f"What was the revenue of this table {when}?"]
    assert answer.has(_of_half(SALES, 2024, IN_ONE_YEAR[when]))
    assert any("the data hold no other year than 2024" in note for note in answer.notes)


@pytest.mark.parametrize("question", CHANGES)
def test_a_change_between_two_halves_is_the_difference_of_their_totals(answers: dict[str, Answer], question: str) -> None:
    first, last = (_of_half(SALES, *half) for half in CHANGES[question])
    assert answers[question].has(last - first) and answers[question].has(first), answers[question]


@pytest.mark.parametrize("when", REFUSED)
def test_what_may_be_another_time_or_none_is_refused(answers: dict[str, Answer], when: str) -> None:
    refusal = answers[f"What was the total revenue {when}?"].refusal
    assert refusal is not None and REFUSED[when] in refusal


@pytest.mark.parametrize("question", OTHERS)
def test_a_half_that_the_table_does_not_tell_is_refused(answers: dict[str, Answer], question: str) -> None:
    refusal = answers[f"{question} Please"].refusal
    assert refusal is not None and OTHERS[question][1] in refusal


def test_a_year_in_two_digits_is_told_in_full(answers: dict[str, Answer]) -> None:
    assert answers["What was the total revenue in Q2 '24?"].notes == ('"Q2 \'24" is taken for 2024-Q2',)


def test_a_half_that_the_data_hold_a_part_of_is_told_as_such(answers: dict[str, Answer]) -> None:
    answer = answers["the revenue in H2 2024"]
    assert answer.has(_of_half(CUT, 2024, 2))
    assert "the data end with 2024-08-20, within the period that is asked for: the figure is of a part of it only" in answer.limitations


def test_a_change_from_a_period_that_lacks_a_month_says_so(answers: dict[str, Answer]) -> None:
    assert "the data begin with 2023-02-01, within 2023-Q1" in answers["Q1 2023 vs Q1 2024"].limitations


def test_fusion_compares_a_half_as_its_days() -> None:
    half = parse_period("2024-H1/2024-H2")
    assert half is not None and (half.first, half.last) == (dt.date(2024, 1, 1), dt.date(2024, 12, 31))
