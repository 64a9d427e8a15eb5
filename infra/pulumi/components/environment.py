"""What a function finds in its environment: names and addresses, never a secret. Each name is a field of ``shared/settings.py`` or of
``shared/models/credentials.py``, or functions-framework reads it; a policy compares them.
"""

from __future__ import annotations

import json

from functions.manifest import FunctionRow, Role, Trigger
from infra.pulumi.components.secrets import secrets_of
from infra.pulumi.components.telemetry import dataset_name
from infra.pulumi.configuration import Models
from infra.pulumi.place import Place
from shared.callers import Part as Caller


def environment_of(place: Place, row: FunctionRow) -> dict[str, str]:
    """The variables of one function, by what its row says that it needs."""
    settings = place.settings
    variables = {
        "KIMERA_PROFILE": "cloud",
        "KIMERA_HOME": "/tmp/kimera",  # noqa: S108 - an instance's own memory: the one folder that can be written
        "KIMERA_GOOGLE_PROJECT": settings.project,
        "KIMERA_GOOGLE_LOCATION": settings.region,
        "KIMERA_FIRESTORE_DATABASE": settings.prefix,
        "KIMERA_WORKFLOW": place.name("mission"),
        "KIMERA_ARTIFACTS_BUCKET": place.bucket("artifacts"),
        "KIMERA_ANCHORS_BUCKET": place.bucket("audit"),
        "KIMERA_TELEMETRY_DATASET": dataset_name(place),
        "KIMERA_BUDGET_USD": str(settings.budget_usd),
        "KIMERA_DAY_BUDGET_USD": str(settings.day_budget_usd),
        "KIMERA_MAX_RUNNING": str(settings.size.max_running),
        # functions-framework's own, which would take four for a processor: what Cloud Run sends beside them would wait unanswered.
        "THREADS": str(row.concurrency),
    }
    variables |= {f"KIMERA_{caller.upper()}_ACCOUNT": place.account(f"by-{caller.replace('_', '-')}") for caller in row.callers}
    if Role.QUEUE in row.roles:
        variables |= {"KIMERA_TASKS_QUEUE": place.name("missions"), "KIMERA_QUEUE_ACCOUNT": place.account("by-queue")}
        variables |= {f"KIMERA_{handler.url_variable}": place.url(handler) for handler in place.called_by(Caller.QUEUE)}
    if row.roles & {Role.INBOX_READ, Role.OUTBOX_WRITE}:
        variables |= {"KIMERA_INBOX": place.bucket("inbox"), "KIMERA_OUTBOX": place.bucket("outbox")}
    if settings.inbox_owner and (row.trigger is Trigger.PUBLIC or Role.OUTBOX_WRITE in row.roles):  # also for the dead letters of uploads
        variables["KIMERA_INBOX_OWNER"] = settings.inbox_owner
    if row.roles & {Role.KNOWLEDGE_READ, Role.KNOWLEDGE_WRITE}:
        user = settings.neo4j_user if Role.KNOWLEDGE_WRITE in row.roles else settings.neo4j_reader
        variables |= {"KIMERA_NEO4J_URI": settings.neo4j_uri, "KIMERA_NEO4J_USER": user}
    if secrets := secrets_of(row, settings):
        variables["KIMERA_SECRETS"] = json.dumps({name: place.name(name) for name in secrets})
    if Role.SANDBOX in row.roles and settings.sandbox_image is not None and place.containers:
        variables["KIMERA_SANDBOX_URL"] = place.url(place.row("sandbox"))
    if Role.MODELS in row.roles and settings.models is Models.VERTEX:
        variables["KIMERA_VERTEX_PROJECT"] = settings.project
    if settings.models is Models.NONE:
        variables["KIMERA_TIER"] = "extractive"
    return variables
