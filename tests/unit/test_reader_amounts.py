"""Amounts and nouns before and behind a name: conditions, what a bare name holds, rows that stand for many."""

from __future__ import annotations

import pytest

from functions.ds_star.operation import Filter
from functions.ds_star.reader.reading import Reading, Refusal
from tests.support.questions import (
    CARS,
    FUEL,
    column,
    file,
    read,
    spec_of,
)


@pytest.mark.parametrize(
    ("question", "operation", "op", "value"),
    [
        ("How many cars have 8 cylinders?", "count", "==", 8),
        ("how many cars with 8 cylinders", "count", "==", 8),
        ("average hp of cars with 4 cylinders", "mean", "==", 4),
        ("What is the mean hp of 6-cylinder cars?", "mean", "==", 6),
        ("How many cars have 6 or more cylinders?", "count", ">=", 6),
        ("How many cars have 6 cylinders or fewer?", "count", "<=", 6),
        ("How many cars have eight cylinders?", "count", "==", 8),
    ],
)
def test_a_number_before_a_column_s_name_is_a_condition(question: str, operation: str, op: str, value: int) -> None:
    spec = spec_of(question, CARS)
    assert (spec.operation, [(f.column, f.op, f.values) for f in spec.filters]) == (operation, [("cylinders", op, (value,))])


@pytest.mark.parametrize(
    "question",
    [
        "How many cars have 4 or 6 cylinders?",
        "How many cars have between 4 and 6 cylinders and 100 hp?",
        "How many cars have about 6 cylinders?",
        "How many cars do not have 8 cylinders?",
        "How many trucks have 8 cylinders?",
        "mean mpg of the top 5 cylinders",
        "mean mpg of 2010 hp",
        "How many Japanese cars have 4 cylinders?",
    ],
)
def test_a_number_that_is_no_plain_amount_is_not_read_as_one(question: str) -> None:
    found = read(question, CARS)
    assert isinstance(found, Refusal) or not any(f.op == "==" for f in found.specs[0].filters), found


def test_rows_are_called_after_a_file_s_plural_and_nothing_else() -> None:
    crimes = file("statecrime.csv", column("state", "id", 51, values=("Ohio",)), column("murder", "measure"), rows=51)
    assert spec_of("How many cars are from Japan?", CARS).operation == "count"
    assert isinstance(read("How many crimes are there in Ohio?", crimes), Refusal)


@pytest.mark.parametrize("question", ["What is the average gas price?", "mean gas prices", "What is the mean price of gas?"])
def test_a_noun_says_what_a_bare_name_holds_and_that_is_noted(question: str) -> None:
    found = read(question, FUEL)
    assert isinstance(found, Reading), found
    assert (found.specs[0].operation, found.specs[0].measure) == ("mean", "gas")
    assert "is taken for the price" in found.notes[0]


@pytest.mark.parametrize(
    "question", ["What is the mean wheat price?", "mean price of wood", "What is the mean coal price?", "mean gas tax"]
)
def test_a_noun_that_the_column_contradicts_is_refused(question: str) -> None:
    assert isinstance(read(question, FUEL), Refusal)


def test_a_short_part_of_a_name_is_known_beside_another_part() -> None:
    table = file(
        "gap.csv", column("country", "category", 2, values=("Chile", "Peru")), column("lifeExp", "measure"), column("gdpPercap", "measure")
    )
    assert spec_of("mean life expectancy by country", table).measure == "lifeExp"
    assert spec_of("mean GDP per capita by country", table).measure == "gdpPercap"
    assert isinstance(read("mean expectancy by country", table), Refusal)


def test_a_number_in_a_name_is_no_spelling() -> None:
    survey = file("survey.csv", column("variable1701", "measure"), column("variable1702", "measure"))
    assert spec_of("What is the mean of variable1701?", survey).measure == "variable1701"
    assert isinstance(read("What is the mean of variable1703?", survey), Refusal)


def test_a_number_behind_a_column_s_name_names_its_rows() -> None:
    panel = file(
        "panel.csv",
        column("firm", "measure", 140, dtype="integer", minimum=1, maximum=140),
        column("year", "time", 9, dtype="integer", minimum=1976, maximum=1984),
        column("wage", "measure"),
    )
    spec = spec_of("What was the wage of firm 7 in 1980?", panel)
    assert (spec.operation, {f.column: f.values for f in spec.filters}) == ("lookup", {"firm": (7,), "year": (1980,)})
    assert isinstance(read("What was the wage of firm 900 in 1980?", panel), Refusal)
    assert isinstance(read("What was the wage of firms 7 to 9 in 1980?", panel), Refusal)


def test_from_a_year_is_refused_unless_it_says_from_then_on() -> None:
    assert isinstance(read("mean temperature from 2010"), Refusal)
    assert spec_of("mean temperature from 2010 onwards").filters == (Filter(column="date", op=">=", values=("2010",)),)


def test_rows_that_stand_for_many_are_not_counted() -> None:
    table = file(
        "titanic.csv",
        column("Class", "category", 3, values=("1st", "2nd", "Crew")),
        column("Survived", "flag", 2, values=("Yes", "No")),
        column("Freq", "measure", dtype="integer"),
        rows=32,
    )
    refusal = read("How many people survived?", table)
    assert isinstance(refusal, Refusal)
    assert 'ask for the total of "Freq"' in refusal.reason
    assert spec_of("total Freq by class", table).operation == "sum"
    assert spec_of("How many rows are there by class?", table).operation == "count"


def test_how_many_of_a_column_of_whole_numbers_is_one_cell() -> None:
    table = file(
        "punish.csv",
        column("state", "category", 17, values=("Texas", "Ohio")),
        column("executions", "measure", 9, dtype="integer"),
        rows=17,
    )
    assert spec_of("How many executions were there in Texas?", table).operation == "lookup"
    assert isinstance(read("How many executions were there?", table), Refusal)


def test_a_yes_or_no_question_over_few_steps_is_a_change() -> None:
    census = file(
        "census.csv",
        column("year", "time", 22, dtype="integer", minimum=1790, maximum=2000),
        column("population", "measure", additive=True),
    )
    assert spec_of("Did the population grow from 1790 to 1850?", census).operation == "change"
    assert spec_of("Did the population grow from 1790 to 1990?", census).operation == "trend"
