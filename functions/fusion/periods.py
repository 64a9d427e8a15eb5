"""Periods of assertions: ISO 8601 years, months, days and intervals, compared as spans of days."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

_PART = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_HALF = re.compile(r"(\d{4})-H([12])")
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Period:
    """The days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def overlaps(self, other: Period) -> bool:
        return self.first <= other.last and other.first <= self.last


def parse_period(text: str | None) -> Period | None:
    """The period that ``text`` names, or ``None`` where it is missing or not understood: it is then unknown, never guessed."""
    if text is None:
        return None
    start, slash, end = text.strip().partition("/")
    first = _span(start)
    last = _span(end) if slash else first
    if first is None or last is None or first.first > last.last:
        return None
    return Period(first.first, last.last)


def _span(text: str) -> Period | None:
    """One year, half, quarter, month or day."""
    text = text.strip()
    try:
        if quarter := _QUARTER.fullmatch(text):
            year, month = int(quarter.group(1)), 3 * int(quarter.group(2))
            return Period(date(year, month - 2, 1), date(year, month, calendar.monthrange(year, month)[1]))
        if half := _HALF.fullmatch(text):
            year, month = int(half.group(1)), 6 * int(half.group(2))
            return Period(date(year, month - 5, 1), date(year, month, calendar.monthrange(year, month)[1]))
        part = _PART.fullmatch(text)
        if part is None:
            return None
        year, month_text, day_text = int(part.group(1)), part.group(2), part.group(3)
        if day_text:
            day = date(year, int(month_text), int(day_text))
            return Period(day, day)
        if month_text:
            month = int(month_text)
            return Period(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
        return Period(date(year, 1, 1), date(year, 12, 31))
    except ValueError:  # a month 13, a 30 February, the year 0
        return None
