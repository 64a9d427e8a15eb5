"""Who may do what: each role of the manifest as predefined roles on exactly the resources concerned, and who may call whom."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from functions.manifest import FunctionRow, Role
from infra.pulumi.components.accounts import Accounts, member
from infra.pulumi.components.firestore import Firestore
from infra.pulumi.components.queues import Queues
from infra.pulumi.components.secrets import Secrets, secrets_of
from infra.pulumi.components.storage import Storage
from infra.pulumi.components.telemetry import Telemetry
from infra.pulumi.configuration import Models
from infra.pulumi.place import Part, Place
from shared.callers import Part as Caller

_ON_BUCKETS = {
    Role.ARTIFACTS_READ: ("artifacts", ["roles/storage.objectViewer"]),
    Role.ARTIFACTS_WRITE: ("artifacts", ["roles/storage.objectCreator"]),
    Role.ARTIFACTS_DELETE: ("artifacts", ["roles/storage.objectUser"]),
    Role.ANCHORS_WRITE: ("audit", ["roles/storage.objectViewer", "roles/storage.objectCreator"]),  # it looks whether one is there
    Role.INBOX_READ: ("inbox", ["roles/storage.objectViewer"]),
    Role.OUTBOX_WRITE: ("outbox", ["roles/storage.objectUser"]),
}
_IN_PROJECT = {
    Role.EXECUTIONS: "roles/workflows.invoker",  # the service has no policies on single workflows
    Role.TRACES: "roles/cloudtrace.agent",
}


@dataclass(frozen=True, slots=True)
class Resources:
    """What access is given to."""

    accounts: Accounts
    storage: Storage
    firestore: Firestore
    secrets: Secrets
    queues: Queues
    telemetry: Telemetry


class Access(Part):
    """The grants of all functions."""

    def __init__(self, place: Place, resources: Resources, after: list[pulumi.Resource]) -> None:
        super().__init__("access", place, after)
        self._resources = resources
        for row in place.manifest:
            for role in sorted(row.roles):
                self._grant(row, role)
            for name in secrets_of(row, place.settings):
                gcp.secretmanager.SecretIamMember(
                    f"{row.service}-reads-{name}",
                    project=place.settings.project,
                    secret_id=resources.secrets.named(name).secret_id,
                    role="roles/secretmanager.secretAccessor",
                    member=self._member(row),
                    opts=self.inside,
                )
        self._building()
        self.register_outputs({})

    def _grant(self, row: FunctionRow, role: Role) -> None:
        """Give what ``role`` means. Secrets are given above: what knowledge can be read or written by, and a model's key, are secrets."""
        if role in _ON_BUCKETS:
            what, predefined = _ON_BUCKETS[role]
            for one in predefined:
                self._on_bucket(row, what, one)
        elif role in _IN_PROJECT:
            self._in_project(row, _IN_PROJECT[role])
        elif role is Role.DOCUMENTS:
            self._in_project(row, "roles/datastore.user", condition=self._this_database())
        elif role is Role.QUEUE:
            self._enqueue(row)
        elif role is Role.MODELS and self.place.settings.models is Models.VERTEX:
            self._in_project(row, "roles/aiplatform.user")
        elif role is Role.SANDBOX:
            self._sign_as_itself(row)
        elif role is Role.TELEMETRY_WRITE:
            self._on_dataset(row)

    def _this_database(self) -> gcp.projects.IAMMemberConditionArgs:
        name = f"projects/{self.place.settings.project}/databases/{self.place.settings.prefix}"
        return gcp.projects.IAMMemberConditionArgs(title="this database only", expression=f'resource.name == "{name}"')

    def _in_project(self, row: FunctionRow, role: str, *, condition: gcp.projects.IAMMemberConditionArgs | None = None) -> None:
        gcp.projects.IAMMember(
            f"{row.service}-{role.removeprefix('roles/').replace('.', '-').lower()}",
            project=self.place.settings.project,
            role=role,
            member=self._member(row),
            condition=condition,
            opts=self.inside,
        )

    def _on_bucket(self, row: FunctionRow, what: str, role: str) -> None:
        gcp.storage.BucketIAMMember(
            f"{row.service}-{what}-{role.rpartition('.')[2].lower()}",
            bucket=self._resources.storage.named(what).name,
            role=role,
            member=self._member(row),
            opts=self.inside,
        )

    def _on_dataset(self, row: FunctionRow) -> None:
        gcp.bigquery.DatasetIamMember(
            f"{row.service}-writes-telemetry",
            project=self.place.settings.project,
            dataset_id=self._resources.telemetry.dataset.dataset_id,
            role="roles/bigquery.dataEditor",
            member=self._member(row),
            opts=self.inside,
        )

    def _enqueue(self, row: FunctionRow) -> None:
        queue = self._resources.queues.dispatch
        # Looking is for a task whose name is taken: whether it still waits.
        for does, role in (("enqueues", "roles/cloudtasks.enqueuer"), ("looks-into-queue", "roles/cloudtasks.viewer")):
            gcp.cloudtasks.QueueIamMember(
                f"{row.service}-{does}",
                project=self.place.settings.project,
                location=self.place.settings.region,
                name=queue.name,
                role=role,
                member=self._member(row),
                opts=self.inside,
            )
        # Whoever makes a task that calls as the queue's account has to be allowed to act as that account.
        gcp.serviceaccount.IAMMember(
            f"{row.service}-acts-as-queue",
            service_account_id=self._resources.accounts.of_caller(Caller.QUEUE).name,
            role="roles/iam.serviceAccountUser",
            member=self._member(row),
            opts=self.inside,
        )

    def _sign_as_itself(self, row: FunctionRow) -> None:
        """Signed links need signBlob, on the own account and on no other."""
        account = self._resources.accounts.of(row)
        gcp.serviceaccount.IAMMember(
            f"{row.service}-signs",
            service_account_id=account.name,
            role="roles/iam.serviceAccountTokenCreator",
            member=member(account),
            opts=self.inside,
        )

    def _building(self) -> None:
        builder = self._resources.accounts.builder
        of_builds = "projects/_/buckets/gcf-v2-sources-"
        reads_copies = gcp.projects.IAMMemberConditionArgs(
            title="the sources of builds only", expression=f'resource.name.startsWith("{of_builds}")'
        )
        for role, condition in (("roles/logging.logWriter", None), ("roles/storage.objectViewer", reads_copies)):
            gcp.projects.IAMMember(
                f"builder-{role.rpartition('.')[2].lower()}",
                project=self.place.settings.project,
                role=role,
                member=member(builder),
                condition=condition,
                opts=self.inside,
            )
        gcp.storage.BucketIAMMember(
            "builder-reads-sources",
            bucket=self._resources.storage.sources.name,
            role="roles/storage.objectViewer",
            member=member(builder),
            opts=self.inside,
        )

    def _member(self, row: FunctionRow) -> pulumi.Output[str]:
        return member(self._resources.accounts.of(row))
