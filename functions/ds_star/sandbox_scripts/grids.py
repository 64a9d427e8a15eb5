"""Finds the table in a grid of cells: titles above it, its header (one or two rows), a row of units, totals and notes below it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
from cells import MISSING, clean

LOOK = 60
"""Rows looked at from the top when the header is sought."""
TOTAL = re.compile(
    r"^(grand |sub)?(total|totals|sum|overall|all|insgesamt|gesamt|gesamttotal|summe|somme|total général|totale|suma)\b[ :.]*$",
    re.IGNORECASE,
)
NOTE = re.compile(
    r"^(source|sources|quelle|quellen|note|notes|anmerkung|remarque|\*|_{3,}$|-{4,}$|={3,}$|\(?\d\)|©|stand|last updated|"
    r"data from|fuente|fonte)",
    re.IGNORECASE,
)
YEAR = re.compile(r"(18|19|20)\d{2}")
_DAY = re.compile(r"\d{1,2}[./]\d{1,2}[./](?:19|20)\d\d|(?:19|20)\d\d-\d\d(?:-\d\d)?")
_NUMBERLIKE = re.compile(r"^[(+-]?\s*[^\w\s(+-]{0,3}\s*\d[\d.,'’‘ʼ´`′＇٬ :/%–—-]*\)?\s*[%€$£]?$")
_UNIT = re.compile(
    r"^[\[(]?(°\s?[CFK]|[munkhdcM]?[mglLJWVAsPt]|k?Pa|hPa|km²?|m[²³23]|ha|h|min|sec?|days?|years?|yrs?|km/h|m/s|mm/h|kWh|MWh|GWh|W/m²?|%|‰|ppm|ppb|µg/m[³3]|mg/l|"
    r"CHF|EUR|USD|GBP|€|\$|£|(in )?(1'?000|1,000|thousands?|millions?|mio\.?|mrd\.?)( CHF| EUR| USD| €| t)?|"
    r"persons?|people|number|count|n|t|kg|g|"
    r"yyyy-mm-dd|dd\.mm\.yyyy|-|–|text|string)[\])]?$"
)


@dataclass
class Layout:
    """Where the table stands in the grid: ``header`` names, the first data row, what was left out above."""

    names: list[str]
    first: int
    units: dict[int, str] = field(default_factory=dict)
    doubled: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of columns whose name the header has more than once: what each is called here -> (its name in the header, its place from 1)."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def text_of(cell: object) -> str:
    """A cell as text; a missing one is empty."""
    if cell is None or (isinstance(cell, float) and cell != cell):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return clean(cell) if isinstance(cell, str) else str(cell)


def is_numberlike(cell: object) -> bool:
    """A number or a date, as it is or as text."""
    if cell is None or isinstance(cell, str):
        text = text_of(cell)
        return bool(_NUMBERLIKE.match(text))
    return True


def find_layout(rows: Sequence[Sequence[object]]) -> Layout:
    """The table's layout from its first rows (as many as there are, ``LOOK`` suffice and some data)."""
    filled = [sum(1 for cell in row if text_of(cell)) for row in rows]
    widths = Counter(f for f in filled if f)
    if not widths:
        return Layout([], 0)
    usual = max(widths, key=lambda w: (widths[w] * min(w, 4), w))
    header = _header_row(rows, filled, usual)
    notes = []
    if header is None:
        first = next(i for i, f in enumerate(filled) if f)
        width = max(len(r) for r in rows)
        return Layout([f"column_{i + 1}" for i in range(width)], first, notes=["the table has no header; columns are numbered"])
    above = [" ".join(text_of(c) for c in rows[i] if text_of(c)) for i in range(header) if filled[i]]
    names = [text_of(c) for c in rows[header]]
    group = header - 1
    if header and _is_group_row(rows[group], filled[group], names):
        names = _merge(rows[group], names)
        above = above[:-1]
        notes.append("the header has two rows, which are joined")
    if above:
        shown = above[0][:80]
        notes.append(f"{len(above)} line{'s' * (len(above) > 1)} above the header left out ({shown!r})")
    names[0] = names[0].lstrip("#").strip()
    layout = Layout(names, header + 1, notes=notes)
    _name_all(layout, rows[header + 1 : header + 40])
    _units_row(layout, rows)
    return layout


