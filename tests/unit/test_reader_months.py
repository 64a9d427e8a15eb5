"""A year and a month in two columns are one time, be the month a number, a name or an abbreviation."""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(11)
Row = tuple[int, int | None, str, int]
ROWS: list[Row] = [
    (year, month, region, CHANCE.randint(100, 900))
    for year in (2022, 2023, 2024)
    for month in range(1, 13)
    for region in ("North", "South")
    if (year, month) != (2023, 7)
]
ROWS += [ROWS[0], (2024, None, "North", 5000)]
HEADER = "year,month,region,revenue"


def _table(header: str, written: Callable[[int], object], rows: list[Row] = ROWS) -> str:
    return as_csv(header, [(y, m and written(m), r, v) for y, m, r, v in rows])


def _number(month: int) -> object:
    return month


def _padded(month: int) -> object:
    return f"{month:02}"


def _name(month: int) -> object:
    return calendar.month_name[month]


def _short(month: int) -> object:
    return calendar.month_abbr[month]


TABLES = {
    "numbers.csv": _table(HEADER, _number),
    "padded.csv": _table(HEADER, _padded),
    "names.csv": _table(HEADER, _name),
    "short.csv": _table("order_year,order_month,region,revenue", lambda m: f"{_short(m)}.".upper()),
    "twice.csv": as_csv("year,month,month_name,region,revenue", [(y, m, m and _name(m), r, v) for y, m, r, v in ROWS]),
    "both.csv": as_csv("year,quarter,month,region,revenue", [(y, m and f"Q{(m + 2) // 3}", m and _name(m), r, v) for y, m, r, v in ROWS]),
    "fiscal.csv": _table("fiscal_year,month,region,revenue", _number),
    "births.csv": _table("year,birth_month,region,revenue", _number),
    "unnamed.csv": as_csv("month,region,revenue", [(m and _name(m), r, v) for _, m, r, v in ROWS]),
    "dated.csv": as_csv("date,month,region,revenue", [(f"{y}-{m:02}-15", _name(m), r, v) for y, m, r, v in ROWS if m]),
    "one_year.csv": _table(HEADER, _name, [r for r in ROWS if r[0] == 2024 and r[1]]),
}
KINDS = ("numbers.csv", "padded.csv", "names.csv", "short.csv", "twice.csv", "both.csv")
Inside = Callable[[int, int], bool]
TIMES: dict[str, Inside] = {
    "in March 2024": lambda y, m: (y, m) == (2024, 3),
    "in 2024-03": lambda y, m: (y, m) == (2024, 3),
    "in Mar 2024": lambda y, m: (y, m) == (2024, 3),
    "in March of 2024": lambda y, m: (y, m) == (2024, 3),
    "in January and March 2024": lambda y, m: y == 2024 and m in (1, 3),
    "from March to May 2024": lambda y, m: y == 2024 and 3 <= m <= 5,
    "since November 2023": lambda y, m: (y, m) >= (2023, 11),
    "before August 2022": lambda y, m: (y, m) < (2022, 8),
    "from October 2022 to February 2024": lambda y, m: (2022, 10) <= (y, m) <= (2024, 2),
    "not in March 2024": lambda y, m: (y, m) != (2024, 3),
    "in Q2 2024": lambda y, m: y == 2024 and 4 <= m <= 6,
}


def _of(year: int, month: int) -> int:
    return sum(v for y, m, _, v in ROWS if (y, m) == (year, month))


