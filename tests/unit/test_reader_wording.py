"""A stranger's wording: units, missing cells, members, the table or column that is meant, and what would be another figure."""

from __future__ import annotations

import pytest

from functions.ds_star.operation import Filter
from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import FileDescription, TableDescription
from tests.support.questions import (
    BILLS,
    CLIENTS,
    INVOICES,
    PENGUINS,
    RAIN,
    SALES,
    STATIONS,
    column,
    file,
    read,
    spec_of,
)


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("How many penguins are heavier than 5 kg?", 5000),
        ("How many penguins have a body mass above 5000 grams?", 5000),
        ("How many penguins have a body mass above 4.5 kilograms?", 4500),
        ("How many penguins have a flipper length above 20 cm?", 200),
    ],
)
def test_a_condition_in_another_unit_is_converted_to_the_column_s(question: str, value: float) -> None:
    assert [f.values for f in spec_of(question, PENGUINS).filters] == [(value,)]


def test_a_unit_that_measures_something_else_is_refused() -> None:
    refusal = read("How many penguins have a body mass above 5 km?", PENGUINS)
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "unsuitable"


def test_a_value_of_the_table_is_never_an_idle_word() -> None:
    assert spec_of("What is the total amount of paid bills?", BILLS).filters == (Filter(column="status", op="==", values=("paid",)),)


def test_ranking_averages_of_what_is_no_column_is_refused() -> None:
    refusal = read("Which bird has the highest average body mass?", PENGUINS)
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "unmatched"


@pytest.mark.parametrize("question", ["How many penguins have no recorded sex?", "How many penguins are there without a sex?"])
def test_rows_that_lack_a_value_are_its_missing_ones(question: str) -> None:
    spec = spec_of(question, PENGUINS)
    assert (spec.operation, spec.measure) == ("missing_outliers", "sex")


@pytest.mark.parametrize(
    ("question", "descending"),
    [
        ("Which species has the most missing values of body mass?", True),
        ("Which species has the fewest missing values of body mass?", False),
        ("How many values of body mass are missing by species?", True),
    ],
)
def test_missing_cells_are_told_by_the_groups_that_are_asked_for(question: str, descending: bool) -> None:
    spec = spec_of(question, PENGUINS)
    assert (spec.operation, spec.measure, spec.by, spec.descending) == ("missing_outliers", "body_mass_g", ("species",), descending)


@pytest.mark.parametrize(
    ("question", "about", "kind"),
    [
        ("Which species has the most outliers in body mass?", PENGUINS, "unsuitable"),
        ("Which species has the most missing values?", PENGUINS, "unmatched"),
        ("How many values of rain are missing per year?", RAIN, "unsuitable"),
    ],
)
def test_missing_or_unusual_values_of_other_groups_than_are_told_are_refused(question: str, about: FileDescription, kind: str) -> None:
    refusal = read(question, about)
    assert isinstance(refusal, Refusal)
    assert refusal.kind == kind


def test_members_are_counted_only_where_they_are_what_how_many_speaks_of() -> None:
    assert spec_of("How many different species are there?", PENGUINS).entity == "species"
    assert isinstance(read("How many penguins have a sex?", PENGUINS), Refusal)


def test_observations_of_a_measure_are_the_rows_that_hold_a_value() -> None:
    spec = spec_of("How many observations of body mass are there?", PENGUINS)
    assert (spec.operation, spec.measure) == ("count", "body_mass_g")


@pytest.mark.parametrize(
    ("question", "operation", "measure", "by"),
    [
        ("How much does a penguin weigh on average?", "mean", "body_mass_g", ()),
        ("mean flipper length by eggs", "mean", "flipper_length_mm", ("eggs",)),
        ("penguins per species and sex", "count", None, ("species", "sex")),
        ("What is the most common species?", "top_n", None, ("species",)),
        ("Is the typical flipper length level known?", "mean", "flipper_length_mm", ()),
    ],
)
def test_everyday_wording_is_understood(question: str, operation: str, measure: str | None, by: tuple[str, ...]) -> None:
    found = read(question, PENGUINS)
    assert isinstance(found, Reading), found
    assert [(s.operation, s.measure, s.by) for s in found.specs] == [(operation, measure, by)]


