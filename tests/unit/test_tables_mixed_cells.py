"""Columns whose cells are of several kinds: numbers beside texts, per cent beside none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput
from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import column, describe, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap


def _workbook(path: Path) -> DataInput:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Goods")
    for number, row in enumerate([("item", "price", "kg"), ("a", "1.234,50", 1.234), ("b", "2,75", "n/a"), ("c", 2.375, 2.345)]):
        sheet.write_row(number, 0, row)
    book.close()
    return DataInput.of(path)


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescription]:
    folder = tmp_path_factory.mktemp("mixed")
    records = [{"kg": kg} for kg in (1.234, 2.345, 3.456, 4.567, 5.678, 3, "n/a")]
    inputs = [
        write(folder, "weights.json", json.dumps(records)),
        write(folder, "rates.csv", "town,rate\na,10%\nb,0.2\nc,5%\n"),
        write(folder, "days.csv", 'day,v\n2024-01-05,1\n06.01.2024,2\n"Jan 7, 2024",3\nlater,4\n2024-02-08,5\n'),
        write(folder, "with_nothing.csv", "town,rate\na,10%\nb,0\nc,5%\n"),
        _workbook(folder / "goods.xlsx"),
    ]
    return describe(sandbox, inputs, folder / "out")


def test_a_number_is_what_it_is_however_texts_beside_it_write_theirs(files: dict[str, FileDescription]) -> None:
    weights = column(files["weights.json"], "kg")
    assert (weights.minimum, weights.maximum, weights.missing) == (1.234, 5.678, 1)
    assert (column(files["goods.xlsx"], "kg").minimum, column(files["goods.xlsx"], "kg").maximum) == (1.234, 2.345)
    assert (column(files["goods.xlsx"], "price").minimum, column(files["goods.xlsx"], "price").maximum) == (2.375, 1234.5)


def test_a_number_without_a_sign_among_percentages_is_not_taken_as_one(files: dict[str, FileDescription]) -> None:
    assert column(files["rates.csv"], "rate").dtype == "string"
    assert any('not "0.2"' in warning for warning in table(files["rates.csv"]).warnings)
    assert (column(files["with_nothing.csv"], "rate").unit, column(files["with_nothing.csv"], "rate").minimum) == ("%", 0)


def test_dates_in_several_forms_are_told(files: dict[str, FileDescription]) -> None:
    assert column(files["days.csv"], "day").dtype == "string"
    assert table(files["days.csv"]).warnings == (
        '`day` is read as text: most of its cells are dates, but not all in one form ("2024-01-05", "06.01.2024", "Jan 7, 2024", "later")',
    )
