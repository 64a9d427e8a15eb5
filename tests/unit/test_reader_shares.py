"""Shares of what is said of the rows, also where it is denied; members that stand in several rows count once."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(11)


@dataclass(frozen=True)
class Order:
    number: int
    customer: str
    country: str | None
    day: dt.date
    amount: int


HOME = {f"C{i:02}": CHANCE.choice(("Germany", "France", "Italy")) for i in range(30)}


def _order(number: int) -> Order:
    customer = CHANCE.choice(sorted(HOME))
    country = None if CHANCE.random() < 0.05 else HOME[customer]
    return Order(number, customer, country, dt.date(2023, 7, 1) + dt.timedelta(days=CHANCE.randint(0, 540)), CHANCE.randint(10, 300))


ORDERS = [_order(1000 + i) for i in range(240)]
MOVED = [*ORDERS, Order(2000, "C00", "Spain", dt.date(2024, 5, 5), 10), Order(2001, "C00", "Germany", dt.date(2024, 5, 6), 10)]


def _as_csv(orders: list[Order], *, number: bool = True) -> str:
    header = "order_id,customer_id,country,order_date,amount" if number else "customer,country,order_date,amount"
    rows = [(*((o.number,) if number else ()), o.customer, o.country, o.day, o.amount) for o in orders]
    return as_csv(header, rows)


TABLES = {"orders.csv": _as_csv(ORDERS), "purchases.csv": _as_csv(ORDERS, number=False), "moved.csv": _as_csv(MOVED)}


def _share(part: list[Order], whole: list[Order]) -> float:
    return 100 * len(part) / len(whole)


def _in_march(order: Order) -> bool:
    return (order.day.year, order.day.month) == (2024, 3)


def _in_quarter(order: Order) -> bool:
    return dt.date(2024, 1, 1) <= order.day <= dt.date(2024, 3, 31)


KNOWN = [o for o in ORDERS if o.country]
GERMAN = [o for o in KNOWN if o.country == "Germany"]
MARCH = [o for o in ORDERS if _in_march(o)]
TOTAL = sum(o.amount for o in ORDERS)
CUSTOMERS = {o.customer for o in KNOWN}
SHARES = {
    "What share of orders was in March 2024?": _share(MARCH, ORDERS),
    "What share of orders was not in March 2024?": 100 - _share(MARCH, ORDERS),
    "What percentage of orders were not placed in March 2024?": 100 - _share(MARCH, ORDERS),
    "What share of orders was in Q1 2024?": _share([o for o in ORDERS if _in_quarter(o)], ORDERS),
    "What share of orders is not from Germany?": 100 - _share(GERMAN, KNOWN),
    "What percentage of orders aren't from Germany?": 100 - _share(GERMAN, KNOWN),
    "What share of orders is not from Germany or France?": _share([o for o in KNOWN if o.country == "Italy"], KNOWN),
    "What share of orders came from Germany or France?": _share([o for o in KNOWN if o.country != "Italy"], KNOWN),
    "What fraction of orders are from neither Germany nor France?": _share([o for o in KNOWN if o.country == "Italy"], KNOWN),
    "What share of orders from Germany was in March 2024?": _share([o for o in GERMAN if _in_march(o)], GERMAN),
    "What share of orders from Germany was not in March 2024?": _share([o for o in GERMAN if not _in_march(o)], GERMAN),
    "What share of orders in March 2024 is from Germany?": _share([o for o in GERMAN if _in_march(o)], [o for o in KNOWN if _in_march(o)]),
    "What share of orders in March 2024 is not from Germany?": _share(
        [o for o in KNOWN if _in_march(o) and o.country != "Germany"], [o for o in KNOWN if _in_march(o)]
    ),
    "What share of the amount was not in March 2024?": 100 * (TOTAL - sum(o.amount for o in MARCH)) / TOTAL,
    "What is the share of the amount in Q1 2024?": 100 * sum(o.amount for o in ORDERS if _in_quarter(o)) / TOTAL,
    "What share of customers is from Germany?": 100 * sum(HOME[c] == "Germany" for c in CUSTOMERS) / len(CUSTOMERS),
    "What share of customers is not from Germany?": 100 * sum(HOME[c] != "Germany" for c in CUSTOMERS) / len(CUSTOMERS),
}
EACH = "What share of the amount did each country have in Q1 2024?"
COUNTS = {
    "How many customers are not from Germany?": len({o.customer for o in KNOWN if o.country != "Germany"}),
    "How many customers are from Germany?": len({o.customer for o in GERMAN}),
    "What is the number of customers not in Germany?": len({o.customer for o in KNOWN if o.country != "Germany"}),
    "How many different customers are there?": len({o.customer for o in ORDERS}),
}


def _most(groups: dict[str, set[str]]) -> str:
    best = max(sorted(groups), key=lambda g: len(groups[g]))
    return f"{best} has the highest number of different customer_id: {len(groups[best])} "


def _by(group: Callable[[Order], str | None]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for order in ORDERS:
        if (name := group(order)) is not None:
            found.setdefault(name, set()).add(order.customer)
    return found


def _beyond(member: str, groups: dict[str, set[str]]) -> str:
    found = sum(len(of) > len(groups[member]) for of in groups.values())
    return f"{found or 'None'} of {len(groups) - 1} other groups of country "


MOST = {
    "Which country has the most customers?": _most(_by(lambda o: o.country)),
    "In which month were there the most customers?": _most(_by(lambda o: f"{o.day:%Y-%m}" if f"{o.day:%Y-%m}" != "2024-12" else None)),
    "Which country has more customers than Italy?": _beyond("Italy", _by(lambda o: o.country)),
}
REFUSED = {
    "How many customers are not from Germany, please?": "have rows where country is Germany and rows where it is not",
    "What share of customers is not from Germany, please?": "have rows of both kinds",
    "What share of orders was in March, please?": '"March" needs its year',
    "What share of customers did not order in March 2024, please?": "",
}


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = {**dict.fromkeys(SHARES, "orders.csv"), **dict.fromkeys(COUNTS, "orders.csv"), **dict.fromkeys(REFUSED, "moved.csv")}
    questions |= dict.fromkeys([EACH, *MOST], "orders.csv")
    questions |= {f"Of the purchases: {q}": "purchases.csv" for q in (*COUNTS, *SHARES) if "customers" in q}
    return ask_all(sandbox, tmp_path_factory.mktemp("shares"), TABLES, questions)


@pytest.mark.parametrize("question", SHARES)
def test_a_share_is_that_of_what_is_said_behind_the_verb(answers: dict[str, Answer], question: str) -> None:
    assert answers[question].refusal is None and answers[question].has(SHARES[question]), answers[question]


@pytest.mark.parametrize("question", COUNTS)
def test_members_count_once_and_the_answer_says_what_was_counted(answers: dict[str, Answer], question: str) -> None:
    answer = answers[question]
    assert answer.has(COUNTS[question]) and answer.has("different values of customer_id"), answer


@pytest.mark.parametrize("question", [q for q in (*COUNTS, *SHARES) if "customers" in q])
def test_members_without_an_id_are_counted_by_their_name(answers: dict[str, Answer], question: str) -> None:
    answer = answers[f"Of the purchases: {question}"]
    assert answer.has({**COUNTS, **SHARES}[question]) and answer.has("different"), answer


def test_rows_without_the_value_are_of_neither_part_and_the_answer_says_so(answers: dict[str, Answer]) -> None:
    lacking = len(ORDERS) - len(KNOWN)
    assert lacking and any(
        f"{lacking} rows have no `country`" in said for said in answers["What share of orders is not from Germany?"].limitations
    )


@pytest.mark.parametrize("question", REFUSED)
def test_what_the_data_leave_open_is_refused(answers: dict[str, Answer], question: str) -> None:
    refusal = answers[question].refusal
    assert refusal is not None and REFUSED[question] in refusal


def test_what_each_group_has_is_its_share_within_the_time(answers: dict[str, Answer]) -> None:
    total = sum(o.amount for o in KNOWN if _in_quarter(o))
    german = sum(o.amount for o in GERMAN if _in_quarter(o))
    assert any(f"Germany has {100 * german / total:.1f} %" in said for said in answers[EACH].statements), answers[EACH]


@pytest.mark.parametrize("question", MOST)
def test_who_has_the_most_members_counts_each_of_them_once(answers: dict[str, Answer], question: str) -> None:
    assert answers[question].refusal is None and answers[question].has(MOST[question]), answers[question]
