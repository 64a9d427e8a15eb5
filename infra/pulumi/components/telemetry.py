"""Telemetry to ask questions of: a BigQuery dataset with the tables and views of ``shared/telemetry``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pulumi
import pulumi_gcp as gcp

from infra.packaging.archive import CHECKOUT
from infra.pulumi.place import Part, Place

FOLDER: Path = CHECKOUT / "shared" / "telemetry"
"""``tables.json``: by name, what BigQuery wants to know of a table (tests/unit/test_telemetry_tables.py writes it from the rows' types);
``views/NAME.sql``: a view, with ``{dataset}`` where the dataset belongs."""
_KEPT_MS = 400 * 24 * 3600 * 1000
"""Rows are for operating; what has to stay is the audit."""
_READS = re.compile(r"\{dataset\}\.(\w+)")


def dataset_name(place: Place) -> str:
    """The dataset's name, which has no hyphens."""
    return place.name("telemetry").replace("-", "_")


def ordered(views: dict[str, str]) -> list[str]:
    """The views' names, each behind those that it reads."""
    found: list[str] = []
    while waiting := [name for name in sorted(views) if name not in found]:
        ready = [name for name in waiting if not (set(_READS.findall(views[name])) & set(waiting))]
        if not ready:
            raise ValueError(f"these views read each other: {', '.join(waiting)}")
        found += ready
    return found


class Telemetry(Part):
    """The dataset, its tables and its views."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("telemetry", place, after)
        settings = place.settings
        self._name = dataset_name(place)
        self.dataset = gcp.bigquery.Dataset(
            "telemetry",
            project=settings.project,
            dataset_id=self._name,
            location=settings.region,
            description="What missions did, in rows; every row has an event id, and the views count each once",
            default_partition_expiration_ms=_KEPT_MS,
            delete_contents_on_destroy=not settings.protect,
            deletion_policy=self.deletion_policy,
            opts=self.kept,
        )
        tables = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))
        made = {name: self._table(name, described) for name, described in tables.items()}
        views = {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / "views").glob("*.sql")}
        for name in ordered(views):
            made[name] = self._view(name, views[name], [made[read] for read in sorted(set(_READS.findall(views[name])))])
        self.register_outputs({})

    def _table(self, name: str, described: dict[str, str]) -> gcp.bigquery.Table:
        return gcp.bigquery.Table(
            f"table-{name.replace('_', '-')}",
            project=self.place.settings.project,
            dataset_id=self.dataset.dataset_id,
            table_id=name,
            description=described["description"],
            schema=json.dumps(described["fields"]),
            time_partitioning=gcp.bigquery.TableTimePartitioningArgs(type="DAY", field=described["partition"]),
            clusterings=[described["cluster"]],
            deletion_protection=self.place.settings.protect,
            opts=self.kept,
        )

    def _view(self, name: str, query: str, reads: list[pulumi.Resource]) -> gcp.bigquery.Table:
        dataset = f"{self.place.settings.project}.{self._name}"
        return gcp.bigquery.Table(
            f"view-{name.replace('_', '-')}",
            project=self.place.settings.project,
            dataset_id=self.dataset.dataset_id,
            table_id=name,
            deletion_protection=False,  # a view holds nothing
            view=gcp.bigquery.TableViewArgs(query=query.replace("{dataset}", dataset), use_legacy_sql=False),
            opts=pulumi.ResourceOptions.merge(self.inside, pulumi.ResourceOptions(depends_on=reads)),
        )
