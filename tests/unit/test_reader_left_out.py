"""What a question says and a reading left out, or took for something else: a unit, a noun beside a number, "how many more"."""

from __future__ import annotations

import pytest

from functions.ds_star.operation import Filter
from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import FileDescription
from tests.support.questions import column, file, read, spec_of

SALES = file(
    "sales.csv",
    column("date", "time", 900, minimum="2020-01-01", maximum="2023-12-31"),
    column("region", "category", 2, values=("North", "South")),
    column("product", "category", 3, values=("Laptop", "Phone", "Tablet")),
    column("revenue", "measure", additive=True),
    column("units", "measure", 20, dtype="integer", additive=True, minimum=1, maximum=20),
)
PRICED = file(
    "sales.csv",
    column("date", "time", 900, minimum="2020-01-01", maximum="2023-12-31"),
    column("region", "category", 3, values=("North", "South", "East")),
    column("product", "category", 3, values=("Laptop", "Phone", "Tablet")),
    column("revenue", "measure", additive=True, minimum=20, maximum=18000),
    column("units", "measure", 20, dtype="integer", additive=True, minimum=1, maximum=20),
)
RAIN = file(
    "weather.csv",
    column("station", "category", 2, values=("Bern", "Chur")),
    column("date", "time", 900, minimum="2015-01-01", maximum="2023-12-31"),
    column("temp", "measure", additive=False),
    column("rain_mm", "measure", unit="mm", additive=True, minimum=0, maximum=90),
)
STAFF = file(
    "employees.csv",
    column("department", "category", 3, values=("Finance", "IT", "Sales")),
    column("age", "measure", 45, dtype="integer", minimum=20, maximum=64, additive=False),
    column("salary", "measure", 290, dtype="integer", minimum=40000, maximum=120000),
    rows=300,
)


@pytest.mark.parametrize(
    ("question", "table", "said"),
    [
        ("total rain in inches", RAIN, '"rain_mm" is in mm, and the question names inches'),
        ("total rain in cm in Bern", RAIN, '"rain_mm" is in mm, and the question names cm'),
        ("average temperature in Fahrenheit", RAIN, '"temp" does not say in which unit it is'),
        ("mean salary in HR", STAFF, "the question names HR"),
        ("How many employees are in HR?", STAFF, '"HR" matches no column'),
    ],
)
def test_a_figure_in_another_unit_is_refused(question: str, table: FileDescription, said: str) -> None:
    found = read(question, table)
    assert isinstance(found, Refusal) and said in found.reason, found


@pytest.mark.parametrize(
    "question", ["total rain in mm", "total rain in millimetres", "By how much did rain grow in percent from 2020 to 2022?"]
)
def test_the_unit_of_the_column_and_per_cent_are_understood(question: str) -> None:
    assert spec_of(question, RAIN).measure == "rain_mm"


@pytest.mark.parametrize("question", ["total revenue of sales with at least 10 units", "How many sales with at least 10 units were there?"])
def test_a_number_belongs_to_the_noun_behind_it(question: str) -> None:
    """ "Sales" is a word for revenue too."""
    assert spec_of(question, SALES).filters == (Filter(column="units", op=">=", values=(10,)),)


def test_years_behind_a_measure_are_years() -> None:
    """ "2020 to 2022" lies among the amounts too."""
    spec = spec_of("total revenue from 2020 to 2022", PRICED)
    assert spec.filters == (Filter(column="date", op="between", values=("2020", "2022")),)
    amounts = spec_of("How many sales had a revenue between 2030 and 2090?", PRICED)
    assert amounts.filters == (Filter(column="revenue", op="between", values=(2030, 2090)),)


@pytest.mark.parametrize("question", ["sales count by region", "change in the number of sales from 2020 to 2022"])
def test_a_number_of_sales_is_no_sum_of_money(question: str) -> None:
    spec = spec_of(question, PRICED)
    assert spec.measure is None and "count" in (spec.operation, spec.statistic)


def test_per_sale_is_per_row() -> None:
    """The ratio was one to the revenue."""
    found = read("mean units per sale by region", PRICED)
    assert isinstance(found, Reading)
    assert [(s.operation, s.measure, s.by) for s in found.specs] == [("mean", "units", ("region",))]


