"""The whole stack: the parts, in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from functions.manifest import FunctionRow, Trigger
from infra.packaging.archive import Archive
from infra.pulumi.components.access import Access, Resources
from infra.pulumi.components.accounts import Accounts
from infra.pulumi.components.alerts import Alerts
from infra.pulumi.components.audit import AuditLogs
from infra.pulumi.components.dashboard import Dashboard
from infra.pulumi.components.dead_letters import DeadLetters
from infra.pulumi.components.deployment import Deployment
from infra.pulumi.components.firestore import Firestore
from infra.pulumi.components.functions import Functions, Needs
from infra.pulumi.components.intake import Intake
from infra.pulumi.components.metrics import Metrics
from infra.pulumi.components.network import Network
from infra.pulumi.components.objectives import Objectives
from infra.pulumi.components.queues import Queues
from infra.pulumi.components.sandbox import Sandbox
from infra.pulumi.components.scheduler import Scheduler
from infra.pulumi.components.secrets import Secrets
from infra.pulumi.components.services import ProjectServices
from infra.pulumi.components.storage import Storage
from infra.pulumi.components.telemetry import Telemetry
from infra.pulumi.components.workflow import MissionWorkflow
from infra.pulumi.configuration import StackSettings
from infra.pulumi.place import Place


def declare(
    settings: StackSettings, project_number: str, manifest: tuple[FunctionRow, ...], archives: Mapping[str, Archive]
) -> dict[str, pulumi.Input[object]]:
    """Declare the stack; what it exports. ``archives`` holds the built archive of each function."""
    place = Place(settings, project_number, manifest)
    enabled = ProjectServices(place).of

    storage = Storage(place, enabled("storage"))
    firestore = Firestore(place, enabled("firestore"))
    telemetry = Telemetry(place, enabled("bigquery"))
    secrets = Secrets(place, enabled("secretmanager"))
    network = Network(place, enabled("compute", "dns"))
    accounts = Accounts(place, enabled("iam"))
    queues = Queues(place, enabled("cloudtasks"))
    access = Access(place, Resources(accounts, storage, firestore, secrets, queues, telemetry), enabled("cloudresourcemanager"))

    functions = Functions(
        place, archives, Needs(accounts, storage, network, access), enabled("cloudfunctions", "cloudbuild", "run", "artifactregistry")
    )
    Sandbox(place, accounts, network, enabled("run"))
    workflow = MissionWorkflow(place, accounts, enabled("workflows", "workflowexecutions"))
    Scheduler(place, accounts, enabled("cloudscheduler"))
    DeadLetters(place, accounts, enabled("pubsub"))
    intake = Intake(place, accounts, storage, functions, enabled("eventarc", "pubsub"))

    AuditLogs(place, storage, enabled("logging", "cloudresourcemanager"))
    metrics = Metrics(place, enabled("logging"))
    alerts = Alerts(place, metrics, enabled("monitoring", "billingbudgets"))
    Objectives(place, metrics, alerts.channels, enabled("monitoring"))
    Dashboard(place, metrics, enabled("monitoring"))

    exported: dict[str, pulumi.Input[object]] = {
        "api": next(place.url(row) for row in place.functions if row.trigger is Trigger.PUBLIC),
        "workflow": workflow.workflow.id,
        "artifacts": storage.artifacts.url,
        "inbox": storage.inbox.url,
        "outbox": storage.outbox.url,
        "intakeSubscriptions": intake.subscriptions,
    }
    if settings.github_repository is not None:
        deployment = Deployment(place, accounts, storage, settings.github_repository, enabled("iam", "iamcredentials", "sts"))
        exported |= {"deployer": deployment.account, "ciProvider": deployment.provider.name}
    return exported
