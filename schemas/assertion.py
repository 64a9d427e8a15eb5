"""What a sentence or a figure asserts, in a form that code can compare. Shared by claims and findings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Contract

Statistic = Literal[
    "count",
    "sum",
    "mean",
    "median",
    "share",
    "minimum",
    "maximum",
    "difference",
    "ratio",
    "trend",
    "correlation",
    "rate",
    "other",
    "unknown",
]
Comparator = Literal["=", "<", "<=", ">", ">=", "~", "increases", "decreases", "differs", "no_difference", "unknown"]
Modality = Literal["observed", "estimated", "projected", "possible", "unknown"]


class Assertion(Contract):
    """One comparable statement; a part that is not known stays ``None`` or ``unknown``, and is then never compared as if it were.

    ``period`` is ISO 8601: a year, a month, a day, or ``start/end``. ``unit`` is a pint expression or a plain noun ("stations").
    ``digits`` counts the stated decimals of ``value``, from which the tolerance of a comparison follows (half the last digit).
    """

    entity: str | None = None
    measure: str | None = None
    statistic: Statistic = "unknown"
    comparator: Comparator = "unknown"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    digits: int | None = Field(default=None, ge=-12, le=15)
    period: str | None = None
    population: str | None = None
    direction: Literal["up", "down", "none", "unknown"] = "unknown"
    modality: Modality = "unknown"
