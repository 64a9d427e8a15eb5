"""Finds rows that are sums of others, wherever they stand in a table: counted with them, they count everything twice.

Totals at the end of a table are left out by ``grids.drop_below``, whatever they come to. One between the rows is left out where its name
and its figures say so; where only its name does, that is said.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from cells import clean, type_column
from delimited import RawTable

MANY = 2_000
"""Rows called a total past which they are none: a table of nothing else is one of totals."""
MOST = 5_000_000
"""Totals times rows up to which each is looked into, which takes seconds."""
LOOK = 8
"""Columns from the left in which names are looked for."""
_HINT = re.compile(r"total|summe|ergebnis", re.IGNORECASE)
_WORD = r"(?:(?:sub|grand )?totals?|zwischensumme|teilergebnis|ergebnis|summe|sous-total|subtotale?|totale|gesamt(?:total|summe|ergebnis))"
_NAMED = re.compile(rf"^(?:(?P<before>\S.*?)[ :,-]+{_WORD}|{_WORD}[ :,-]+(?P<behind>\S.*?))[ :.]*$", re.IGNORECASE)
_BARE = re.compile(rf"^{_WORD}[ :.]*$", re.IGNORECASE)


def without_subtotals(raw: RawTable, delimiter: str | None) -> RawTable:
    """The table without the rows that are sums of others, which is said; the same table where there are none, or only a sample of it."""
    found = _named_totals(raw.frame)
    if not found or len(found) > MANY:
        return raw
    figures = _figures(raw.frame, delimiter)
    totals = np.zeros(len(raw.frame), dtype=bool)
    totals[list(found)] = True
    sums: list[int] = []
    if not raw.sampled and len(found) * len(raw.frame) <= MOST:
        sums = [row for row in found if not _is_member(row, found, raw.frame) and _is_sum(row, found, figures, totals, raw.frame)]
    names = [clean(str(raw.frame.iat[row, found[row][0]])) for row in found]
    called = dict(zip(found, names, strict=True))
    left = [row for row in found if row not in sums]
    if sums:
        shown = _shown([called[row] for row in sums])
        raw.notes.append(f"{_rows(len(sums))} left out that {'is a sum' if len(sums) == 1 else 'are sums'} of others ({shown})")
        raw.frame = raw.frame.drop(index=sums).reset_index(drop=True)
        raw.rows -= len(sums)
    raw.called_totals += [(str(raw.frame.columns[found[row][0]]), called[row]) for row in left]
    return raw


def told_totals(called: list[tuple[str, str]]) -> list[str]:
    """What to say of the rows that are called a total and were kept, each by its column and its name."""
    if not called:
        return []
    shown = _shown([name for _, name in called])
    return [f"{_rows(len(called))} called a total ({shown}) {'counts' if len(called) == 1 else 'count'} as any other row"]


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count > 1)}"


def _shown(names: list[str]) -> str:
    return ", ".join(repr(name[:60]) for name in list(dict.fromkeys(names))[:3])


def _whose(text: str, known: set[str]) -> str | None:
    """Whose total this is by its name, empty for one that says no more than that; ``None`` for no name of a total."""
    if _BARE.match(text):
        return ""
    named = _NAMED.match(text) if len(text) <= 120 else None
    whose = (named["before"] or named["behind"]).casefold() if named else None
    return whose if whose in known else None


def _named_totals(frame: pd.DataFrame) -> dict[int, tuple[int, str | None]]:
    """Each row that is called a total -> (the column that says so, whose total it is by name). "Net total" of no "Net" is a name."""
    found: dict[int, tuple[int, str | None]] = {}
    for place in range(min(frame.shape[1], LOOK)):
        cells = frame.iloc[:, place]
        if cells.dtype.kind in "iufMb":
            continue
        texts = [c for c in cells.unique() if isinstance(c, str)]
        hinted = [c for c in texts if _HINT.search(c)]
        if not 0 < len(hinted) <= MANY:
            continue
        known = {clean(c).casefold() for c in texts}
        named = {c: whose for c in hinted if (whose := _whose(clean(c), known)) is not None}
        for row in np.flatnonzero(cells.isin(list(named)).to_numpy(dtype=bool))[: MANY + 1].tolist() if named else ():
            found.setdefault(row, (place, named[cells.iat[row]] or None))
    return dict(sorted(found.items()))


def _is_member(row: int, found: dict[int, tuple[int, str | None]], frame: pd.DataFrame) -> bool:
    """Whether "total" is a value like others here, as of sex in a table by country and sex: it recurs, and its rows lack nothing."""
    place, whose = found[row]
    recurs = sum(other == (place, None) for other in found.values()) > 1
    return whose is None and recurs and all(clean(c) if isinstance(c, str) else pd.notna(c) for c in frame.iloc[row])


def _figures(frame: pd.DataFrame, delimiter: str | None) -> list[np.ndarray]:
    """The columns of numbers."""
    columns = [type_column(frame.iloc[:, place], str(frame.columns[place]), delimiter=delimiter) for place in range(frame.shape[1])]
    return [column.values.to_numpy(dtype=float) for column in columns if column.kind in ("integer", "number")]


def _is_sum(row: int, found: dict[int, tuple[int, str | None]], figures: list[np.ndarray], totals: np.ndarray, frame: pd.DataFrame) -> bool:
    """Whether a figure of the row is the sum of the rows that it may be of: those before it, those behind it, those of its name, or all."""
    place, whose = found[row]
    alike = [other for other in found if found[other][0] == place and other != row]
    after = max((other for other in alike if other < row), default=-1) + 1
    until = min((other for other in alike if other > row), default=len(totals))
    positions = np.arange(len(totals))
    blocks = [(positions >= after) & (positions < row), (positions > row) & (positions < until), positions >= 0]
    if whose is not None:
        named = frame.iloc[:, place].map(lambda c: clean(c).casefold() == whose if isinstance(c, str) else False).to_numpy(dtype=bool)
        blocks = [named, *blocks[:2]]
    for block in blocks:
        rows = block & ~totals
        compared = [(values[row], values[rows]) for values in figures if np.isfinite(values[row]) and values[row]]
        agree = [bool(np.isclose(np.nansum(others), own, rtol=1e-6, atol=0)) for own, others in compared if np.isfinite(others).any()]
        if any(agree) if rows.sum() > 1 else agree and all(agree):  # one row has the same year as another without being its sum
            return True
    return False