def test_how_many_were_sold_adds_up_the_units_of_the_rows() -> None:
    spec = spec_of("How many laptops were sold in the North?", PRICED)
    assert (spec.operation, spec.measure) == ("sum", "units")
    assert spec_of("How often was a laptop sold?", PRICED).operation == "count"


@pytest.mark.parametrize("question", ["Which month saw the largest increase in revenue?", "largest drop in revenue"])
def test_the_greatest_change_between_periods_is_no_trend(question: str) -> None:
    found = read(question, PRICED)
    assert isinstance(found, Refusal) and "between which the change was greatest" in found.reason, found


@pytest.mark.parametrize("question", ["total revenue in North East", "total revenue in North-East"])
def test_two_values_side_by_side_may_be_a_third_one(question: str) -> None:
    found = read(question, PRICED)
    assert isinstance(found, Refusal) and "may be two values or a third one" in found.reason, found


def test_two_bounds_belong_to_the_noun_behind_both() -> None:
    spec = spec_of("average revenue of sales with more than 5 and less than 10 units", PRICED)
    assert spec.filters == (Filter(column="units", op=">", values=(5,)), Filter(column="units", op="<", values=(10,)))
    each = spec_of("How many sales had a revenue above 1000 and more than 5 units?", PRICED)
    assert each.filters == (Filter(column="revenue", op=">", values=(1000,)), Filter(column="units", op=">", values=(5,)))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("mean revenue a month", '"revenue a month" may be for each month'),
        ("By what percentage is revenue in the North higher than in the South?", "how many per cent one group has more"),
        ("number of months with revenue above 5000", "it counts periods"),
        ("number of regions with more than 100 sales", '"more than 100 sales" may be a number of rows'),
    ],
)
def test_counts_of_periods_and_conditions_on_counts_are_refused(question: str, said: str) -> None:
    found = read(question, PRICED)
    assert isinstance(found, Refusal) and said in found.reason, found


def test_how_many_more_compares_totals() -> None:
    spec = spec_of("How many more units were sold in the North than in the South?", SALES)
    assert (spec.operation, spec.measure, spec.statistic) == ("compare_groups", "units", "sum")


def test_a_single_record_is_no_total() -> None:
    assert spec_of("Which product had the highest single revenue?", SALES).statistic == "maximum"


def test_a_share_of_the_rain_that_fell_is_no_trend() -> None:
    assert spec_of("What share of the rain fell in Bern?", RAIN).operation == "share"


@pytest.mark.parametrize(
    ("question", "table", "said"),
    [
        ("total revenue for laptops in the North and phones in the South", SALES, "two pairs of values"),
        ("top 2 products per region by revenue", SALES, "the first of each region is not given"),
        ("Which product has the highest revenue in each region?", SALES, "the first of each region is not given"),
        ("How many regions grew in revenue from 2021 to 2022?", SALES, "groups that change are not counted"),
        ("average salary by age", STAFF, '"age" takes too many values'),
        ("How many measurements had no rain?", RAIN, "may be 0 or a missing value"),
        ("total revenue to 2021", SALES, '"to 2021" has no beginning'),
        ("total revenue in the year before 2022", SALES, "the year before 2022"),
        ("mean temperature two years after 2019", RAIN, '"two years after 2019"'),
        ("mean temperature the day after 2021-03-01", RAIN, '"the day after 2021-03-01"'),
    ],
)
def test_what_would_be_another_question_is_refused(question: str, table: FileDescription, said: str) -> None:
    found = read(question, table)
    assert isinstance(found, Refusal) and said in found.reason, found


@pytest.mark.parametrize(
    "question",
    [
        "total revenue for laptops and phones in the North and South",
        "highest revenue per region and product",
        "total revenue in the years before 2022",
        "revenue per year after 2020",
        "Which was the best year before 2022 by revenue?",
        "revenue of 2021 compared to 2022",
    ],
)
def test_what_is_clear_is_read_as_before(question: str) -> None:
    assert isinstance(read(question, SALES), Reading)
