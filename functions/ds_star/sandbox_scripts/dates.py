"""Reads columns of dates in the forms that people use; each column has one form, and what was assumed about it is said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

MONTHS = {
    1: "jan january januar janv janvier jän jänner gennaio enero",
    2: "feb february februar févr février fevr fevrier febbraio febrero",
    3: "mar march märz mär mrz mars marzo",
    4: "apr april avr avril aprile abril",
    5: "may mai maggio mayo",
    6: "jun june juni juin giugno junio",
    7: "jul july juli juil juillet luglio julio",
    8: "aug august août aout agosto",
    9: "sep sept september septembre settembre septiembre",
    10: "oct october okt oktober octobre ottobre octubre",
    11: "nov november novembre noviembre",
    12: "dec december dez dezember déc décembre decembre dicembre diciembre",
}
MONTH_NUMBER = {word: number for number, words in MONTHS.items() for word in words.split()}
MONTH_NAME = "(?P<mon>" + "|".join(sorted((re.escape(w) for w in MONTH_NUMBER), key=len, reverse=True)) + r")\.?"
_ZONE = r"(?P<tz>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_TIME = rf"(?:[T ,]+(?P<H>\d{{1,2}}):(?P<M>\d{{2}})(?::(?P<S>\d{{2}})(?:[.,]\d+)?)?\s*(?P<ap>[aApP]\.?[mM]\.?)?\s*{_ZONE})?"
_WEEKDAY = r"(?:[^\W\d]{2,10}\.?,?\s+)?"

FORMS: tuple[tuple[str, str, str], ...] = (
    ("iso", rf"(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}}){_TIME}", "day"),
    ("numeric", rf"(?P<a>\d{{1,2}})(?P<sep>[./-])\s?(?P<b>\d{{1,2}})(?P=sep)\s?(?P<y>\d{{4}}|\d{{2}}){_TIME}", "day"),
    ("day month", rf"{_WEEKDAY}(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.|er)?[ -]*{MONTH_NAME}[ ,.-]*(?P<y>\d{{4}}|\d{{2}}){_TIME}", "day"),
    ("month day", rf"{_WEEKDAY}{MONTH_NAME}[ -]+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?[ -]+(?P<y>\d{{4}}){_TIME}", "day"),
    ("year month", r"(?P<y>\d{4})[-/](?P<m>\d{1,2})", "month"),
    ("month year", r"(?P<m>\d{1,2})[-/](?P<y>\d{4})", "month"),
    ("month.year", r"(?P<m>\d{2})\.(?P<y>\d{4})", "month"),
    ("name year", rf"{MONTH_NAME}[ ,'’/-]*(?P<y>\d{{4}}|\d{{2}})", "month"),
    ("year name", rf"(?P<y>\d{{4}})[ -]*{MONTH_NAME}", "month"),
    ("year M month", r"(?P<y>\d{4})-?M(?P<m>\d{1,2})", "month"),
    ("year quarter", r"(?P<y>\d{4})[ -/]*Q(?P<q>[1-4])", "quarter"),
    ("quarter year", r"Q(?P<q>[1-4])[ -/]*(?P<y>\d{4})", "quarter"),
    ("week", r"(?P<y>\d{4})[ -]*(?:W|KW ?)(?P<w>\d{1,2})", "week"),
)
_COMPILED = tuple((name, re.compile(rf"^{pattern}$", re.IGNORECASE), grain) for name, pattern, grain in FORMS)
PERIOD_FORMS = tuple((pattern, grain) for _, pattern, grain in _COMPILED[4:12])
"""The forms of months and quarters, for headers."""
_TIME_NAME = re.compile(r"date|datum|day|tag|month|monat|mois|period|zeit|time|jour|fecha|yyyymm", re.IGNORECASE)
_EPOCH_NAME = re.compile(r"epoch|unix|timestamp|(^|_)ts($|_)", re.IGNORECASE)
_YEAR_NAME = re.compile(r"(^|[^a-z])(year|years|yr|jahr|année|annee|an|año|anno|fy|jaar)([^a-z]|$)", re.IGNORECASE)


DAY, MONTH = "day first", "month first"
ENOUGH_TO_BE_SORTED = 6
"""Different dates that show an order of the rows: six stand in one of both orders by chance once in 360 times."""


@dataclass(frozen=True)
class Order:
    """Which of day and month comes first, and what to say of it; empty for a form that leaves no choice."""

    first: str | None = None
    said: str = ""
    told: bool = False
    """Whether the cells tell it."""
    unsure: str | None = None


@dataclass
class Dates:
    """Timestamps without zone (UTC where the cells had one)."""

    values: pd.Series
    kind: str
    grain: str
    order: str | None = None
    """``day first`` or ``month first``, where the cells tell it."""
    unsure: str | None = None
    """Why the dates may be others, and the remedy."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def form_of(text: str) -> str | None:
    """The first form in which the text is a date."""
    return next((name for name, pattern, _ in _COMPILED if pattern.match(text)), None)


