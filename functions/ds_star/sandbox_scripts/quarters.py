"""A year and a quarter that a table keeps in two columns, as one column of times."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
from figures import Refusal, Report
from tables import ColumnInfo, Table

_NUMBER = re.compile(r"^\D*([1-4])(?:\.0)?$")


def with_quarters(table: Table, year: str, quarter: str, report: Report) -> Table:
    """The table with the column ``year and quarter``, dated by the quarters' first days; empty where a row lacks either."""
    for name in (year, quarter):
        if name not in table.frame:
            raise Refusal(f"the table has no column `{name}`")
    numbers = pd.to_numeric(table.frame[quarter].astype("string").str.strip().str.extract(_NUMBER)[0], errors="coerce").astype(float)
    years = pd.to_numeric(table.frame[year], errors="coerce").astype(float)
    dates = pd.to_datetime(pd.DataFrame({"year": years, "month": 3 * numbers - 2, "day": 1}), errors="coerce")
    name = f"{year} and {quarter}"
    report.assume(f"`{year}` and `{quarter}` together tell the time; the quarters are those of the calendar")
    columns = {**table.columns, name: ColumnInfo("time", "date", name, grain="quarter")}
    return replace(table, frame=table.frame.assign(**{name: dates}), columns=columns)