def _header_row(rows: Sequence[Sequence[object]], filled: list[int], usual: int) -> int | None:
    for index in range(min(LOOK, len(rows))):
        cells = [text_of(c) for c in rows[index]]
        present = [c for c in cells if c]
        index_unnamed = usual == 2 and len(cells) == 2 and not cells[0] and bool(cells[1]) and not is_numberlike(cells[1])
        if not present or len(present) < max(1, 0.6 * usual - 1) or (usual > 1 and len(present) < 2 and not index_unnamed):
            continue
        if len(present) < usual and _fuller_header(rows, filled, index, usual):
            continue
        below = [rows[i] for i in range(index + 1, min(index + 30, len(rows))) if filled[i]]
        numbers = [c for c in present if is_numberlike(c) and not YEAR.fullmatch(c)]
        if usual > len(numbers) and _are_days(cells, below):
            numbers = []
        if not numbers:
            return index if not _is_group_row(rows[index], filled[index], _next_texts(rows, index)) else index + 1
        if len(numbers) == len(present) or not below:
            return None
        data = sum(is_numberlike(c) for row in below for c in row if text_of(c)) / max(
            1, sum(1 for row in below for c in row if text_of(c))
        )
        if len(numbers) / len(present) > 0.6 * data:
            return None
        return index
    return None


def _are_days(cells: list[str], below: Sequence[Sequence[object]]) -> bool:
    """Whether the row names columns by days: each of its cells behind the first is one, and figures stand below, no days."""
    under = [text_of(c) for row in below for c in row[1 : len(cells)] if text_of(c)]
    return (
        len(cells) > 1
        and not is_numberlike(cells[0])
        and all(_DAY.fullmatch(c) for c in cells[1:])
        and not any(_DAY.fullmatch(c) for c in under)
        and any(is_numberlike(c) for c in under)
    )


def _fuller_header(rows: Sequence[Sequence[object]], filled: list[int], index: int, usual: int) -> bool:
    """Whether a row soon below names all columns: texts (or years) in as many cells as rows have, over figures. Above it stand titles."""
    for at in range(index + 1, min(index + LOOK, len(rows) - 1)):
        names = [text_of(c) for c in rows[at]]
        if filled[at] < usual or any(is_numberlike(n) and not YEAR.fullmatch(n) for n in names if n):
            if filled[at] >= usual:
                return False
            continue
        below = [rows[i] for i in range(at + 1, min(at + 21, len(rows))) if filled[i] >= 0.6 * usual]
        return any(
            name and 2 * sum(place < len(r) and _is_figure(r[place]) for r in below) > len(below) > 0 for place, name in enumerate(names)
        )
    return False


def _is_figure(cell: object) -> bool:
    return bool(text_of(cell)) and is_numberlike(cell) and not YEAR.fullmatch(text_of(cell))


def _next_texts(rows: Sequence[Sequence[object]], index: int) -> list[str]:
    return [text_of(c) for c in rows[index + 1]] if index + 1 < len(rows) else []


def _is_group_row(row: Sequence[object], filled: int, names: list[str]) -> bool:
    """A row of merged group titles over the header: gaps in it, and below each gap a name that is no number."""
    cells = [text_of(c) for c in row]
    below = [n for n in names if n]
    if filled < 1 or filled >= len(below) or len(below) < 3 or any(is_numberlike(n) and not YEAR.fullmatch(n) for n in below):
        return False
    inner = [i for i, c in enumerate(cells[: len(names)]) if c]
    gaps = [i for i in range(inner[0], len(names)) if i >= len(cells) or not cells[i]] if inner else []
    repeated = len(set(below)) < len(below)
    return bool(gaps) and repeated and filled >= 2


def _merge(group: Sequence[object], names: list[str]) -> list[str]:
    merged, current = [], ""
    for index, name in enumerate(names):
        title = text_of(group[index]) if index < len(group) else ""
        current = title or current
        merged.append(f"{current} {name}".strip() if name and current else name or current)
    return merged


