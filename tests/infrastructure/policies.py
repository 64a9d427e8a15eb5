"""The policies of the cloud: each takes a declared stack and gives back what breaks it, in words; nothing, where it holds."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from functions.manifest import PYTHON, FunctionRow, Role, Trigger
from infra.packaging.archive import CHECKOUT
from shared import times
from shared.callers import Part
from shared.indexes import COMPOSITES, EXPIRING, FIELDS
from shared.queue import MAX_DELIVERIES
from shared.secrets import NEO4J_READER, NEO4J_WRITER
from tests.infrastructure.declared import Resource, Stack

Policy: TypeAlias = "Callable[[Stack], list[str]]"
POLICIES: list[Policy] = []

PRIMITIVE = {"roles/owner", "roles/editor", "roles/viewer"}
SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET(?!S$)|CREDENTIAL|(^|_)KEY$", re.IGNORECASE)  # KIMERA_SECRETS has their names
SECRET_VALUE = re.compile(r"AIza[\w-]{30}|\bsk-[\w-]{20}|-----BEGIN|\bya29\.|\bghp_\w{20}|://[^/\s:@]+:[^/\s@]+@")
IN_PROJECT = {"roles/datastore.user", "roles/workflows.invoker", "roles/aiplatform.user", "roles/cloudtrace.agent"}
"""What a function may hold in the whole project: the first with a condition, the others have no smaller resource to be given on."""


def policy(check: Policy) -> Policy:
    """Make ``check`` one of the policies."""
    POLICIES.append(check)
    return check


@policy
def nobody_is_everybody(stack: Stack) -> list[str]:
    return [
        f"{_shown(r)} admits {text}" for r in stack.resources for text in _texts(r.inputs) if text in ("allUsers", "allAuthenticatedUsers")
    ]


@policy
def no_role_is_a_primitive_one(stack: Stack) -> list[str]:
    return [f"{_shown(r)} gives {r.inputs['role']}" for r in stack.resources if r.inputs.get("role") in PRIMITIVE]


@policy
def no_two_functions_share_an_account(stack: Stack) -> list[str]:
    shared = [account for account, count in Counter(_runs_as(r) for r in _services(stack)).items() if count > 1]
    return [f"several functions run as {account}" for account in shared] + [
        f"{_shown(r)} runs as {_runs_as(r)}, not as an account of its own"
        for r in _services(stack)
        if _runs_as(r) != _account(stack, _row_of(stack, r))
    ]


@policy
def there_are_no_key_files(stack: Stack) -> list[str]:
    return [f"{_shown(r)} is a key" for r in stack.resources if r.type.startswith("gcp:serviceaccount/") and r.kind == "Key"]


@policy
def no_bucket_is_public(stack: Stack) -> list[str]:
    wanted = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": True}
    public = [
        f"{_shown(r)} needs {key} = {value}" for r in stack.of("Bucket") for key, value in wanted.items() if r.inputs.get(key) != value
    ]
    return public + [
        f"{_shown(r)} is access past IAM" for r in stack.of("BucketACL", "DefaultObjectACL", "ObjectACL", "BucketAccessControl")
    ]


@policy
def no_secret_is_in_plain_configuration(stack: Stack) -> list[str]:
    found = [f"{_shown(r)} puts a value into the state" for r in stack.of("SecretVersion")]
    for r in _services(stack):
        found += [f"{_shown(r)} has {name} in its environment" for name in _variables(r) if SECRET_NAME.search(name)]
    for r in stack.resources:
        found += [f"{_shown(r)} holds what looks like a secret" for text in _texts(r.inputs) if SECRET_VALUE.search(text)]
    return found


@policy
def every_subscription_has_a_dead_letter(stack: Stack) -> list[str]:
    # The end of the line is read by a person, and keeps what nobody could take for as long as Pub/Sub can.
    end = f"{stack.settings.prefix}-unkept-dead-letters"
    lacking = [
        f"{_shown(r)} has no dead letter"
        for r in stack.of("Subscription")
        if not r.inputs.get("deadLetterPolicy") and r.inputs["name"] != end
    ]
    return lacking + [
        f"{_shown(r)} forgets"
        for r in stack.of("Subscription")
        if r.inputs["name"] == end and r.inputs.get("messageRetentionDuration") != "2678400s"
    ]


@policy
def every_queue_gives_up_and_its_handlers_notice(stack: Stack) -> list[str]:
    found = []
    for r in stack.of("Queue"):
        attempts = _number(_map(r.inputs.get("retryConfig")).get("maxAttempts", -1))
        if attempts != MAX_DELIVERIES:
            found.append(f"{_shown(r)} delivers {attempts:g} times, and a handler writes its dead letter on delivery {MAX_DELIVERIES}")
    for row in stack.manifest:
        source = CHECKOUT / "functions" / row.name / "main.py"
        if Part.QUEUE in row.callers and "kept_on_last_delivery" not in source.read_text(encoding="utf-8"):
            found.append(f"{row.name} handles tasks, and its last delivery leaves no dead letter")
    return found


@policy
def whatever_holds_state_is_protected(stack: Stack) -> list[str]:
    found = []
    for r in stack.of("Database", "Bucket", "Dataset", "Table", "Secret"):
        if r.inputs.get("name") == f"{stack.settings.project}-{stack.settings.prefix}-sources" or r.inputs.get("view"):
            continue
        if not r.protect:
            found.append(f"{_shown(r)} may be deleted by Pulumi")
        own = r.inputs.get("deletionProtection") is True or r.inputs.get("deletionPolicy") == "PREVENT"
        if not own or r.inputs.get("forceDestroy") or r.inputs.get("deleteContentsOnDestroy"):
            found.append(f"{_shown(r)} may be deleted by the provider")
    return found + [
        f"{_shown(r)} may be deleted in the console"
        for r in stack.of("Database")
        if r.inputs.get("deleteProtectionState") != "DELETE_PROTECTION_ENABLED"
    ]


@policy
def the_database_can_be_restored(stack: Stack) -> list[str]:
    found = [
        f"{_shown(r)} has no point-in-time recovery"
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
        (str(r.inputs["collection"]), *(str(f[key]) for f in _maps(r.inputs["fields"]) for key in ("fieldPath", "order")))
        for r in stack.of("Index")
    }
    found = [f"no composite index {index}" for index in sorted(wanted - declared)] + [
        f"nobody asks for {index}" for index in sorted(declared - wanted)
    ]
    single = {(r.inputs["collection"], r.inputs["field"]): _map(r.inputs.get("indexConfig")) for r in stack.of("Field")}
    for collection, names in FIELDS.items():
        if single.get((collection, "*")) != {"indexes": []}:
            found.append(f"all fields of {collection} are indexed, and paid for with each write")
        for name in names:
            orders = {index.get("order") for index in _maps(single.get((collection, name), {}).get("indexes"))}
            found += [f"no index of {collection}.{name}, {order}" for order in ("ASCENDING", "DESCENDING") if order not in orders]
    expiring = {r.inputs["collection"]: r.inputs["field"] for r in stack.of("Field") if "ttlConfig" in r.inputs}
    return found + ([] if expiring == EXPIRING else [f"what expires is {expiring}, not {dict(EXPIRING)}"])


@policy
def what_is_deployed_is_the_manifest(stack: Stack) -> list[str]:
    deployed = Counter(str(r.inputs["name"]) for r in _services(stack))
    wanted = {_service(stack, row): row for row in stack.manifest}
    found = [f"{name} is in the manifest, and not deployed" for name in sorted(wanted.keys() - deployed.keys())]
    found += [f"{name} is deployed, and not in the manifest" for name in sorted(deployed.keys() - wanted.keys())]
    found += [f"{name} is deployed {count} times" for name, count in deployed.items() if count > 1]
    for r in stack.of("Function"):
        row = wanted.get(str(r.inputs["name"]))
        if row is None:
            continue
        build, service = _map(r.inputs["buildConfig"]), _map(r.inputs["serviceConfig"])
        facts = {
            "entry point": (build.get("entryPoint"), row.entry_point),
            "runtime": (build.get("runtime"), f"python{PYTHON.replace('.', '')}"),
            "memory": (service.get("availableMemory"), f"{row.memory_mb}Mi"),
            "concurrency": (service.get("maxInstanceRequestConcurrency"), row.concurrency),
            "timeout": (service.get("timeoutSeconds"), row.timeout_s),
            "CPU that concurrency needs": (service.get("availableCpu"), "1"),
        }
        found += [f"{_shown(r)}: the {what} is {is_}, not {should}" for what, (is_, should) in facts.items() if is_ != should]
    return found


@policy
def the_sandbox_may_do_nothing(stack: Stack) -> list[str]:
    found = []
    for row in stack.manifest:
        if not row.is_container:
            continue
        member = f"serviceAccount:{_account(stack, row)}"
        found += [f"{_shown(r)} gives something to the sandbox" for r in stack.resources if r.inputs.get("member") == member]
        found += [f"the sandbox's row has {sorted(row.roles | row.secrets)}"] if row.roles or row.secrets else []
        for r in stack.of("Service"):
            if r.inputs.get("name") == _service(stack, row):
                found += _sandbox_faults(stack, r)
    return found


@policy
def whoever_waits_outlives_whom_it_waits_for(stack: Stack) -> list[str]:
    found = []
    for r in stack.of("Function"):
        timeout = _number(_map(r.inputs["serviceConfig"]).get("timeoutSeconds"))
        if not times.SLICE_BUDGET_S < timeout < times.WORKFLOW_HTTP_TIMEOUT_S:
            found.append(f"{_shown(r)} stops after {timeout:g} s: not between a slice's budget and the workflow's patience")
    longest = max((_number(_map(r.inputs["serviceConfig"]).get("timeoutSeconds")) for r in stack.of("Function")), default=0)
    waits = [(r, _seconds(r.inputs.get("attemptDeadline"))) for r in stack.of("Job")]
    waits += [(r, _number(r.inputs.get("ackDeadlineSeconds", 10))) for r in stack.of("Subscription") if r.inputs.get("pushConfig")]
    return found + [f"{_shown(r)} waits {wait:g} s for a function that may take {longest:g}" for r, wait in waits if not wait > longest]


@policy
def every_account_is_used(stack: Stack) -> list[str]:
    used = {text for r in stack.resources if not r.kind.lower().endswith("member") and r.kind != "Account" for text in _texts(r.inputs)}
    impersonated = {r.inputs["serviceAccountId"] for r in stack.of("IAMMember") if r.inputs.get("role") == "roles/iam.workloadIdentityUser"}
    found = []
    for r in stack.of("Account"):
        email = f"{r.inputs['accountId']}@{stack.settings.project}.iam.gserviceaccount.com"
        names = {email, f"projects/{stack.settings.project}/serviceAccounts/{email}"}
        if not names & used and f"{r.name}-id" not in used and not names & impersonated:
            found.append(f"{email} is nobody's")
    return found


@policy
def the_network_admits_the_world_to_the_public_api_only(stack: Stack) -> list[str]:
    found = []
    for r in _services(stack):
        ingress = _map(r.inputs.get("serviceConfig")).get("ingressSettings", r.inputs.get("ingress"))
        internal = ingress in ("ALLOW_INTERNAL_ONLY", "INGRESS_TRAFFIC_INTERNAL_ONLY")
        row = _row_of(stack, r)
        if row is not None and internal != (row.trigger is not Trigger.PUBLIC):
            found.append(f"{_shown(r)} has ingress {ingress}")
    return found


@policy
def everybody_calls_only_what_they_may(stack: Stack) -> list[str]:
    wanted = {(_service(stack, row), member) for row in stack.manifest for member in _callers(stack, row)}
    given = {
        (str(r.inputs["name"]), str(r.inputs["member"])) for r in stack.of("ServiceIamMember") if r.inputs["role"] == "roles/run.invoker"
    }
    found = [f"{member} may not call {name}, and should" for name, member in sorted(wanted - given)]
    found += [f"{member} may call {name}" for name, member in sorted(given - wanted)]
    return found + [
        f"{_shown(r)} is another role than run.invoker" for r in stack.of("ServiceIamMember") if r.inputs["role"] != "roles/run.invoker"
    ]


@policy
def a_function_holds_roles_on_its_own_resources_only(stack: Stack) -> list[str]:
    functions = {f"serviceAccount:{_account(stack, row)}": row for row in stack.manifest}
    found = []
    for r in stack.of("IAMMember"):
        row = functions.get(str(r.inputs["member"]))
        if row is None or not r.type.startswith("gcp:projects/"):
            continue
        if r.inputs["role"] not in IN_PROJECT:
            found.append(f"{_shown(r)} gives {r.inputs['role']} in the whole project")
        if r.inputs["role"] == "roles/datastore.user" and not r.inputs.get("condition"):
            found.append(f"{_shown(r)} gives all databases of the project")
        if r.inputs["role"] == "roles/aiplatform.user" and Role.MODELS not in row.roles:
            found.append(f"{_shown(r)} lets {row.name} ask models")
    return found


@policy
def nobody_signs_for_another(stack: Stack) -> list[str]:
    found = []
    for r in stack.resources:
        if r.inputs.get("role") not in ("roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountKeyAdmin"):
            continue
        itself = str(r.inputs.get("member")).removeprefix("serviceAccount:")
        if not str(r.inputs.get("serviceAccountId", "")).endswith(f"/{itself}"):
            found.append(f"{_shown(r)} lets {itself} make tokens of {r.inputs.get('serviceAccountId', 'every account')}")
    return found


@policy
def readers_of_knowledge_cannot_write_it(stack: Stack) -> list[str]:
    accessors: dict[str, set[str]] = {}
    for r in stack.of("SecretIamMember"):
        accessors.setdefault(str(r.inputs["secretId"]), set()).add(str(r.inputs["member"]))
    found = []
    of_writers = {row.name for row in stack.manifest if Role.KNOWLEDGE_WRITE in row.roles}
    of_readers = {row.name for row in stack.manifest if Role.KNOWLEDGE_READ in row.roles} - of_writers
    for role, secret, names in ((Role.KNOWLEDGE_READ, NEO4J_READER, of_readers), (Role.KNOWLEDGE_WRITE, NEO4J_WRITER, of_writers)):
        wanted = {f"serviceAccount:{_account(stack, row)}" for row in stack.manifest if row.name in names}
        have = accessors.get(f"{stack.settings.prefix}-{secret}", set())
        found += [f"{member} reads {secret} without the role {role}" for member in sorted(have - wanted)]
        found += [f"{member} has the role {role} and cannot read {secret}" for member in sorted(wanted - have)]
    for service in _services(stack):
        row, user = _row_of(stack, service), _variables(service).get("KIMERA_NEO4J_USER")
        if row is not None and row.name in of_readers | of_writers:
            expected = stack.settings.neo4j_user if row.name in of_writers else stack.settings.neo4j_reader
            found += [f"{_shown(service)} is the Neo4j user {user}, not {expected}"] if user != expected else []
    return found


@policy
def every_audience_is_a_service_root(stack: Stack) -> list[str]:
    roots = {f"https://{_host(stack, row)}" for row in stack.manifest}
    found = []
    for r in stack.resources:
        for token in _tokens(r.inputs):
            if token.get("audience") not in roots:
                found.append(f"{_shown(r)} asks for a token for {token.get('audience')}")
        if r.kind == "Workflow":
            asked = set(re.findall(r'sys\.get_env\("(\w+_URL)"\)', str(r.inputs["sourceContents"])))
            addresses = _map(r.inputs.get("userEnvVars"))
            found += [f"{_shown(r)} lacks {name}" for name in sorted(asked - addresses.keys())]
            found += [f"{_shown(r)}: {name} is {value}, no service's root" for name, value in addresses.items() if value not in roots]
    return found


@policy
def the_audit_outlives_whoever_wants_it_gone(stack: Stack) -> list[str]:
    name = f"{stack.settings.project}-{stack.settings.prefix}-audit"
    kept = next((_map(r.inputs.get("retentionPolicy")) for r in stack.of("Bucket") if r.inputs["name"] == name), {})
    found = []
    if _number(kept.get("retentionPeriod", 0)) != stack.settings.audit_retention_days * 86_400:
        found.append(f"{name} keeps what it holds for {kept.get('retentionPeriod', 0)} s")
    if bool(kept.get("isLocked")) != stack.settings.lock_audit:
        found.append(f"the retention of {name} is {'' if kept.get('isLocked') else 'not '}locked, which the stack did not ask for")
    adding = {"roles/storage.objectCreator", "roles/storage.objectViewer"}
    found += [
        f"{_shown(r)} does more than look at {name} and add to it"
        for r in stack.of("BucketIAMMember")
        if r.inputs["bucket"] == name and r.inputs["role"] not in adding
    ]
    logged = {str(r.inputs["service"]) for r in stack.of("IAMAuditConfig")}
    lacking = {f"{service}.googleapis.com" for service in ("datastore", "storage", "secretmanager", "iamcredentials")} - logged
    return found + [f"nobody notes who uses {service}" for service in sorted(lacking)]


@policy
def events_are_taken_where_the_bucket_is(stack: Stack) -> list[str]:
    found = []
    regions = {str(r.inputs["name"]): str(r.inputs["location"]).lower() for r in stack.of("Bucket")}
    for r in stack.of("Trigger"):
        (bucket,) = [c["value"] for c in _maps(r.inputs["matchingCriterias"]) if c["attribute"] == "bucket"]
        if regions.get(str(bucket)) != r.inputs["location"]:
            found.append(f"{_shown(r)} is in {r.inputs['location']}, its bucket in {regions.get(str(bucket))}")
        if not str(bucket).endswith("-inbox"):
            found.append(f"{_shown(r)} listens to {bucket}: what the platform writes there would start it again")
    return found


@policy
def only_one_repository_may_deploy(stack: Stack) -> list[str]:
    found = []
    for r in stack.of("WorkloadIdentityPoolProvider"):
        condition = str(r.inputs.get("attributeCondition"))
        wanted = (f"assertion.repository == '{stack.settings.github_repository}'", "assertion.ref == 'refs/heads/main'")
        found += [f"{_shown(r)} does not ask for {part}" for part in wanted if part not in condition]
    for r in stack.of("IAMMember"):
        if r.inputs["role"] == "roles/iam.workloadIdentityUser" and not str(r.inputs["member"]).endswith(
            f"/{stack.settings.github_repository}"
        ):
            found.append(f"{_shown(r)} admits {r.inputs['member']}")
    return found


@policy
def every_objective_is_watched(stack: Stack) -> list[str]:
    goals = {str(r.inputs["sloId"]): r.inputs["goal"] for r in stack.of("Slo")}
    wanted = {"mission-success": 0.95, "availability": 0.995, "orchestration": 0.95}
    found = [] if goals == wanted else [f"the objectives are {goals}, not {wanted}"]
    for name in wanted:
        burning = [r for r in stack.of("AlertPolicy") if r.name.startswith(f"alert-{name}-")]
        if len(burning) != 2:
            found.append(f"{len(burning)} alerts watch {name}, not a fast and a slow one")
    found += [
        f"{_shown(r)} reaches nobody"
        for r in stack.of("AlertPolicy")
        if stack.settings.alert_emails and not r.inputs.get("notificationChannels")
    ]
    return found + ([] if stack.of("Budget") or stack.settings.billing_account is None else ["no budget is declared"])


@policy
def every_view_reads_what_is_there(stack: Stack) -> list[str]:
    there = {str(r.inputs["tableId"]) for r in stack.of("Table")}
    found = []
    for r in stack.of("Table"):
        query = str(_map(r.inputs.get("view")).get("query", ""))
        dataset = f"{stack.settings.project}.{stack.settings.prefix.replace('-', '_')}_telemetry."
        found += [f"{_shown(r)} reads {name}" for name in re.findall(re.escape(dataset) + r"(\w+)", query) if name not in there]
        found += [f"{_shown(r)} does not say which dataset it reads"] if query and (dataset not in query or "{dataset}" in query) else []
    return found + ([] if {"missions", "missions_once"} <= there else ["what missions did is nowhere"])


@policy
def every_variable_is_a_setting(stack: Stack) -> list[str]:
    known = _known_variables()
    return [f"{_shown(r)} sets {name}, which nobody reads" for r in stack.of("Function") for name in _variables(r) if name not in known]


@policy
def every_name_is_one_that_google_takes(stack: Stack) -> list[str]:
    found = [
        f"{r.inputs['accountId']} is no account's id"
        for r in stack.of("Account")
        if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", str(r.inputs["accountId"]))
    ]
    for r in _services(stack):
        label = f"{r.inputs['name']}-123456789012"
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,62}", label):
            found.append(f"{r.inputs['name']} has no address that is known beforehand: {label} is {len(label)} long")
    return found + [
        f"{r.inputs['name']} is no bucket's name"
        for r in stack.of("Bucket")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", str(r.inputs["name"]))
    ]


def _sandbox_faults(stack: Stack, service: Resource) -> list[str]:
    template = _map(service.inputs["template"])
    access = _map(template.get("vpcAccess"))
    found = []
    if template.get("maxInstanceRequestConcurrency") != 1:
        found.append(f"{_shown(service)} runs several missions' code at a time")
    if access.get("egress") != "ALL_TRAFFIC":
        found.append(f"{_shown(service)} reaches the world past its network")
    denied = [r for r in stack.of("Firewall") if r.inputs.get("denies") and r.inputs.get("destinationRanges") == ["0.0.0.0/0"]]
    allowed = [r for r in stack.of("Firewall") if r.inputs.get("allows") and r.inputs.get("destinationRanges") != ["199.36.153.8/30"]]
    if not denied:
        found.append("the sandbox's network denies nothing")
    return found + [f"{_shown(r)} lets the sandbox reach {r.inputs.get('destinationRanges')}" for r in allowed]


def _callers(stack: Stack, row: FunctionRow) -> set[str]:
    if row.trigger is Trigger.PUBLIC:
        return set(stack.settings.users)
    if row.is_container:
        return {f"serviceAccount:{_account(stack, other)}" for other in stack.manifest if row.name in set(map(str, other.roles))}
    by = [caller.replace("_", "-") for caller in row.callers]
    return {f"serviceAccount:{stack.settings.prefix}-by-{caller}@{stack.settings.project}.iam.gserviceaccount.com" for caller in by}


def _services(stack: Stack) -> list[Resource]:
    """What serves requests: functions and containers (``Service`` is also the kind of an enabled API)."""
    return [*stack.of("Function"), *(r for r in stack.of("Service") if r.type.startswith("gcp:cloudrunv2/"))]


def _row_of(stack: Stack, service: Resource) -> FunctionRow | None:
    return next((row for row in stack.manifest if _service(stack, row) == service.inputs["name"]), None)


def _service(stack: Stack, row: FunctionRow) -> str:
    return f"{stack.settings.prefix}-{row.name.replace('_', '-')}"


def _host(stack: Stack, row: FunctionRow) -> str:
    return f"{_service(stack, row)}-123456789012.{stack.settings.region}.run.app"


def _account(stack: Stack, row: FunctionRow | None) -> str:
    return f"{_service(stack, row)}@{stack.settings.project}.iam.gserviceaccount.com" if row else ""


def _runs_as(service: Resource) -> str:
    config = _map(service.inputs.get("serviceConfig"))
    return str(config.get("serviceAccountEmail") or _map(service.inputs.get("template")).get("serviceAccount") or "the default account")


def _variables(service: Resource) -> Mapping[str, object]:
    return _map(_map(service.inputs.get("serviceConfig")).get("environmentVariables"))


def _known_variables() -> set[str]:
    """What the code reads from its environment, by the fields of its settings."""
    settings = ast.parse((CHECKOUT / "shared" / "settings.py").read_text(encoding="utf-8"))
    (of_settings,) = [node for node in settings.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
    fields = {f"KIMERA_{n.target.id.upper()}" for n in of_settings.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    endpoints = (CHECKOUT / "shared" / "models" / "credentials.py").read_text(encoding="utf-8")
    return fields | set(re.findall(r'"([A-Z][A-Z_]+)"', endpoints))


def _tokens(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, Mapping):
        if isinstance(value.get("oidcToken"), Mapping):
            yield _map(value["oidcToken"])
        for inner in value.values():
            yield from _tokens(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _tokens(inner)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[Mapping[str, object]]:
    return [_map(item) for item in value] if isinstance(value, list) else []


def _number(value: object) -> float:
    return float(str(value)) if value is not None else 0.0


def _seconds(value: object) -> float:
    return _number(str(value).removesuffix("s")) if value else 0.0


def _shown(resource: Resource) -> str:
    return f"{resource.type.partition(':')[2]} {resource.name}"
