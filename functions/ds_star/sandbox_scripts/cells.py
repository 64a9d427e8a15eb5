"""Turns raw cells into typed columns: missing markers, numbers in local formats, flags. Dates are in ``dates``.

A column is decided as a whole, never cell by cell, and whatever was assumed is said in ``Column.notes``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from dates import form_of, read_dates

MISSING = frozenset(
    [
        *("", "na", "n/a", "n.a.", "#n/a", "#na", "nan", "null", "<na>", "-", "--", "---", "—", "–", "..", "...", ".", "k.a.", "k. a."),
        *(":", "\\n", "#value!", "#ref!", "#div/0!", "#name?", "#null!", "#num!", "missing", "nd", "n.d."),
    ]
)
MISSING_AMONG_NUMBERS = frozenset(["none", "nil", "unknown", "?", "x", "*", "tbd", "not available", "keine angabe", "nat"])
SENTINELS = (-99.9, -999.0, -999.9, -9999.0, -9999.9, -99999.0, -999999.0)
TRUE = frozenset(["true", "yes", "y", "ja", "oui", "t", "si", "sí", "vrai", "wahr", "1"])
FLAG_PAIRS = (
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("ja", "nein"),
    ("oui", "non"),
    ("t", "f"),
    ("vrai", "faux"),
    ("wahr", "falsch"),
)
TOLERATED = 0.05
"""Share of a column's cells that may be unreadable before the column counts as text."""

CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "fr.": "CHF", "sfr.": "CHF"}
CODES = ("CHF", "EUR", "USD", "GBP", "JPY", "CAD", "AUD", "SEK", "NOK", "DKK", "PLN", "CZK", "INR")
_MONEY = "|".join([re.escape(c) for c in CURRENCIES] + list(CODES))
_APART = "'’‘ʼ´`′＇٬ "
"""What may stand between groups of three digits, besides full stops and commas."""
_NUMBER = rf"[+-]?(?:\d[\d.,{_APART}]*|[.,]\d+)(?:[eE][+-]?\d+)?"
_NO_CENTS = r"(?<=[.,])(?:-{1,2}|[–—])"
"""``5.–`` and ``5.-`` are prices without cents."""
_CELL = re.compile(
    rf"^(?P<open>\()?(?P<sign>[+-])?\s*(?P<pre>{_MONEY})?\s*(?P<num>{_NUMBER})(?:{_NO_CENTS}|\s?(?P<back>-))?\s*(?P<post>%|‰|{_MONEY}|[A-Za-zµ°²³][A-Za-zµ°²³/·]{{0,9}})?(?P<close>\))?$",
    re.IGNORECASE,
)
_MONEY_BEFORE_BRACKET = re.compile(rf"^(?P<money>{_MONEY})\s*\((?=[^()]*\)$)", re.IGNORECASE)
_NO_MARK = re.compile(r"s?fr\.|[^\d.,]", re.IGNORECASE)
_PLAIN = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$")
_GROUPED = re.compile(r"^[+-]?(?:\d*|\d{1,3}(?P<sep>[.,'’‘ʼ´`′＇٬ ])(?:\d{2,3}(?P=sep))*\d{3})(?:[eE][+-]?\d+)?$")
_EXPONENT = re.compile(r"^\d+[eE][+-]?\d+$")
_SPACES = str.maketrans(
    {**dict.fromkeys("\u00a0\u202f\u205f\u3000", " "), **dict.fromkeys(range(0x2000, 0x200B), " "), "\u2212": "-", "\ufeff": ""}
)
_MARK = re.compile(r"(?<=\d)(?:\s?(?:\*{1,3}|[†‡§]{1,2}|[¹²³⁰⁴-⁹]{1,2}⁾?|\[\w{1,2}\])|\s(?:\([a-z]\)|\d{1,2}\)))$")
"""What sends to a note, behind a number: ``1,234*``, ``12.3¹``, ``550 [1]``, ``550 (a)``, ``550 1)``."""


