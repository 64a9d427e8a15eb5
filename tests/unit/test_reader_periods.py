"""Quarters and dates as people write them, over a table of days: the truth is summed from the rows by hand."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(7)
DAYS = [dt.date(2023, 1, 1) + dt.timedelta(days=i) for i in range(731)]
SALES = [(day, region, CHANCE.randint(50, 500)) for day in DAYS for region in ("North", "South") if day.day != 13 or region == "North"]
ONE_YEAR = [row for row in SALES if row[0].year == 2024]
QUARTERS = [(year, quarter, CHANCE.randint(100, 900)) for year in (2023, 2024) for quarter in (1, 2, 3, 4) for _ in ("North", "South")]
TABLES = {
    "sales.csv": as_csv("date,region,revenue", SALES),
    "one_year.csv": as_csv("date,region,revenue", ONE_YEAR),
    "iso.csv": as_csv("quarter,revenue", [(f"{y}-Q{q}", v) for y, q, v in QUARTERS]),
    "named.csv": as_csv("quarter,revenue", [(f"Q{q} {y}", v) for y, q, v in QUARTERS]),
    "fiscal.csv": as_csv("quarter,revenue", [(f"FY{y - 2000} Q{q}", v) for y, q, v in QUARTERS]),
}
MONTHS = [(f"{year}-{month:02}-01", CHANCE.randint(100, 900)) for year in (2023, 2024) for month in range(1, 13)]
TABLES["months.csv"] = as_csv("month,revenue", MONTHS)
CUT = {
    "total revenue in January 2024": "iso.csv",
    "total revenue on 1 January 2024": "named.csv",
    "total revenue before 2024-03-01": "iso.csv",
    "total revenue since May 2024": "named.csv",
    "total revenue between January and February 2024": "iso.csv",
    "What share of the revenue was in January 2024?": "iso.csv",
    "How much did revenue grow from January 2023 to January 2024?": "iso.csv",
    "total revenue before 15 March 2024": "months.csv",
    "total revenue between 1 January and 15 March 2024": "months.csv",
}
WHOLE = {
    "total revenue between January and March 2024": ("iso.csv", [(2024, 1)]),
    "total revenue before April 2023": ("named.csv", [(2023, 1)]),
    "total revenue after Q2 2024": ("iso.csv", [(2024, 3), (2024, 4)]),
    "total revenue since October 2024": ("named.csv", [(2024, 4)]),
}
NAMED = [(CHANCE.choice(("April", "Jan", "Olga")), day, CHANCE.randint(1, 9)) for day in DAYS[::5]]
TABLES["people.csv"] = as_csv("name,date,revenue", NAMED)
Inside = Callable[[dt.date], bool]


def _quarter(day: dt.date) -> tuple[int, int]:
    return day.year, (day.month + 2) // 3


def _days(first: str, last: str) -> Inside:
    return lambda d: dt.date.fromisoformat(first) <= d <= dt.date.fromisoformat(last)


TIMES: dict[str, Inside] = {
    "in Q2 2024": lambda d: _quarter(d) == (2024, 2),
    "in Q2 of 2024": lambda d: _quarter(d) == (2024, 2),
    "in Q2/2024": lambda d: _quarter(d) == (2024, 2),
    "in 2024 Q2": lambda d: _quarter(d) == (2024, 2),
    "in 2024-Q2": lambda d: _quarter(d) == (2024, 2),
    "in 2024Q2": lambda d: _quarter(d) == (2024, 2),
    "in the third quarter of 2024": lambda d: _quarter(d) == (2024, 3),
    "in the 3rd quarter 2024": lambda d: _quarter(d) == (2024, 3),
    "in quarter 3 of 2024": lambda d: _quarter(d) == (2024, 3),
    "in the last quarter of 2024": lambda d: _quarter(d) == (2024, 4),
    "not in Q2 2024": lambda d: _quarter(d) != (2024, 2),
    "in Q1 and Q3 2024": lambda d: _quarter(d) in ((2024, 1), (2024, 3)),
    "in the first and second quarter of 2024": lambda d: _quarter(d) in ((2024, 1), (2024, 2)),
    "from Q2 2023 to Q1 2024": lambda d: (2023, 2) <= _quarter(d) <= (2024, 1),
    "between Q2 and Q3 2024": lambda d: (2024, 2) <= _quarter(d) <= (2024, 3),
    "since Q3 2024": lambda d: _quarter(d) >= (2024, 3),
    "after Q3 2023": lambda d: _quarter(d) > (2023, 3),
    "before Q3 2023": lambda d: _quarter(d) < (2023, 3),
    "on 5 March 2024": _days("2024-03-05", "2024-03-05"),
    "on March 5, 2024": _days("2024-03-05", "2024-03-05"),
    "on March 5th, 2024": _days("2024-03-05", "2024-03-05"),
    "on the 5th of March 2024": _days("2024-03-05", "2024-03-05"),
    "on 25/03/2024": _days("2024-03-25", "2024-03-25"),
    "on 2024/03/05": _days("2024-03-05", "2024-03-05"),
    "in 03/2024": _days("2024-03-01", "2024-03-31"),
    "between 3 Jan and 10 Feb 2024": _days("2024-01-03", "2024-02-10"),
    "between January 3 and February 10, 2024": _days("2024-01-03", "2024-02-10"),
    "between 3 Dec 2023 and 10 Feb 2024": _days("2023-12-03", "2024-02-10"),
    "from 3 to 10 January 2024": _days("2024-01-03", "2024-01-10"),
    "from 3-10 January 2024": _days("2024-01-03", "2024-01-10"),
    "on 3 and 10 March 2024": lambda d: d in (dt.date(2024, 3, 3), dt.date(2024, 3, 10)),
    "excluding 5 March 2024": lambda d: d != dt.date(2024, 3, 5),
    "since June 2023": lambda d: d >= dt.date(2023, 6, 1),
    "before 2024-03-01": lambda d: d < dt.date(2024, 3, 1),
}
IN_ONE_YEAR: dict[str, Inside] = {
    "in Q2": lambda d: _quarter(d) == (2024, 2),
    "in March": lambda d: d.month == 3,
    "not in March": lambda d: d.month != 3,
    "between March and May": lambda d: 3 <= d.month <= 5,
    "on 5 March": _days("2024-03-05", "2024-03-05"),
}
REFUSED = {
    "on 03/04/2024": "may be 3 April 2024 or 4 March 2024; write the name of the month, or 2024-04-03 or 2024-03-04",
    "on 03.04.2024": "may be 3 April 2024 or 4 March 2024",
    "since 03/04/2024": "may be 3 April 2024 or 4 March 2024",
    "on 03/04/24": "does not say its century",
    "in 2011/12": "may be a month or the years 2011 and 2012",
    "on 31 February 2024": '"31 February 2024" is no date of the calendar',
    "on 2024-02-31": '"2024-02-31" is no date of the calendar',
    "in Q2": '"Q2" needs its year',
    "in the second quarter": '"second quarter" needs its year',
    "in March": '"March" needs its year',
    "in Q5 2024": '"Q5" matches no column',
    "in FY24 Q2": "is no calendar year, and nothing says when it begins",
    "in Q2 FY2024": "is no calendar year, and nothing says when it begins",
    "in fiscal year 2024": "is no calendar year, and nothing says when it begins",
    "in Q2 of the financial year 2024": "is no calendar year, and nothing says when it begins",
    "in the last quarter": '"last quarter" depends on the day of asking; write the time itself, such as "Q2 2024"',
    "last quarter": '"last quarter" depends on the day of asking',
    "in the last two years": '"last two years" depends on the day of asking',
    "in the past 3 months": '"past 3 months" depends on the day of asking',
    "in recent months": '"recent months" depends on the day of asking',
    "year to date": '"year to date" depends on the day of asking',
    "two years ago": '"ago" depends on the day of asking',
    "between Q4 and Q1 2024": 'in "Q4 and Q1 2024" the first may be that of 2024 or of 2023',
    "from November to February 2024": "the first may be that of 2024 or of 2023",
    "in the week of 5 March 2024": '"week of 5 March 2024" does not say which days are meant',
    "by Q2 2024": '"by Q2 2024" may mean "in Q2 2024" or "until Q2 2024"',
    "from Q2 2023 to date": "",
    "Q2 2023 to date": '"Q2 2023 to date" depends on the day of asking; write "since Q2 2023"',
    "of this quarter's sales": '"this quarter\'s" depends on the day of asking',
    "in recent times": '"recent times" depends on the day of asking',
    "from 5 March 2024": '"from 5 March 2024" may mean',
}
CHANGES = {
    "How much did sales grow from Q1 to Q2 2024?": ((2024, 1), (2024, 2)),
    "How much did the revenue grow from Q1 2023 to Q1 2024?": ((2023, 1), (2024, 1)),
    "revenue in Q3 2023 vs Q3 2024": ((2023, 3), (2024, 3)),
    "Q3 2023 vs Q3 2024": ((2023, 3), (2024, 3)),
    "Compare the revenue in Q3 and Q4 2024": ((2024, 3), (2024, 4)),
    "Was the revenue higher in Q2 2024 than in Q2 2023?": ((2023, 2), (2024, 2)),
    "How did Q1 2024 compare to Q1 2023 in revenue?": ((2023, 1), (2024, 1)),
}


def _total(inside: Inside) -> int:
    return sum(revenue for day, _, revenue in SALES if inside(day))


def _of_quarter(quarter: tuple[int, int]) -> int:
    return sum(v for y, q, v in QUARTERS if (y, q) == quarter)


def _best(count: int) -> str:
    totals = {q: sum(v for d, _, v in SALES if _quarter(d) == q) for q in {_quarter(d) for d in DAYS}}
    ranked = sorted(totals, key=lambda q: -totals[q])
    return ", ".join(f"{y}-Q{q} ({totals[y, q]})" for y, q in ranked[:count])


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = {f"What was the total revenue {when}?": "sales.csv" for when in (*TIMES, *REFUSED)}
    questions |= {f"What was the revenue of this table {when}?": "one_year.csv" for when in IN_ONE_YEAR}
    questions |= dict.fromkeys(CHANGES, "sales.csv")
    questions |= {f"In {file}, {question}": file for file in ("iso.csv", "named.csv") for question in _OF_QUARTERS}
    questions |= {
        "What was the total revenue in FY24 Q2, please?": "fiscal.csv",
        "What was the total revenue in Q1 2023, please?": "fiscal.csv",
    }
    questions["top 3 quarters by revenue"] = "sales.csv"
    questions |= dict.fromkeys(("total revenue in April 2024", "total revenue of April", "total revenue in 2024-04"), "people.csv")
    questions |= CUT | {question: file for question, (file, _) in WHOLE.items()}
    questions |= {"total revenue until 31 March 2023, please": "months.csv", "total revenue on 1 March 2023, please": "months.csv"}
    return ask_all(sandbox, tmp_path_factory.mktemp("periods"), TABLES, questions)


_BEST = max(sorted({(y, q) for y, q, _ in QUARTERS}), key=_of_quarter)
_OF_QUARTERS: dict[str, float | str] = {
    "which quarter had the highest revenue?": f"{_BEST[0]}-Q{_BEST[1]} has the highest total revenue: {_of_quarter(_BEST)} ",
    "what was the total revenue in Q2 2024?": _of_quarter((2024, 2)),
    "what was the total revenue in the second quarter of 2024?": _of_quarter((2024, 2)),
    "how much did revenue grow from Q1 to Q2 2024?": _of_quarter((2024, 2)) - _of_quarter((2024, 1)),
}


@pytest.mark.parametrize("when", TIMES)
def test_the_total_of_a_period_is_that_of_its_days(answers: dict[str, Answer], when: str) -> None:
    answer = answers[f"What was the total revenue {when}?"]
    assert answer.refusal is None and answer.has(_total(TIMES[when])), answer


@pytest.mark.parametrize("when", REFUSED)
def test_a_time_that_may_be_another_is_refused_with_what_to_write(answers: dict[str, Answer], when: str) -> None:
    refusal = answers[f"What was the total revenue {when}?"].refusal
    assert refusal is not None and REFUSED[when] in refusal


@pytest.mark.parametrize("when", IN_ONE_YEAR)
def test_a_time_without_a_year_is_that_of_the_only_year_and_the_answer_says_so(answers: dict[str, Answer], when: str) -> None:
    answer = answers[f"What was the revenue of this table {when}?"]
    assert answer.has(sum(v for day, _, v in ONE_YEAR if IN_ONE_YEAR[when](day))), answer
    assert any("the data hold no other year than 2024" in note for note in answer.notes)


@pytest.mark.parametrize("question", CHANGES)
def test_a_change_between_two_quarters_is_the_difference_of_their_totals(answers: dict[str, Answer], question: str) -> None:
    first, last = (sum(v for day, _, v in SALES if _quarter(day) == quarter) for quarter in CHANGES[question])
    assert answers[question].has(last - first) and answers[question].has(first), answers[question]


@pytest.mark.parametrize("file", ["iso.csv", "named.csv"])
@pytest.mark.parametrize("question", _OF_QUARTERS)
def test_a_column_of_quarters_answers_as_dates_do(answers: dict[str, Answer], file: str, question: str) -> None:
    answer = answers[f"In {file}, {question}"]
    assert answer.refusal is None and answer.has(_OF_QUARTERS[question]), answer


def test_a_fiscal_quarter_is_answered_by_the_datas_own_label_only(answers: dict[str, Answer]) -> None:
    assert answers["What was the total revenue in FY24 Q2, please?"].has(_of_quarter((2024, 2)))
    assert answers["What was the total revenue in Q1 2023, please?"].refusal is not None


def test_the_only_measure_is_taken_for_what_is_compared_and_the_answer_says_so(answers: dict[str, Answer]) -> None:
    assert any('"revenue" is taken' in note for note in answers["Q3 2023 vs Q3 2024"].notes)


@pytest.mark.parametrize("question", CUT)
def test_a_part_of_a_quarter_or_month_that_is_known_only_as_a_whole_is_refused(answers: dict[str, Answer], question: str) -> None:
    refusal = answers[question].refusal
    assert refusal is not None and "tells whole" in refusal and "ask for whole" in refusal


@pytest.mark.parametrize("question", WHOLE)
def test_months_that_make_whole_quarters_are_answered(answers: dict[str, Answer], question: str) -> None:
    assert answers[question].has(sum(_of_quarter(q) for q in WHOLE[question][1])), answers[question]


def test_a_month_that_is_named_by_its_first_day_or_until_its_last_is_answered(answers: dict[str, Answer]) -> None:
    assert answers["total revenue until 31 March 2023, please"].has(sum(v for _, v in MONTHS[:3]))
    assert answers["total revenue on 1 March 2023, please"].has(MONTHS[2][1])


def test_the_best_quarters_are_listed_in_order(answers: dict[str, Answer]) -> None:
    assert answers["top 3 quarters by revenue"].statements[1].endswith(f": {_best(3)}.")


def test_a_month_that_is_also_a_value_is_refused_before_a_year(answers: dict[str, Answer]) -> None:
    assert 'may be a month, or the value "April" of "name"' in str(answers["total revenue in April 2024"].refusal)
    assert answers["total revenue of April"].has(sum(v for name, _, v in NAMED if name == "April"))
    assert answers["total revenue in 2024-04"].has(sum(v for _, day, v in NAMED if (day.year, day.month) == (2024, 4)))
