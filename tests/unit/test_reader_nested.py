"""Figures of figures are refused, and a range of columns is not its two ends."""

from __future__ import annotations

import pytest

from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import FileDescription, TableDescription
from tests.support.questions import WEATHER, column, file, read

SALES = file(
    "sales.csv",
    column("date", "time", 900, minimum="2020-01-01", maximum="2023-12-31"),
    column("region", "category", 2, values=("North", "South")),
    column("revenue", "measure", additive=True),
    column("units", "measure", 20, dtype="integer", additive=True, minimum=1, maximum=20),
)
YEARS = tuple(str(year) for year in range(2015, 2024))
COUNTRIES = column("country", "category", 10, values=("France", "Malta"))
POPULATION = FileDescription(
    file="population.csv",
    sha256="0" * 64,
    format="csv",
    tables=(
        TableDescription(
            name="population", rows=10, columns=(COUNTRIES, *(column(year, "measure", 10, dtype="integer") for year in YEARS))
        ),
        TableDescription(
            name="population (long)",
            rows=90,
            columns=(
                COUNTRIES,
                column("year", "time", 9, dtype="integer", minimum=2015, maximum=2023),
                column("population", "measure", 90, dtype="integer"),
            ),
        ),
    ),
    analyzer="test",
    analyzer_version="1",
)


@pytest.mark.parametrize(
    ("question", "table", "said"),
    [
        ("What is the average number of sales per month?", SALES, "an average of counts, or the greatest"),
        ("How many sales per region on average?", SALES, "an average of counts, or the greatest"),
        ("What is the average daily maximum temperature?", WEATHER, '"average daily maximum" is a figure of figures'),
        ("maximum number of sales per day", SALES, "an average of counts, or the greatest"),
        ("total of the maximum revenue", SALES, '"total of the maximum" is a figure of figures'),
        ("minimum of average revenue by region", SALES, '"minimum of average" is a figure of figures'),
        ("mean of the monthly maximum temperature", WEATHER, '"mean of the monthly maximum" is a figure of figures'),
    ],
)
def test_figures_of_figures_are_refused(question: str, table: FileDescription, said: str) -> None:
    found = read(question, table)
    assert isinstance(found, Refusal) and said in found.reason, found


def test_the_average_number_of_what_counts_is_its_mean_and_no_sum() -> None:
    found = read("What is the average number of units by region?", SALES)
    assert isinstance(found, Reading) and [s.operation for s in found.specs] == ["mean"]


def test_figures_side_by_side_are_each_given() -> None:
    found = read("mean, minimum and maximum temperature", WEATHER)
    assert isinstance(found, Reading) and {s.operation for s in found.specs} == {"mean", "minimum", "maximum"}


@pytest.mark.parametrize("question", ["total population in 2020", "average population in 2020", "lowest population in 2021"])
def test_a_table_is_not_joined_with_itself_with_its_years_as_rows(question: str) -> None:
    """The figure of the year stood beside one of all years."""
    found = read(question, POPULATION)
    assert isinstance(found, Reading) and len(found.specs) == 1 and found.specs[0].join is None, found


@pytest.mark.parametrize(
    "question", ["average population of France between 2015 and 2020", "average population of France from 2015 to 2020"]
)
def test_a_range_of_years_is_no_two_columns(question: str) -> None:
    found = read(question, POPULATION)
    assert isinstance(found, Reading) and [s.measure for s in found.specs] == ["population"], found
    assert any(f.op == "between" and f.values == (2015, 2020) for f in found.specs[0].filters)
