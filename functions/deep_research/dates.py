"""The period that a sentence speaks of, as ISO 8601, where it names exactly one."""

from __future__ import annotations

import re

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january januar jan", "february februar feb", "march märz mar", "april apr", "may mai", "june juni jun", "july juli jul",
            "august aug", "september sept sep", "october oktober oct okt", "november nov", "december dezember dec dez",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_Y = r"(?:1[5-9]|20|21)\d\d"
_M = "|".join(sorted(_MONTHS, key=len, reverse=True))
_SPAN = re.compile(rf"\b(?:between|from|zwischen|von)?\s*({_Y})\s*(?:-|–|to|and|until|through|und|bis)\s*({_Y})\b", re.IGNORECASE)
_DAY = re.compile(rf"\b(?:(\d{{1,2}})\.?\s+({_M})\.?,?\s+({_Y})|({_M})\.?\s+(\d{{1,2}}),\s+({_Y})|({_Y})-(\d\d)-(\d\d))\b", re.IGNORECASE)
_MONTH = re.compile(rf"\b({_M})\.?\s+({_Y})\b", re.IGNORECASE)
_YEAR = re.compile(rf"(?<![\d.,/$€£-])({_Y})(?![\d%°]|[.,]\d|\s?(?:m|mm|km|kg|g|°C|people|participants|visitors)\b)")
_OPEN = re.compile(rf"\b(?:since|after|before|until|as of|by|seit|nach|vor|ab)\s+(?:the\s+)?(?:\w+\s+)?({_Y})", re.IGNORECASE)
_SINCE = re.compile(rf"\b(?:since|seit)\s+(?:the\s+)?(?:\w+\s+)?({_Y})", re.IGNORECASE)
_CAPITAL = "|".join(name.capitalize() for name in sorted(_MONTHS, key=len, reverse=True))
_UNDATED = re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?:{_CAPITAL})\b|\b(?:{_CAPITAL})\s+\d{{1,2}}(?=st|nd|rd|th|[,.;)]|$)")
"""A day of no year. Its month has a capital: "12 may fail" is no date."""
_LONE_YEAR = re.compile(
    rf"\b(?:in|since|until|till|during|before|after|year|seit|bis|jahr)\s+{_Y}\b(?![.,]\d|\s?[%°])|\({_Y}\)", re.IGNORECASE
)


def without_dates(text: str) -> str:
    """The text with a blank for each day, month and year that it names, so that the numbers that are left are of something else."""
    for dates in (_DAY, _SPAN, _MONTH, _UNDATED, _LONE_YEAR):
        text = dates.sub(" ", text)
    return text


def period_of(text: str) -> str | None:
    """A year, month, day or ``start/end``; ``None`` for no period, several, or one that is open ("since 1990")."""
    if _OPEN.search(text):
        return None
    spans = {(first, last) for first, last in _SPAN.findall(text) if first < last}
    years = set(_YEAR.findall(text))
    if len(spans) == 1:
        first, last = next(iter(spans))
        return f"{first}/{last}" if years <= {first, last} else None
    if spans or len(years) != 1:
        return None
    year = next(iter(years))
    days = [day for match in _DAY.finditer(text) if (day := _day(match)) is not None]
    if len(days) == 1:
        return days[0]
    months = {(name.casefold(), found) for name, found in _MONTH.findall(text)}
    if len(months) == 1 and not days:
        name, found = next(iter(months))
        return f"{found}-{_MONTHS[name]:02}"
    return year if not days and not months else None


def open_since(text: str) -> str | None:
    """The year of "since 1990"."""
    found = _SINCE.search(text)
    return found.group(1) if found else None


def _day(match: re.Match[str]) -> str | None:
    d1, m1, y1, m2, d2, y2, y3, m3, d3 = match.groups()
    if y1:
        year, month, day = y1, _MONTHS[m1.casefold()], int(d1)
    elif y2:
        year, month, day = y2, _MONTHS[m2.casefold()], int(d2)
    else:
        year, month, day = y3, int(m3), int(d3)
    return f"{year}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else None