def test_what_adds_up_in_a_period_is_its_total() -> None:
    assert spec_of("amount in March 2020", BILLS).operation == "sum"


def test_the_table_itself_comes_before_another_form_of_it() -> None:
    wide = TableDescription(
        name="gdp", rows=3, columns=(column("Country", "category", 3), column("2019", "measure"), column("2020", "measure"))
    )
    long = TableDescription(
        name="gdp (long)",
        rows=6,
        columns=(column("Country", "category", 3), column("year", "time", 2, dtype="integer"), column("2020", "measure")),
    )
    both = FileDescription(file="gdp.csv", sha256="0" * 64, format="csv", tables=(wide, long), analyzer="test", analyzer_version="1")
    assert spec_of('What is the mean of "2020"?', both).source.table == "gdp"


def test_a_column_that_bears_the_word_comes_before_its_synonyms() -> None:
    airports = file("airports.csv", column("state", "category", 56), column("country", "category", 5))
    assert spec_of("number of states", airports).entity == "state"


@pytest.mark.parametrize(
    "question",
    [
        "What is the second heaviest species?",
        "mean body mass of penguins that can fly",
        "mean body mass in Italy",
        "How many columns are there?",
        "How many different groups are there?",
        "average body mass without outliers",
        "weighted average of body mass",
        "cumulative body mass by species",
    ],
)
def test_what_would_be_another_figure_is_refused(question: str) -> None:
    assert isinstance(read(question, PENGUINS), Refusal)


def test_a_column_of_years_gives_no_days() -> None:
    assert isinstance(read("What are the average daily sales?", SALES), Refusal)


def test_a_key_called_after_the_other_table_joins_and_two_row_numbers_do_not() -> None:
    join = spec_of("total amount by country", INVOICES, CLIENTS).join
    assert join is not None
    assert (join.left_key, join.right_key) == ("client_id", "id")
    few = INVOICES.model_copy(update={"tables": (INVOICES.tables[0].model_copy(update={"rows": 10}),)})
    assert isinstance(read("total amount by country", few, CLIENTS), Refusal)


def test_members_are_counted_in_the_table_that_is_called_after_them() -> None:
    assert spec_of("How many clients are there?", INVOICES, CLIENTS).source.file == "clients.csv"


def test_a_value_that_resembles_a_column_named_elsewhere_is_a_condition() -> None:
    weather = file(
        "seattle.csv",
        column("precipitation", "measure", additive=True),
        column("weather", "category", 2, values=("rain", "sun")),
    )
    assert spec_of("mean precipitation on rain days", weather).filters == (Filter(column="weather", op="==", values=("rain",)),)


def test_a_superlative_of_a_period_ranks_periods() -> None:
    spec = spec_of("What was the wettest month?", RAIN)
    assert (spec.operation, spec.measure, spec.time, spec.grain) == ("top_n", "rain_mm", "date", "month")


def test_an_adjective_that_speaks_of_another_measure_is_refused() -> None:
    assert isinstance(read("What was the warmest year?", RAIN), Refusal)


def test_a_measure_where_another_is_at_its_end_is_refused() -> None:
    assert isinstance(read("What was the maximum wind speed in the wettest month?"), Refusal)


def test_a_column_called_value_is_a_measure_and_no_part_of_a_cue() -> None:
    table = file("long.csv", column("city", "category", 3, values=STATIONS), column("value", "measure"))
    spec = spec_of("mean value by city", table)
    assert (spec.operation, spec.measure, spec.by) == ("mean", "value", ("city",))


def test_a_column_that_a_few_cells_keep_from_being_numbers_is_refused_with_these_cells() -> None:
    takings = file("takings.csv", column("takings", "category", 4, values=("1000", "$500", "2700", "90")), rows=5)
    warning = '`takings` is read as text: most of its cells are plain numbers, but not "$500"'
    dirty = takings.model_copy(update={"tables": (takings.tables[0].model_copy(update={"warnings": (warning,)}),)})
    refusals = [read("What are the total takings?", f) for f in (dirty, takings)]
    assert [r.reason for r in refusals if isinstance(r, Refusal)] == [
        '"takings" is read as text: most of its cells are plain numbers, but not "$500"; correct such cells and ask again',
        '"takings" holds names, not numbers',
    ]
