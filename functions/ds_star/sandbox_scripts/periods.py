"""Cuts time into periods, chooses their length, and finds those at the ends that are incomplete."""

from __future__ import annotations

import numpy as np
import pandas as pd

FREQUENCY = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q-DEC", "year": "Y-DEC"}
GRAINS = ("day", "week", "month", "quarter", "half", "year")
PER_YEAR = {"day": 365.2425, "week": 52.1775, "month": 12.0, "quarter": 4.0, "year": 1.0}
LENGTH = {"day": 1.0, "week": 7.0, "month": 30.44, "quarter": 91.31, "half": 182.62, "year": 365.2425}
MIN_POINTS = 8


def as_dates(values: pd.Series) -> pd.Series:
    """Timestamps; a column of years becomes the first of January of each."""
    if values.dtype.kind == "M":
        return values
    text = values.astype("Int64").astype("string") + "-01-01"
    return pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")


def swapped(dates: pd.Series) -> pd.Series:
    """The dates with day and month exchanged, which both are at most 12."""
    return pd.to_datetime({"year": dates.dt.year, "month": dates.dt.day, "day": dates.dt.month})


def starts(dates: pd.Series, grain: str) -> pd.Series:
    """The first day of the period in which each date lies."""
    if grain == "half":
        quarters = dates.dt.to_period(FREQUENCY["quarter"])
        return (quarters - (quarters.dt.quarter - 1) % 2).dt.start_time
    return dates.dt.to_period(FREQUENCY[grain]).dt.start_time


def end_of(start: pd.Timestamp, grain: str) -> pd.Timestamp:
    """The first day behind the period that begins at ``start``."""
    offset = {
        "day": {"days": 1},
        "week": {"weeks": 1},
        "month": {"months": 1},
        "quarter": {"months": 3},
        "half": {"months": 6},
        "year": {"years": 1},
    }[grain]
    return start + pd.DateOffset(**offset)


def label(start: pd.Timestamp, grain: str) -> str:
    """The period as ISO 8601 writes it (quarters: 2026-Q1, halves: 2026-H1)."""
    if grain == "half":
        return f"{start.year}-H{(start.month + 5) // 6}"
    if grain == "quarter":
        return f"{start.year}-Q{start.quarter}"
    return start.strftime({"year": "%Y", "month": "%Y-%m", "week": "%G-W%V", "day": "%Y-%m-%d"}[grain])


def plural(grain: str) -> str:
    """Several periods of a length, in words."""
    return "halves" if grain == "half" else f"{grain}s"


def native_grain(dates: pd.Series) -> str:
    """The length of period in which the data come: from the usual gap between two dates."""
    days = np.sort(dates.dropna().dt.normalize().unique())
    if len(days) < 2:
        return "day"
    gap = float(np.median(np.diff(days).astype("timedelta64[D]").astype(float)))
    return "day" if gap < 5 else "week" if gap < 20 else "month" if gap < 60 else "quarter" if gap < 200 else "year"


def choose_grain(dates: pd.Series, wanted: str | None, minimum: int = MIN_POINTS) -> tuple[str, str | None]:
    """(the length of a period, what to say about it). The longest with ``minimum`` complete periods, unless one is wanted."""
    native = native_grain(dates)
    if wanted and GRAINS.index(wanted) < GRAINS.index(native):
        return native, f"the data come by {native}, which is used instead of {wanted}"
    order = [g for g in ("year", "month", "week", "day") if GRAINS.index(g) >= GRAINS.index(native)]
    if native == "quarter":
        order = ["year", "quarter"]
    if wanted:
        if count(dates, wanted) >= minimum:
            return wanted, None
        finer = [g for g in order if GRAINS.index(g) < GRAINS.index(wanted) and count(dates, g) >= minimum]
        if not finer:
            return wanted, None
        return finer[
            0
        ], f"there are only {count(dates, wanted)} complete periods by {wanted}; at least {minimum} are needed, so {finer[0]}s are used"
    enough = [g for g in order if count(dates, g) >= minimum]
    return (enough or [order[-1]])[0], None


