"""Who did what in the project: audit logs of all that holds missions, kept in the audit bucket under its retention."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.components.storage import Storage
from infra.pulumi.place import Part, Place

LOGGED = {
    "datastore.googleapis.com": ("ADMIN_READ", "DATA_WRITE"),
    "storage.googleapis.com": ("ADMIN_READ", "DATA_WRITE"),
    "secretmanager.googleapis.com": ("ADMIN_READ", "DATA_READ", "DATA_WRITE"),  # who read a secret is what an audit asks first
    "iamcredentials.googleapis.com": ("ADMIN_READ", "DATA_READ", "DATA_WRITE"),
    "sts.googleapis.com": ("DATA_WRITE",),
}


class AuditLogs(Part):
    """Data-access logs for what holds missions and secrets, and a sink that copies them to the audit bucket."""

    def __init__(self, place: Place, storage: Storage, after: list[pulumi.Resource]) -> None:
        super().__init__("audit-logs", place, after)
        settings = place.settings
        for service, kinds in LOGGED.items():
            gcp.projects.IAMAuditConfig(
                f"audit-{service.partition('.')[0]}",
                project=settings.project,
                service=service,
                audit_log_configs=[gcp.projects.IAMAuditConfigAuditLogConfigArgs(log_type=kind) for kind in kinds],
                opts=self.inside,
            )
        sink = gcp.logging.ProjectSink(
            "audit-sink",
            name=place.name("audit"),
            project=settings.project,
            destination=pulumi.Output.concat("storage.googleapis.com/", storage.audit.name),
            filter=f'logName:"projects/{settings.project}/logs/cloudaudit.googleapis.com"',
            unique_writer_identity=True,
            opts=self.inside,
        )
        gcp.storage.BucketIAMMember(
            "audit-sink-writes",
            bucket=storage.audit.name,
            role="roles/storage.objectCreator",
            member=sink.writer_identity,
            opts=self.inside,
        )
        self.register_outputs({})
