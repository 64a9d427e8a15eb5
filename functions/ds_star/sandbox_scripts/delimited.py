"""Reads CSV, TSV and their relatives into a grid, counting what does not fit; large files are sampled evenly."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from grids import Layout, drop_below, find_layout, is_numberlike, tell_apart, text_of
from sniffing import BLOCK, Unreadable, detect_delimiter, detect_encoding, prime_from

csv.field_size_limit(10_000_000)
HEAD_LINES = 300
CHUNK = 50_000


@dataclass
class RawTable:
    """A table before its columns are typed. ``rows`` counts the rows of the file, of which ``frame`` may hold a sample."""

    name: str
    frame: pd.DataFrame
    rows: int
    sampled: int | None = None
    units: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    called_totals: list[tuple[str, str]] = field(default_factory=list)
    """Of each row that is called a total, and counts as any other: the column that says so, and the name."""


@dataclass
class TextFile:
    """A delimited file with what was found out about it."""

    table: RawTable
    encoding: str
    delimiter: str


def read_delimited(path: str, name: str, max_bytes: int) -> TextFile:
    """The one table of a delimited file. Raises ``Unreadable`` where rows and header do not fit each other."""
    encoding, notes, warnings = detect_encoding(path)
    head = _head(path, encoding)
    comments = 0
    while comments < len(head) and (not head[comments].strip() or re.match(r"\s*(#|//|%)", head[comments])):
        comments += 1
    body = head[comments:]
    if not body:
        raise Unreadable("the file holds comments only, no table", "Check the export and give the file again.")
    if found := re.match(r"sep=(.)\s*$", body[0]):
        delimiter, body, comments = found[1], body[1:], comments + 1
    else:
        delimiter = detect_delimiter(body[-200:] if len(body) > 20 else body, Path(path).suffix.lower())
    hidden = _commented_header(head[:comments], body, delimiter)
    if hidden:
        comments -= 1
        body = [hidden, *body]
    if said := sum(1 for line in head[:comments] if line.strip()):
        notes.append(f"{said} comment {'line' if said == 1 else 'lines'} above the header left out")
    grid = list(csv.reader(body, delimiter=delimiter))
    layout = find_layout(grid)
    if not layout.names:
        raise Unreadable("no table was found in the file", "Check the export and give the file again.")
    size = Path(path).stat().st_size
    step = 1 if size <= max_bytes else prime_from(-(-size // max_bytes))
    lines = _lines(path, encoding, comments, hidden) if step == 1 else _every(path, encoding, step, comments + layout.first - bool(hidden))
    quotes = _Quotes(lines)
    table = _rows(csv.reader(quotes, delimiter=delimiter), layout, name, quotes, skip=layout.first if step == 1 else 0)
    table.notes[:0] = notes
    table.warnings[:0] = warnings
    if step > 1:
        table.rows = max(_count_lines(path) - comments - layout.first, len(table.frame))
        table.sampled = len(table.frame)
        table.warnings.append(
            f"the file is too large to be read whole: {table.sampled:,} of about {table.rows:,} rows were read, spread evenly over it"
        )
    return TextFile(table, encoding, delimiter)


def _head(path: str, encoding: str) -> list[str]:
    with Path(path).open(encoding=encoding, errors="replace", newline="") as stream:
        text = stream.read(400_000)
        more = bool(stream.read(1))
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    if more and len(lines) > 1:
        lines = lines[:-1]
    return [line for line in lines[: HEAD_LINES + 200] if line]


def _commented_header(comments: list[str], body: list[str], delimiter: str) -> str | None:
    """The last comment line, if it splits into as many names as the rows have cells and the first row is already data."""
    if not comments or not re.match(r"\s*#", comments[-1]) or not body:
        return None
    names = next(csv.reader([comments[-1].lstrip("# ")], delimiter=delimiter))
    first = next(csv.reader([body[0]], delimiter=delimiter))
    fits = len(names) == len(first) > 1 and any(is_numberlike(c) for c in first) and not any(is_numberlike(n) for n in names)
    return comments[-1].lstrip("# ") if fits else None


def _lines(path: str, encoding: str, skip: int, first: str | None) -> Iterator[str]:
    if first:
        yield first
    with Path(path).open(encoding=encoding, errors="replace", newline="") as stream:
        for number, line in enumerate(_universal(stream)):
            if number >= skip + bool(first):
                yield line.replace("\x00", "")


def _universal(stream: io.TextIOBase) -> Iterator[str]:
    """Lines with any of the three line ends, also the old Macintosh one, which ``csv`` wants to have kept."""
    for line in stream:
        if "\r" in line[:-2]:
            yield from (part for part in re.split(r"(?<=\r)(?!\n)", line) if part)
        else:
            yield line


def _every(path: str, encoding: str, step: int, skip: int) -> Iterator[str]:
    """Every ``step``-th line behind the first ``skip``; ``step`` is a prime, so that it falls into no cycle of the rows."""
    if encoding.startswith(("utf-16", "utf-32")):
        with Path(path).open(encoding=encoding, errors="replace", newline="") as text:
            yield from (line for i, line in enumerate(text) if i >= skip and (i - skip) % step == 0)
        return
    number = 0
    rest = b""
    with Path(path).open("rb") as stream:
        while block := stream.read(BLOCK):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            start = skip - number if number < skip else (-(number - skip)) % step
            for line in lines[start::step] if start < len(lines) else ():
                yield line.decode(encoding, errors="replace") + "\n"
            number += len(lines)


def _count_lines(path: str) -> int:
    count = 0
    with Path(path).open("rb") as stream:
        while block := stream.read(BLOCK):
            count += block.count(b"\n")
    return count


class _Quotes:
    """The lines as they come; ``seen`` counts the quotes in them, from when it was set to 0."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.seen = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            if '"' in line:
                self.seen += line.count('"')
            yield line