TOTALS = {(y, m): _of(y, m) for y, m, _, _ in ROWS if m}
BEST = max(TOTALS, key=lambda k: TOTALS[k])
WORST = min((k for k in TOTALS if k[0] == 2022), key=lambda k: TOTALS[k])
OTHERS: dict[str, float | str] = {
    "Which month had the highest revenue?": f"{BEST[0]}-{BEST[1]:02} has the highest total revenue: {TOTALS[BEST]} (35 groups",
    "How much did revenue grow from March to May 2024?": _of(2024, 5) - _of(2024, 3),
    "revenue in March 2023 vs March 2024": _of(2024, 3) - _of(2023, 3),
    "top 3 months by revenue": f"{BEST[0]}-{BEST[1]:02} has the highest total revenue: {TOTALS[BEST]} (35 groups",
    "Which 3 months had the highest revenue?": f"{BEST[0]}-{BEST[1]:02} has the highest total revenue: {TOTALS[BEST]} (35 groups",
    "monthly revenue": f"in 2022-01 is {_of(2022, 1)}",
    "revenue by month": f"in 2022-01 is {_of(2022, 1)}",
    "Which month of 2022 had the lowest revenue?": f"has the lowest total revenue where {{year}} is 2022: {TOTALS[WORST]}",
}
LONE = {
    "What was the total revenue in March?": ('"March" needs its year', KINDS[:4]),
    "Is the revenue higher in March or in May?": ("needs its year", KINDS[:4]),
    "What was the total revenue in Q2?": ('"Q2" needs its year', KINDS),
}
REFUSED = {
    "What was the total revenue on 5 March 2024?": ("tells whole months only", KINDS[:4]),
    "How much did revenue grow from July to August 2023?": ("no row of 2023-07", KINDS[:4]),
    **LONE,
}
NOTED = {
    "unnamed.csv: Which month had the highest revenue?": "which year",
    "unnamed.csv: What was the total revenue in March?": "which year",
    "births.csv: Which birth month had the highest revenue?": "all years together",
    "dated.csv: Which month had the highest revenue?": "all years together",
}


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = {f"{file}: what was the total revenue {when}?": file for file in KINDS for when in TIMES}
    questions |= {f"{file}: {question}": file for file in KINDS for question in OTHERS}
    questions |= {f"{file}: {question}": file for question, (_, files) in REFUSED.items() for file in files}
    questions |= {question: question.split(":")[0] for question in NOTED}
    questions |= {"Which month had the highest revenue?": "one_year.csv", "fiscal.csv: total revenue in March 2024": "fiscal.csv"}
    return ask_all(sandbox, tmp_path_factory.mktemp("months"), TABLES, questions)


@pytest.mark.parametrize("file", KINDS)
@pytest.mark.parametrize("when", TIMES)
def test_a_month_of_a_year_is_that_of_both_columns(answers: dict[str, Answer], file: str, when: str) -> None:
    answer = answers[f"{file}: what was the total revenue {when}?"]
    assert answer.refusal is None and answer.has(sum(v for y, m, _, v in ROWS if m and TIMES[when](y, m))), answer
    assert any("1 row has no `" in said for said in answer.limitations)


@pytest.mark.parametrize("file", KINDS)
@pytest.mark.parametrize("question", OTHERS)
def test_months_are_ranked_listed_and_set_against_each_other_by_year(answers: dict[str, Answer], file: str, question: str) -> None:
    answer, wanted = answers[f"{file}: {question}"], OTHERS[question]
    wanted = wanted.replace("{year}", "order_year" if file == "short.csv" else "year") if isinstance(wanted, str) else wanted
    assert answer.refusal is None and answer.has(wanted), answer


@pytest.mark.parametrize(("question", "file"), [(q, f) for q, (_, files) in REFUSED.items() for f in files])
def test_what_is_no_month_of_the_table_and_a_month_without_its_year_is_refused(
    answers: dict[str, Answer], question: str, file: str
) -> None:
    assert REFUSED[question][0] in str(answers[f"{file}: {question}"].refusal)


@pytest.mark.parametrize("question", NOTED)
def test_months_that_are_thrown_together_are_told(answers: dict[str, Answer], question: str) -> None:
    answer = answers[question]
    assert answer.refusal is None and any(NOTED[question] in note for note in answer.notes), answer


def test_months_of_one_year_need_no_note_and_those_of_a_fiscal_year_are_no_times(answers: dict[str, Answer]) -> None:
    best = max(range(1, 13), key=lambda m: _of(2024, m))
    answer = answers["Which month had the highest revenue?"]
    assert answer.has(f"{calendar.month_name[best]} has the highest") and answer.notes == ()
    assert answers["fiscal.csv: total revenue in March 2024"].refusal is not None
