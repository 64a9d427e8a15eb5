"""Reads the sheets of an XLSX workbook; refuses zip bombs before anything is unpacked."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import pandas as pd
from dates import is_year
from delimited import RawTable
from grids import Layout, drop_below, find_layout, tell_apart, text_of
from sniffing import Unreadable

MAX_UNPACKED = 600_000_000
"""Bytes of XML. An honest sheet of a million rows and ten columns has about 500 MB."""
MAX_RATIO = 200
"""Deflate reaches about 1,000; sheets of real figures reach 5 to 30, of repeated ones 100."""
SMALL = 20_000_000
MAX_CELLS = 12_000_000
RESAVE = "Save it again, or export the sheet as CSV."
RECALCULATE = "Open it in a spreadsheet program, save it, and give it again."
_CHUNK = 4_000_000
_LONGEST_CELL = 40_000
"""Bytes of XML: a formula has at most 8,192 characters."""
_WITHOUT_RESULT = re.compile(rb'<c\b(?![^>]*\bt="str")[^>]*>\s*<f\b[^<]*(?:/>|</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>')
"""A formula as programs store it that do not calculate. The result of a calculated one may be an empty text (``t="str"``)."""
_MERGED = re.compile(rb'<mergeCell\b[^>]*?\bref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')

_HIDDEN = re.compile(rb'<row\b[^>]*?\bhidden="(?:1|true)"[^>]*>')
_NUMBER_OF_ROW = re.compile(rb'\br="(\d+)"')


class _Uncalculated(str):
    """Stands for the figure that a formula without a stored result would give."""

    __slots__ = ()


def check_bomb(path: str) -> None:
    """``Unreadable`` where unpacking would fill the memory. ``zipfile`` never unpacks more than the directory declares."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as broken:
        raise Unreadable(f"the workbook is damaged ({broken})", RESAVE) from broken
    total = sum(e.file_size for e in entries)
    packed = sum(e.compress_size for e in entries)
    if len(entries) > 5_000:
        raise Unreadable(f"the workbook holds {len(entries):,} parts", "Save the sheet that is needed as CSV.")
    if total > MAX_UNPACKED or (total > SMALL and total > MAX_RATIO * max(packed, 1)):
        raise Unreadable(
            f"the workbook would unpack to {total / 1e6:,.0f} MB from {packed / 1e6:,.1f} MB", "Save the sheet that is needed as CSV."
        )
    if any(e.flag_bits & 1 for e in entries):
        raise Unreadable("the workbook is protected by a password", "Save a copy without a password.")


def read_workbook(path: str, only: str | None) -> tuple[list[RawTable], list[str]]:
    """(one table a sheet that holds one, warnings). ``only`` names the one sheet that is wanted."""
    import openpyxl

    check_bomb(path)
    tables, warnings = [], []
    uncalculated = 0
    try:
        with ExitStack() as stack:
            book = stack.enter_context(closing(openpyxl.load_workbook(path, read_only=True, data_only=True)))
            formulas = None
            if _holds_uncalculated(path):
                formulas = stack.enter_context(closing(openpyxl.load_workbook(path, read_only=True)))
            for sheet in book.worksheets:
                if only is not None and sheet.title != only:
                    continue
                rows = _grid(sheet, formulas[sheet.title] if formulas else None)
                if len([r for r in rows if r]) < 2:
                    if any(rows):
                        warnings.append(f"the sheet `{sheet.title}` holds no table")
                    continue
                found = _table(sheet.title, rows, *_merged_and_hidden(path, sheet))
                if where := _uncalculated_in(found):
                    uncalculated += 1
                    warnings.append(f"the sheet `{sheet.title}` was not read: {where} holds formulas without stored results. {RECALCULATE}")
                    continue
                tables.append(found)
                if sheet.sheet_state != "visible":
                    tables[-1].notes.append("the sheet is hidden in the workbook")
    except (
        LookupError,
        ValueError,
        ArithmeticError,
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        TypeError,
        AttributeError,
        SyntaxError,
    ) as broken:
        raise Unreadable(f"the workbook cannot be read ({type(broken).__name__}: {str(broken)[:150]})", RESAVE) from broken
    if not tables:
        if uncalculated:
            raise Unreadable("the workbook holds formulas without stored results", RECALCULATE)
        raise Unreadable("the workbook holds no table", "Check which file was exported.")
    return tables, warnings


def _rows(sheet: object, formulas: object | None) -> Iterator[list[object]]:
    """The values of each row; where ``formulas`` shows one that has no result, what stands for it."""
    sheet.reset_dimensions()
    if formulas is None:
        yield from ([_value(cell) for cell in row] for row in sheet.iter_rows())
        return
    formulas.reset_dimensions()
    for row, written in zip(sheet.iter_rows(), formulas.iter_rows(), strict=True):
        pairs = zip(row, written, strict=True)
        yield [_Uncalculated("0") if c.value is None and w.data_type == "f" else _value(c) for c, w in pairs]


def _uncalculated_in(table: RawTable) -> str:
    """The first column of figures that formulas without results would give; empty where there is none."""
    return next((f"`{name}`" for name, cells in table.frame.items() if any(isinstance(c, _Uncalculated) for c in cells)), "")


