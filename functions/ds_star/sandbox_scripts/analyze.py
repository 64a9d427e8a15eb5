"""Describes each input file: its tables and columns as they were read, in the shape of a ``FileDescription``.

Parameters: ``options`` (limits of ``tables.open_file``). Emits ``{"files": {input name: description or error}}``.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd
from roles import MANY_VALUES
from sniffing import Unreadable
from tables import ColumnInfo, DataFile, Table, open_file

MAX_COLUMNS = 400
MAX_TABLES = 40
MAX_TEXT = 80


def describe_file(file: DataFile) -> dict[str, object]:
    """The file as a plain object."""
    tables = [t for t in file.tables if len(t.frame)]
    warnings = list(file.warnings)
    if len(tables) > MAX_TABLES:
        warnings.append(f"{len(tables) - MAX_TABLES} more tables were not described")
    return {
        "format": file.format,
        "encoding": file.encoding,
        "delimiter": file.delimiter,
        "decimal": file.decimal,
        "tables": [describe_table(t) for t in tables[:MAX_TABLES]],
        "warnings": warnings,
    }


def describe_table(table: Table) -> dict[str, object]:
    """One table; columns past ``MAX_COLUMNS`` are counted only."""
    names = list(table.frame)[:MAX_COLUMNS]
    warnings = list(table.warnings)
    warnings += [
        f"rows where `{c}` is '{t}' are the sums of its others: counted with them, they count twice" for c, t in table.totals.items()
    ]
    if len(table.frame.columns) > MAX_COLUMNS:
        warnings.append(f"{len(table.frame.columns) - MAX_COLUMNS} more columns were not described")
    return {
        "name": table.name,
        "rows": table.rows,
        "sampled_rows": table.sampled,
        "columns": [describe_column(n, table.frame[n], table.columns[n]) for n in names],
        "assumptions": table.assumptions,
        "warnings": warnings,
    }


def describe_column(name: str, values: pd.Series, info: ColumnInfo) -> dict[str, object]:
    """One column: counts, extremes, samples, and all values of a category that has few."""
    present = values.dropna()
    uniques = present.unique()
    ordered = info.kind in ("integer", "number", "date", "datetime") and len(present) > 0 and info.unsure is None
    listed = (
        info.role in ("category", "ordinal", "flag", "id", "constant")
        and info.kind in ("string", "boolean", "integer")
        and len(uniques) <= MANY_VALUES
    )
    counts = present.value_counts() if listed else None
    by_count = sorted(((-int(c), _text(v, info)) for v, c in counts.items())) if counts is not None else []
    return {
        "name": name,
        "dtype": info.kind,
        "role": info.role,
        "missing": int(values.isna().sum()),
        "distinct": len(uniques),
        "unit": info.unit,
        "additive": info.additive,
        "minimum": _scalar(present.min(), info) if ordered else None,
        "maximum": _scalar(present.max(), info) if ordered else None,
        "samples": [_text(v, info)[:MAX_TEXT] for v in uniques[:3]],
        "values": [v[:200] for _, v in by_count] if info.kind != "integer" or info.role != "id" else [],
    }


def _scalar(value: object, info: ColumnInfo) -> object:
    if isinstance(value, pd.Timestamp | dt.datetime):
        return _text(value, info)
    number = float(value)
    return int(number) if info.kind == "integer" else number


def _text(value: object, info: ColumnInfo) -> str:
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d") if info.kind == "date" else value.strftime("%Y-%m-%dT%H:%M:%S")
    if hasattr(value, "astype") and info.kind in ("date", "datetime"):
        return _text(pd.Timestamp(value), info)
    if info.kind == "integer":
        return str(int(value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Describe every input; a broken one does not stop the others."""
    files: dict[str, object] = {}
    for name, path in sorted(inputs.items()):
        try:
            files[name] = describe_file(open_file(path, name, parameters.get("options")))
        except Unreadable as wrong:
            files[name] = {"error": wrong.what, "remedy": wrong.remedy}
        except (MemoryError, RecursionError):
            files[name] = {
                "error": "the file is too large for the memory of one run",
                "remedy": "Give a part of it, or the same table as Parquet.",
            }
    emit({"files": files})


main()
