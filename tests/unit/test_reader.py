"""Reading a question against file descriptions: what is understood, what is refused, and that it never breaks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.ds_star.operation import Filter, OperationSpec
from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading, Refusal
from functions.ds_star.reader.suggest import quoted
from schemas.analysis import ColumnDescription, ColumnRole, FileDescription, TableDescription
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints
from shared.language.lexicon import load_lexicon


def column(name: str, role: ColumnRole, distinct: int = 100, **more: object) -> ColumnDescription:
    """A column as the analyzer would describe it; numbers unless the role says otherwise."""
    kinds = {"category": "string", "id": "string", "text": "string", "flag": "boolean", "time": "date"}
    return ColumnDescription.model_validate({"name": name, "dtype": kinds.get(role, "number"), "role": role, "distinct": distinct, **more})


def file(name: str, *columns: ColumnDescription, rows: int = 1000) -> FileDescription:
    table = TableDescription(name=name.split(".")[0], rows=rows, columns=columns)
    return FileDescription(file=name, sha256="0" * 64, format="csv", tables=(table,), analyzer="test", analyzer_version="1")


STATIONS = ("Bern", "Chur", "Geneva")
WEATHER = file(
    "weather.csv",
    column("station", "category", 3, values=STATIONS),
    column("region", "category", 2, values=("north", "south")),
    column("date", "time", 1000, minimum="2000-01-01", maximum="2019-12-31"),
    column("temp_mean_c", "measure", unit="°C", additive=False),
    column("rain_mm", "measure", unit="mm", additive=True),
    column("wind_speed", "measure", additive=False),
    column("wind_gusts", "measure", additive=False),
)
PEOPLE = file(
    "people.csv",
    column("person_id", "id", 1000),
    column("sex", "category", 2, values=("F", "M")),
    column("town", "category", 3, values=("Bern", "Thun", "Biel")),
    column("age", "measure", dtype="integer", minimum=18, maximum=90, additive=False),
    column("income", "measure", minimum=1000, maximum=9000),
    column("member", "flag", 2, values=("yes", "no")),
)
SALES = file(
    "sales.csv",
    column("order_id", "id", 1000),
    column("shop_id", "id", 20),
    column("year", "time", 20, dtype="integer", minimum=2000, maximum=2019),
    column("sales", "measure", additive=True),
)
SHOPS = file("shops.csv", column("shop_id", "id", 20), column("country", "category", 2, values=("France", "Italy")), rows=20)


def read(
    question: str, *files: FileDescription, hints: ReadingHints | None = None, before: OperationSpec | None = None
) -> Reading | Refusal:
    return read_question(SubQuestion(id="q1", text=question), files or (WEATHER,), hints or ReadingHints(), before)


def spec_of(question: str, *files: FileDescription, hints: ReadingHints | None = None) -> OperationSpec:
    found = read(question, *files, hints=hints)
    assert isinstance(found, Reading), found
    return found.specs[0]


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


# --- what a stranger's questions taught ------------------------------------------------------------------------------

PENGUINS = file(
    "penguins.csv",
    column("species", "category", 3, values=("Adelie", "Gentoo", "Chinstrap")),
    column("sex", "category", 2, values=("male", "female"), missing=11),
    column("body_mass_g", "measure", dtype="integer", unit="g", minimum=2700, maximum=6300),
    column("flipper_length_mm", "measure", unit="mm", additive=False),
    column("eggs", "measure", 4, dtype="integer", minimum=0, maximum=3),
)
BILLS = file(
    "bills.csv",
    column("bill_id", "id", 1000),
    column("status", "category", 2, values=("paid", "open")),
    column("date", "time", 500, minimum="2020-01-01", maximum="2021-12-31"),
    column("amount", "measure", additive=True),
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


CLIENTS = file("clients.csv", column("id", "id", 30, dtype="integer"), column("country", "category", 2, values=("FR", "IT")), rows=30)
INVOICES = file(
    "invoices.csv",
    column("id", "id", 1000, dtype="integer"),
    column("client_id", "id", 20, dtype="integer"),
    column("amount", "measure", additive=True),
)


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


RAIN = file(
    "rain.csv", column("date", "time", 1000, minimum="2000-01-01", maximum="2019-12-31"), column("rain_mm", "measure", additive=True)
)


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
