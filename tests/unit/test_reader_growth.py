"""What grew fastest or most: between which times, ranked by what, and of which measure."""

from __future__ import annotations

import pytest

from functions.ds_star.reader.reading import Reading, Refusal
from tests.support.questions import FIRMS, WEATHER, column, file, read, spec_of

REGIONS = file(
    "revenues.xlsx",
    column("region", "category", 4, values=("North", "South", "East", "West")),
    column("year", "time", 4, dtype="integer", minimum=2021, maximum=2024),
    column("revenue", "measure", dtype="integer", additive=True),
    rows=16,
)
TRAINS = file(
    "trains.csv",
    column("line", "category", 3, values=("red", "green", "blue")),
    column("year", "time", 4, dtype="integer", minimum=2021, maximum=2024),
    column("speed", "measure", additive=False),
    rows=12,
)

MONTHLY = file(
    "sales.csv",
    column("date", "time", 36, minimum="2022-01-01", maximum="2024-12-01"),
    column("region", "category", 4, values=("North", "South", "East", "West")),
    column("product", "category", 12, values=tuple(f"Item {c}" for c in "ABCDEFGHIJKL")),
    column("revenue", "measure", dtype="integer", additive=True),
    rows=144,
)


@pytest.mark.parametrize(
    ("question", "ranked_by", "descending"),
    [
        ("Which region grew fastest?", "per_cent", True),
        ("Which region grew the most?", "per_cent", True),
        ("Which region's revenue grew fastest?", "per_cent", True),
        ("Which region's revenue rose the most?", "per_cent", True),
        ("Which region's revenue fell the most?", "per_cent", False),
        ("Which region grew slowest?", "per_cent", False),
        ("Which region had the fastest growing revenue?", "per_cent", True),
        ("Which region had the highest growth in revenue?", "difference", True),
        ("Which region had the highest percentage growth in revenue?", "per_cent", True),
        ("Which region had the largest absolute increase in revenue?", "difference", True),
        ("Which region had the largest decrease in revenue?", "difference", False),
    ],
)
def test_what_grew_most_is_the_change_from_the_first_time_to_the_last(question: str, ranked_by: str, descending: bool) -> None:
    reading = read(question, REGIONS)
    assert isinstance(reading, Reading)
    spec = reading.specs[0]
    assert (spec.operation, spec.measure, spec.by, spec.periods) == ("change", "revenue", ("region",), ("2021", "2024"))
    assert (spec.ranked_by, spec.descending) == (ranked_by, descending)
    assert any("from the first to the last" in note for note in reading.notes)
    assert any(note.startswith("the changes are ranked by") for note in reading.notes)
    assert any("only measure of the table" in note for note in reading.notes) == ("revenue" not in question)


@pytest.mark.parametrize(
    ("question", "ranked_by"),
    [
        ("Which region had the highest percentage growth in profit from 2018 to 2020?", "per_cent"),
        ("Which region grew most in percent in profit from 2018 to 2020?", "per_cent"),
        ("Which region's profit grew fastest from 2018 to 2020?", "per_cent"),
        ("Which region had the highest growth in profit from 2018 to 2020?", "difference"),
        ("How did profit change by region from 2018 to 2020?", None),
    ],
)
def test_named_periods_are_ranked_by_what_the_question_says(question: str, ranked_by: str | None) -> None:
    spec = spec_of(question, FIRMS)
    assert (spec.operation, spec.periods, spec.ranked_by) == ("change", ("2018", "2020"), ranked_by)


def test_of_several_measures_none_is_taken_for_what_grew() -> None:
    refusal = read("Which region grew fastest?", FIRMS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason.startswith('the question does not say what changes; name "profit" or')


def test_a_column_of_speeds_is_still_what_fastest_speaks_of() -> None:
    spec = spec_of("Which line is the fastest?", TRAINS)
    assert (spec.operation, spec.measure, spec.by) == ("top_n", "speed", ("line",))
    assert spec_of("Which line's speed grew fastest?", TRAINS).operation == "change"


def test_where_there_are_enough_times_growth_stays_a_trend() -> None:
    assert spec_of("Which station's temperature rose fastest?", WEATHER).operation == "trend"


@pytest.mark.parametrize(
    ("question", "by", "ranked_by", "n", "descending"),
    [
        ("Which region grew fastest?", "region", "per_cent", 1, True),
        ("Which region declined most?", "region", "per_cent", 1, False),
        ("Which region shrank fastest?", "region", "per_cent", 1, False),
        ("Which region is declining fastest?", "region", "per_cent", 1, False),
        ("Which region grew slowest?", "region", "per_cent", 1, False),
        ("Which region fell least?", "region", "per_cent", 1, True),
        ("Which region had the highest percentage growth?", "region", "per_cent", 1, True),
        ("Which region had the highest growth in revenue?", "region", "difference", 1, True),
        ("Which region grew fastest in absolute terms?", "region", "difference", 1, True),
        ("Which region has the steepest decline?", "region", "difference", 1, False),
        ("Which region has the strongest upward trend?", "region", "difference", 1, True),
        ("What is the fastest growing region?", "region", "per_cent", 1, True),
        ("What are the three fastest growing products?", "product", "per_cent", 3, True),
        ("Which three products grew fastest?", "product", "per_cent", 3, True),
        ("Top 3 products by revenue growth", "product", "difference", 3, True),
        ("Rank the regions by revenue growth", "region", "difference", 100, True),
        ("Which product grew fastest in the North?", "product", "per_cent", 1, True),
    ],
)
def test_with_enough_times_the_trends_of_groups_are_ranked(question: str, by: str, ranked_by: str, n: int, descending: bool) -> None:
    reading = read(question, MONTHLY)
    assert isinstance(reading, Reading)
    spec = reading.specs[0]
    assert (spec.operation, spec.measure, spec.by) == ("trend", "revenue", (by,))
    assert (spec.ranked_by, spec.n, spec.descending) == (ranked_by, n, descending)
    assert any(note.startswith("the changes are ranked by") for note in reading.notes)
    assert f"{'highest' if descending else 'lowest'} first" in reading.text


def test_a_period_of_the_question_stays_a_condition_of_the_ranking() -> None:
    spec = spec_of("Which region grew fastest since 2023?", MONTHLY)
    assert (spec.ranked_by, [(f.column, f.op) for f in spec.filters]) == ("per_cent", [("date", ">=")])


@pytest.mark.parametrize("question", ["Which region did not grow fastest?", "Which region never grew fastest?"])
def test_a_negated_superlative_of_growth_is_refused(question: str) -> None:
    assert isinstance(read(question, MONTHLY), Refusal)


@pytest.mark.parametrize(
    ("question", "operation"),
    [
        ("Which month was the best?", "top_n"),
        ("Which year was the best?", "top_n"),
        ("When did revenue peak?", "maximum"),
        ("How did revenue grow by region?", "trend"),
        ("Did North grow faster than South?", "trend_difference"),
    ],
)
def test_what_ranks_no_growth_stays_as_it_is(question: str, operation: str) -> None:
    spec = spec_of(question, MONTHLY)
    assert (spec.operation, spec.ranked_by) == (operation, None)


def test_speed_is_still_asked_for_where_nothing_grew() -> None:
    refusal = read("Which region is the fastest?", REGIONS)
    assert isinstance(refusal, Refusal)
    assert "speaks of speed" in refusal.reason
