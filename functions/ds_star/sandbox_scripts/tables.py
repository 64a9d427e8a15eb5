"""Reads any data file into typed tables. ``open_file`` gives all tables of a file, ``load`` one of them as a pandas DataFrame.

Everything that was assumed on the way (encoding, decimal mark, order of day and month, rows left out) is said in
``Table.assumptions``; what may matter more (skipped rows, samples) in ``Table.warnings``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath

import pandas as pd
from cells import Column, clean, type_column
from databases import read_parquet, read_sqlite
from delimited import RawTable, read_delimited
from headers import periods_of_headers
from members import total_members
from nested import read_json, read_jsonl
from roles import assign_role, is_additive, label_and_unit, title_and_place, words_of
from sniffing import Unreadable, detect_format
from subtotals import told_totals, without_subtotals
from workbooks import read_workbook

MAX_BYTES = 100_000_000
"""Bytes of text that are read whole: about 1.2 GB of memory. Larger files are sampled."""
MAX_CELLS = 20_000_000
LONG = " (long)"
"""What follows a wide table's name in the name of its long form."""


@dataclass
class ColumnInfo:
    """What is known of one column, besides its values. ``label`` is its name without a unit."""

    role: str
    kind: str
    label: str
    unit: str | None = None
    additive: bool | None = None
    grain: str | None = None
    unsure: str | None = None
    """Why the values may be others, and the remedy, where the cells can be read in two ways and nothing tells which."""


@dataclass
class Table:
    """A typed table. ``rows`` counts the rows of the file; where ``sampled`` is set, ``frame`` holds that many of them."""

    name: str
    frame: pd.DataFrame
    columns: dict[str, ColumnInfo]
    rows: int
    sampled: int | None = None
    assumptions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    decimal: str | None = None
    totals: dict[str, str] = field(default_factory=dict)
    """Columns with a value that is the sum of its others, such as "Total" among sexes: {column: that value}."""


@dataclass
class DataFile:
    """A file as it was read."""

    format: str
    tables: list[Table]
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    warnings: list[str] = field(default_factory=list)


def open_file(path: str, name: str, options: dict[str, int] | None = None, only: str | None = None) -> DataFile:
    """All tables of the file called ``name``, or ``only`` one. Options: ``max_bytes``, ``max_cells``. Raises ``Unreadable``."""
    limits = options or {}
    max_bytes, max_cells = int(limits.get("max_bytes", MAX_BYTES)), int(limits.get("max_cells", MAX_CELLS))
    kind = detect_format(path)
    stem = PurePath(name).stem or name
    wanted = only.removesuffix(LONG) if only else None
    encoding = delimiter = None
    warnings: list[str] = []
    if kind == "text":
        text = read_delimited(path, stem, max_bytes)
        raw, encoding, delimiter = [text.table], text.encoding, text.delimiter
    elif kind == "json":
        raw, encoding = read_json(path, stem, max_bytes)
    elif kind == "jsonl":
        raw, encoding = read_jsonl(path, stem, max_bytes)
    elif kind == "xlsx":
        raw, warnings = read_workbook(path, wanted)
    elif kind == "parquet":
        raw = read_parquet(path, stem, max_cells)
    else:
        raw, warnings = read_sqlite(path, wanted, max_cells)
    tables: list[Table] = []
    for item in raw:
        if wanted is None or item.name == wanted:
            table = type_table(without_subtotals(item, delimiter), delimiter)
            long = long_form(table, stem)
            tables += [t for t in (table, long) if t is not None and only in (None, t.name)]
    form = {"text": "tsv" if delimiter == "\t" else "csv"}.get(kind, kind)
    decimal = next((t.decimal for t in tables if t.decimal), None)
    return DataFile(form, tables, encoding, delimiter, decimal, warnings)


def read_table(path: str, name: str, table: str, options: dict[str, int] | None = None) -> Table:
    """One table with what is known of its columns."""
    found = open_file(path, name, options, only=table).tables
    if not found:
        raise Unreadable(f"there is no table `{table}` in the file", "Name one of the tables of the file's description.")
    return found[0]


def load(path: str, table: str, options: dict[str, int] | None = None) -> pd.DataFrame:
    """One table as a DataFrame: numbers as numbers, dates as timestamps, texts as texts, missing cells as NaN or NaT."""
    return read_table(path, PurePath(path).name, table, options).frame


def type_table(raw: RawTable, delimiter: str | None) -> Table:
    """The raw table with typed columns and their roles."""
    probe = [type_column(raw.frame[n].head(3000), n, delimiter=delimiter) for n in raw.frame]
    decided = [c.decimal for c in probe if c.decimal]
    hint = max(sorted(set(decided)), key=decided.count) if decided else None
    orders = {c.order for c in probe if c.order}
    order = next(iter(orders)) if len(orders) == 1 else None
    table = Table(raw.name, pd.DataFrame(), {}, raw.rows, raw.sampled, list(raw.notes), list(raw.warnings), hint)
    values: dict[str, pd.Series] = {}
    for name in raw.frame:
        column = type_column(raw.frame[name], name, decimal=hint, delimiter=delimiter, order=order)
        title = title_and_place(name)[0]
        role = assign_role(title, column, first=not values)
        label, unit = label_and_unit(name, raw.units.get(name) or column.unit)
        measured = role in ("measure", "constant") and column.kind in ("integer", "number")
        additive = is_additive(label_and_unit(title, None)[0], unit) if measured else None
        shown = unit if measured or role == "ordinal" else None
        table.columns[name] = ColumnInfo(role, column.kind, label, shown, additive, column.grain, column.unsure)
        table.assumptions += _said(name, column)
        table.warnings += column.warnings
        values[name] = column.values
    table.frame = pd.DataFrame(values)
    if not table.sampled:
        roles = {n: i.role for n, i in table.columns.items()}
        keys = [n for n, role in roles.items() if role in ("category", "ordinal", "id", "time", "flag", "text")]
        table.totals = total_members(table.frame, keys, [n for n, role in roles.items() if role == "measure"])
    table.warnings += told_totals([(c, name) for c, name in raw.called_totals if clean(table.totals.get(c, "")) != name])
    if hint == "," and not any("decimal" in a for a in table.assumptions):
        table.assumptions.append("numbers have a decimal comma")
    return table


