"""Reads the sheets of an XLSX workbook; refuses zip bombs before anything is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence

import pandas as pd
from delimited import RawTable
from grids import drop_below, find_layout, text_of
from sniffing import Unreadable

MAX_UNPACKED = 600_000_000
"""Bytes of XML. An honest sheet of a million rows and ten columns has about 500 MB."""
MAX_RATIO = 200
"""Deflate reaches about 1,000; sheets of real figures reach 5 to 30, of repeated ones 100."""
SMALL = 20_000_000
MAX_CELLS = 12_000_000
RESAVE = "Save it again, or export the sheet as CSV."


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
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        for sheet in book.worksheets:
            if only is not None and sheet.title != only:
                continue
            rows = _grid(sheet)
            if len([r for r in rows if r]) < 2:
                if any(rows):
                    warnings.append(f"the sheet `{sheet.title}` holds no table")
                continue
            tables.append(_table(sheet.title, rows))
            if sheet.sheet_state != "visible":
                tables[-1].notes.append("the sheet is hidden in the workbook")
        book.close()
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, zipfile.LargeZipFile, TypeError, AttributeError, SyntaxError) as broken:
        raise Unreadable(f"the workbook cannot be read ({type(broken).__name__}: {str(broken)[:150]})", RESAVE) from broken
    if not tables:
        if _has_formulas(path):
            raise Unreadable(
                "the workbook holds formulas without stored results", "Open it in a spreadsheet program, save it, and give it again."
            )
        raise Unreadable("the workbook holds no table", "Check which file was exported.")
    return tables, warnings


def _grid(sheet: object) -> list[list[object]]:
    """The sheet's rows without empty cells at their ends; percentages become figures in per cent."""
    sheet.reset_dimensions()
    rows: list[list[object]] = []
    cells = 0
    for row in sheet.iter_rows():
        values = [_value(cell) for cell in row]
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
    margin = min((next(i for i, v in enumerate(r) if v is not None) for r in rows if r), default=0)
    return [r[margin:] for r in rows]


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


def _table(name: str, rows: list[list[object]]) -> RawTable:
    layout = find_layout(rows)
    width = len(layout.names)
    data = rows[layout.first :]
    gap = next((i for i, r in enumerate(data) if not r and i > 1), None)
    if gap is not None and (second := _second_table(data, gap, width)) is not None:
        layout.warnings.append(f"a second table begins in row {layout.first + second + 1} of the sheet and was not read")
        data = data[:gap]
    if any(len(r) > width for r in data):
        layout.warnings.append("cells to the right of the header were left out")
    body: list[Sequence[object]] = [(r + [None] * width)[:width] for r in data if any(text_of(c) for c in r[:width])]
    body = drop_below(body, layout.notes)
    columns = list(zip(*body, strict=True)) if body else [()] * width
    frame = pd.DataFrame({i: pd.Series(list(c), dtype=object) for i, c in enumerate(columns)}).set_axis(layout.names, axis=1)
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


def _has_formulas(path: str) -> bool:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            if entry.startswith("xl/worksheets/sheet"):
                with archive.open(entry) as part:
                    if b"<f>" in part.read(2_000_000):
                        return True
    return False
