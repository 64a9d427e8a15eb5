"""Which columns of a wide table are periods: 2019, 2020, ...; Jan, Feb, ...; pop_2019, ...; but not v1901, v1902 of a survey."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from dates import MONTH_NAME, MONTH_NUMBER, PERIOD_FORMS

Period = tuple[str, str, int]
"""(what stands before the period, its grain, yyyymm as a number)"""

_NUMBERED = re.compile(r"(?P<pre>[^\W\d_]+)[ _.-]?(?P<number>\d+)")
_YEAR_LETTERS = frozenset({"y", "yr", "fy", "cy"})
_CODES = frozenset({"var", "variable", "item", "col", "column", "question", "field", "code", "key", "id"})
_LETTERS_OF_A_CODE = 2


def period_of_header(name: str) -> Period | None:
    """(what stands before the period, its grain, yyyymm as a number) for a column name such as ``2019``, ``pop_2020``, ``Jan 2026``."""
    text = name.strip()
    if found := re.fullmatch(r"(?P<pre>.*?)[ _.-]*\(?(?P<y>(?:18|19|20)\d{2})(?:\.0)?\)?", text):
        return found["pre"].strip(" _-."), "year", int(found["y"]) * 100
    if re.fullmatch(MONTH_NAME, text, re.IGNORECASE) and (number := MONTH_NUMBER.get(text.rstrip(".").lower())):
        return "", "month of year", number
    for pattern, grain in PERIOD_FORMS:
        found = pattern.match(text)
        if found and 1800 <= int(found["y"]) <= 2150:
            groups = found.groupdict()
            month = int(groups["m"]) if groups.get("m") else MONTH_NUMBER.get((groups.get("mon") or "").lower(), 0)
            month = int(groups["q"]) * 3 - 2 if groups.get("q") else month
            return "", grain, int(found["y"]) * 100 + month
    return None


def periods_of_headers(names: Sequence[str], numeric: Sequence[str], measured: Sequence[str]) -> dict[str, Period]:
    """The headers that are periods, of a table whose columns are ``names``: of the ``numeric`` ones; ``measured`` are no ids or times.

    A year behind a short code may be the number of something else: the whole set of columns has to show that it is a year.
    """
    found = {n: p for n in numeric if (p := period_of_header(n))}
    codes = {p[0] for p in found.values() if p[1] == "year" and _is_code(p[0])}
    doubtful = {c for c in codes if not _is_sequence(c, names, [n for n in measured if n not in found], found)}
    return {n: p for n, p in found.items() if p[0] not in doubtful}


def _is_code(prefix: str) -> bool:
    return prefix != "" and (len(prefix) <= _LETTERS_OF_A_CODE or prefix.casefold() in _CODES)


def _is_sequence(prefix: str, names: Sequence[str], others: Sequence[str], found: dict[str, Period]) -> bool:
    """Whether the numbers behind ``prefix`` are years at equal steps, none of them is anything else, and no other column is measured."""
    years = sorted(p[2] for p in found.values() if p[0] == prefix and p[1] == "year")
    steps = {b - a for a, b in pairwise(years)}
    numbered = [n for n in names if (m := _NUMBERED.fullmatch(n.strip())) and m["pre"] == prefix]
    whole = all(n in found for n in numbered) and len(steps) == 1 and steps != {0}
    return whole and (prefix.casefold() in _YEAR_LETTERS or not others)
