"""Dates that a question writes in digits: ``2024-03-05`` is read, ``03/04/2024`` is refused where it may be two days."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator

from functions.ds_star.reader.periods import FIRST_YEAR, LAST_YEAR, Period, day_of, month_of
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence

_YEAR_FIRST = re.compile(r"(?<![\w/.-])(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})(?![\d/-]|\.\d)")
_YEAR_LAST = re.compile(r"(?<![\w/.-])(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<year>\d{4}|\d{2})(?![\d/-]|\.\d)")
_YEAR_MONTH = re.compile(r"(?<![\w/.-])(?P<year>\d{4})(?P<sep>[-/])(?P<month>\d{1,2})(?![\d/-]|\.\d)")
_MONTH_YEAR = re.compile(r"(?<![\w/.-])(?P<month>\d{1,2})/(?P<year>\d{4})(?![\d/-]|\.\d)")


def written_dates(sentence: Sentence) -> tuple[Period, ...]:
    """The days and months in digits, where nothing else explains them. Raises ``Refused`` for what is no date or may be two."""
    found: list[Period] = []
    for pattern, read in ((_YEAR_FIRST, _year_first), (_YEAR_LAST, _year_last), (_YEAR_MONTH, _month), (_MONTH_YEAR, _month)):
        for match, start, end in _places(sentence, pattern):
            if sentence.is_free(start, end) and not any(p.start < end and start < p.end for p in found):
                period = read(match, start, end)
                found += [period] if period is not None else []
    return tuple(found)


def _places(sentence: Sentence, pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str], int, int]]:
    for match in pattern.finditer(sentence.text):
        span = [i for i, t in enumerate(sentence.tokens) if match.start() <= t.start < match.end()]
        if span:
            yield match, span[0], span[-1] + 1


def _year_first(match: re.Match[str], start: int, end: int) -> Period:
    month = int(match["month"])
    period = day_of(int(match["year"]), month, int(match["day"]), start, end) if 1 <= month <= 12 else None
    if period is None:
        raise _no_date(match.group())
    return period


def _year_last(match: re.Match[str], start: int, end: int) -> Period:
    """The day, where one of both orders of day and month makes one, or both the same."""
    shown, a, b = match.group(), int(match["a"]), int(match["b"])
    if len(match["year"]) == 2:
        raise Refused("ambiguous", f'"{shown}" does not say its century; write the year in full, such as 2024-04-03')
    year = int(match["year"])
    days = [day_of(year, m, d, start, end) for d, m in dict.fromkeys(((a, b), (b, a))) if 1 <= m <= 12]
    read = [d for d in days if d is not None]
    if not read:
        raise _no_date(shown)
    if len(read) > 1:
        one, other = (f"{int(d.first[8:])} {calendar.month_name[int(d.first[5:7])]} {year}" for d in read)
        raise Refused("ambiguous", f'"{shown}" may be {one} or {other}; write the name of the month, or {read[0].first} or {read[1].first}')
    return read[0]


def _month(match: re.Match[str], start: int, end: int) -> Period | None:
    """``2024-03`` or ``03/2024``. ``2011/12`` may be a month or two years; ``2010-45`` is nothing known."""
    year, month = int(match["year"]), int(match["month"])
    if "/" in match.group() and match.group().startswith(match["year"]) and month == (year + 1) % 100:
        other = f"the years {year} and {year + 1}"
        raise Refused("ambiguous", f'"{match.group()}" may be a month or {other}; write the name of the month, or both years')
    if not (1 <= month <= 12 and FIRST_YEAR <= year <= LAST_YEAR):
        return None
    return month_of(year, month, start, end)


def _no_date(shown: str) -> Refused:
    return Refused("unsuitable", f'"{shown}" is no date of the calendar; write one such as 2024-04-03')