def _grid(sheet: object, formulas: object | None) -> list[list[object]]:
    """The sheet's rows without empty cells at their ends; percentages become figures in per cent."""
    rows: list[list[object]] = []
    cells = 0
    for values in _rows(sheet, formulas):
        while values and values[-1] is None:
            values.pop()
        cells += len(values)
        if cells > MAX_CELLS:
            raise Unreadable(
                f"the sheet `{sheet.title}` has more than {MAX_CELLS:,} cells", "Save it as CSV or Parquet, which can be sampled."
            )
        rows.append(values)
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _merged_and_hidden(path: str, sheet: object) -> tuple[list[tuple[int, int, int]], set[int]]:
    """What rows alone do not tell, counted from 0: the cells that are merged over several rows, and the rows that are hidden.

    Of each merged cell (the column that holds the value, first row, last row).
    """
    from openpyxl.utils import range_boundaries

    found: list[tuple[int, int, int]] = []
    hidden: set[int] = set()
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path) as part:
        held = b""
        while chunk := part.read(_CHUNK):
            held += chunk
            for match in _MERGED.finditer(held):
                column, first, _, last = range_boundaries(match[1].decode())
                if last > first:
                    found.append((column - 1, first - 1, last - 1))
            hidden.update(int(number[1]) - 1 for row in _HIDDEN.finditer(held) if (number := _NUMBER_OF_ROW.search(row[0])))
            held = held[-1000:].rpartition(b">")[2]
    return found, hidden


def _spread_merged(rows: list[list[object]], merged: list[tuple[int, int, int]], layout: Layout) -> None:
    """Write a text, a day or a year that is merged over several rows into each of them, which is said. A figure stays one figure."""
    filled: dict[str, None] = {}
    years = {p for p in {m[0] for m in merged} if p < len(layout.names) and _holds_years(rows[layout.first :], p, layout.names[p])}
    for column, first, last in merged:
        if first < layout.first or column >= len(layout.names) or first >= len(rows) or column >= len(rows[first]):
            continue
        value = rows[first][column]
        if not (isinstance(value, str) or hasattr(value, "isoformat") or column in years):
            continue
        for row in rows[first + 1 : last + 1]:
            row += [None] * (column + 1 - len(row)) if any(c is not None for c in row) else []
            if column < len(row) and row[column] is None:
                row[column] = value
                filled[layout.names[column]] = None
    if filled:
        layout.notes.append(f"what is merged over several rows holds for each of them ({', '.join(f'`{name}`' for name in filled)})")


def _holds_years(rows: list[list[object]], place: int, name: str) -> bool:
    numbers = [row[place] for row in rows if place < len(row) and isinstance(row[place], int | float)]
    return bool(numbers) and is_year(pd.Series(numbers), name)


def _value(cell: object) -> object:
    value = cell.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | int) and "%" in (cell.number_format or ""):
        return f"{round(value * 100, 10):.10g}%"
    if isinstance(value, str):
        return value.strip() or None
    if hasattr(value, "hour") and not hasattr(value, "year"):
        return value.isoformat()
    return value


def _table(name: str, rows: list[list[object]], merged: list[tuple[int, int, int]], hidden: set[int]) -> RawTable:
    margin = min((next(i for i, v in enumerate(r) if v is not None) for r in rows if r), default=0)
    rows = [r[margin:] for r in rows]
    layout = find_layout(rows)
    _spread_merged(rows, [(column - margin, first, last) for column, first, last in merged if column >= margin], layout)
    width = len(layout.names)
    data = rows[layout.first :]
    gap = next((i for i, r in enumerate(data) if not r and i > 1), None)
    if gap is not None and (second := _second_table(data, gap, width)) is not None:
        layout.warnings.append(f"a second table begins in row {layout.first + second + 1} of the sheet and was not read")
        data = data[:gap]
    if unseen := sum(
        at - layout.first < len(data) and any(text_of(c) for c in rows[at]) for at in hidden if layout.first <= at < len(rows)
    ):
        are, count = ("row is", "counts") if unseen == 1 else ("rows are", "count")
        layout.warnings.append(f"{unseen} {are} hidden in the workbook (by a filter, or folded away) and {count} as any other")
    if any(len(r) > width for r in data):
        layout.warnings.append("cells to the right of the header were left out")
    body: list[Sequence[object]] = [(r + [None] * width)[:width] for r in data if any(text_of(c) for c in r[:width])]
    body = drop_below(body, layout.notes)
    columns = list(zip(*body, strict=True)) if body else [()] * width
    frame = pd.DataFrame({i: pd.Series(list(c), dtype=object) for i, c in enumerate(columns)}).set_axis(layout.names, axis=1)
    frame = tell_apart(frame, layout)
    units = {layout.names[i]: u for i, u in layout.units.items() if i < width}
    return RawTable(name, frame, len(frame), units=units, notes=layout.notes, warnings=layout.warnings)


def _second_table(data: list[list[object]], gap: int, width: int) -> int | None:
    """The row behind an empty one in which another header begins, if there is one: texts only, where figures stood, then figures."""
    for index in range(gap + 1, min(gap + 6, len(data) - 1)):
        present = [c for c in data[index] if c is not None]
        if len(present) < 2 or not all(isinstance(c, str) for c in present):
            continue
        above, below = data[gap - 1], data[index + 1]
        figures = any(isinstance(c, int | float) for c in below) and len(below) >= 2
        same = [isinstance(a, str) for a in above[:width]] == [isinstance(a, str) for a in data[index][:width]]
        if figures and not same:
            return index
    return None


def _holds_uncalculated(path: str) -> bool:
    """Whether a formula of any sheet has no stored result."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            if not entry.startswith("xl/worksheets/") or not entry.endswith(".xml"):
                continue
            with archive.open(entry) as part:
                held = b""
                while chunk := part.read(_CHUNK):
                    held += chunk
                    if _WITHOUT_RESULT.search(held):
                        return True
                    held = held[-_LONGEST_CELL:]
    return False
