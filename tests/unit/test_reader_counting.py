"""How many things were sold, where a row holds several of them. The truth is summed by hand."""

from __future__ import annotations

import random

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(41)
ROWS = [
    (f"{y}-{m:02}-11", r, CHANCE.choice(("Lamp", "Desk")), CHANCE.randint(1, 9), CHANCE.randint(50, 500))
    for y in (2023, 2024)
    for m in range(1, 13)
    for r in ("North", "South")
]
TABLES = {
    "sales.csv": as_csv("date,region,product,quantity,revenue", ROWS),
    "shop.csv": as_csv("date,region,product,revenue", [(d, r, p, v) for d, r, p, _, v in ROWS]),
}
SOLD = {
    "How many lamps were sold in 2024?": ("Lamp", "2024"),
    "How many desks did we sell in 2023?": ("Desk", "2023"),
    "How many lamps were bought in 2023?": ("Lamp", "2023"),
    "How many were sold in 2024?": ("", "2024"),
}
REFUSED = {
    "How many lamps in 2024?": ("sales.csv", 'a row holds as many as "quantity" says'),
    "How many products were sold?": ("sales.csv", 'a row holds as many as "quantity" says'),
    "How many sales were there?": ("shop.csv", '"how many sales" may mean the rows or "revenue"'),
    "How many different quantities were sold?": ("sales.csv", 'the different numbers of "quantity" are not counted'),
    "How many distinct rows are there?": ("sales.csv", '"rows" names no column whose different members could be counted'),
    "How many unique dates are there?": ("sales.csv", '"dates" names no column whose different members could be counted'),
    "How many different lamps were sold?": ("sales.csv", '"lamps" names no column whose different members could be counted'),
}
DIFFERENT = ("How many different products were sold here?", "How many distinct products were sold?", "Number of unique products")


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = dict.fromkeys(SOLD, "sales.csv") | {question: file for question, (file, _) in REFUSED.items()}
    questions |= {"How many sales were there in 2024?": "sales.csv", "How many rows are lamps?": "sales.csv"}
    questions |= dict.fromkeys(DIFFERENT, "sales.csv") | {"How many lamps were sold?": "shop.csv"}
    return ask_all(sandbox, tmp_path_factory.mktemp("counting"), TABLES, questions)


@pytest.mark.parametrize("question", SOLD)
def test_how_many_were_sold_is_the_total_of_the_quantity(answers: dict[str, Answer], question: str) -> None:
    product, year = SOLD[question]
    answer = answers[question]
    assert answer.has(sum(q for d, _, p, q, _ in ROWS if product in p and d.startswith(year))), answer
    assert 'how many were sold is taken from "quantity"' in answer.notes


@pytest.mark.parametrize("question", REFUSED)
def test_what_may_be_rows_or_more_is_refused(answers: dict[str, Answer], question: str) -> None:
    refusal = answers[question].refusal
    assert refusal is not None and REFUSED[question][1] in refusal


def test_sales_are_the_rows_of_a_table_that_is_called_so_and_not_its_money(answers: dict[str, Answer]) -> None:
    answer = answers["How many sales were there in 2024?"]
    assert answer.has(sum(d.startswith("2024") for d, *_ in ROWS)) and "each row is taken for one sale" in answer.notes


def test_rows_and_members_are_counted_where_they_are_asked_for(answers: dict[str, Answer]) -> None:
    lamps = sum(p == "Lamp" for _, _, p, _, _ in ROWS)
    assert answers["How many rows are lamps?"].has(lamps) and answers["How many lamps were sold?"].has(lamps)


@pytest.mark.parametrize("question", DIFFERENT)
def test_different_members_are_counted_once_each(answers: dict[str, Answer], question: str) -> None:
    assert answers[question].has(len({p for _, _, p, _, _ in ROWS})), answers[question]