def count(dates: pd.Series, grain: str) -> int:
    """How many complete periods hold data."""
    kept = complete(dates, grain)[0]
    return int(starts(dates[kept], grain).nunique())


def complete(dates: pd.Series, grain: str) -> tuple[pd.Series, list[str]]:
    """(which rows lie in complete periods, the labels of the incomplete periods at either end).

    The last period is incomplete where the data stop earlier before its end than their own rhythm explains; the first likewise.
    """
    first_days = starts(dates, grain)
    days = np.sort(dates.dropna().dt.normalize().unique())
    keep = dates.notna()
    if len(days) < 3 or first_days.nunique() < 2:
        return keep, []
    gaps = np.diff(days).astype("timedelta64[D]").astype(float)
    usual = float(np.median(gaps))
    slack = usual + max(0.0, float(np.quantile(gaps, 0.95)) - usual) + max(0.25 * usual, 0.03 * LENGTH[grain])
    left_out = []
    last, first = pd.Timestamp(days[-1]), pd.Timestamp(days[0])
    last_start, first_start = first_days.max(), first_days.min()
    if (end_of(last_start, grain) - last).days > slack:
        keep &= first_days != last_start
        left_out.append(label(last_start, grain))
    if (first - first_start).days >= slack and usual < 0.9 * LENGTH[grain]:
        keep &= first_days != first_start
        left_out.insert(0, label(first_start, grain))
    return keep, left_out


def incomplete(dates: pd.Series, grain: str, told: str | None) -> list[str]:
    """The labels of the incomplete periods at either end. Where a cell is ``told`` as a month or a quarter, its date is exact."""
    found = complete(dates, grain)[1]
    first_days = starts(dates, grain)
    first = first_days.min()
    if told in ("month", "quarter", "half") and first_days.nunique() > 1 and dates.min() > first and label(first, grain) not in found:
        found.insert(0, label(first, grain))
    return found


def edge_within(dates: pd.Series, start: pd.Timestamp, end: pd.Timestamp, grain: str | None) -> str | None:
    """Where the data begin or end inside the stretch until ``end`` (exclusive) with whole months of it missing; ``None`` if they do not."""
    present = dates.dropna()
    told = grain if grain in GRAINS and grain != "day" else native_grain(present)
    first, last = present.min(), end_of(starts(pd.Series([present.max()]), told).iloc[0], told)
    ended = last.year * 12 + last.month + int(last != last.normalize() or last.day > 1)
    if present.max() >= start and end.year * 12 + end.month > ended:
        return f"end with {label(last - pd.Timedelta(1, 'D'), 'day')}"
    if first < end and first.year * 12 + first.month > start.year * 12 + start.month:
        return f"begin with {label(first, 'day')}"
    return None


def _named_by_first_days(dates: pd.Series) -> str | None:
    """Several dates that all are a month's first day stand for months, and for years where all are January's."""
    if dates.nunique() < 3 or not bool((dates.dt.day == 1).all()) or bool((dates.dt.normalize() != dates).any()):
        return None
    return "year" if bool((dates.dt.month == 1).all()) else "month"


def iso_range(dates: pd.Series, grain: str | None) -> str | None:
    """The time that the dates span, in ISO 8601: one period, or ``start/end``."""
    present = dates.dropna()
    if present.empty:
        return None
    if grain in (None, "day"):
        grain = _named_by_first_days(present)
    unit = grain or "day"
    unit = "day" if unit in ("week", "quarter", "half") else unit
    low = present.min()
    high = end_of(starts(pd.Series([present.max()]), grain or "day").iloc[0], grain or "day") - pd.Timedelta(1, "D")
    a, b = label(low, unit), label(high, unit)
    return a if a == b else f"{a}/{b}"