def _rows(reader: object, layout: Layout, name: str, quotes: _Quotes, skip: int) -> RawTable:
    """The data rows as columns of texts. Rows of another width are left out and counted, or padded where many are short."""
    width = len(layout.names)
    parts: list[pd.DataFrame] = []
    kept: list[list[str]] = []
    long = total = read = first_long = line = swallowed = 0
    short: list[int] = []
    try:
        for number, row in enumerate(reader):
            # Of the last row: how many lines behind its first a quote holds that is open at the end.
            swallowed = reader.line_num - line - 1 if quotes.seen % 2 else 0
            line, quotes.seen = reader.line_num, 0
            if number < skip or not any(cell and not cell.isspace() for cell in row):
                continue
            total += 1
            if len(row) != width:
                if len(row) > width and any(text_of(cell) for cell in row[width:]):
                    long += 1
                    first_long = first_long or total
                    continue
                if len(row) < width:
                    short.append(read)
                row = (row + [""] * width)[:width]
            kept.append(row)
            read += 1
            if len(kept) >= 2 * CHUNK:
                parts.append(_frame(kept[:CHUNK], layout.names))
                kept = kept[CHUNK:]
    except csv.Error as broken:
        raise Unreadable(f"the file is malformed near row {total + 1} ({broken})", "Check the quotes of the file.") from broken
    if swallowed:
        lines = "line" if swallowed == 1 else f"{swallowed} lines"
        raise Unreadable(
            f"a quote that is opened in row {total} is never closed, and holds the {lines} behind it",
            "Close it, or take it out, and give the file again.",
        )
    if long > 0.5 * total:
        raise Unreadable(
            f"{long} of {total} rows have more cells than the header ({width})", "Check the delimiter and the quotes of the file."
        )
    data = drop_below(kept, layout.notes)
    total -= len(kept) - len(data)
    frame = pd.concat([*parts, _frame(data, layout.names)], ignore_index=True)
    short = [position for position in short if position < len(frame)]
    if short and len(short) > 0.1 * total:
        layout.warnings.append(f"{len(short)} of {total} rows are shorter than the header; the cells that they lack count as missing")
        short = []
    frame = frame.drop(index=short).reset_index(drop=True)
    if misfits := long + len(short):
        where = min([first_long] * bool(long) + [position + 1 for position in short[:1]])
        have = "row has" if misfits == 1 else "rows have"
        layout.warnings.append(f"{misfits} of {total} {have} another number of cells than the header; left out (the first: row {where})")
    if not len(frame):
        raise Unreadable("the file has a header but no rows of data", "Check the export and give the file again.")
    frame = tell_apart(frame, layout)
    units = {layout.names[i]: unit for i, unit in layout.units.items() if i < width}
    return RawTable(name, frame, total, units=units, notes=layout.notes, warnings=layout.warnings)


def _frame(rows: list[list[str]], names: list[str]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pd.DataFrame({i: pd.Series(list(column), dtype="str") for i, column in enumerate(columns)}).set_axis(names, axis=1)
