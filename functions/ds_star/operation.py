"""``OperationSpec``: what an extractive analysis does, as data. The question reader writes it, committed scripts carry it out.

Column names travel as JSON parameters and are never spliced into source.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Contract, Scalar

OperationName = Literal[
    "count",
    "sum",
    "mean",
    "median",
    "minimum",
    "maximum",
    "share",
    "top_n",
    "compare_groups",
    "trend",
    "trend_difference",
    "correlation",
    "distribution",
    "missing_outliers",
    "lookup",
    "change",
    "ratio",
]
Grain = Literal["day", "week", "month", "quarter", "half", "year"]


class TableRef(Contract):
    """One table of one input: ``file`` is the input's name, ``table`` the table's name in its ``FileDescription``."""

    file: str
    table: str


class Filter(Contract):
    """Rows that are kept. ``in``, ``between`` and ``outside`` take several values. Text compares without case and accents."""

    column: str
    op: Literal["==", "!=", "<", "<=", ">", ">=", "in", "between", "outside", "contains"]
    values: tuple[Scalar, ...] = Field(min_length=1)


class Join(Contract):
    """A second table whose ``key`` is unique and holds at least 90 % of the first table's keys."""

    right: TableRef
    left_key: str
    right_key: str


class TimeParts(Contract):
    """A time in two columns: the one of ``year``, and the one of its ``part``, which is a half, a quarter or a month (``grain``)."""

    year: str
    part: str
    grain: Literal["half", "quarter", "month"]


class OperationSpec(Contract):
    """One operation on one table (or two that are joined).

    ``statistic`` aggregates ``measure`` inside top_n, compare_groups, trend and trend_difference (a count needs no measure).
    ``entity`` is the unit of analysis: rows are aggregated per entity before groups are compared. ``share_of`` marks the rows
    that a share counts. ``grain`` is the length of a period on ``time``. ``periods`` are the two that a change lies between, in ISO 8601.
    ``ranked_by`` says what the changes or the trends of groups are ranked by, where the question ranks them: in per cent of the start,
    or of a trend's mean. Of ranked trends, ``n`` are asked for. ``than`` is the group that all others are set against, by ``top_n`` and
    ``change``; of changes, those count only that rise (or fall), where they are asked for as ``moving``; without
    ``than``, these groups are named.
    ``time_parts`` are the two columns that make a column of times, which is called after both: ``year and quarter``.
    A ratio divides ``measure`` by ``second_measure``.
    """

    operation: OperationName
    source: TableRef
    join: Join | None = None
    measure: str | None = None
    second_measure: str | None = None
    statistic: Literal["count", "sum", "mean", "median", "minimum", "maximum"] = "mean"
    by: tuple[str, ...] = ()
    time: str | None = None
    grain: Grain | None = None
    time_parts: TimeParts | None = None
    periods: tuple[str, ...] = Field(default=(), max_length=2)
    ranked_by: Literal["difference", "per_cent"] | None = None
    than: str | None = None
    moving: bool = False
    filters: tuple[Filter, ...] = ()
    share_of: tuple[Filter, ...] = ()
    entity: str | None = None
    n: int = Field(default=5, ge=1, le=100)
    descending: bool = True
    unit: str | None = None
