"""The telemetry tables and views as BigQuery and DuckDB want them declared: for Pulumi, and for ``kimera telemetry``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import get_args

from shared.errors import NotFound
from shared.telemetry.rows import TABLES, Row

VIEWS_FOLDER = Path(__file__).parent / "views"
DATASET = "{dataset}"
"""What a view's text has where the dataset's name belongs."""
PARTITION_FIELD = "happened_at"
"""The tables are partitioned by the day of it."""
CLUSTER_FIELD = "mission_id"
_TYPES: dict[type, tuple[str, str]] = {
    str: ("STRING", "VARCHAR"),
    int: ("INT64", "BIGINT"),
    float: ("FLOAT64", "DOUBLE"),
    bool: ("BOOL", "BOOLEAN"),
    datetime: ("TIMESTAMP", "TIMESTAMP"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its type in BigQuery and in DuckDB."""

    name: str
    bigquery: str
    duckdb: str
    required: bool


@dataclass(frozen=True, slots=True)
class View:
    """A query in BigQuery's dialect. ``title`` is its first comment line."""

    name: str
    title: str
    sql: str

    def in_dataset(self, dataset: str) -> str:
        """The query with the tables of ``dataset`` (``project.dataset``, or ``dataset``)."""
        return self.sql.replace(DATASET, dataset)


def columns(table: type[Row]) -> list[Column]:
    """The columns of a table."""
    found = []
    for name, field in table.model_fields.items():
        kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not NoneType]
        (kind,) = kinds
        found.append(Column(name, *_TYPES[kind], required=NoneType not in get_args(field.annotation)))
    return found


def bigquery_schema(table: type[Row]) -> list[dict[str, str]]:
    """The schema of a table in BigQuery's JSON form. New columns have to be nullable: old rows lack them."""
    return [
        {"name": column.name, "type": column.bigquery, "mode": "REQUIRED" if column.required else "NULLABLE"} for column in columns(table)
    ]


def views() -> list[View]:
    """All views, each after those that it reads from."""
    found = [_read(path) for path in sorted(VIEWS_FOLDER.glob("*.sql"))]
    bases = {f"{table.table}_once" for table in TABLES}
    return sorted(found, key=lambda view: (view.name not in bases, view.name))


def view(name: str) -> View:
    """The view called ``name``. Raises ``NotFound``."""
    for known in views():
        if known.name == name:
            return known
    raise NotFound(f"There is no view {name!r}.", remedy=f"There are: {', '.join(known.name for known in views())}.")


def _read(path: Path) -> View:
    text = path.read_text(encoding="utf-8")
    return View(path.stem, text.partition("\n")[0].removeprefix("-- ").strip(), text)
