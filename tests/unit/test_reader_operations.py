"""Single cells, changes between two periods, and ratios: what asks for them, and what does not."""

from __future__ import annotations

import pytest

from functions.ds_star.reader.reading import Refusal
from schemas.analysis import FileDescription
from tests.support.questions import (
    FIRMS,
    WEATHER,
    read,
    spec_of,
)


@pytest.mark.parametrize(
    ("question", "files", "measure", "filters"),
    [
        ("What was the interest rate in the north in 2019?", (FIRMS,), "interest_rate", {"region": ("north",), "year": (2019,)}),
        ("interest rate in the south in 2020", (FIRMS,), "interest_rate", {"region": ("south",), "year": (2020,)}),
        ("How high was the interest rate in 2018?", (FIRMS,), "interest_rate", {"year": (2018,)}),
        (
            "How much temperature was there in Bern on 2010-03-05?",
            (WEATHER,),
            "temp_mean_c",
            {"station": ("Bern",), "date": ("2010-03-05",)},
        ),
    ],
)
def test_a_measure_with_what_tells_its_row_is_looked_up(
    question: str, files: tuple[FileDescription, ...], measure: str, filters: dict[str, tuple[object, ...]]
) -> None:
    spec = spec_of(question, *files)
    assert (spec.operation, spec.measure, {f.column: f.values for f in spec.filters}) == ("lookup", measure, filters)


@pytest.mark.parametrize(
    "question",
    [
        "What was the interest rate?",
        "interest rate except in the north",
        "Is the interest rate in the north above 3?",
        "Was the interest rate high in 2019?",
        "What was the interest rate and the profit in 2019?",
        "What was the exchange rate in 2019?",
        "What was the interest rate in Zermatt in 2019?",
    ],
)
def test_what_is_no_question_for_one_cell_is_not_looked_up(question: str) -> None:
    assert isinstance(read(question, FIRMS), Refusal)


@pytest.mark.parametrize(
    ("question", "periods", "measure", "statistic", "by"),
    [
        ("How did profit change from 2019 to 2021?", ("2019", "2021"), "profit", "sum", ()),
        ("How much did the interest rate rise between 2017 and 2020 in the north?", ("2017", "2020"), "interest_rate", "mean", ()),
        ("What is the difference in mean profit between 2019 and 2021?", ("2019", "2021"), "profit", "mean", ()),
        ("Compare the profit in 2018 with 2020", ("2018", "2020"), "profit", "sum", ()),
        ("Did profit fall from 2018 to 2020?", ("2018", "2020"), "profit", "sum", ()),
        ("How did profit change by region from 2019 to 2021?", ("2019", "2021"), "profit", "sum", ("region",)),
        ("By how many percent did profit change from 2019 to 2021?", ("2019", "2021"), "profit", "sum", ()),
        ("By how many per cent did profit change from 2019 to 2021?", ("2019", "2021"), "profit", "sum", ()),
        ("By what percentage did profit rise between 2019 and 2021?", ("2019", "2021"), "profit", "sum", ()),
        ("What was the percentage change in profit from 2019 to 2021?", ("2019", "2021"), "profit", "sum", ()),
        ("How much percent did profit grow between 2019 and 2021 in the north?", ("2019", "2021"), "profit", "sum", ()),
    ],
)
def test_two_named_periods_and_a_change_are_set_against_each_other(
    question: str, periods: tuple[str, str], measure: str, statistic: str, by: tuple[str, ...]
) -> None:
    spec = spec_of(question, FIRMS)
    assert (spec.operation, spec.periods, spec.measure, spec.statistic, spec.by) == ("change", periods, measure, statistic, by)
    assert not any(f.column == "year" for f in spec.filters)


def test_a_percentage_of_something_is_no_change() -> None:
    found = read("By what percentage of profit did the north grow from 2019 to 2021?", FIRMS)
    assert isinstance(found, Refusal) or found.specs[0].operation != "change"


@pytest.mark.parametrize(
    "question", ["Did the temperature rise between 2001 and 2019?", "What is the trend of temperature from 2001 to 2019?"]
)
def test_a_trend_stays_a_trend_where_it_is_asked_for_and_long_enough(question: str) -> None:
    assert spec_of(question).operation == "trend"


def test_the_group_with_the_greatest_change_is_stated_first() -> None:
    spec = spec_of("In which region did profit fall the most from 2019 to 2021?", FIRMS)
    assert (spec.operation, spec.by, spec.descending) == ("change", ("region",), False)


@pytest.mark.parametrize(
    ("question", "by"),
    [
        ("profit per employee by region", ("region",)),
        ("What is the ratio of profit to employees?", ()),
        ("What is the profit per employee in 2019?", ()),
        ("What was the average profit per employee?", ()),
    ],
)
def test_two_measures_with_per_or_ratio_are_divided(question: str, by: tuple[str, ...]) -> None:
    spec = spec_of(question, FIRMS)
    assert (spec.operation, spec.measure, spec.second_measure, spec.by) == ("ratio", "profit", "employees", by)


@pytest.mark.parametrize(
    "question",
    [
        "What is the ratio of profit?",
        "What is the ratio of profit to debt?",
        "What is the median profit per employee?",
        "What is the interest rate per employee?",
        "Did profit per employee rise over time?",
        "profit per capita",
    ],
)
def test_what_is_no_ratio_of_two_totals_is_refused(question: str) -> None:
    assert isinstance(read(question, FIRMS), Refusal)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("What share of rows are in the north per year?", "shares are not told by periods"),
        ("What is the distribution of temperature by month?", "a distribution is not told by periods"),
        ("Is temperature correlated with rain in each year?", "a correlation is not told by periods"),
        ("What share of rows have a temperature above 5 by region and station?", "shares are told by one column at a time"),
    ],
)
def test_what_is_told_of_all_periods_together_is_refused_where_each_was_asked_for(question: str, told: str) -> None:
    refusal = read(question, WEATHER)
    assert isinstance(refusal, Refusal), refusal
    assert told in refusal.reason
