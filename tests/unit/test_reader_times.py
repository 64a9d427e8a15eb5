"""Periods: united, left out, with the year they share; and which of them are refused rather than guessed."""

from __future__ import annotations

import pytest

from functions.ds_star.operation import Filter
from functions.ds_star.reader.reading import Reading, Refusal
from tests.support.questions import BILLS, PEOPLE, SALES, WEATHER, column, file, read, spec_of


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("What is the total of sales in 2011 or 2012?", (2011, 2012)),
        ("What is the total of sales in 2011 and 2012?", (2011, 2012)),
        ("What is the total of sales in 2011 and in 2012?", (2011, 2012)),
        ("What is the total of sales in 2011, 2014 and 2012?", (2011, 2014, 2012)),
        ("What is the total of sales in 2011 as well as 2012?", (2011, 2012)),
    ],
)
def test_single_periods_are_united_and_the_reading_says_so(question: str, values: tuple[int, ...]) -> None:
    reading = read(question, SALES)
    assert isinstance(reading, Reading)
    assert reading.specs[0].filters == (Filter(column="year", op="in", values=values),)
    assert any("taken together; ask by year" in note for note in reading.notes)


def test_periods_that_are_asked_for_each_need_no_note() -> None:
    reading = read("What is the total of sales by year in 2011 and 2012?", SALES)
    assert isinstance(reading, Reading)
    assert reading.notes == ()


@pytest.mark.parametrize(
    "question",
    [
        "total sales before 2005 or after 2015",
        "total sales in 2011 or since 2015",
        "total sales in 2011 and between 2015 and 2017",
        "total sales in 2011 rather than in 2012",
        "total sales not before 2005 and after 2015",
        "total sales not until 2005",
    ],
)
def test_periods_that_are_no_single_condition_are_refused(question: str) -> None:
    outcome = read(question, SALES)
    assert isinstance(outcome, Refusal)
    assert outcome.kind == "ambiguous"


@pytest.mark.parametrize(
    ("question", "filters"),
    [
        ("total amount in May 2020", (Filter(column="date", op="==", values=("2020-05",)),)),
        ("total amount in March of 2020", (Filter(column="date", op="==", values=("2020-03",)),)),
        ("total amount in March and May 2020", (Filter(column="date", op="in", values=("2020-03", "2020-05")),)),
        ("total amount between March and May 2020", (Filter(column="date", op="between", values=("2020-03", "2020-05")),)),
        ("total amount outside March to May 2020", (Filter(column="date", op="outside", values=("2020-03", "2020-05")),)),
        ("total amount no later than May 2020", (Filter(column="date", op="<=", values=("2020-05",)),)),
        (
            "total amount neither in March nor in 2021",
            None,
        ),
        ("total amount in March", None),
        ("total amount in May", None),
        ("total amount in 2020 in March", None),
        ("total amount this year", None),
        ("total amount last month", None),
    ],
)
def test_a_month_has_a_year_or_is_refused(question: str, filters: tuple[Filter, ...] | None) -> None:
    if filters is None:
        assert isinstance(read(question, BILLS), Refusal)
    else:
        assert spec_of(question, BILLS).filters == filters


def test_may_is_no_month_where_it_is_a_verb() -> None:
    assert spec_of("How many rows may there be?", BILLS).operation == "count"


@pytest.mark.parametrize(
    ("question", "excluded"),
    [
        ("How many people are from Bern, Thun or Biel?", ()),
        ("How many people are not from Bern, Thun or Biel?", ("Bern", "Thun", "Biel")),
        ("How many people aren't from Bern?", ("Bern",)),
        ("mean age except Bern and Thun", ("Bern", "Thun")),
    ],
)
def test_what_excludes_a_value_excludes_those_beside_it(question: str, excluded: tuple[str, ...]) -> None:
    filters = spec_of(question, PEOPLE).filters
    assert [f.values[0] for f in filters if f.op == "!="] == list(excluded)
    assert all(f.op == "!=" for f in filters) == bool(excluded)


@pytest.mark.parametrize(
    "question",
    [
        "mean temperature in Bern or in 2010",
        "mean temperature except Bern and 2010",
        "mean temperature except 2010 and Bern",
        "mean temperature not only in Bern",
        "mean temperature in Bern or in the north",
    ],
)
def test_conditions_of_which_one_is_enough_or_whose_negation_is_unclear_are_refused(question: str) -> None:
    assert isinstance(read(question, WEATHER), Refusal)


def test_members_without_a_row_are_not_taken_for_members_with_another_row() -> None:
    refusal = read("How many shops were not recorded in 2012?", SALES)
    assert isinstance(refusal, Refusal)
    assert isinstance(read("How many shops were recorded outside 2012?", SALES), Reading)


@pytest.mark.parametrize("question", ["Did the age rise?", "What is the trend of age?", "What was the mean age in 2024?"])
def test_a_question_that_needs_a_time_names_those_that_it_may_mean(question: str) -> None:
    stays = file(
        "stays.csv", column("age", "measure", additive=False), column("admitted_at", "time", 400), column("discharged_at", "time", 380)
    )
    refusal = read(question, stays)
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, refusal.lacks) == ("ambiguous", ())
    assert '"admitted_at" or "discharged_at"' in refusal.reason
