"""The database of missions: Firestore in native mode, with just the indexes that queries need."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.place import Part, Place
from shared.indexes import COMPOSITES, EXPIRING, FIELDS

_WEEKS_KEPT = 8


class Firestore(Part):
    """The database, its point-in-time recovery (7 days), its backups (daily for a week, weekly for eight) and its indexes."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("firestore", place, after)
        settings = place.settings
        self._project = settings.project
        self.database = gcp.firestore.Database(
            "database",
            name=settings.prefix,
            project=settings.project,
            location_id=settings.region,
            type="FIRESTORE_NATIVE",
            concurrency_mode="PESSIMISTIC",
            point_in_time_recovery_enablement="POINT_IN_TIME_RECOVERY_ENABLED",
            delete_protection_state="DELETE_PROTECTION_ENABLED" if settings.protect else "DELETE_PROTECTION_DISABLED",
            deletion_policy=self.deletion_policy,
            opts=self.kept,
        )
        self._backups()
        for collection, names in FIELDS.items():
            self._only(collection, names)
        for composite in COMPOSITES:
            descending = composite.order.startswith("-")
            gcp.firestore.Index(
                f"index-{composite.collection}-{composite.equal}{composite.order.replace('-', '-by-')}".replace("_", "-"),
                project=settings.project,
                database=self.database.name,
                collection=composite.collection,
                fields=[
                    gcp.firestore.IndexFieldArgs(field_path=composite.equal, order="ASCENDING"),
                    gcp.firestore.IndexFieldArgs(
                        field_path=composite.order.removeprefix("-"), order="DESCENDING" if descending else "ASCENDING"
                    ),
                ],
                opts=self.inside,
            )
        self.register_outputs({})

    def _backups(self) -> None:
        gcp.firestore.BackupSchedule(
            "backup-daily",
            project=self._project,
            database=self.database.name,
            retention=f"{7 * 24 * 3600}s",
            daily_recurrence=gcp.firestore.BackupScheduleDailyRecurrenceArgs(),
            opts=self.inside,
        )
        gcp.firestore.BackupSchedule(
            "backup-weekly",
            project=self._project,
            database=self.database.name,
            retention=f"{_WEEKS_KEPT * 7 * 24 * 3600}s",
            weekly_recurrence=gcp.firestore.BackupScheduleWeeklyRecurrenceArgs(day="SUNDAY"),
            opts=self.inside,
        )

    def _only(self, collection: str, names: tuple[str, ...]) -> None:
        """Index these fields of the collection and no other one: each index of each field is a write that is paid for."""
        self._field(collection, "*", gcp.firestore.FieldIndexConfigArgs(indexes=[]))
        both_ways = [gcp.firestore.FieldIndexConfigIndexArgs(order=order) for order in ("ASCENDING", "DESCENDING")]
        for name in names:
            self._field(collection, name, gcp.firestore.FieldIndexConfigArgs(indexes=both_ways))
        if collection in EXPIRING:
            self._field(collection, EXPIRING[collection], gcp.firestore.FieldIndexConfigArgs(indexes=[]), expires=True)

    def _field(self, collection: str, name: str, indexes: object, *, expires: bool = False) -> None:
        gcp.firestore.Field(
            f"field-{collection}-{'all' if name == '*' else name}".replace("_", "-"),
            project=self._project,
            database=self.database.name,
            collection=collection,
            field=name,
            index_config=indexes,
            ttl_config=gcp.firestore.FieldTtlConfigArgs() if expires else None,
            opts=self.inside,
        )
