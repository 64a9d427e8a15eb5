"""Where the header stands: below titles and notes of several cells, or with a name too few."""

from __future__ import annotations

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

ROWS: list[tuple[str | int | float, ...]] = [
    ("region", "product", "sales", "weight"),
    ("N", "A", 10, 1.5),
    ("S", "B", 20, 2.5),
    ("N", "C", 30, 3.5),
    ("S", "A", 5, 4.5),
]
TEXT = "".join(",".join(map(str, row)) + "\n" for row in ROWS)


def _workbook(path: Path) -> DataInput:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Sales")
    sheet.write_row(0, 0, ("Company", "ACME"))
    sheet.write(1, 0, "Created")
    sheet.write_datetime(1, 1, date(2024, 5, 1), book.add_format({"num_format": "yyyy-mm-dd"}))
    for number, row in enumerate(ROWS):
        sheet.write_row(3 + number, 0, row)
    pivot = book.add_worksheet("Pivot")
    for number, cells in enumerate([("Sum of sales", "Columns"), ("Region", 2022, 2023, 2024), ("N", 10, 20, 5), ("S", 1, 2, 3)]):
        pivot.write_row(number, 0, cells)
    book.close()
    return DataInput.of(path)


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescription]:
    folder = tmp_path_factory.mktemp("headers")
    inputs = [
        _workbook(folder / "sales.xlsx"),
        write(folder, "titled.csv", "Company,ACME\nCreated by,Anna\n\n" + TEXT),
        write(folder, "dated.csv", "Date generated,2024-05-01\n" + TEXT),
        write(folder, "series.csv", ",sales\n0,10\n1,20\n2,30\n"),
        write(folder, "unnamed.csv", ",name,city\n0,a,x\n1,b,y\n2,c,z\n"),
    ]
    return describe(sandbox, inputs, folder / "out")


@pytest.mark.parametrize(("name", "of"), [("sales.xlsx", "Sales"), ("titled.csv", None), ("dated.csv", None)])
def test_titles_of_two_cells_are_no_header(files: dict[str, FileDescription], name: str, of: str | None) -> None:
    found = table(files[name], of)
    assert [c.name for c in found.columns] == list(ROWS[0]) and found.rows == 4
    assert column(files[name], "sales", of=of).maximum == 30
    assert any("above the header left out" in assumption for assumption in found.assumptions)


def test_the_years_of_a_pivot_are_its_header(files: dict[str, FileDescription]) -> None:
    assert [c.name for c in table(files["sales.xlsx"], "Pivot").columns] == ["Region", "2022", "2023", "2024"]


def test_a_first_column_without_a_name_leaves_the_others_theirs(files: dict[str, FileDescription]) -> None:
    assert [c.name for c in table(files["series.csv"]).columns] == ["row", "sales"]
    assert column(files["series.csv"], "sales").maximum == 30
    assert [c.name for c in table(files["unnamed.csv"]).columns] == ["row", "name", "city"]