def _said(name: str, column: Column) -> list[str]:
    return [note if note.startswith(f"`{name}`") else f"`{name}`: {note}" for note in column.notes]


def long_form(table: Table, stem: str) -> Table | None:
    """The table with one row a period, where its columns are periods (2019, 2020, ...; Jan, Feb, ...; pop_2019, ...); else ``None``."""
    numeric = [n for n in table.frame if table.columns[n].kind in ("integer", "number", "empty")]
    found = periods_of_headers(list(table.frame), numeric, [n for n in numeric if table.columns[n].role in ("measure", "ordinal", "flag")])
    grains = [p[1] for p in found.values()]
    if len(found) < 3:
        return None
    grain = max(sorted(set(grains)), key=grains.count)
    wide = {n: p for n, p in found.items() if p[1] == grain}
    prefixes = sorted({p[0] for p in wide.values()})
    per_prefix = [sorted(p[2] for p in wide.values() if p[0] == x) for x in prefixes]
    if len(wide) < 3 or max(len(p) for p in per_prefix) < 3 or any(len(set(p)) != len(p) for p in per_prefix):
        return None
    kept = [n for n in table.frame if n not in wide]
    year = next((n for n in kept if table.columns[n].grain == "year"), None)
    time_name = _free("month" if grain == "month of year" else grain, kept)
    names = {x: _free(x or _value_name(stem, table.name, kept), [*kept, time_name]) for x in prefixes}
    parts = []
    for key in sorted({p[2] for p in wide.values()}):
        part = table.frame[kept].copy()
        part["\0key"] = key
        for prefix in prefixes:
            source = next((n for n, p in wide.items() if p[0] == prefix and p[2] == key), None)
            part[names[prefix]] = table.frame[source] if source else float("nan")
        parts.append(part.assign(**{"\0row": range(len(part))}))
    frame = pd.concat(parts, ignore_index=True).sort_values(["\0row", "\0key"], kind="stable").drop(columns="\0row").reset_index(drop=True)
    columns = {n: table.columns[n] for n in kept}
    if grain == "year":
        time, info = frame["\0key"] // 100, ColumnInfo("time", "integer", time_name, grain="year")
    elif grain == "month of year" and year is None:
        labels = {p[2]: n for n, p in wide.items()}
        time, info = frame["\0key"].map(labels), ColumnInfo("category", "string", time_name)
    else:
        years = frame[year] if grain == "month of year" else frame["\0key"] // 100
        stamp = pd.DataFrame({"year": years, "month": frame["\0key"] % 100, "day": 1})
        time = pd.to_datetime(stamp, errors="coerce")
        info = ColumnInfo("time", "date", time_name, grain="month" if grain == "month of year" else grain)
    frame = frame.drop(columns="\0key")
    frame.insert(len(kept), time_name, time)
    columns[time_name] = info
    units = {table.columns[n].unit for n in wide} - {None}
    for name in names.values():
        kind = "integer" if (frame[name].dropna() % 1 == 0).all() else "number"
        label, unit = label_and_unit(name, next(iter(units)) if len(units) == 1 else None)
        unsure = next((u for n in wide if (u := table.columns[n].unsure)), None)
        columns[name] = ColumnInfo("measure", kind, label, unit, is_additive(label, unit), None, unsure)
    long = Table(table.name + LONG, frame, columns, len(frame), None, list(table.assumptions), list(table.warnings), table.decimal)
    long.totals = dict(table.totals)
    if table.sampled:
        long.sampled, long.rows = len(frame), len(frame) * table.rows // max(1, table.sampled)
    long.assumptions.append(
        f"the {len(wide)} columns that are periods are read as rows, with `{time_name}` and {', '.join(f'`{n}`' for n in names.values())}"
    )
    table.assumptions.append(f"{len(wide)} columns are periods; the same table with one row a period is `{long.name}`")
    return long


def _value_name(stem: str, table: str, kept: list[str]) -> str:
    """What the cells of a wide table are called: after the sheet or the file, unless a column names the quantity."""
    if any(w in ("indicator", "series", "measure", "variable", "metric", "kennzahl") for n in kept for w in words_of(n)):
        return "value"
    for text in (table, stem):
        words = [
            w
            for w in words_of(text)
            if not re.search(r"\d", w) and w not in ("by", "per", "wide", "data", "table", "sheet", "tabelle", "year", "month", "export")
        ]
        if words:
            return "_".join(words[:3])
    return "value"


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name += "_"
    return name
