"""Files of which a part cannot be read, or cannot be held: the rest is read, and what is missing is said."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput
from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import column, describe, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap


def _database(path: Path) -> DataInput:
    with sqlite3.connect(path) as connection:
        connection.execute("create table sales (region text, amount integer)")
        connection.executemany("insert into sales values (?, ?)", [("N", 1), ("S", 2), ("N", 5)])
        connection.execute("create table gone (a integer)")
        connection.execute("create view broken as select * from gone")
        connection.execute("drop table gone")
    connection.close()
    return DataInput.of(path)


def _parquet(path: Path) -> DataInput:
    import duckdb

    query = "select case when i = 1 then null else 1152921504606846977 + i end as id, i * 2 as v from range(4) t(i)"
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return DataInput.of(path)


def _damaged(path: Path) -> DataInput:
    """A workbook of which the bytes of the sheet are spoilt, as by a download."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("Sales").write_column(0, 0, ["sales", *range(500)])
    book.close()
    with zipfile.ZipFile(path) as archive:
        begins = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 60
    data = bytearray(path.read_bytes())
    data[begins : begins + 100] = b"\xff" * 100
    path.write_bytes(data)
    return DataInput.of(path)


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescription]:
    folder = tmp_path_factory.mktemp("broken")
    rows = "".join(f"N,n{i},{i}\n" for i in range(10))
    inputs = [
        _database(folder / "base.db"),
        _parquet(folder / "large.parquet"),
        _damaged(folder / "spoilt.xlsx"),
        write(folder, "open.csv", f'region,name,v\n{rows}S,"open,5\n{rows}'),
        write(folder, "inches.csv", 'name,note\n5" pipe,"two\nlines"\n6" pipe,one\n'),
        write(folder, "last.csv", 'name,note\n5" pipe,one\n6 pipe,"two\nlines"\n'),
        write(folder, "digits.json", '[{"a": "x", "n": ' + "9" * 5000 + '}, {"a": "y", "n": 1}]'),
        write(folder, "digits.jsonl", '{"a": "x", "n": 2}\n{"a": "y", "n": ' + "9" * 5000 + '}\n{"a": "y", "n": 1}\n'),
        write(folder, "half.json", '[{"a": "x\\ud800", "n": 2}, {"a": "y", "n": 1}]'),
    ]
    return describe(sandbox, inputs, folder / "out")


def test_a_view_that_is_broken_takes_no_table_with_it(files: dict[str, FileDescription]) -> None:
    assert [(t.name, t.rows) for t in files["base.db"].tables] == [("sales", 3)]
    assert [warning for warning in files["base.db"].warnings if "`broken` could not be read" in warning]


def test_integers_past_what_a_float_holds_are_read_beside_missing_ones(files: dict[str, FileDescription]) -> None:
    assert column(files["large.parquet"], "id").missing == 1
    assert column(files["large.parquet"], "v").maximum == 6


def test_a_quote_that_is_never_closed_is_told_with_its_row_and_not_calculated_over(files: dict[str, FileDescription]) -> None:
    assert "opened in row 11 is never closed, and holds the 10 lines behind it" in (files["open.csv"].error or "")
    assert table(files["inches.csv"]).rows == table(files["last.csv"]).rows == 2


def test_json_that_python_cannot_hold_is_told(files: dict[str, FileDescription]) -> None:
    assert "thousands of digits" in (files["digits.json"].error or "")
    assert table(files["digits.jsonl"]).rows == 2
    assert table(files["half.json"]).rows == 2 and column(files["half.json"], "a").samples == ("x\ufffd", "y")


def test_a_workbook_with_a_damaged_part_is_told(files: dict[str, FileDescription]) -> None:
    assert "the workbook cannot be read" in (files["spoilt.xlsx"].error or "")


@pytest.mark.parametrize(
    ("name", "text"), [("twice.json", '[{"a": 1, "b": 2, "a": 5}, {"a": 3}]'), ("twice.jsonl", '{"a": 1, "a": 5}\n{"a": 3}\n')]
)
def test_a_key_that_occurs_twice_in_an_object_is_told(sandbox: CodeSandbox, tmp_path: Path, name: str, text: str) -> None:
    found = describe(sandbox, [write(tmp_path, name, text)], tmp_path / "out")[name]
    assert column(found, "a").maximum == 5
    assert table(found).warnings == ("an object has a key more than once ('a'); the last value of it was read",)
