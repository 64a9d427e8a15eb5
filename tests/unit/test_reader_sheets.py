"""Questions about a workbook whose sheets are alike: the sheet is asked for by name, and naming it is understood."""

from __future__ import annotations

import pytest

from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import ColumnDescription, FileDescription, TableDescription
from tests.support.questions import column, read

COLUMNS = (column("region", "category", 2, values=("north", "south")), column("revenue", "measure", additive=True))
DATED = (*COLUMNS, column("date", "time", 300, minimum="2023-05-01", maximum="2025-12-31"))


def book(*sheets: str, columns: tuple[ColumnDescription, ...] = COLUMNS) -> FileDescription:
    tables = tuple(TableDescription(name=sheet, rows=10, columns=columns) for sheet in sheets)
    return FileDescription(file="book.xlsx", sha256="0" * 64, format="xlsx", tables=tables, analyzer="test", analyzer_version="1")


BOOK = book("Sales 2024", "Sales 2025")


def test_two_sheets_that_fit_are_both_named_and_the_sheet_is_asked_for() -> None:
    found = read("What is the total revenue?", BOOK)
    assert isinstance(found, Refusal) and found.kind == "ambiguous"
    assert '"Sales 2024" and "Sales 2025"' in found.reason and 'in the sheet "Sales 2025"' in found.reason
    assert "name the file" not in found.reason


@pytest.mark.parametrize(
    "question",
    [
        "What is the total revenue in the sheet Sales 2025?",
        'What is the total revenue in the sheet "Sales 2025"?',
        "What is the total revenue in the Sales 2025 sheet?",
        "What is the total revenue on the tab Sales 2025?",
        "What is the total revenue in the worksheet sales 2025?",
        "What is the total revenue in Sales 2025?",
        'What is the total revenue in "Sales 2025"?',
        "In Sales 2025, what is the total revenue?",
        "What is the total revenue of the sheet 'Sales 2025' by region?",
    ],
)
@pytest.mark.parametrize("columns", [COLUMNS, DATED, (*COLUMNS, column("sales", "measure", additive=True))])
def test_a_sheet_that_is_named_is_the_one(question: str, columns: tuple[ColumnDescription, ...]) -> None:
    found = read(question, book("Sales 2024", "Sales 2025", columns=columns))
    assert isinstance(found, Reading), found
    spec = found.specs[0]
    assert (spec.source.table, spec.operation, spec.measure, spec.filters) == ("Sales 2025", "sum", "revenue", ())
    assert 'calculated from the sheet "Sales 2025"' in found.notes


def test_the_longest_name_of_a_sheet_is_meant() -> None:
    two = book("Sales", "Sales 2025", columns=DATED)
    longer, shorter = read("total revenue in the sheet Sales 2025", two), read("total revenue in the sheet Sales", two)
    assert isinstance(longer, Reading) and isinstance(shorter, Reading)
    assert (longer.specs[0].source.table, shorter.specs[0].source.table) == ("Sales 2025", "Sales")


def test_the_rest_of_the_question_still_has_to_be_understood() -> None:
    found = read("total revenue in the sheet Sales 2025 in Lugano", BOOK)
    assert isinstance(found, Refusal) and "Lugano" in found.reason


def test_a_sheet_that_is_not_there_is_answered_with_those_that_are() -> None:
    found = read("total revenue in the sheet Profit", BOOK)
    assert isinstance(found, Refusal) and '"Sales 2024" and "Sales 2025"' in found.reason


def test_a_sheet_called_after_a_time_or_a_column_leaves_the_words_their_meaning() -> None:
    months = read("total revenue in May 2024", book("May 2023", "May 2024", columns=DATED))
    assert isinstance(months, Reading) and months.specs[0].filters[0].values == ("2024-05",)
    alone = read("mean of revenue by region", book("revenue by region", columns=COLUMNS))
    assert isinstance(alone, Reading) and alone.specs[0].by == ("region",)