def _name_all(layout: Layout, below: Sequence[Sequence[object]]) -> None:
    """Give each column a name, and each a different one."""
    names = layout.names
    while names and not names[-1] and not any(len(row) >= len(names) and text_of(row[len(names) - 1]) for row in below):
        names.pop()
    widest = max((len(row) for row in below if any(text_of(c) for c in row)), default=0)
    rows_wider = [row for row in below if len(row) == len(names) + 1 and text_of(row[0])]
    if (
        names
        and widest == len(names) + 1
        and len(rows_wider) > 0.9 * len([r for r in below if any(text_of(c) for c in r)])
        and text_of(rows_wider[0][-1])
    ):
        names.insert(0, "row")
        layout.notes.append("the header has one name less than the rows have cells; the first column is called `row`")
    unnamed = 0
    for index, name in enumerate(names):
        if not name:
            names[index] = "row" if index == 0 and "row" not in names else f"column_{index + 1}"
            unnamed += 1
    if unnamed:
        layout.notes.append(f"{unnamed} column{'s' * (unnamed > 1)} without a name numbered")
    seen: Counter[str] = Counter()
    doubled = sorted(n for n, k in Counter(names).items() if k > 1)
    taken = set(names)
    titles = list(names)
    for index, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            while f"{name}_{seen[name]}" in taken:
                seen[name] += 1
            names[index] = f"{name}_{seen[name]}"
            taken.add(names[index])
    layout.doubled = {names[i]: (title, i + 1) for i, title in enumerate(titles) if title in doubled}


def tell_apart(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """The table with columns of one name called by their places too: none of them is *the* one of that name.

    Those that are equal cell by cell are one column.
    """
    for title in dict.fromkeys(t for t, _ in layout.doubled.values()):
        own = [n for n, (t, _) in layout.doubled.items() if t == title and n in frame]
        different: list[str] = []
        for name in own:
            if not any(frame[name].equals(frame[other]) for other in different):
                different.append(name)
        if len(different) < len(own):
            frame = frame.drop(columns=[n for n in own if n not in different])
            layout.notes.append(f"the header names `{title}` more than once, with the same cells below; it is read once")
        if len(different) < 2:
            continue
        places = {n: f"{title} (column {layout.doubled[n][1]})" for n in different}
        frame = frame.rename(columns=places)
        for name, placed in places.items():
            layout.names[layout.doubled[name][1] - 1] = placed
        shown = ", ".join(f"`{p}`" for p in list(places.values())[:5])
        layout.warnings.append(f"the header names `{title}` more than once; its columns are called by their places: {shown}")
    return frame


def _units_row(layout: Layout, rows: Sequence[Sequence[object]]) -> None:
    if layout.first >= len(rows):
        return
    cells = [text_of(c) for c in rows[layout.first]]
    present = [c for c in cells if c]
    if not present or any(is_numberlike(c) for c in present if c not in ("-", "–")):
        return
    matching = [c for c in present if _UNIT.match(c)]
    below = rows[layout.first + 1 : layout.first + 20]
    informative = [i for i, c in enumerate(cells) if _UNIT.match(c) and c not in ("-", "–", "text", "string")]
    numeric = [i for i in informative if any(i < len(r) and is_numberlike(r[i]) and text_of(r[i]) for r in below)]
    if len(matching) >= 0.6 * len(present) and numeric and len(numeric) >= 0.5 * len(informative):
        layout.units = {i: cells[i].strip("[]() ") for i in informative}
        layout.first += 1
        layout.notes.append("the row below the header is read as units")


def drop_below(rows: list[Sequence[object]], notes: list[str]) -> list[Sequence[object]]:
    """The rows without the totals and notes at the end; what was left out is said."""
    kept = list(rows)
    totals, remarks = [], []
    while kept and len(totals) + len(remarks) < 40:
        cells = [text_of(c) for c in kept[-1]]
        present = [c for c in cells if c]
        if not present:
            kept.pop()
        elif any(TOTAL.match(c) for c in cells[:2] if c) and any(is_numberlike(c) for c in present[1:]):
            totals.append(present[0])
            kept.pop()
        elif len(present) == 1 and cells[0] and len(cells) > 1 and (NOTE.match(cells[0]) or (len(cells) > 2 and len(cells[0]) > 25)):
            remarks.append(cells[0])
            kept.pop()
        else:
            break
    if totals:
        notes.append(f"the last row{'s' * (len(totals) > 1)} ({', '.join(repr(t) for t in reversed(totals))}) left out as totals")
    if remarks:
        notes.append(f"{len(remarks)} note{'s' * (len(remarks) > 1)} below the table left out ({remarks[-1][:80]!r})")
    return kept


def is_blank(cell: object) -> bool:
    """A cell that is empty or a marker for a missing value."""
    return text_of(cell).casefold() in MISSING
