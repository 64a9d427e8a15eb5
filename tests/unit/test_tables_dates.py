"""Dates in odd forms: each column is read as a whole, and what was assumed is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import column, describe, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

COLUMNS = {
    "iso": ("2026-01-31", "2026-02-01", "2026-03-15"),
    "us": ("01/31/2026", "02/01/2026", "03/15/2026"),
    "british": ("31/01/2026", "01/02/2026", "15/03/2026"),
    "unclear": ("01/02/2026", "03/04/2026", "05/06/2026"),
    "dotted": ("1.2.2026", "3.4.2026", "5.6.2026"),
    "short": ("31.01.26", "01.02.26", "15.03.99"),
    "quarter": ("2026-Q1", "2026-Q2", "2026-Q3"),
    "week": ("2026W05", "2026W06", "2026W07"),
    "month": ("Jan 2026", "Feb 2026", "March 2026"),
    "german_month": ("3. März 2026", "4. Mai 2026", "5. Dezember 2026"),
    "year_month": ("2026-01", "2026-02", "2026-12"),
    "compact_date": ("20260131", "20260201", "20260315"),
    "fiscal_year": ("2019", "2020", "2021"),
    "unix_timestamp": ("1767225600", "1767312000", "1767398400"),
    "zoned": ("2026-01-31T23:30:00-02:00", "2026-02-01T00:30:00Z", "2026-02-01T10:00:00+01:00"),
    "american_clock": ("1/31/2026 1:05 PM", "2/1/2026 12:00 AM", "3/15/2026 11:59 AM"),
    "impossible": ("2026-02-30", "2026-13-01", "hello"),
    "reading": ("1700000000", "1700000100", "1700000200"),
}


@pytest.fixture(scope="module")
def dates(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> FileDescription:
    folder: Path = tmp_path_factory.mktemp("dates")
    lines = [",".join(COLUMNS), *(",".join(row) for row in zip(*COLUMNS.values(), strict=True))]
    return describe(sandbox, [write(folder, "dates.csv", "\n".join(lines) + "\n")], folder / "out")["dates.csv"]


@pytest.mark.parametrize(
    ("name", "first", "last", "dtype"),
    [
        ("iso", "2026-01-31", "2026-03-15", "date"),
        ("us", "2026-01-31", "2026-03-15", "date"),
        ("british", "2026-01-31", "2026-03-15", "date"),
        ("unclear", None, None, "date"),
        ("dotted", "2026-02-01", "2026-06-05", "date"),
        ("short", "1999-03-15", "2026-02-01", "date"),
        ("quarter", "2026-01-01", "2026-07-01", "date"),
        ("week", "2026-01-26", "2026-02-09", "date"),
        ("month", "2026-01-01", "2026-03-01", "date"),
        ("german_month", "2026-03-03", "2026-12-05", "date"),
        ("year_month", "2026-01-01", "2026-12-01", "date"),
        ("compact_date", "2026-01-31", "2026-03-15", "date"),
        ("fiscal_year", 2019, 2021, "integer"),
        ("unix_timestamp", "2026-01-01T00:00:00", "2026-01-03T00:00:00", "datetime"),
        ("zoned", "2026-02-01T00:30:00", "2026-02-01T09:00:00", "datetime"),
        ("american_clock", "2026-01-31T13:05:00", "2026-03-15T11:59:00", "datetime"),
    ],
)
def test_a_column_of_dates_is_read(dates: FileDescription, name: str, first: str | int | None, last: str | int | None, dtype: str) -> None:
    found = column(dates, name)
    assert (found.role, found.dtype) == ("time", dtype)
    assert sorted([str(first), str(last)]) == sorted([str(found.minimum), str(found.maximum)])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("us", "month first"),
        ("british", "day first"),
        ("unclear", "cannot be told apart"),
        ("quarter", "quarters"),
        ("zoned", "UTC"),
        ("short", "20xx"),
    ],
)
def test_what_was_assumed_about_a_column_is_said(dates: FileDescription, name: str, words: str) -> None:
    assert any(a.startswith(f"`{name}`") and words in a for a in table(dates).assumptions)


def test_what_is_no_date_stays_text_or_a_number(dates: FileDescription) -> None:
    assert column(dates, "impossible").dtype == "string"
    assert column(dates, "reading").role != "time"