@dataclass
class Column:
    """A typed column. ``kind`` is the dtype of a ``ColumnDescription``; ``grain`` the length of the period that a time cell names."""

    values: pd.Series
    kind: str
    unit: str | None = None
    grain: str | None = None
    decimal: str | None = None
    """The decimal mark, where the cells tell it."""
    order: str | None = None
    """``day first`` or ``month first``, where the cells tell it."""
    unsure: str | None = None
    """Why a figure of the column may be wrong, and the remedy: its cells can be read in two ways, and nothing tells which."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def clean(text: str) -> str:
    """The cell without the typographic spaces and minus signs that keep a number from being read."""
    return text.translate(_SPACES).strip()


def type_column(raw: pd.Series, name: str, *, decimal: str | None = None, delimiter: str | None = None, order: str | None = None) -> Column:
    """``raw`` holds strings, numbers, booleans, datetimes or ``None``; the result is what the column as a whole says.

    ``decimal`` and ``order`` (of day and month) are what the table's other columns show; they decide where the column does not.
    """
    if raw.dtype.kind in "iufM":
        return _native(raw, name)
    codes, uniques = pd.factorize(raw, use_na_sentinel=True)
    natives = [u for u in uniques if not isinstance(u, str)]
    if natives and len(natives) == len(uniques):
        column = _native_objects(raw, natives, name)
        if column is not None:
            return column
    texts = [clean(u) if isinstance(u, str) else _text_of(u) for u in uniques]
    given = {i: float(u) for i, u in enumerate(uniques) if isinstance(u, int | float | np.number) and not isinstance(u, bool)}
    present = [t for t in texts if not _is_missing(t, texts)]
    if not present:
        return Column(pd.Series([None] * len(raw), dtype="object"), "empty")
    column = (
        _flags(texts, present)
        or _numbers(texts, present, given, codes, name, decimal, delimiter)
        or _dates(texts, present, codes, name, order)
    )
    if column is None:
        kept = np.array([None if _is_missing(t, texts) else t for t in texts], dtype=object)
        column = Column(pd.Series(kept), "string")
        column.warnings += _in_the_way(texts, present, codes, name) or _dates_in_the_way(texts, present, codes, name)
    column.values = _spread(column.values, codes)
    return column


def _spread(values: pd.Series, codes: np.ndarray) -> pd.Series:
    """The values of the distinct cells, put back into the rows; code -1 is a missing cell."""
    return values.reindex(codes).reset_index(drop=True)


def _text_of(cell: object) -> str:
    if isinstance(cell, bool | np.bool_):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, pd.Timestamp) or hasattr(cell, "isoformat"):
        return cell.isoformat().replace("T00:00:00", "")
    return str(cell)


def _is_missing(text: str, texts: list[str]) -> bool:
    folded = text.casefold()
    if folded == "na" and text == "NA" and len(texts) >= 10 and all(re.fullmatch(r"[A-Z]{2}", t) for t in texts if t):
        return False  # Namibia among two-letter country codes
    return folded in MISSING


def _native(raw: pd.Series, name: str) -> Column:
    if raw.dtype.kind == "M":
        zone = getattr(raw.dt, "tz", None)
        values = (raw if zone is None else raw.dt.tz_convert("UTC").dt.tz_localize(None)).reset_index(drop=True)
        midnight = bool((values.dropna() == values.dropna().dt.normalize()).all())
        notes = [] if zone is None or str(zone) == "UTC" else ["times are converted to UTC"]
        return Column(values, "date" if midnight else "datetime", notes=notes)
    values = raw.reset_index(drop=True).astype("float64") if raw.dtype.kind == "f" else raw.reset_index(drop=True)
    return _after_numbers(Column(values, "number"), name)


def _native_objects(raw: pd.Series, natives: list[object], name: str) -> Column | None:
    if all(isinstance(u, bool | np.bool_) for u in natives):
        return Column(raw.map({True: "true", False: "false"}).astype(object).reset_index(drop=True), "boolean")
    if any(isinstance(u, bool | np.bool_) for u in natives):
        return None
    if all(isinstance(u, int | float | np.number) for u in natives):
        return _after_numbers(Column(pd.to_numeric(raw).reset_index(drop=True), "number"), name)
    if all(hasattr(u, "isoformat") and hasattr(u, "year") for u in natives):
        return _native(pd.to_datetime(raw, errors="coerce"), name)
    return None


def _flags(texts: list[str], present: list[str]) -> Column | None:
    folded = {t.casefold() for t in present}
    if len(folded) == 2 and any(folded == set(pair) for pair in FLAG_PAIRS):
        return Column(pd.Series([None if _is_missing(t, texts) else t for t in texts], dtype=object), "boolean")
    return None


def _numbers(
    texts: list[str],
    present: list[str],
    given: dict[int, float],
    codes: np.ndarray,
    name: str,
    decimal: str | None,
    delimiter: str | None,
) -> Column | None:
    """``given`` holds the cells that are numbers already: how texts write theirs says nothing about them."""
    kept = [t for t in present if t.casefold() not in MISSING_AMONG_NUMBERS]
    if not kept or not any(ch.isdigit() for ch in kept[0] + kept[-1]):
        return None
    if any(re.fullmatch(r"0\d+", t) for t in kept):
        return None  # leading zeros: a code, not a quantity
    if all(re.fullmatch(r"(0[1-9]|1[0-2])\.(19|20)\d\d", t) for t in kept):
        return None  # 03.2026: a month
    texts, kept, marked = _without_marks(texts, kept)
    known = set(kept)
    written = [t for i, t in enumerate(texts) if t in known and i not in given]
    convention = decide_decimal(written, decimal, delimiter)
    if convention is None:
        return None
    mark, certain, unsure, notes = convention
    if mark == "." and all(_PLAIN.match(t) for t in written):
        numbers = [given[i] if i in given else float(t) if t in known else np.nan for i, t in enumerate(texts)]
        values, unit = pd.Series(numbers, dtype="float64"), None
    else:
        parsed = [(given[i], None) if i in given else _parse(t, mark) if t in known else None for i, t in enumerate(texts)]
        units = {p[1] for p in parsed if p is not None}
        bare = [p[0] for p in parsed if p is not None and p[1] is None]
        if len(units - {None}) > 1 or (units - {None} and any(bare)) or (bare and units - {None} - {"%"}):
            return None  # 0.2 among 10% may be 20%, or 0.2%: only nothing is the same in both
        values, unit = pd.Series([np.nan if p is None else p[0] for p in parsed], dtype="float64"), next(iter(units - {None}), None)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    present_set = {*present, *kept}
    empty = values.isna().to_numpy()
    unread = [i for i in np.flatnonzero(empty) if texts[i] in present_set]
    bad = int(sum(counts[i] for i in unread if texts[i].casefold() not in MISSING_AMONG_NUMBERS))
    good = int(counts[values.notna().to_numpy()].sum())
    if not good or bad > TOLERATED * (good + bad):
        return None
    column = Column(values, "number", unit=unit, decimal=mark if certain else None, notes=[*notes, *marked])
    if turned := next((t for t in kept if t.endswith("-") and (p := _parse(t, mark)) is not None and p[0] < 0), None):
        column.notes.append(f"a minus behind a number is read as one before it ({turned!r})")
    if unsure is not None:
        column.unsure = f"`{name}` can be read in two ways: {unsure}"
        column.warnings.append(column.unsure)
    if bad:
        shown = ", ".join(repr(texts[i]) for i in unread[:3])
        are = "cell is no number and counts" if bad == 1 else "cells are not numbers and count"
        column.warnings.append(f"`{name}`: {bad} {are} as missing ({shown})")
    return _after_numbers(column, name, counts)


def _without_marks(texts: list[str], kept: list[str]) -> tuple[list[str], list[str], list[str]]:
    """All cells and those that are ``kept`` without the marks of notes behind their numbers, and what is said of them.

    Only where most have none: 10² among others of its kind is 100.
    """
    marked = {t: shorter for t in kept if not t[-1].isdecimal() and (shorter := _MARK.sub("", t)) != t}
    if not 0 < 2 * len(marked) <= len(kept) or not any(t.isascii() and t[-1].isdecimal() for t in kept if t not in marked):
        return texts, kept, []
    note = f"marks of notes behind numbers are left out ({next(iter(marked))!r})"
    return [marked.get(t, t) for t in texts], [marked.get(t, t) for t in kept], [note]


def _in_the_way(texts: list[str], present: list[str], codes: np.ndarray, name: str) -> list[str]:
    """What to say of a column that would hold numbers but for a few cells: the first of them. Nothing of any other text."""
    counts = dict(zip(texts, np.bincount(codes[codes >= 0], minlength=len(texts)).tolist(), strict=True))
    cells = [t for t in present if t.casefold() not in MISSING_AMONG_NUMBERS]
    read = {t: _parse(t, ".") or _parse(t, ",") for t in cells}
    usual: dict[str | None, int] = {}
    for text, parsed in read.items():
        if parsed is not None:
            usual[parsed[1]] = usual.get(parsed[1], 0) + counts[text]
    unit = max(usual, key=lambda u: usual[u], default=None)
    odd = [t for t in cells if (parsed := read[t]) is None or parsed[1] != unit]
    if not usual or not odd or 2 * usual[unit] <= sum(counts[t] for t in cells):
        return []
    shown = ", ".join(f'"{t[:30]}"' for t in odd[:3])
    return [f"`{name}` is read as text: most of its cells are plain numbers{f' in {unit}' if unit else ''}, but not {shown}"]


def _dates_in_the_way(texts: list[str], present: list[str], codes: np.ndarray, name: str) -> list[str]:
    """The same for a column that would hold dates: one cell of each of its first forms."""
    counts = dict(zip(texts, np.bincount(codes[codes >= 0], minlength=len(texts)).tolist(), strict=True))
    if not any(form_of(t) for t in present[:20]):
        return []
    forms = {t: form_of(t) for t in present}
    if 2 * sum(counts[t] for t in present if forms[t]) <= sum(counts[t] for t in present):
        return []
    first = {form: t for t, form in reversed(forms.items())}
    shown = ", ".join(f'"{t[:30]}"' for t in present if first[forms[t]] == t)
    return [f"`{name}` is read as text: most of its cells are dates, but not all in one form ({shown})"]


def _parse(text: str, mark: str) -> tuple[float, str | None] | None:
    """The number and its unit, or ``None``. Brackets around a number make it negative, wherever the currency stands: ``$(5)``."""
    found = _CELL.match(_MONEY_BEFORE_BRACKET.sub(r"(\g<money>", text))
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    whole, _, decimals = found["num"].strip().partition(mark)
    if not _GROUPED.match(whole) or (decimals and not decimals.isalnum() and not _EXPONENT.match(decimals)):
        return None
    digits = re.sub(rf"[.,{_APART}]", "", whole) + ("." + decimals if decimals else "")
    try:
        number = float(digits)
    except ValueError:
        return None
    if found["back"] and (found["sign"] or found["open"] or found["num"][0] in "+-"):
        return None
    if found["sign"] == "-" or found["open"] or found["back"]:
        number = -number
    symbol = found["pre"] or found["post"]
    if symbol is None:
        return number, None
    return number, CURRENCIES.get(symbol.casefold(), symbol.upper() if symbol.upper() in CODES else symbol)


Convention = tuple[str, bool, str | None, list[str]]
"""(the decimal mark, whether the cells tell it, why it may be the other one, what was assumed)"""


def decide_decimal(texts: list[str], hint: str | None, delimiter: str | None) -> Convention | None:
    """The decimal mark of a column; ``None`` where two conventions contradict each other."""
    votes = {".": 0, ",": 0}
    dotted = commaed = plain = 0
    for text in texts[:5000]:
        body = _NO_MARK.sub("", text)
        dots, commas = body.count("."), body.count(",")
        if dots and commas:
            votes["." if body.rfind(".") > body.rfind(",") else ","] += 1
        elif dots > 1:
            votes[","] += 1
        elif commas > 1:
            votes["."] += 1
        elif dots or commas:
            before, _, after = body.partition("." if dots else ",")
            if len(after) != 3 or len(before) > 3 or before in ("", "0"):
                votes["." if dots else ","] += 1
            elif dots:
                dotted += 1
            else:
                commaed += 1
        else:
            plain += 1
    if votes["."] and votes[","]:
        mark = next((a for a, b in ((".", ","), (",", ".")) if votes[a] > 30 * votes[b]), None)
        return (mark, True, None, []) if mark else None
    if votes["."] or votes[","]:
        return "," if votes[","] else ".", True, None, []
    if not dotted and not commaed:
        return hint or ".", False, None, []
    if dotted and commaed:
        return None
    example = next(t for t in texts if "." in t or "," in t)
    return _ambiguous(dotted or commaed, plain, hint, delimiter, "." if dotted else ",", example)


def _ambiguous(count: int, plain: int, hint: str | None, delimiter: str | None, mark: str, example: str) -> Convention:
    """Every number has exactly three digits after its only mark: 1.234 may be 1234.

    A semicolon between the cells says that the file is not plain English, and no more: which of the two is meant stays open.
    """
    other = "," if mark == "." else "."
    unsure = None
    if hint:
        chosen = hint
    elif plain and count >= 5:
        chosen = other
    elif delimiter == ";":
        chosen = mark
        unsure = (
            f"{example} may be {example.replace(mark, '')} or {example.replace(mark, '.')}, and nothing in the file tells which; "
            f"write such numbers without a thousands separator or with another number of decimals, and give the file again"
        )
    else:
        chosen = "."
    role = "decimal mark" if chosen == mark else "thousands separator"
    return chosen, False, unsure, [f"`{mark}` is read as {role}"]


def _after_numbers(column: Column, name: str, counts: np.ndarray | None = None) -> Column:
    """Integers where all are whole; infinities and sentinels such as -999 become missing, and that is said.

    ``counts``: in how many cells each of the values stands; without it each is one cell.
    """
    values = column.values
    if values.dtype.kind == "f":
        infinite = np.isinf(values.to_numpy())
        if infinite.any():
            values = values.where(~infinite)
            endless = int(infinite.sum())
            column.warnings.append(f"`{name}`: {endless} infinite {'value counts' if endless == 1 else 'values count'} as missing")
    low = values.min()
    if low in SENTINELS:
        rest = values[values != low]
        if len(rest.dropna()) and rest.min() > low / 4:
            lowest = (values == low).to_numpy()
            held = int(lowest.sum() if counts is None else counts[lowest].sum())
            hold = "cell holds" if held == 1 else "cells hold"
            column.warnings.append(f"`{name}`: {held} {hold} {low:g}, which is read as a missing marker")
            values = values.where(values != low)
    present = values.dropna()
    whole = bool(len(present)) and bool((present == np.floor(present)).all()) and bool((present.abs() < 2**53).all())
    column.kind = "empty" if not len(present) else "integer" if whole and column.unit != "%" else "number"
    if whole and values.dtype.kind == "f" and len(present) == len(values):
        values = values.astype("int64")
    column.values = values
    return column


def _dates(texts: list[str], present: list[str], codes: np.ndarray, name: str, order: str | None) -> Column | None:
    missing = set(texts) - set(present)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    cells = [None if t in missing or t.casefold() in MISSING_AMONG_NUMBERS else t for t in texts]
    read = read_dates(cells, name, counts, TOLERATED, order)
    if read is None:
        return None
    return Column(read.values, read.kind, grain=read.grain, order=read.order, unsure=read.unsure, notes=read.notes, warnings=read.warnings)
