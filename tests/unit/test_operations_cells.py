"""Look-ups of one cell, changes between two periods, ratios of two columns: right values, and no value where there is none to give."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.ds_star.operation import OperationSpec
from shared.sandbox import CodeSandbox
from tests.support.operations import Outcome, carry_out, spec, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

# Two shops by year; the east opens in 2020, and has no staff then.
SHOPS = """
shop,year,profit,staff,rate_pct,temp_c
north,2018,100,10,4.0,10
north,2019,120,10,5.0,11
north,2020,150,12,7.5,12
south,2018,300,20,8.0,20
south,2019,,20,6.0,20
south,2020,270,30,6.0,20
east,2020,50,0,1.0,5
"""
# By the difference the large one is first, by per cent the small one; the new one began at nothing.
GROWING = """
firm,year,sales
small,2018,100
large,2018,1000
new,2018,0
small,2020,150
large,2020,1100
new,2020,10
"""
# Daily until mid 2021: that year is incomplete.
DAYS = "day,sales,mood\n" + "".join(
    f"{y}-{m:02}-{d:02},{10 * (y - 2018)},{m}\n"
    for y in (2019, 2020, 2021)
    for m in range(1, 13)
    for d in range(1, 28)
    if (y, m) < (2021, 6)
)


def where(column: str, op: str, *values: object) -> dict[str, object]:
    return {"column": column, "op": op, "values": values}


def shops(operation: str, **fields: object) -> OperationSpec:
    return spec("shops.csv", operation, **fields)


TIME = {"time": "year", "grain": "year"}


def growing(ranked_by: str) -> OperationSpec:
    return spec(
        "growing.csv", "change", measure="sales", statistic="sum", by=("firm",), periods=("2018", "2020"), ranked_by=ranked_by, **TIME
    )


NORTH, EAST, Y2020 = where("shop", "==", "north"), where("shop", "==", "east"), where("year", "==", 2020)
SPECS = {
    "cell": shops("lookup", measure="profit", filters=(NORTH, Y2020)),
    "two_cells": shops("lookup", measure="profit", filters=(where("shop", "==", "south"),)),
    "many_cells": spec("days.csv", "lookup", measure="sales", filters=(where("day", "==", "2019-03"),)),
    "empty_cell": shops("lookup", measure="profit", filters=(where("shop", "==", "south"), where("year", "==", 2019))),
    "no_cell": shops("lookup", measure="profit", filters=(NORTH, where("year", "==", 1999))),
    "change": shops("change", measure="profit", statistic="mean", periods=("2018", "2020"), filters=(NORTH,), **TIME),
    "change_of_totals": shops("change", measure="profit", statistic="sum", periods=("2018", "2020"), **TIME),
    "change_by_shop": shops("change", measure="profit", statistic="sum", by=("shop",), periods=("2018", "2020"), **TIME),
    "change_down_first": shops(
        "change", measure="profit", statistic="sum", by=("shop",), periods=("2018", "2020"), descending=False, **TIME
    ),
    "change_in_per_cent": shops("change", measure="rate_pct", statistic="mean", periods=("2018", "2020"), filters=(NORTH,), **TIME),
    "change_of_degrees": shops("change", measure="temp_c", statistic="mean", periods=("2018", "2020"), filters=(NORTH,), **TIME),
    "ranked_by_per_cent": growing("per_cent"),
    "ranked_by_difference": growing("difference"),
    "missing_period": shops("change", measure="profit", statistic="mean", periods=("2018", "2025"), **TIME),
    "period_without_value": shops(
        "change", measure="profit", statistic="mean", periods=("2018", "2019"), filters=(where("shop", "==", "south"),), **TIME
    ),
    "incomplete_total": spec("days.csv", "change", measure="sales", statistic="sum", periods=("2019", "2021"), time="day"),
    "incomplete_mean": spec("days.csv", "change", measure="mood", statistic="mean", periods=("2019", "2021"), time="day"),
    "months": spec("days.csv", "change", measure="sales", statistic="sum", periods=("2019-03", "2020-03"), time="day"),
    "unlike_periods": spec("days.csv", "change", measure="sales", statistic="sum", periods=("2019-03", "2020"), time="day"),
    "finer_than_the_data": shops("change", measure="profit", statistic="mean", periods=("2018-01", "2018-02"), **TIME),
    "ratio": shops("ratio", measure="profit", second_measure="staff", filters=(where("shop", "!=", "east"),)),
    "ratio_by_shop": shops("ratio", measure="profit", second_measure="staff", by=("shop",)),
    "ratio_by_year": shops("ratio", measure="profit", second_measure="staff", **TIME),
    "ratio_to_zero": shops("ratio", measure="profit", second_measure="staff", filters=(EAST,)),
    "ratio_to_mixed_signs": spec("signs.csv", "ratio", measure="a", second_measure="b"),
}


@pytest.fixture(scope="module")
def cases(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("cells")
    files = [
        write(folder, "shops.csv", SHOPS),
        write(folder, "days.csv", DAYS),
        write(folder, "growing.csv", GROWING),
        write(folder, "signs.csv", "a,b\n1,-2\n2,3\n4,5.5\n"),
    ]
    return dict(zip(SPECS, carry_out(sandbox, files, list(SPECS.values()), folder / "out"), strict=True))


def test_the_value_of_one_row_is_stated(cases: dict[str, Outcome]) -> None:
    assert cases["cell"].sentence() == "Profit where shop is north and year is 2020 is 150."
    assert cases["cell"].first.assertion is not None
    assert (cases["cell"].first.assertion.value, cases["cell"].first.assertion.period) == (150, "2020")


def test_two_rows_that_fit_are_both_shown_and_nothing_is_calculated(cases: dict[str, Outcome]) -> None:
    found = cases["two_cells"]
    assert [found.sentence(i) for i in range(2)] == [
        "Profit where shop is south (year 2018) is 300.",
        "Profit where shop is south (year 2020) is 270.",
    ]
    assert found.first.n_dropped == 1
    assert "2 rows fit the question; each is shown, and nothing is calculated from them" in found.result.limitations
    assert not {570.0, 285.0} & {v for v in found.values.values() if isinstance(v, int | float)}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("many_cells", "27 rows have a value of `sales` where day is 2019-03, one for each `day`"),
        ("empty_cell", "`profit` has no value where shop is south and year is 2019"),
        ("no_cell", "no row is left where shop is north and year is 1999"),
        ("missing_period", "there is no row of 2025; `year` goes from 2018 to 2020"),
        ("period_without_value", "there is no row of 2019 where shop is south"),
        ("incomplete_total", "the data do not cover 2021 as a whole"),
        ("unlike_periods", "2019-03 and 2020 are periods of different lengths"),
        ("finer_than_the_data", "`year` tells years only, and no month"),
        ("ratio_to_zero", "`staff` is zero in every row, and nothing is divided by zero"),
        ("ratio_to_mixed_signs", "`b` has values below and above zero"),
    ],
)
def test_what_has_no_one_value_is_refused_and_says_why(cases: dict[str, Outcome], case: str, reason: str) -> None:
    refusal = cases[case].result.refusal
    assert refusal is not None
    assert refusal.startswith(reason)
    assert not cases[case].result.findings


def test_a_change_has_its_ends_its_difference_and_per_cent_and_is_no_trend(cases: dict[str, Outcome]) -> None:
    found = cases["change"]
    assert found.sentence() == "Profit where shop is north rises by 50 from 100 in 2018 to 150 in 2020 (change 50, 50.0 %)."
    assert found.first.test is None
    assert found.first.assertion is not None
    assert (found.first.assertion.statistic, found.first.assertion.value, found.first.assertion.period) == ("difference", 50, "2018/2020")
    assert any("no test of a trend" in limit for limit in found.result.limitations)


def test_totals_of_different_numbers_of_rows_say_so(cases: dict[str, Outcome]) -> None:
    found = cases["change_of_totals"]
    assert (found.number("value_2018"), found.number("value_2020"), found.number("difference")) == (400, 470, 70)
    assert "2 and 3 rows" in found.sentence()
    assert "the two totals are of different numbers of rows" in found.result.limitations


def test_changes_of_groups_are_ordered_and_those_in_one_period_only_are_named(cases: dict[str, Outcome]) -> None:
    assert [f.assertion.entity for f in cases["change_by_shop"].result.findings if f.assertion] == ["north", "south"]
    assert [f.assertion.entity for f in cases["change_down_first"].result.findings if f.assertion] == ["south", "north"]
    assert any("left out: east" in limit for limit in cases["change_by_shop"].result.limitations)


def test_ranked_changes_name_the_first_of_them_and_what_ranks_them(cases: dict[str, Outcome]) -> None:
    by_per_cent, by_difference = cases["ranked_by_per_cent"], cases["ranked_by_difference"]
    assert [f.assertion.entity for f in by_per_cent.result.findings if f.assertion] == ["small", "large", "new"]
    assert by_per_cent.sentence().endswith("; this is the strongest rise in per cent among 2 groups of firm.")
    assert any(limit.startswith("new began at nothing") for limit in by_per_cent.result.limitations)
    assert [f.assertion.entity for f in by_difference.result.findings if f.assertion] == ["large", "small", "new"]
    assert by_difference.sentence().endswith("; this is the strongest rise in absolute terms among 3 groups of firm.")
    assert "this is" not in cases["change_by_shop"].sentence()


def test_shares_change_by_points_and_degrees_have_no_per_cent(cases: dict[str, Outcome]) -> None:
    assert "by 3.5 percentage points" in cases["change_in_per_cent"].sentence()
    assert cases["change_of_degrees"].number("difference") == 2
    assert not any(name.startswith("change_percent") for c in ("change_in_per_cent", "change_of_degrees") for name in cases[c].values)


def test_months_are_set_against_each_other_and_an_incomplete_year_only_by_its_mean(cases: dict[str, Outcome]) -> None:
    assert cases["months"].number("difference") == 27 * 10
    assert cases["incomplete_mean"].result.refusal is None
    assert "the data do not cover 2021 as a whole" in cases["incomplete_mean"].result.limitations


def test_a_ratio_is_one_of_totals_and_the_mean_of_ratios_stands_beside_it(cases: dict[str, Outcome]) -> None:
    found = cases["ratio"]
    assert found.number("ratio") == pytest.approx((100 + 120 + 150 + 300 + 270) / (10 + 10 + 12 + 20 + 30))
    assert found.number("mean_of_ratios") == pytest.approx((10 + 12 + 12.5 + 15 + 9) / 5)
    assert "a total of 940 divided by a total of 82" in found.sentence().replace(".0000", "").replace(".0", "")
    assert found.first.n_dropped == 1
    assert "a ratio is the total of `profit` divided by the total of `staff`, over the rows that have both" in found.result.assumptions


def test_a_group_whose_divisor_is_zero_has_no_ratio_and_is_named(cases: dict[str, Outcome]) -> None:
    found = cases["ratio_by_shop"]
    assert [f.assertion.entity for f in found.result.findings if f.assertion] == ["north", "south"]
    assert "where the total of `staff` is zero there is no ratio: east" in found.result.limitations
    assert any("zero in 1 row" in limit for limit in found.result.limitations)


def test_ratios_by_period_keep_their_order(cases: dict[str, Outcome]) -> None:
    found = cases["ratio_by_year"]
    assert [f.assertion.entity for f in found.result.findings if f.assertion] == ["2018", "2019", "2020"]
    assert found.number("ratio_2020") == pytest.approx((150 + 270 + 50) / 42)


def test_a_reading_is_told_with_the_time_of_its_day(sandbox: CodeSandbox, tmp_path: Path) -> None:
    times = [f"2025-03-0{day} {hour:02}:30:00" for day in (5, 6) for hour in (9, 14, 23)]
    data = write(tmp_path, "readings.csv", "time,temp\n" + "".join(f"{t},{i}.5\n" for i, t in enumerate([*times, "2025-03-07 00:00:00"])))
    specs = [
        spec("readings.csv", "maximum", measure="temp", filters=(where("time", "==", "2025-03-06"),)),
        spec("readings.csv", "lookup", measure="temp", filters=(where("time", "==", "2025-03-05"),)),
        spec("readings.csv", "maximum", measure="temp"),
    ]
    highest, found, midnight = carry_out(sandbox, [data], specs, tmp_path / "out")
    assert highest.sentence().endswith("at time 2025-03-06 23:30.")
    assert [hour in found.sentence(i) for i, hour in enumerate(("09:30", "14:30", "23:30"))] == [True] * 3
    assert midnight.sentence().endswith("at time 2025-03-07.")


def test_a_mean_by_the_time_itself_is_told_by_periods_that_are_many(sandbox: CodeSandbox, tmp_path: Path) -> None:
    rows = "".join(f"2025-03-{day:02} {hour:02}:30:00,{day}.5\n" for day in range(1, 13) for hour in range(0, 24, 2))
    data = write(tmp_path, "readings.csv", "time,temp\n" + rows)
    outcome = carry_out(sandbox, [data], [spec("readings.csv", "mean", measure="temp", time="time")], tmp_path / "out")[0]
    assert outcome.sentence().startswith("The mean temp in 2025-03-01 is 1.5")
