"""A total of a period that the data cover only in part says so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

DAYS = [date(2023, 3, 10) + timedelta(days=i) for i in range((date(2024, 8, 20) - date(2023, 3, 10)).days + 1)]
TABLES = {
    "days.csv": as_csv("date,revenue", [(d, 10 + d.day) for d in DAYS]),
    "east.csv": as_csv("year,month,revenue", [(y, m, 10 * m + y % 100) for y in (2023, 2024) for m in range(1, 13) if (y, m) < (2024, 9)]),
    "west.csv": as_csv("year,quarter,revenue", [(y, q, 10 * q) for y in (2022, 2023, 2024) for q in (1, 2, 3, 4) if (y, q) < (2024, 4)]),
}
TOLD = {
    "days.csv: total revenue in Q3 2024": "the data end with 2024-08-20",
    "days.csv: total revenue in 2024": "the data end with 2024-08-20",
    "days.csv: total revenue from July 2024 to October 2024": "the data end with 2024-08-20",
    "days.csv: total revenue in Q1 2023": "the data begin with 2023-03-10",
    "east.csv: total revenue in Q3 2024": "the data end with 2024-08-31",
    "west.csv: total revenue in Q3 2024": None,
    "days.csv: total revenue in Q2 2024": None,
    "days.csv: total revenue in August 2024": None,
    "days.csv: total revenue in March 2023": None,
    "days.csv: total revenue since 2024": None,
    "days.csv: What was the mean revenue in 2024?": None,
    "east.csv: total revenue in August 2024": None,
}


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    return ask_all(sandbox, tmp_path_factory.mktemp("covered"), TABLES, {q: q.split(":")[0] for q in TOLD})


@pytest.mark.parametrize("question", TOLD)
def test_a_period_that_is_covered_in_part_is_told(answers: dict[str, Answer], question: str) -> None:
    answer, told = answers[question], TOLD[question]
    assert answer.refusal is None, answer
    assert [said.split(",")[0] for said in answer.limitations] == ([told] if told else [])
