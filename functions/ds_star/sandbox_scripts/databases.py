"""Reads Parquet files and the tables of SQLite databases; large ones are sampled evenly."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from delimited import RawTable
from sniffing import Unreadable, prime_from


def read_parquet(path: str, name: str, max_cells: int) -> list[RawTable]:
    """The one table of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        rows, width = file.metadata.num_rows, max(1, len(file.schema_arrow.names))
        step = _step(rows * width, max_cells)
        if step == 1:
            arrow = file.read()
        else:
            parts, seen = [], 0
            for batch in file.iter_batches(batch_size=65_536):
                picked = range((-seen) % step, len(batch), step)
                parts.append(batch.take(pa.array(list(picked), type=pa.int64())))
                seen += len(batch)
            arrow = pa.Table.from_batches(parts)
    except (pa.ArrowException, OSError) as broken:
        raise Unreadable(
            f"the Parquet file cannot be read ({str(broken)[:200]})", "Write it again, or export the table as CSV."
        ) from broken
    if not arrow.num_rows:
        raise Unreadable("the Parquet file has no rows", "Check the export and give the file again.")
    places = [i for i, n in enumerate(arrow.column_names) if not n.startswith("__index_level_")] or list(range(arrow.num_columns))
    names = _told_apart([arrow.column_names[i] for i in places])
    frame = pd.DataFrame({i: _arrow_column(arrow.column(place)) for i, place in enumerate(places)}).set_axis(names, axis=1)
    return [_sampled(RawTable(name, frame, rows), step)]


def _told_apart(columns: list[str]) -> list[str]:
    """The names, those that stood before with a number behind them."""
    return [n if n not in columns[:i] else f"{n}_{columns[:i].count(n) + 1}" for i, n in enumerate(columns)]


def _step(cells: int, most: int) -> int:
    """Every how many rows are read: a prime, so that it falls into no cycle of the rows."""
    return 1 if cells <= most else prime_from(-(-cells // most))


def _sampled(table: RawTable, step: int) -> RawTable:
    if step > 1:
        table.sampled = len(table.frame)
        table.warnings.append(
            f"the table is too large to be read whole: {table.sampled:,} of {table.rows:,} rows were read, spread evenly over it"
        )
    return table


def _arrow_column(column: object) -> pd.Series:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_decimal(kind) or (pa.types.is_integer(kind) and column.null_count):
        return column.cast(pa.float64(), safe=False).to_pandas()
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        return column.to_pandas()
    if pa.types.is_date(kind):
        return pd.to_datetime(column.cast(pa.timestamp("us")).to_pandas())
    values = column.to_pylist()
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
        values = [None if v is None else str(v) for v in values]
    return pd.Series(values, dtype=object)


def read_sqlite(path: str, only: str | None, max_cells: int) -> tuple[list[RawTable], list[str]]:
    """(the tables and views of a SQLite database, warnings of those that cannot be read). It is opened read-only."""
    import sqlite3

    try:
        connection = sqlite3.connect(f"file:{Path(path).resolve()}?mode=ro&immutable=1", uri=True)
        connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
        listed = connection.execute(
            "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' order by name"
        )
        names = [row[0] for row in listed.fetchall()]
        tables, broken_ones = [], []
        for name in names:
            if only is None or name == only:
                try:
                    tables.append(_sqlite_table(connection, name, max_cells))
                except sqlite3.OperationalError as broken:  # a view of a table that is gone, a table of a module that is not here
                    broken_ones.append(f"`{name}` could not be read ({broken})")
        connection.close()
    except sqlite3.DatabaseError as broken:
        raise Unreadable(
            f"the SQLite database cannot be read ({broken})", "Check it with `sqlite3 FILE .tables`, or export the table as CSV."
        ) from broken
    if not any(len(t.frame) for t in tables):
        if broken_ones:
            raise Unreadable(f"of the SQLite database {broken_ones[0]}", "Export the table as CSV.")
        raise Unreadable("the SQLite database holds no rows", "Check which file was exported.")
    return [t for t in tables if len(t.frame)], broken_ones


def _sqlite_table(connection: object, name: str, max_cells: int) -> RawTable:
    quoted = '"' + name.replace('"', '""') + '"'
    rows = connection.execute(f"select count(*) from {quoted}").fetchone()[0]
    cursor = connection.execute(f"select * from {quoted}")
    columns = [c[0] for c in cursor.description]
    step = _step(rows * len(columns), max_cells)
    kept = [[f"<{len(c)} bytes>" if isinstance(c, bytes) else c for c in row] for number, row in enumerate(cursor) if number % step == 0]
    series = list(zip(*kept, strict=True)) if kept else [()] * len(columns)
    frame = pd.DataFrame({i: pd.Series(list(c), dtype=object) for i, c in enumerate(series)}).set_axis(_told_apart(columns), axis=1)
    return _sampled(RawTable(name, frame, rows), step)
