"""Groups that stand once for several rows: merged in a workbook, or with empty cells below."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput
from functions.ds_star.operation import TableRef
from shared.sandbox import CodeSandbox
from tests.support.operations import Outcome, carry_out, column, describe, spec, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

ROWS = [("North", "A", 10), (None, "B", 20), (None, "C", 30), ("South", "A", 1), (None, "B", 2)]


def _workbook(path: Path) -> DataInput:
    """A table that begins in B3, with a title merged over it; the regions are merged, and so is a figure."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Sales")
    sheet.merge_range("B1:E1", "Sales of the year")
    sheet.write_row("B3", ("region", "product", "sales", "fee"))
    for number, row in enumerate(ROWS):
        sheet.write_row(3 + number, 1, row)
    sheet.merge_range("B4:B6", "North")
    sheet.merge_range("B7:B8", "South")
    sheet.merge_range("E4:E6", 9)
    sheet.merge_range("E7:E8", 4)
    book.close()
    return DataInput.of(path)


def test_a_merged_text_holds_for_each_of_its_rows_and_a_merged_figure_once(sandbox: CodeSandbox, tmp_path: Path) -> None:
    given = _workbook(tmp_path / "book.xlsx")
    found = describe(sandbox, [given], tmp_path / "one")["book.xlsx"]
    assert column(found, "region").missing == 0
    assert any("merged" in assumption and "`region`" in assumption for assumption in table(found).assumptions)
    source = TableRef(file="book.xlsx", table="Sales")
    specs = [spec("book.xlsx", "sum", source=source, measure=measure, by=("region",)) for measure in ("sales", "fee")]
    sales, fees = carry_out(sandbox, [given], specs, tmp_path / "two")
    assert (sales.number("sum_sales_north"), sales.number("sum_sales_south")) == (60, 3)
    assert (fees.number("sum_fee_north"), fees.number("sum_fee_south")) == (9, 4)


def test_a_merged_year_holds_for_each_of_its_rows_and_hidden_rows_are_told(sandbox: CodeSandbox, tmp_path: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(tmp_path / "years.xlsx"))
    sheet = book.add_worksheet("Sales")
    sheet.write_row("A1", ("year", "region", "sales", "fee"))
    for number in range(6):
        sheet.write_row(1 + number, 1, ("ABC"[number % 3], 10 * number))
    sheet.merge_range("A2:A4", 2019)
    sheet.merge_range("A5:A7", 2020)
    sheet.merge_range("D2:D4", 2000)
    sheet.set_row(2, options={"hidden": True})
    sheet.set_row(4, 30, options={"hidden": True})
    sheet.set_row(9, options={"hidden": True})
    book.close()
    given = DataInput.of(tmp_path / "years.xlsx")
    found = describe(sandbox, [given], tmp_path / "one")["years.xlsx"]
    assert (column(found, "year").missing, column(found, "fee").missing) == (0, 5)
    assert table(found).warnings == ("2 rows are hidden in the workbook (by a filter, or folded away) and count as any other",)
    source = TableRef(file="years.xlsx", table="Sales")
    (sales,) = carry_out(sandbox, [given], [spec("years.xlsx", "sum", source=source, measure="sales", by=("year",))], tmp_path / "two")
    assert (sales.number("sum_sales_2019"), sales.number("sum_sales_2020")) == (30, 120)


def test_rows_without_a_group_are_counted_and_said(sandbox: CodeSandbox, tmp_path: Path) -> None:
    text = "region,product,sales\n" + "".join(f"{region or ''},{product},{sales}\n" for region, product, sales in ROWS)
    given = [write(tmp_path, "gaps.csv", text)]
    specs = [spec("gaps.csv", "sum", measure="sales", by=("region",)), spec("gaps.csv", "sum", measure="sales", by=("product",))]
    by_region, by_product = carry_out(sandbox, given, specs, tmp_path / "out")
    assert _limits(by_region) == ["3 rows have no `region`, and belong to none of its groups"]
    assert by_region.number("rows_without_region") == 3
    assert _limits(by_product) == []


def test_one_group_that_is_written_in_two_ways_is_told(sandbox: CodeSandbox, tmp_path: Path) -> None:
    given = [write(tmp_path, "case.csv", "region,sales\nNorth,10\nnorth,5\nSouth,2\n")]
    (outcome,) = carry_out(sandbox, given, [spec("case.csv", "sum", measure="sales", by=("region",))], tmp_path / "out")
    assert len(outcome.result.findings) == 3
    assert _limits(outcome) == [
        '`region` has "North" and "north", which are groups of their own here; write them in one way if they are the same'
    ]


def _limits(outcome: Outcome) -> list[str]:
    return [limit for limit in outcome.result.limitations if "groups" in limit]
