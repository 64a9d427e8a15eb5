"""XLSX, JSON, JSONL, Parquet and SQLite; wide tables; files too large to be read whole."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput
from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import column, describe, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

Files = dict[str, FileDescription]


def _workbook(path: Path) -> DataInput:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    percent, day = book.add_format({"num_format": "0.0%"}), book.add_format({"num_format": "dd.mm.yyyy"})
    sheet = book.add_worksheet("Sales")
    sheet.merge_range("A1:D1", "Sales of the year")
    for i, name in enumerate(("Region", "Date", "Amount (EUR)", "Margin")):
        sheet.write(3, i, name)
    for row in range(5):
        sheet.write(4 + row, 0, f"R{row % 2}")
        sheet.write_datetime(4 + row, 1, date(2026, 1, row + 1), day)
        sheet.write(4 + row, 2, 100.5 + row)
        sheet.write(4 + row, 3, 0.125, percent)
    sheet.write(9, 0, "Total")
    sheet.write(9, 2, 512.5)
    two = book.add_worksheet("Two rows")
    two.write(0, 1, "2019")
    two.merge_range("B1:C1", "2019")
    two.merge_range("D1:E1", "2020")
    for i, name in enumerate(("region", "m", "f", "m", "f")):
        two.write(1, i, name)
    for row in range(3):
        two.write(2 + row, 0, f"x{row}")
        for i in range(4):
            two.write(2 + row, 1 + i, row * 10 + i)
    book.add_worksheet("Empty")
    book.close()
    return DataInput.of(path)


def _database(path: Path) -> DataInput:
    with sqlite3.connect(path) as connection:
        connection.execute('create table visits (id integer primary key, visited_on text, "odd ""name" real)')
        connection.executemany("insert into visits values (?, ?, ?)", [(i, f"2026-01-{i + 1:02d}", i / 2) for i in range(10)])
        connection.execute('create table "select" (a text, b integer)')
        connection.execute("insert into \"select\" values ('x', 1), ('y', 2)")
    connection.close()
    return DataInput.of(path)


def _parquet(path: Path) -> DataInput:
    import duckdb

    query = "select i as id, 'g' || (i % 3) as grp, i * 0.5 as value, date '2020-01-01' + i::int as day, "
    query += "case when i % 4 = 0 then null else i end as gaps"
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query} from range(100) t(i)) to '{path}' (format parquet)")
    return DataInput.of(path)


def _files(folder: Path) -> list[DataInput]:
    nested = {
        "meta": {"v": 1},
        "data": [
            {"name": "a", "geo": {"lat": 1.5}, "visits": [{"n": 1}, {"n": 2}]},
            {"name": "b", "geo": {"lat": 2.5}, "visits": [{"n": 3}]},
        ],
    }
    wide = "country,2018,2019,2020\nNorway,1,2,3\nChad,4,,6\n"
    measures = "region,pop_2018,pop_2019,pop_2020,gdp_2018,gdp_2019,gdp_2020\nN,1,2,3,4,5,6\nS,7,8,9,10,11,12\n"
    survey = "person,age," + ",".join(f"v{n}" for n in range(1901, 1909)) + "\na,30,1,2,3,4,5,6,7,8\nb,41,2,3,4,5,6,7,8,9\n"
    numbered = "person,v7,v12,v2001,v2002,v2003\na,1,2,3,4,5\nb,2,3,4,5,6\n"
    gaps = "person,q2001,q2002,q2010\na,1,2,3\nb,2,3,4\n"
    coded = "country,X1990,X2000,X2010\nNorway,1,2,3\nChad,4,5,6\n"
    months = "year,Jan,Feb,Mar\n2019,1.5,2.5,3.5\n2020,4.5,5.5,6.5\n"
    return [
        _workbook(folder / "book.xlsx"),
        _database(folder / "base.db"),
        _parquet(folder / "t.parquet"),
        write(folder, "records.json", json.dumps(nested)),
        write(folder, "columns.json", '{"a": [1, 2, 3], "b": ["x", "y", "z"]}'),
        write(folder, "keyed.json", '{"bern": {"temp": 1.5}, "basel": {"temp": 2.5}}'),
        write(folder, "lines.jsonl", '{"a": 1, "b": true}\n{"a": 2, "b": false}\nnot json\n{"a": 3}\n'),
        write(folder, "population.csv", wide),
        write(folder, "regions.csv", measures),
        write(folder, "rain.csv", months),
        write(folder, "survey.csv", survey),
        write(folder, "numbered.csv", numbered),
        write(folder, "gaps.csv", gaps),
        write(folder, "coded.csv", coded),
    ]


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("formats")
    return describe(sandbox, _files(folder), folder / "out")


def test_a_sheet_is_read_below_its_title_without_its_total(files: Files) -> None:
    found = table(files["book.xlsx"], "Sales")
    assert [t.name for t in files["book.xlsx"].tables][:2] == ["Sales", "Two rows"] and found.rows == 5
    amount, margin = (column(files["book.xlsx"], n, of="Sales") for n in ("Amount (EUR)", "Margin"))
    assert (amount.unit, amount.additive, amount.maximum) == ("EUR", True, 104.5)
    assert (margin.unit, margin.maximum) == ("%", 12.5)
    assert column(files["book.xlsx"], "Date", of="Sales").minimum == "2026-01-01"


def test_a_header_of_two_rows_is_joined(files: Files) -> None:
    names = [c.name for c in table(files["book.xlsx"], "Two rows").columns]
    assert names == ["region", "2019 m", "2019 f", "2020 m", "2020 f"]


def test_the_tables_of_a_database_are_read_whatever_they_are_called(files: Files) -> None:
    assert [t.name for t in files["base.db"].tables] == ["select", "visits"]
    assert column(files["base.db"], "visited_on", of="visits").role == "time"
    assert column(files["base.db"], 'odd "name', of="visits").maximum == 4.5


def test_parquet_keeps_its_types(files: Files) -> None:
    found = {c.name: c for c in table(files["t.parquet"]).columns}
    assert (found["id"].role, found["grp"].role, found["day"].dtype) == ("id", "category", "date")
    assert found["gaps"].missing == 25 and found["gaps"].dtype == "integer" and found["value"].maximum == 49.5


def test_json_gives_records_columns_keys_and_inner_lists(files: Files) -> None:
    assert [(t.name, t.rows) for t in files["records.json"].tables] == [("data", 2), ("data.visits", 3)]
    assert column(files["records.json"], "geo.lat").maximum == 2.5
    assert column(files["columns.json"], "b").samples == ("x", "y", "z")
    assert column(files["keyed.json"], "key").samples == ("bern", "basel")
    assert table(files["lines.jsonl"]).rows == 3 and any("1 of 4 lines" in w for w in table(files["lines.jsonl"]).warnings)
    assert column(files["lines.jsonl"], "b").role == "flag"


def test_columns_that_are_periods_are_offered_as_rows(files: Files) -> None:
    long = table(files["population.csv"], "population (long)")
    assert long.rows == 6 and [c.name for c in long.columns] == ["country", "year", "population"]
    assert column(files["population.csv"], "year", of="population (long)").role == "time"
    assert [c.name for c in table(files["regions.csv"], "regions (long)").columns] == ["region", "year", "gdp", "pop"]
    month = column(files["rain.csv"], "month", of="rain (long)")
    assert (month.role, month.minimum, month.maximum) == ("time", "2019-01-01", "2020-03-01")
    assert any("rain (long)" in a for a in table(files["rain.csv"]).assumptions)


def test_a_file_over_the_limit_is_sampled_evenly_and_the_same_each_time(sandbox: CodeSandbox, tmp_path: Path) -> None:
    rows = "".join(f"S{i % 12},{i}\n" for i in range(20_000))
    text = "station,value\n" + rows
    files = [
        write(tmp_path, "big.csv", text),
        write(tmp_path, "utf16.csv", text.encode("utf-16")),
        _parquet(tmp_path / "big.parquet"),
    ]
    first = describe(sandbox, files, tmp_path / "one", options={"max_bytes": 20_000, "max_cells": 50})
    second = describe(sandbox, files, tmp_path / "two", options={"max_bytes": 20_000, "max_cells": 50})
    for name, least, most in (("big.csv", 1_000, 2_500), ("utf16.csv", 500, 1_250)):
        found = table(first[name])
        assert found.rows == 20_000 and found.sampled_rows is not None and least < found.sampled_rows < most
        assert column(first[name], "station").distinct == 12
        assert any("too large" in w for w in found.warnings)
    assert table(first["big.parquet"]).sampled_rows is not None and table(first["big.parquet"]).rows == 100
    assert first == second


def test_numbers_behind_a_code_are_years_only_where_the_whole_set_of_columns_shows_it(files: Files) -> None:
    assert [t.name for t in files["coded.csv"].tables] == ["coded", "coded (long)"]
    for name in ("survey.csv", "numbered.csv", "gaps.csv"):
        assert [t.name for t in files[name].tables] == [name.removesuffix(".csv")], name


def _calculated_elsewhere(path: Path, *, total_alone: bool) -> DataInput:
    """A workbook from a program that writes formulas and does not calculate them."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["region", "revenue"], ["north", 5], ["south", 7 if total_alone else "=B2*2"], ["Total", "=SUM(B2:B3)"]):
        sheet.append(row)
    book.save(path)
    return DataInput.of(path)


def test_a_sheet_whose_formulas_have_no_results_is_not_summed_without_them(tmp_path: Path, sandbox: CodeSandbox) -> None:
    found = describe(sandbox, [_calculated_elsewhere(tmp_path / "half.xlsx", total_alone=False)], tmp_path / "out")["half.xlsx"]
    assert not found.tables
    assert "formulas without stored results" in (found.error or "")


def test_a_total_that_has_no_result_is_left_out_as_any_other(tmp_path: Path, sandbox: CodeSandbox) -> None:
    found = describe(sandbox, [_calculated_elsewhere(tmp_path / "total.xlsx", total_alone=True)], tmp_path / "out")["total.xlsx"]
    assert [(t.rows, column(found, "revenue").missing) for t in found.tables] == [(2, 0)]
