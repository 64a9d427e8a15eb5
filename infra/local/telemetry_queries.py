"""The telemetry of the embedded profile, asked with the very queries of the cloud's dashboards: JSON lines, DuckDB, sqlglot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from shared.errors import Unavailable
from shared.telemetry.rows import TABLES, Row
from shared.telemetry.tables import View, columns, views

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Cell: TypeAlias = "None | bool | int | float | str"
_SCHEMA = "main"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view shows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def as_json(self) -> list[dict[str, Cell]]:
        """One map for each row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def ask(folder: Path, view: View) -> Answer:
    """What ``view`` shows of the rows in ``folder``. A line that a kill broke is left out. Raises ``Unavailable``."""
    import duckdb

    connection = duckdb.connect()
    try:
        for table in TABLES:
            _load(connection, folder, table)
        for known in views():
            connection.execute(f"CREATE VIEW {known.name} AS {translated(known)}")
        found = connection.execute(f"SELECT * FROM {view.name}")  # noqa: S608 - the name of a file of ours
        names = tuple(column[0] for column in found.description or ())
        return Answer(names, tuple(tuple(_cell(value) for value in row) for row in found.fetchall()))
    except duckdb.Error as error:
        raise Unavailable(
            f"The telemetry in {folder} cannot be read: {error}", remedy="Move the broken file away; new rows make a new one."
        ) from error
    finally:
        connection.close()


def translated(view: View) -> str:
    """The view's query in DuckDB's dialect."""
    import sqlglot

    (statement,) = sqlglot.transpile(view.in_dataset(_SCHEMA), read="bigquery", write="duckdb")
    return statement


def _load(connection: DuckDBPyConnection, folder: Path, table: type[Row]) -> None:
    declared = ", ".join(f"{column.name} {column.duckdb}" for column in columns(table))
    connection.execute(f"CREATE TABLE {table.table} ({declared})")
    file = folder / f"{table.table}.jsonl"
    if not file.exists() or file.stat().st_size == 0:
        return
    typed = ", ".join(f"{column.name}: '{column.duckdb}'" for column in columns(table))
    reading = f"read_json($file, columns = {{{typed}}}, format = 'newline_delimited', ignore_errors = true)"
    kept = f"INSERT INTO {table.table} SELECT * FROM {reading} WHERE event_id IS NOT NULL"  # noqa: S608 - names of ours
    connection.execute(kept, {"file": str(file)})


def _cell(value: object) -> Cell:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def as_lines(answer: Answer) -> Sequence[str]:
    """The answer in columns, for a person."""
    rows = [answer.columns, *(tuple(_shown(cell) for cell in row) for row in answer.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = [all(isinstance(row[at], int | float | None) for row in answer.rows) for at in range(len(answer.columns))]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in rows
    ]


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:,.4g}" if isinstance(cell, float) else str(cell)
