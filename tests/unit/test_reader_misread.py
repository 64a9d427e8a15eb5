"""Phrases that were read as another calculation than the one they ask for. The truth is calculated by hand."""

from __future__ import annotations

import random

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(47)
ROWS = [
    (f"{y}-{m:02}-11", r, CHANCE.randint(1, 9), CHANCE.randint(50, 500))
    for y in (2023, 2024)
    for m in range(1, 13)
    for r in ("North", "South")
]
LOGS = [(f"2024-03-{d:02}", p, CHANCE.randint(5, 900)) for d in range(1, 29) for p in ("/", "/login")]
STAYS = [(f"2024-{m:02}-{d:02}", CHANCE.choice((1, 3, 7)), CHANCE.randint(200, 9000)) for m in range(1, 5) for d in range(1, 9)]
TABLES = {"stays.csv": as_csv("admitted,stay_days,cost", STAYS)}
TABLES |= {"sales.csv": as_csv("date,region,quantity,revenue", ROWS), "logs.csv": as_csv("date,path,response_ms", LOGS)}
REFUSED = {
    "average monthly revenue in 2023": '"average monthly" may speak of the total of each month',
    "What was the highest monthly revenue?": '"highest monthly" may speak of the total of each month',
    "What was the median yearly revenue?": '"median yearly" may speak of the total of each year',
    "What was the average revenue per unit?": '"per" with "quantity" may ask for a ratio',
    "What is the total of quantity times revenue?": '"quantity times revenue" is calculated of two columns',
    "What is the mean of revenue - quantity?": '"revenue - quantity" is calculated of two columns',
    "What is the mean of revenue over the quantity?": 'ask for each of them, or for the ratio of "revenue" to "quantity"',
    "How many regions have a total quantity above 10?": '"total quantity above 10" may be a condition on groups',
    "How many regions had more than 10 quantity in total?": '"more than 10 quantity in total" may be a condition on groups',
    "What share of regions have a mean revenue above 200?": '"mean revenue above 200" may be a condition on groups',
}
QUANTITY, REVENUE = sum(q for *_, q, _ in ROWS), sum(v for *_, v in ROWS)
ANSWERED: dict[str, tuple[float, ...]] = {
    "What is the mean revenue and quantity?": (REVENUE / len(ROWS), QUANTITY / len(ROWS)),
    "What is the ratio of revenue/quantity?": (REVENUE / QUANTITY,),
    "What is the total revenue where quantity is above 5?": (sum(v for _, _, q, v in ROWS if q > 5),),
}
_PER_DAY = ("What is the mean cost per day?", "What is the ratio of cost to stay days?")


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = dict.fromkeys(REFUSED, "sales.csv")
    questions |= {"What is the average response time?": "logs.csv", "average daily response_ms": "logs.csv"}
    questions |= {"yearly revenue": "sales.csv", "mean revenue by quantity": "sales.csv"}
    questions |= dict.fromkeys(ANSWERED, "sales.csv") | dict.fromkeys(_PER_DAY, "stays.csv")
    return ask_all(sandbox, tmp_path_factory.mktemp("misread"), TABLES, questions)


@pytest.mark.parametrize("question", REFUSED)
def test_figures_of_periods_totals_and_ratios_are_not_those_of_rows(answers: dict[str, Answer], question: str) -> None:
    refusal = answers[question].refusal
    assert refusal is not None and REFUSED[question] in refusal


def test_a_time_that_is_measured_is_no_count(answers: dict[str, Answer]) -> None:
    mean = sum(v for _, _, v in LOGS) / len(LOGS)
    assert any(isinstance(v, float) and abs(v - mean) < 1e-9 for v in answers["What is the average response time?"].values)


def test_what_is_no_figure_of_totals_is_answered_by_period_or_group(answers: dict[str, Answer]) -> None:
    assert answers["yearly revenue"].statements == [
        f"The total revenue in {year} is {sum(v for d, _, _, v in ROWS if d.startswith(str(year)))}." for year in (2023, 2024)
    ]
    assert answers["average daily response_ms"].statements and answers["mean revenue by quantity"].statements


@pytest.mark.parametrize("question", ANSWERED)
def test_lists_ratios_and_conditions_on_rows_are_answered(answers: dict[str, Answer], question: str) -> None:
    told = [value for value in answers[question].values if isinstance(value, (int, float))]
    assert all(any(abs(value - wanted) < 1e-9 * abs(wanted) for value in told) for wanted in ANSWERED[question]), answers[question]


def test_a_figure_per_day_of_a_column_that_holds_days_is_no_figure_by_their_number(answers: dict[str, Answer]) -> None:
    refused, answered = (answers[question] for question in _PER_DAY)
    assert refused.refusal is not None and '"per" with "stay_days" may ask for a ratio' in refused.refusal
    assert answered.has(sum(c for *_, c in STAYS) / sum(n for _, n, _ in STAYS)), answered
