"""The policies of what is kept and what is delivered: neither is lost by a deletion, a refusal, or somebody who waits too short a time."""

from __future__ import annotations

from infra.packaging.archive import CHECKOUT
from shared import times
from shared.callers import Part
from shared.indexes import COMPOSITES, EXPIRING, FIELDS
from shared.queue import MAX_DELIVERIES
from tests.infrastructure.declared import Stack
from tests.infrastructure.policies import policy
from tests.infrastructure.reading import mapping, mappings, number, seconds, shown


@policy
def whatever_holds_state_is_protected(stack: Stack) -> list[str]:
    found = []
    for r in stack.of("Database", "Bucket", "Dataset", "Table", "Secret"):
        if r.inputs.get("name") == f"{stack.settings.project}-{stack.settings.prefix}-sources" or r.inputs.get("view"):
            continue
        if not r.protect:
            found.append(f"{shown(r)} may be deleted by Pulumi")
        own = r.inputs.get("deletionProtection") is True or r.inputs.get("deletionPolicy") == "PREVENT"
        if not own or r.inputs.get("forceDestroy") or r.inputs.get("deleteContentsOnDestroy"):
            found.append(f"{shown(r)} may be deleted by the provider")
    return found + [
        f"{shown(r)} may be deleted in the console"
        for r in stack.of("Database")
        if r.inputs.get("deleteProtectionState") != "DELETE_PROTECTION_ENABLED"
    ]


@policy
def the_database_can_be_restored(stack: Stack) -> list[str]:
    found = [
        f"{shown(r)} has no point-in-time recovery"
        for r in stack.of("Database")
        if not str(r.inputs.get("pointInTimeRecoveryEnablement")).endswith("ENABLED")
    ]
    kinds = {key for r in stack.of("BackupSchedule") for key in r.inputs if key.endswith("Recurrence")}
    return found + [f"no {kind} backups" for kind in sorted({"dailyRecurrence", "weeklyRecurrence"} - kinds)]


@policy
def every_query_has_its_indexes(stack: Stack) -> list[str]:
    """The table holds every query of the code: ``DeclaredQueries`` refuses any other one in each test that runs the platform."""
    wanted = {
        (c.collection, c.equal, "ASCENDING", c.order.removeprefix("-"), "DESCENDING" if c.order[0] == "-" else "ASCENDING")
        for c in COMPOSITES
    }
    declared = {
        (str(r.inputs["collection"]), *(str(f[key]) for f in mappings(r.inputs["fields"]) for key in ("fieldPath", "order")))
        for r in stack.of("Index")
    }
    found = [f"no composite index {index}" for index in sorted(wanted - declared)] + [
        f"nobody asks for {index}" for index in sorted(declared - wanted)
    ]
    single = {(r.inputs["collection"], r.inputs["field"]): mapping(r.inputs.get("indexConfig")) for r in stack.of("Field")}
    for collection, names in FIELDS.items():
        if single.get((collection, "*")) != {"indexes": []}:
            found.append(f"all fields of {collection} are indexed, and paid for with each write")
        for name in names:
            orders = {index.get("order") for index in mappings(single.get((collection, name), {}).get("indexes"))}
            found += [f"no index of {collection}.{name}, {order}" for order in ("ASCENDING", "DESCENDING") if order not in orders]
    expiring = {r.inputs["collection"]: r.inputs["field"] for r in stack.of("Field") if "ttlConfig" in r.inputs}
    return found + ([] if expiring == EXPIRING else [f"what expires is {expiring}, not {dict(EXPIRING)}"])