def read_dates(
    texts: Sequence[str | None], name: str, counts: np.ndarray, tolerated: float, known_order: str | None = None
) -> Dates | None:
    """Dates of the distinct cells ``texts`` (each standing ``counts`` times), or ``None`` if the column is not one of dates.

    The cells come in the order in which the rows first hold them. ``known_order`` is that of the table's other dates.
    """
    present = [(i, t) for i, t in enumerate(texts) if t is not None]
    if not present:
        return None
    probe = [t for _, t in present[:: max(1, len(present) // 40)]]
    for form, pattern, grain in _COMPILED:
        if sum(bool(pattern.match(t)) for t in probe) < (1 - 2 * tolerated) * len(probe):
            continue
        parts = pd.Series([t for _, t in present], dtype=object).str.extract(pattern)
        order = _order(parts, name, known_order) if form == "numeric" else Order()
        read = _assemble(parts, name, order) if order is not None else None
        if order is None or read is None:
            continue
        stamps, notes = read
        weights = counts[[i for i, _ in present]]
        bad = int(weights[stamps.isna().to_numpy()].sum())
        if bad > tolerated * weights.sum():
            continue
        values = pd.Series(pd.NaT, index=range(len(texts)), dtype="datetime64[us]")
        values.iloc[[i for i, _ in present]] = stamps.astype("datetime64[us]").to_numpy()
        timed = "H" in parts and bool(parts["H"].notna().any())
        warnings = []
        if bad:
            shown = next(t for (_, t), gone in zip(present, stamps.isna(), strict=True) if gone)
            are = "cell is no date and counts" if bad == 1 else "cells are not dates and count"
            warnings.append(f"`{name}`: {bad} {are} as missing ({shown!r})")
        if order.unsure:
            warnings.append(order.unsure)
        told = order.first if order.told else None
        return Dates(values, "datetime" if timed else "date", grain, told, order.unsure, notes, warnings)
    return None


def _assemble(parts: pd.DataFrame, name: str, order: Order) -> tuple[pd.Series, list[str]] | None:
    notes: list[str] = []
    years = pd.to_numeric(parts["y"], errors="coerce")
    if (short := parts["y"].str.len() == 2).any():
        years = years.where(~short, years + np.where(years < 70, 2000, 1900))
        notes.append(f"`{name}`: years of two digits up to 69 are read as 20xx")
    if years.dropna().empty or not years.dropna().between(1000, 2999).all():
        return None
    if order.first is not None:
        day, month = (pd.to_numeric(parts[p]) for p in ("ab" if order.first == DAY else "ba"))
        notes.append(f"`{name}`: {order.said}")
    else:
        month = pd.to_numeric(parts["m"], errors="coerce") if "m" in parts else None
        if "mon" in parts:
            month = parts["mon"].str.lower().map(MONTH_NUMBER)
        day = pd.to_numeric(parts["d"], errors="coerce") if "d" in parts else pd.Series(1, index=parts.index)
    if "q" in parts:
        month = pd.to_numeric(parts["q"], errors="coerce") * 3 - 2
        notes.append(f"`{name}`: quarters, dated by their first day")
    if "w" in parts:
        notes.append(f"`{name}`: ISO weeks, dated by their Monday")
        text = years.astype("Int64").astype(str) + "-W" + parts["w"].str.zfill(2) + "-1"
        return pd.to_datetime(text, format="%G-W%V-%u", errors="coerce"), notes
    stamps = pd.to_datetime({"year": years, "month": month, "day": day}, errors="coerce")
    if "H" in parts:
        stamps = stamps + _clock(parts)
        if parts["tz"].notna().any():
            notes.append(f"`{name}`: times are converted to UTC")
    return stamps, notes


def _order(parts: pd.DataFrame, name: str, known: str | None) -> Order | None:
    """Day and month of 01/02/2026, decided by the column as a whole, else by the table's other dates; ``None`` where it is neither."""
    first, second = pd.to_numeric(parts["a"]), pd.to_numeric(parts["b"])
    day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
    if day_first and month_first:
        wrong = min(int((first > 12).sum()), int((second > 12).sum()))
        if wrong > 0.02 * len(parts):
            return None
        day_first = (first > 12).sum() > (second > 12).sum()
        month_first = not day_first
    if month_first:
        return Order(MONTH, "dates are month first (a second number above 12 occurs)", told=True)
    if day_first:
        return Order(DAY, "dates are day first (a first number above 12 occurs)", told=True)
    if (parts["sep"] == ".").all():
        return Order(DAY, "dates are day first (written with full stops)")
    for one, shown in ((DAY, _shows(first, second, parts)), (MONTH, _shows(second, first, parts))):
        if shown:
            return Order(one, f"dates are {one} ({shown})", told=True)
    if known is not None:
        return Order(known, f"dates are {known}, as in another column of the table")
    said = "day and month cannot be told apart; read as day first"
    if (first == second).all():
        return Order(DAY, said)
    example = next(f"{a}{sep}{b}{sep}{y}" for a, b, sep, y in parts[["a", "b", "sep", "y"]].itertuples(index=False) if int(a) != int(b))
    unsure = (
        f"`{name}` can be read in two ways: nothing tells whether {example} has its day first or its month; "
        f"write such dates as 2026-01-31 and give the file again"
    )
    return Order(DAY, said, unsure=unsure)


def _shows(day: pd.Series, month: pd.Series, parts: pd.DataFrame) -> str | None:
    """What makes this reading the right one where no number is above 12; ``None`` where nothing does. The other one is tried too."""
    year = pd.to_numeric(parts["y"])
    if day.nunique() == 1 and month.nunique() > 1 and year.nunique() > 1:
        return "then they are the same day of each month"
    here, there = year * 10_000 + month * 100 + day, year * 10_000 + day * 100 + month
    if here.nunique() >= ENOUGH_TO_BE_SORTED and _in_order(here) and not _in_order(there):
        return "only then the rows are in the order of time"
    return None


def _in_order(values: pd.Series) -> bool:
    return bool(values.is_monotonic_increasing or values.is_monotonic_decreasing)


def _clock(parts: pd.DataFrame) -> pd.Series:
    """The time of day, less the zone's offset."""
    hours = pd.to_numeric(parts["H"], errors="coerce").fillna(0)
    if parts["ap"].notna().any():
        afternoon = parts["ap"].str.lower().str.startswith("p").fillna(False).astype(bool)
        hours = hours % 12 + 12 * afternoon
    minutes = pd.to_numeric(parts["M"], errors="coerce").fillna(0)
    seconds = pd.to_numeric(parts["S"], errors="coerce").fillna(0)
    zone = parts["tz"].str.extract(r"(?P<sign>[+-])(?P<h>\d{2}):?(?P<m>\d{2})")
    shift = (pd.to_numeric(zone["h"]).fillna(0) * 60 + pd.to_numeric(zone["m"]).fillna(0)) * np.where(zone["sign"] == "-", -1, 1)
    return pd.to_timedelta(hours * 3600 + (minutes - shift) * 60 + seconds, unit="s")


def time_from_integers(values: pd.Series, name: str) -> Dates | None:
    """Years, yyyymmdd, yyyymm, or Unix time: only where the name says so (a year, a month, an epoch) or every number is a valid day."""
    present = values.dropna()
    if present.empty or not (present == np.floor(present)).all():
        return None
    if is_year(present, name):
        return Dates(values, "integer", "year")
    if present.between(19000101, 21001231).all() and (present.nunique() >= 5 or _TIME_NAME.search(name)):
        stamps = pd.to_datetime(values.astype("Int64").astype(str), format="%Y%m%d", errors="coerce")
        if stamps.notna().sum() == len(present):
            return Dates(stamps.astype("datetime64[us]"), "date", "day", notes=[f"`{name}`: integers are read as dates yyyymmdd"])
    if _TIME_NAME.search(name) and present.between(190001, 210012).all() and (present % 100).between(1, 12).all():
        stamps = pd.to_datetime(values.astype("Int64").astype(str), format="%Y%m", errors="coerce")
        return Dates(stamps.astype("datetime64[us]"), "date", "month", notes=[f"`{name}`: integers are read as months yyyymm"])
    if _EPOCH_NAME.search(name) and present.between(3e8, 5e12).all():
        unit = "ms" if present.median() > 1e11 else "s"
        stamps = pd.to_datetime(values, unit=unit, errors="coerce")
        word = "milliseconds" if unit == "ms" else "seconds"
        return Dates(stamps.astype("datetime64[us]"), "datetime", "day", notes=[f"`{name}`: Unix time in {word}, read as UTC"])
    return None


def is_year(present: pd.Series, name: str) -> bool:
    """Whole numbers that can be years in a column that is named so; in one called "time", years at equal steps."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name)
    if re.sub(r"[\W_]+", " ", name).strip().casefold() in ("time", "date", "period", "time period", "ref period"):
        steps = set(np.diff(np.sort(present.unique())).tolist())
        return bool(present.between(1700, 2100).all()) and len(steps) == 1
    return bool(present.between(1500, 2150).all()) and (bool(_YEAR_NAME.search(spaced)) or name.strip().isdigit())
