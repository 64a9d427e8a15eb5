"""Reading a question against file descriptions: what is understood, what is refused, and that it never breaks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.ds_star.operation import Filter
from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading, Refusal
from functions.ds_star.reader.suggest import quoted
from schemas.analysis import FileDescription
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints
from shared.language.lexicon import load_lexicon
from tests.support.questions import (
    BILLS,
    PEOPLE,
    SALES,
    SHOPS,
    WEATHER,
    column,
    file,
    read,
    spec_of,
)


@pytest.mark.parametrize(
    ("question", "operation", "measure", "by"),
    [
        ("What is the mean temperature by station?", "mean", "temp_mean_c", ("station",)),
        ("mean temp_mean_c per station and region", "mean", "temp_mean_c", ("station", "region")),
        ("AVERAGE TEMPERATURES ACROSS REGIONS", "mean", "temp_mean_c", ("region",)),
        ("median precipitation by region", "median", "rain_mm", ("region",)),
        ("What is the mean temprature?", "mean", "temp_mean_c", ()),
        ("Which station is the warmest?", "top_n", "temp_mean_c", ("station",)),
        ("How many records per station?", "count", None, ("station",)),
        ("Is it warmer in Bern than in Chur?", "compare_groups", "temp_mean_c", ("station",)),
        ("Did the temperature rise?", "trend", "temp_mean_c", ()),
        ("Does the temperature rise faster in the north than in the south?", "trend_difference", "temp_mean_c", ("region",)),
        ("How is rain related to temperature?", "correlation", "rain_mm", ()),
        ("standard deviation of wind gusts", "distribution", "wind_gusts", ()),
        ("Are there outliers in rain_mm?", "missing_outliers", "rain_mm", ()),
    ],
)
def test_cues_and_names_become_an_operation(question: str, operation: str, measure: str | None, by: tuple[str, ...]) -> None:
    spec = spec_of(question)
    assert (spec.operation, spec.measure, spec.by) == (operation, measure, by)


@pytest.mark.parametrize(
    ("question", "files", "expected"),
    [
        ("mean temperature in Bern", (WEATHER,), Filter(column="station", op="==", values=("Bern",))),
        ("mean temperature in BERN", (WEATHER,), Filter(column="station", op="==", values=("Bern",))),
        ("mean temperature except in Bern", (WEATHER,), Filter(column="station", op="!=", values=("Bern",))),
        ("mean temperature since 2010", (WEATHER,), Filter(column="date", op=">=", values=("2010",))),
        ("mean temperature after 2010", (WEATHER,), Filter(column="date", op=">", values=("2010",))),
        ("mean temperature before March 2010", (WEATHER,), Filter(column="date", op="<", values=("2010-03",))),
        ("mean temperature between 2000 and 2010", (WEATHER,), Filter(column="date", op="between", values=("2000", "2010"))),
        ("mean rain between 2000 and 2010", (WEATHER,), Filter(column="date", op="between", values=("2000", "2010"))),
        ("mean temperature from 2000 to 2010", (WEATHER,), Filter(column="date", op="between", values=("2000", "2010"))),
        ("mean temperature in the 2000s", (WEATHER,), Filter(column="date", op="between", values=("2000", "2009"))),
        ("total sales in 2012", (SALES,), Filter(column="year", op="==", values=(2012,))),
        ("mean age of women", (PEOPLE,), Filter(column="sex", op="==", values=("F",))),
        ("mean income of people older than 60", (PEOPLE,), Filter(column="age", op=">", values=(60,))),
        ("mean age where income is at least 2,500", (PEOPLE,), Filter(column="income", op=">=", values=(2500,))),
        ("mean age for income between 2000 and 3000", (PEOPLE,), Filter(column="income", op="between", values=(2000, 3000))),
        ("mean age of members", (PEOPLE,), Filter(column="member", op="==", values=("yes",))),
    ],
)
def test_values_numbers_and_dates_become_filters(question: str, files: tuple[FileDescription, ...], expected: Filter) -> None:
    assert spec_of(question, *files).filters == (expected,)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Why did the temperature rise?", "why"),
        ("What drove the rise of the temperature?", "why"),
        ("What will the temperature be in 2030?", "forecast"),
        ("Should we move to Bern?", "advice"),
        ("What does the report say about rain?", "documents"),
        ("What is the mean participation by station?", "unmatched"),
        ("What is the mean temperature of purple clouds?", "unmatched"),
        ("What is the mean temperature in Zermatt?", "unmatched"),
        ("What is the mean wind?", "ambiguous"),
        ("What is the sum of temp_mean_c?", "unsuitable"),
        ("temperature station", "no_operation"),
        ("???", "no_operation"),
    ],
)
def test_what_is_not_understood_is_refused_with_questions_that_can_be_answered(question: str, kind: str) -> None:
    refusal = read(question)
    assert isinstance(refusal, Refusal)
    assert refusal.kind == kind
    assert len(refusal.suggestions) == 3
    assert all(isinstance(read(suggestion), Reading) for suggestion in refusal.suggestions)


def test_two_columns_that_fit_equally_are_both_named() -> None:
    refusal = read("What is the mean wind?")
    assert isinstance(refusal, Refusal)
    assert "wind_speed" in refusal.reason
    assert "wind_gusts" in refusal.reason


def test_a_hint_beats_a_guess_and_an_unknown_hint_is_refused() -> None:
    assert spec_of("What is the mean wind by station?", hints=ReadingHints(measure="wind_speed")).measure == "wind_speed"
    assert spec_of("What is the mean rain?", hints=ReadingHints(measure="temp_mean_c", by=("region",))).by == ("region",)
    assert isinstance(read("What is the mean rain?", hints=ReadingHints(measure="snow")), Refusal)


def test_the_reading_is_said_in_one_line() -> None:
    found = read("What is the mean temperature by station in 2010?")
    assert isinstance(found, Reading)
    assert found.text == "I read this as mean(temp_mean_c) by station, where date = 2010; change it with --measure, --by, --time"


def test_a_pronoun_means_the_measure_before() -> None:
    first = spec_of("What is the mean temperature?")
    found = read("Did it rise since 2005?", before=first)
    assert isinstance(found, Reading)
    assert (found.specs[0].operation, found.specs[0].measure) == ("trend", "temp_mean_c")


def test_a_column_of_another_table_is_joined_by_the_key_they_share() -> None:
    spec = spec_of("total sales by country", SALES, SHOPS)
    assert spec.join is not None
    assert (spec.source.file, spec.join.right.file, spec.join.left_key) == ("sales.csv", "shops.csv", "shop_id")


def test_no_join_where_the_key_is_not_unique() -> None:
    repeated = file("shops.csv", column("shop_id", "id", 20), column("country", "category", 2, values=("France",)), rows=25)
    assert isinstance(read("total sales by country", SALES, repeated), Refusal)


def test_a_trend_of_too_few_periods_is_refused() -> None:
    short = file(
        "short.csv", column("year", "time", 5, dtype="integer", minimum=2000, maximum=2004), column("sales", "measure", additive=True)
    )
    refusal = read("trend of sales", short)
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "too_few"


def test_two_tables_that_fit_equally_are_both_named() -> None:
    twin = WEATHER.model_copy(update={"file": "other.csv"})
    refusal = read("mean temperature by station", WEATHER, twin)
    assert isinstance(refusal, Refusal)
    assert "other.csv" in refusal.reason
    assert isinstance(read('mean temperature by station in "other.csv"', WEATHER, twin), Reading)


@pytest.mark.parametrize(
    ("question", "operation", "by"),
    [
        ("What is the total amount by bill?", "sum", ("bill_id",)),
        ("What is the amount per bill?", "sum", ("bill_id",)),
        ("What is the average amount by bill?", "mean", ("bill_id",)),
        ("What is the average amount per bill?", "mean", ()),
        ("What is the highest amount per bill?", "maximum", ()),
    ],
)
def test_what_each_row_is_called_groups_the_rows_unless_it_only_says_row(question: str, operation: str, by: tuple[str, ...]) -> None:
    spec = spec_of(question, BILLS)
    assert (spec.operation, spec.measure, spec.by) == (operation, "amount", by)


CUES = sorted({w for p in load_lexicon().operations for w in p.words})


SMALL = ["in", "by", "of", "the", "which", "2010", "between", "and", "5", "more", "than", "since", '"', "?", "not", "top"]


THINGS = ["Bern", "north", "women", "station", "temperature", "rain_mm", "wind", "age", "income", "sales", "shop", "country", "year"]


IDS = ["person_id", "person", "id", "order_id", "order"]


WORDS = st.sampled_from(CUES) | st.sampled_from(SMALL) | st.sampled_from(THINGS) | st.sampled_from(IDS)


QUESTIONS = st.text(max_size=120) | st.lists(WORDS, max_size=14).map(" ".join)


FILES = st.sampled_from([(WEATHER,), (PEOPLE,), (SALES, SHOPS), (WEATHER, PEOPLE), ()])


@settings(max_examples=120)
@given(QUESTIONS, FILES)
def test_any_text_is_read_or_refused_and_never_calculates_with_an_id(question: str, files: tuple[FileDescription, ...]) -> None:
    found = read_question(SubQuestion(id="q1", text=question), files, ReadingHints())
    assert found == read_question(SubQuestion(id="q1", text=question), files, ReadingHints())
    if isinstance(found, Reading):
        calculated = [s for s in found.specs if s.operation != "missing_outliers"]
        assert not {"person_id", "order_id", "shop_id"} & {m for s in calculated for m in (s.measure, s.second_measure)}
    else:
        assert found.reason
        assert all(isinstance(read_question(SubQuestion(id="q1", text=s), files, ReadingHints()), Reading) for s in found.suggestions)


NAMES = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters='"“”`’‘\n'), min_size=1, max_size=20
)


@settings(max_examples=60)
@given(st.lists(NAMES, min_size=1, max_size=4, unique_by=lambda n: n.casefold().strip()))
def test_suggestions_are_readable_whatever_the_columns_are_called(names: list[str]) -> None:
    files = (file("odd.csv", *(column(name, "measure") for name in names)),)
    refusal = read_question(SubQuestion(id="q1", text="zzz"), files, ReadingHints())
    assert isinstance(refusal, Refusal)
    assert refusal.suggestions
    assert all(isinstance(read_question(SubQuestion(id="q1", text=s), files, ReadingHints()), Reading) for s in refusal.suggestions)


def test_a_name_that_may_be_mistaken_is_quoted() -> None:
    assert quoted("temp_mean_c") == "temp_mean_c"
    assert quoted("Total (CHF)") == '"Total (CHF)"'
