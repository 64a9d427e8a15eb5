"""A year and its half, quarter or month that a table keeps in two columns, as one column of times."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
from dates import MONTH_NUMBER
from figures import Refusal, Report
from periods import plural
from tables import ColumnInfo, Table

_NUMBER = re.compile(r"\D*(\d{1,2})(?:\.0)?")
_HALF = re.compile(r"(?P<first>1h|(?:first|1st)(?: half)?)|(?:2h|(?:second|2nd)(?: half)?)")
MONTHS_IN = {"half": 6, "quarter": 3, "month": 1}


def with_time_parts(table: Table, year: str, part: str, grain: str, report: Report) -> Table:
    """The table with the column ``year and part``, dated by the first days of halves, quarters or months; empty where either is."""
    for name in (year, part):
        if name not in table.frame:
            raise Refusal(f"the table has no column `{name}`")
    numbers = table.frame[part].map(lambda cell: number_of(cell, grain), na_action="ignore").astype(float)
    years = pd.to_numeric(table.frame[year], errors="coerce").astype(float)
    dates = pd.to_datetime(pd.DataFrame({"year": years, "month": MONTHS_IN[grain] * (numbers - 1) + 1, "day": 1}), errors="coerce")
    name = f"{year} and {part}"
    report.assume(f"`{year}` and `{part}` together tell the time; the {plural(grain)} are those of the calendar")
    columns = {**table.columns, name: ColumnInfo("time", "date", name, grain=grain)}
    return replace(table, frame=table.frame.assign(**{name: dates}), columns=columns)


def number_of(cell: object, grain: str) -> float | None:
    """Which half, quarter or month of the year a cell names: ``Q2`` is 2, ``Mar.`` and ``03`` are 3."""
    text = str(cell).strip().casefold()
    if grain == "month" and (named := MONTH_NUMBER.get(text.removesuffix("."))):
        return float(named)
    if grain == "half" and (said := _HALF.fullmatch(text)):
        return 1.0 if said["first"] else 2.0
    found = _NUMBER.fullmatch(text)
    number = int(found[1]) if found else 0
    return float(number) if 1 <= number <= 12 // MONTHS_IN[grain] else None
