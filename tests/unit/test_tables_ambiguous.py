"""Cells that can be read in two ways: other cells of the file decide; where nothing does, no figure is stated of the column."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.ds_star.operation import OperationSpec
from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import Outcome, carry_out, column, describe, spec, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

AMOUNTS = {
    "open.csv": "town;sales\nBern;1.234\nChur;2.500\nThun;3.000\n",
    "commas.csv": "town;sales\nBern;1,234\nChur;2,500\nThun;3,000\n",
    "beside_comma.csv": "town;rate;sales\nBern;1,5;1.234\nChur;2,25;2.500\nThun;3,0;3.000\n",
    "beside_millions.csv": "town;people;sales\nBern;1.234.567;1.234\nChur;2.000.000;2.500\n",
    "beside_point.csv": "town;rate;sales\nBern;12.5;1.234\nChur;0.75;2.500\nThun;7.5;3.000\n",
    "english.csv": "town,sales\nBern,1.234\nChur,2.500\nThun,3.000\n",
    "quoted.csv": 'town,sales\nBern,"1.234"\nChur,"2.500"\nThun,"3.000"\n',
}
MONTHLY = "".join(f"{month:02}/01/{year},10\n" for year in (2023, 2024) for month in range(1, 13))
DATES = {
    "unsure.csv": "date,sales\n05/02/2024,10\n01/03/2024,20\n03/04/2024,30\n02/01/2023,5\n04/06/2023,7\n",
    "us_sorted.csv": "date,sales\n01/02/2024,10\n01/11/2024,20\n02/03/2024,30\n03/01/2024,40\n04/10/2024,50\n05/05/2024,60\n",
    "british_sorted.csv": "date,sales\n02/01/2024,10\n11/01/2024,20\n03/02/2024,30\n01/03/2024,40\n10/04/2024,50\n05/05/2024,60\n",
    "us_months.csv": f"date,sales\n{MONTHLY}",
    "us_beside.csv": "date,paid,sales\n05/02/2024,05/31/2024,10\n01/03/2024,02/01/2024,20\n03/04/2024,04/04/2024,30\n",
    "even.csv": "date,sales\n" + "".join(f"{d}/{y},10\n" for y in (2024, 2022, 2023) for d in ("05/02", "12/01", "02/05", "01/12")),
    "same.csv": "date,sales\n01/01/2024,10\n02/02/2024,20\n03/03/2024,30\n",
}


def by(file: str, grain: str | None = None, *filters: str) -> OperationSpec:
    time = {"time": "date", "grain": grain} if grain else {}
    return spec(file, "sum", measure="sales", filters=[{"column": "date", "op": "==", "values": (f,)} for f in filters], **time)


SPECS = {
    **{name: spec(name, "sum", measure="sales") for name in AMOUNTS},
    "count": spec("open.csv", "count"),
    "above": spec("open.csv", "count", filters=[{"column": "sales", "op": ">", "values": (2,)}]),
    "outliers": spec("open.csv", "missing_outliers"),
    "total": by("unsure.csv"),
    "month": by("unsure.csv", None, "2024-02"),
    "year": by("unsure.csv", None, "2024"),
    "by_month": by("unsure.csv", "month"),
    "by_year": by("unsure.csv", "year"),
    "even_years": by("even.csv", "year"),
    "same_month": by("same.csv", None, "2024-02"),
    "us_march": by("us_sorted.csv", None, "2024-03"),
    "british_march": by("british_sorted.csv", None, "2024-03"),
}


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescription]:
    folder = tmp_path_factory.mktemp("ambiguous")
    return describe(sandbox, [write(folder, name, text) for name, text in {**AMOUNTS, **DATES}.items()], folder / "out")


@pytest.fixture(scope="module")
def outcomes(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder: Path = tmp_path_factory.mktemp("operations")
    inputs = [write(folder, name, text) for name, text in {**AMOUNTS, **DATES}.items()]
    return dict(zip(SPECS, carry_out(sandbox, inputs, list(SPECS.values()), folder / "out"), strict=True))


@pytest.mark.parametrize(("name", "whole", "decimal"), [("open.csv", "1234", "1.234"), ("commas.csv", "1234", "1.234")])
def test_three_digits_behind_each_mark_of_a_semicolon_file_are_no_figure(
    outcomes: dict[str, Outcome], name: str, whole: str, decimal: str
) -> None:
    refusal = outcomes[name].result.refusal
    assert refusal is not None and refusal.startswith("`sales` can be read in two ways")
    assert f"may be {whole} or {decimal}" in refusal and "give the file again" in refusal
    assert outcomes[name].result.findings == ()


def test_what_does_not_need_the_column_is_answered_and_a_condition_on_it_is_not(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["count"].number("count_rows") == 3
    assert outcomes["above"].result.refusal is not None
    assert any(said.startswith("`sales` can be read in two ways") for said in outcomes["outliers"].result.limitations)


@pytest.mark.parametrize(
    ("name", "total"),
    [("beside_comma.csv", 6734), ("beside_millions.csv", 3734), ("beside_point.csv", 6.734), ("english.csv", 6.734), ("quoted.csv", 6.734)],
)
def test_another_column_or_a_comma_between_the_cells_tells_the_decimal_mark(outcomes: dict[str, Outcome], name: str, total: float) -> None:
    assert outcomes[name].number("sum_sales") == pytest.approx(total)


def test_an_open_column_is_warned_of_and_has_no_extremes(files: dict[str, FileDescription]) -> None:
    assert any(w.startswith("`sales` can be read in two ways") for w in table(files["open.csv"]).warnings)
    assert (column(files["open.csv"], "sales").minimum, column(files["unsure.csv"], "date").maximum) == (None, None)


@pytest.mark.parametrize("name", ["month", "by_month", "by_year"])
def test_a_month_is_not_answered_where_day_and_month_cannot_be_told_apart(outcomes: dict[str, Outcome], name: str) -> None:
    refusal = outcomes[name].result.refusal
    assert refusal is not None and "whether 05/02/2024 has its day first or its month" in refusal and "2026-01-31" in refusal


def test_what_does_not_depend_on_the_order_of_day_and_month_is_answered(outcomes: dict[str, Outcome]) -> None:
    assert (outcomes["total"].number("sum_sales"), outcomes["year"].number("sum_sales")) == (72, 60)
    assert outcomes["total"].first.assertion is not None and outcomes["total"].first.assertion.period is None
    assert outcomes["even_years"].number("sum_sales_2023") == 40
    assert outcomes["same_month"].number("sum_sales") == 20


@pytest.mark.parametrize(
    ("name", "words"), [("us_sorted.csv", "order of time"), ("us_months.csv", "same day"), ("us_beside.csv", "another column")]
)
def test_the_order_of_the_rows_their_steps_or_another_column_tell_the_month_first(
    files: dict[str, FileDescription], name: str, words: str
) -> None:
    said = [a for a in table(files[name]).assumptions if a.startswith("`date`")]
    assert len(said) == 1 and "month first" in said[0] and words in said[0]


def test_rows_in_the_order_of_time_decide_which_reading_is_calculated_with(outcomes: dict[str, Outcome]) -> None:
    assert (outcomes["us_march"].number("sum_sales"), outcomes["british_march"].number("sum_sales")) == (40, 40)
