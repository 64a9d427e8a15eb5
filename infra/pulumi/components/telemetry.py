"""Telemetry to ask questions of: a BigQuery dataset with the tables and views that ``shared/telemetry/warehouse`` describes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_gcp as gcp

from infra.packaging.archive import CHECKOUT
from infra.pulumi.place import Part, Place

TABLES: Path = CHECKOUT / "shared" / "telemetry" / "warehouse"
"""``NAME.json``: a table (``fields`` as BigQuery has them, ``partition``, ``cluster``); ``NAME.sql``: a view, with ``{dataset}`` in it."""
_KEPT_MS = 400 * 24 * 3600 * 1000
"""Rows are for operating; what has to stay is the audit."""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One table as its file describes it."""

    name: str
    fields: list[Mapping[str, str]]
    partition: str | None
    cluster: list[str]


def table_schemas(folder: Path = TABLES) -> list[TableSchema]:
    """The described tables; ``ValueError`` names a file that is not understood."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            described = json.loads(path.read_text(encoding="utf-8"))
            found.append(TableSchema(path.stem, described["fields"], described.get("partition"), described.get("cluster", [])))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} does not describe a table: it needs an object with a list `fields` ({error})") from error
    return found


def dataset_name(place: Place) -> str:
    """The dataset's name, which has no hyphens."""
    return place.name("telemetry").replace("-", "_")


class Telemetry(Part):
    """The dataset, its tables and its views."""

    def __init__(self, place: Place, after: list[pulumi.Resource], folder: Path = TABLES) -> None:
        super().__init__("telemetry", place, after)
        settings = place.settings
        name = dataset_name(place)
        self.dataset = gcp.bigquery.Dataset(
            "telemetry",
            project=settings.project,
            dataset_id=name,
            location=settings.region,
            description="What missions did, in rows; every row has an event id, and the views count each once",
            default_partition_expiration_ms=_KEPT_MS,
            delete_contents_on_destroy=not settings.protect,
            deletion_policy=self.deletion_policy,
            opts=self.kept,
        )
        tables = [self._table(schema) for schema in table_schemas(folder)]
        for path in sorted(folder.glob("*.sql")):
            gcp.bigquery.Table(
                f"view-{path.stem.replace('_', '-')}",
                project=settings.project,
                dataset_id=self.dataset.dataset_id,
                table_id=path.stem,
                deletion_protection=False,  # a view holds nothing
                view=gcp.bigquery.TableViewArgs(
                    query=path.read_text(encoding="utf-8").replace("{dataset}", f"{settings.project}.{name}"), use_legacy_sql=False
                ),
                opts=pulumi.ResourceOptions.merge(self.inside, pulumi.ResourceOptions(depends_on=list(tables))),
            )
        self.register_outputs({})

    def _table(self, schema: TableSchema) -> gcp.bigquery.Table:
        by_day = gcp.bigquery.TableTimePartitioningArgs(type="DAY", field=schema.partition) if schema.partition else None
        return gcp.bigquery.Table(
            f"table-{schema.name.replace('_', '-')}",
            project=self.place.settings.project,
            dataset_id=self.dataset.dataset_id,
            table_id=schema.name,
            schema=json.dumps(schema.fields),
            time_partitioning=by_day,
            clusterings=schema.cluster or None,
            deletion_protection=self.place.settings.protect,
            opts=self.kept,
        )
