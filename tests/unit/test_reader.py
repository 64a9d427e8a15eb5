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


CARS = file(
    "mtcars.csv",
    column("model", "id", 32),
    column("cylinders", "measure", 3, dtype="integer", minimum=4, maximum=8),
    column("hp", "measure", 22, dtype="integer", minimum=52, maximum=335),
    column("mpg", "measure", 25, minimum=10.4, maximum=33.9),
    column("origin", "category", 3, values=("Japan", "Italy", "USA")),
    rows=32,
)
FIRMS = file(
    "firms.csv",
    column("region", "category", 3, values=("north", "south", "east")),
    column("year", "time", 5, dtype="integer", minimum=2017, maximum=2021),
    column("profit", "measure", additive=True),
    column("employees", "measure", dtype="integer", additive=True, minimum=1, maximum=900),
    column("interest_rate", "measure", additive=False),
    rows=60,
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


FUEL = file(
    "driving.json",
    column("year", "time", 55, dtype="integer", minimum=1956, maximum=2010),
    column("gas", "measure"),
    column("wheat_use", "measure"),
    column("wood", "measure", unit="kg"),
    column("coal", "measure", additive=True),
    rows=55,
)


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
