"""A year and a quarter in two columns are one time: quarters of different years are never thrown together."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(5)
Row = tuple[int, int | None, str, int]
ROWS: list[Row] = [
    (year, quarter, region, CHANCE.randint(100, 900))
    for year in (2022, 2023, 2024)
    for quarter in (1, 2, 3, 4)
    for region in ("North", "South")
    if (year, quarter) != (2023, 3)
]
ROWS += [ROWS[0], (2024, None, "North", 5000)]
HEADER = "year,quarter,region,revenue"
TABLES = {
    "labels.csv": as_csv(HEADER, [(y, q and f"Q{q}", r, v) for y, q, r, v in ROWS]),
    "numbers.csv": as_csv(HEADER, ROWS),
    "one_year.csv": as_csv(HEADER, [(y, q and f"Q{q}", r, v) for y, q, r, v in ROWS if y == 2024]),
    "fiscal.csv": as_csv("fiscal_year,quarter,region,revenue", [(y, q and f"Q{q}", r, v) for y, q, r, v in ROWS]),
}
Inside = Callable[[int, int], bool]
TIMES: dict[str, Inside] = {
    "in Q2 2024": lambda y, q: (y, q) == (2024, 2),
    "in 2024-Q2": lambda y, q: (y, q) == (2024, 2),
    "in the second quarter of 2024": lambda y, q: (y, q) == (2024, 2),
    "in quarter 2 of 2024": lambda y, q: (y, q) == (2024, 2),
    "in Q1 and Q2 2024": lambda y, q: y == 2024 and q in (1, 2),
    "since Q3 2023": lambda y, q: (y, q) >= (2023, 3),
    "before Q3 2023": lambda y, q: (y, q) < (2023, 3),
    "from Q3 2022 to Q1 2024": lambda y, q: (2022, 3) <= (y, q) <= (2024, 1),
    "not in Q2 2024": lambda y, q: (y, q) != (2024, 2),
}


def _of(year: int, quarter: int) -> int:
    return sum(v for y, q, _, v in ROWS if (y, q) == (year, quarter))


TOTALS = {(y, q): _of(y, q) for y, q, _, _ in ROWS if q}
BEST = max(TOTALS, key=lambda k: TOTALS[k])
WORST = min((k for k in TOTALS if k[0] == 2022), key=lambda k: TOTALS[k])
OTHERS: dict[str, float | str] = {
    "Which quarter had the highest revenue?": f"{BEST[0]}-Q{BEST[1]} has the highest total revenue: {TOTALS[BEST]} (11 groups",
    "How much did revenue grow from Q1 to Q2 2024?": _of(2024, 2) - _of(2024, 1),
    "revenue in Q2 2023 vs Q2 2024": _of(2024, 2) - _of(2023, 2),
    "quarterly revenue": f"in 2022-Q1 is {_of(2022, 1)}",
    "revenue by quarter": f"in 2022-Q1 is {_of(2022, 1)}",
    "Which quarter of 2022 had the lowest revenue?": f"{WORST[1]} has the lowest total revenue where year is 2022: {TOTALS[WORST]}",
}
LONE = ("What was the total revenue in Q2?", "What was the total revenue except in Q2?", "total revenue in Q2 by region")
KINDS = ("labels.csv", "numbers.csv")


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = {f"{file}: what was the total revenue {when}?": file for file in KINDS for when in TIMES}
    questions |= {f"{file}: {question}": file for file in KINDS for question in OTHERS}
    questions |= {"How much did revenue grow from Q2 to Q3 2023?": "labels.csv", "total revenue in Q2 by year": "labels.csv"}
    questions |= dict.fromkeys(LONE, "labels.csv") | {"total revenue in Q2": "one_year.csv"}
    questions |= {"What was the total revenue in Q2 of the fiscal year 2024?": "fiscal.csv"}
    questions |= {"How much did revenue grow from Q1 to Q2 2024, please?": "fiscal.csv"}
    return ask_all(sandbox, tmp_path_factory.mktemp("quarters"), TABLES, questions)


@pytest.mark.parametrize("file", KINDS)
@pytest.mark.parametrize("when", TIMES)
def test_a_quarter_of_a_year_is_that_of_both_columns(answers: dict[str, Answer], file: str, when: str) -> None:
    answer = answers[f"{file}: what was the total revenue {when}?"]
    assert answer.refusal is None and answer.has(sum(v for y, q, _, v in ROWS if q and TIMES[when](y, q))), answer
    assert any("1 row has no `year and quarter`" in said for said in answer.limitations)


@pytest.mark.parametrize("file", KINDS)
@pytest.mark.parametrize("question", OTHERS)
def test_quarters_are_ranked_listed_and_set_against_each_other_by_year(answers: dict[str, Answer], file: str, question: str) -> None:
    answer = answers[f"{file}: {question}"]
    assert answer.refusal is None and answer.has(OTHERS[question]), answer


def test_a_quarter_that_no_row_is_about_is_refused(answers: dict[str, Answer]) -> None:
    assert "no row of 2023-Q3" in str(answers["How much did revenue grow from Q2 to Q3 2023?"].refusal)


@pytest.mark.parametrize("question", LONE)
def test_a_quarter_without_its_year_is_asked_back_where_there_are_several(answers: dict[str, Answer], question: str) -> None:
    assert '"Q2" needs its year right behind it; write it so, as in "Q2 2024"' in str(answers[question].refusal)


def test_a_quarter_without_its_year_is_that_of_the_only_one_or_of_each(answers: dict[str, Answer]) -> None:
    assert answers["total revenue in Q2"].has(_of(2024, 2))
    assert answers["total revenue in Q2 by year"].has(f"in 2022 is {_of(2022, 2)}")


def test_quarters_of_a_fiscal_year_are_labels_and_no_times(answers: dict[str, Answer]) -> None:
    assert answers["What was the total revenue in Q2 of the fiscal year 2024?"].has(_of(2024, 2))
    assert answers["How much did revenue grow from Q1 to Q2 2024, please?"].refusal is not None
