"""Pay is compared by its mean, and adds up where a total is asked for; "how much" may mean either."""

from __future__ import annotations

import pytest

from functions.ds_star.reader.reading import Refusal
from tests.support.questions import column, file, read, spec_of

STAFF = file(
    "staff.csv",
    column("department", "category", 2, values=("Finance", "Sales")),
    column("job", "category", 2, values=("Director", "Manager")),
    column("salary", "measure", unit="USD"),
    rows=180,
)


@pytest.mark.parametrize(
    ("question", "operation", "statistic"),
    [
        ("What is the total salary in Finance?", "sum", "sum"),
        ("Which department has the highest total salary?", "top_n", "sum"),
        ("Which department has the highest salary?", "top_n", "mean"),
        ("What share of the total salary is in Finance?", "share", "sum"),
        ("How much more do directors earn than managers?", "compare_groups", "mean"),
    ],
)
def test_a_sum_of_pay_is_one_that_is_asked_for(question: str, operation: str, statistic: str) -> None:
    spec = spec_of(question, STAFF)
    assert (spec.operation, spec.measure, spec.statistic) == (operation, "salary", statistic)


@pytest.mark.parametrize("question", ["How much do directors earn?", "What share of the salary is in Finance?"])
def test_what_may_be_a_total_or_a_mean_of_pay_is_refused(question: str) -> None:
    assert isinstance(read(question, STAFF), Refusal)