@policy
def the_audit_outlives_whoever_wants_it_gone(stack: Stack) -> list[str]:
    name = f"{stack.settings.project}-{stack.settings.prefix}-audit"
    kept = next((mapping(r.inputs.get("retentionPolicy")) for r in stack.of("Bucket") if r.inputs["name"] == name), {})
    found = []
    if number(kept.get("retentionPeriod", 0)) != stack.settings.audit_retention_days * 86_400:
        found.append(f"{name} keeps what it holds for {kept.get('retentionPeriod', 0)} s")
    if bool(kept.get("isLocked")) != stack.settings.lock_audit:
        found.append(f"the retention of {name} is {'' if kept.get('isLocked') else 'not '}locked, which the stack did not ask for")
    adding = {"roles/storage.objectCreator", "roles/storage.objectViewer"}
    found += [
        f"{shown(r)} does more than look at {name} and add to it"
        for r in stack.of("BucketIAMMember")
        if r.inputs["bucket"] == name and r.inputs["role"] not in adding
    ]
    logged = {str(r.inputs["service"]) for r in stack.of("IAMAuditConfig")}
    lacking = {f"{service}.googleapis.com" for service in ("datastore", "storage", "secretmanager", "iamcredentials")} - logged
    return found + [f"nobody notes who uses {service}" for service in sorted(lacking)]


@policy
def every_subscription_has_a_dead_letter(stack: Stack) -> list[str]:
    # The end of the line is read by a person, and keeps what nobody could take for as long as Pub/Sub can.
    end = f"{stack.settings.prefix}-unkept-dead-letters"
    lacking = [
        f"{shown(r)} has no dead letter"
        for r in stack.of("Subscription")
        if not r.inputs.get("deadLetterPolicy") and r.inputs["name"] != end
    ]
    return lacking + [
        f"{shown(r)} forgets"
        for r in stack.of("Subscription")
        if r.inputs["name"] == end and r.inputs.get("messageRetentionDuration") != "2678400s"
    ]


@policy
def every_queue_gives_up_and_its_handlers_notice(stack: Stack) -> list[str]:
    found = []
    for r in stack.of("Queue"):
        attempts = number(mapping(r.inputs.get("retryConfig")).get("maxAttempts", -1))
        if attempts != MAX_DELIVERIES:
            found.append(f"{shown(r)} delivers {attempts:g} times, and a handler writes its dead letter on delivery {MAX_DELIVERIES}")
    for row in stack.manifest:
        source = CHECKOUT / "functions" / row.name / "main.py"
        if Part.QUEUE in row.callers and "kept_on_last_delivery" not in source.read_text(encoding="utf-8"):
            found.append(f"{row.name} handles tasks, and its last delivery leaves no dead letter")
    return found


@policy
def whoever_waits_outlives_whom_it_waits_for(stack: Stack) -> list[str]:
    found = []
    for r in stack.of("Function"):
        timeout = number(mapping(r.inputs["serviceConfig"]).get("timeoutSeconds"))
        if not times.SLICE_BUDGET_S < timeout < times.WORKFLOW_HTTP_TIMEOUT_S:
            found.append(f"{shown(r)} stops after {timeout:g} s: not between a slice's budget and the workflow's patience")
    longest = max((number(mapping(r.inputs["serviceConfig"]).get("timeoutSeconds")) for r in stack.of("Function")), default=0)
    waits = [(r, seconds(r.inputs.get("attemptDeadline"))) for r in stack.of("Job")]
    waits += [(r, number(r.inputs.get("ackDeadlineSeconds", 10))) for r in stack.of("Subscription") if r.inputs.get("pushConfig")]
    return found + [f"{shown(r)} waits {wait:g} s for a function that may take {longest:g}" for r, wait in waits if not wait > longest]


@policy
def events_are_taken_where_the_bucket_is(stack: Stack) -> list[str]:
    found = []
    regions = {str(r.inputs["name"]): str(r.inputs["location"]).lower() for r in stack.of("Bucket")}
    for r in stack.of("Trigger"):
        (bucket,) = [c["value"] for c in mappings(r.inputs["matchingCriterias"]) if c["attribute"] == "bucket"]
        if regions.get(str(bucket)) != r.inputs["location"]:
            found.append(f"{shown(r)} is in {r.inputs['location']}, its bucket in {regions.get(str(bucket))}")
        if not str(bucket).endswith("-inbox"):
            found.append(f"{shown(r)} listens to {bucket}: what the platform writes there would start it again")
    return found
