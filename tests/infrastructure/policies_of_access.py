"""The policies of identity and access: who somebody is, whom they may call, what they may read, and who may deploy."""

from __future__ import annotations

import re
from collections import Counter

from functions.manifest import FunctionRow, Role, Trigger
from shared.secrets import NEO4J_READER, NEO4J_WRITER
from tests.infrastructure.declared import Resource, Stack
from tests.infrastructure.policies import policy
from tests.infrastructure.reading import (
    account_of,
    host_of,
    mapping,
    row_of,
    runs_as,
    service_of,
    services,
    shown,
    texts,
    tokens,
    variables,
)

PRIMITIVE = {"roles/owner", "roles/editor", "roles/viewer"}
SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET(?!S$)|CREDENTIAL|(^|_)KEY$", re.IGNORECASE)  # KIMERA_SECRETS has their names
SECRET_VALUE = re.compile(r"AIza[\w-]{30}|\bsk-[\w-]{20}|-----BEGIN|\bya29\.|\bghp_\w{20}|://[^/\s:@]+:[^/\s@]+@")
IN_PROJECT = {"roles/datastore.user", "roles/workflows.invoker", "roles/aiplatform.user", "roles/cloudtrace.agent"}
"""What a function may hold in the whole project: the first with a condition, the others have no smaller resource to be given on."""


@policy
def nobody_is_everybody(stack: Stack) -> list[str]:
    return [
        f"{shown(r)} admits {text}" for r in stack.resources for text in texts(r.inputs) if text in ("allUsers", "allAuthenticatedUsers")
    ]


@policy
def no_role_is_a_primitive_one(stack: Stack) -> list[str]:
    return [f"{shown(r)} gives {r.inputs['role']}" for r in stack.resources if r.inputs.get("role") in PRIMITIVE]


@policy
def no_two_functions_share_an_account(stack: Stack) -> list[str]:
    shared = [account for account, count in Counter(runs_as(r) for r in services(stack)).items() if count > 1]
    return [f"several functions run as {account}" for account in shared] + [
        f"{shown(r)} runs as {runs_as(r)}, not as an account of its own"
        for r in services(stack)
        if runs_as(r) != account_of(stack, row_of(stack, r))
    ]


@policy
def there_are_no_key_files(stack: Stack) -> list[str]:
    return [f"{shown(r)} is a key" for r in stack.resources if r.type.startswith("gcp:serviceaccount/") and r.kind == "Key"]


@policy
def every_account_is_used(stack: Stack) -> list[str]:
    used = {text for r in stack.resources if not r.kind.lower().endswith("member") and r.kind != "Account" for text in texts(r.inputs)}
    impersonated = {r.inputs["serviceAccountId"] for r in stack.of("IAMMember") if r.inputs.get("role") == "roles/iam.workloadIdentityUser"}
    found = []
    for r in stack.of("Account"):
        email = f"{r.inputs['accountId']}@{stack.settings.project}.iam.gserviceaccount.com"
        names = {email, f"projects/{stack.settings.project}/serviceAccounts/{email}"}
        if not names & used and f"{r.name}-id" not in used and not names & impersonated:
            found.append(f"{email} is nobody's")
    return found


@policy
def no_bucket_is_public(stack: Stack) -> list[str]:
    wanted = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": True}
    public = [
        f"{shown(r)} needs {key} = {value}" for r in stack.of("Bucket") for key, value in wanted.items() if r.inputs.get(key) != value
    ]
    return public + [
        f"{shown(r)} is access past IAM" for r in stack.of("BucketACL", "DefaultObjectACL", "ObjectACL", "BucketAccessControl")
    ]


@policy
def no_secret_is_in_plain_configuration(stack: Stack) -> list[str]:
    found = [f"{shown(r)} puts a value into the state" for r in stack.of("SecretVersion")]
    for r in services(stack):
        found += [f"{shown(r)} has {name} in its environment" for name in variables(r) if SECRET_NAME.search(name)]
    for r in stack.resources:
        found += [f"{shown(r)} holds what looks like a secret" for text in texts(r.inputs) if SECRET_VALUE.search(text)]
    return found


@policy
def the_network_admits_the_world_to_the_public_api_only(stack: Stack) -> list[str]:
    found = []
    for r in services(stack):
        ingress = mapping(r.inputs.get("serviceConfig")).get("ingressSettings", r.inputs.get("ingress"))
        internal = ingress in ("ALLOW_INTERNAL_ONLY", "INGRESS_TRAFFIC_INTERNAL_ONLY")
        row = row_of(stack, r)
        if row is not None and internal != (row.trigger is not Trigger.PUBLIC):
            found.append(f"{shown(r)} has ingress {ingress}")
    return found


@policy
def everybody_calls_only_what_they_may(stack: Stack) -> list[str]:
    wanted = {(service_of(stack, row), member) for row in stack.manifest for member in _callers(stack, row)}
    given = {
        (str(r.inputs["name"]), str(r.inputs["member"])) for r in stack.of("ServiceIamMember") if r.inputs["role"] == "roles/run.invoker"
    }
    found = [f"{member} may not call {name}, and should" for name, member in sorted(wanted - given)]
    found += [f"{member} may call {name}" for name, member in sorted(given - wanted)]
    return found + [
        f"{shown(r)} is another role than run.invoker" for r in stack.of("ServiceIamMember") if r.inputs["role"] != "roles/run.invoker"
    ]


@policy
def every_audience_is_a_service_root(stack: Stack) -> list[str]:
    roots = {f"https://{host_of(stack, row)}" for row in stack.manifest}
    found = []
    for r in stack.resources:
        for token in tokens(r.inputs):
            if token.get("audience") not in roots:
                found.append(f"{shown(r)} asks for a token for {token.get('audience')}")
        if r.kind == "Workflow":
            asked = set(re.findall(r'sys\.get_env\("(\w+_URL)"\)', str(r.inputs["sourceContents"])))
            addresses = mapping(r.inputs.get("userEnvVars"))
            found += [f"{shown(r)} lacks {name}" for name in sorted(asked - addresses.keys())]
            found += [f"{shown(r)}: {name} is {value}, no service's root" for name, value in addresses.items() if value not in roots]
    return found


@policy
def a_function_holds_roles_on_its_own_resources_only(stack: Stack) -> list[str]:
    functions = {f"serviceAccount:{account_of(stack, row)}": row for row in stack.manifest}
    found = []
    for r in stack.of("IAMMember"):
        row = functions.get(str(r.inputs["member"]))
        if row is None or not r.type.startswith("gcp:projects/"):
            continue
        if r.inputs["role"] not in IN_PROJECT:
            found.append(f"{shown(r)} gives {r.inputs['role']} in the whole project")
        if r.inputs["role"] == "roles/datastore.user" and not r.inputs.get("condition"):
            found.append(f"{shown(r)} gives all databases of the project")
        if r.inputs["role"] == "roles/aiplatform.user" and Role.MODELS not in row.roles:
            found.append(f"{shown(r)} lets {row.name} ask models")
    return found


@policy
def nobody_signs_for_another(stack: Stack) -> list[str]:
    found = []
    for r in stack.resources:
        if r.inputs.get("role") not in ("roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountKeyAdmin"):
            continue
        itself = str(r.inputs.get("member")).removeprefix("serviceAccount:")
        if not str(r.inputs.get("serviceAccountId", "")).endswith(f"/{itself}"):
            found.append(f"{shown(r)} lets {itself} make tokens of {r.inputs.get('serviceAccountId', 'every account')}")
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
        wanted = {f"serviceAccount:{account_of(stack, row)}" for row in stack.manifest if row.name in names}
        have = accessors.get(f"{stack.settings.prefix}-{secret}", set())
        found += [f"{member} reads {secret} without the role {role}" for member in sorted(have - wanted)]
        found += [f"{member} has the role {role} and cannot read {secret}" for member in sorted(wanted - have)]
    for service in services(stack):
        row, user = row_of(stack, service), variables(service).get("KIMERA_NEO4J_USER")
        if row is not None and row.name in of_readers | of_writers:
            expected = stack.settings.neo4j_user if row.name in of_writers else stack.settings.neo4j_reader
            found += [f"{shown(service)} is the Neo4j user {user}, not {expected}"] if user != expected else []
    return found


@policy
def the_sandbox_may_do_nothing(stack: Stack) -> list[str]:
    found = []
    for row in stack.manifest:
        if not row.is_container:
            continue
        member = f"serviceAccount:{account_of(stack, row)}"
        found += [f"{shown(r)} gives something to the sandbox" for r in stack.resources if r.inputs.get("member") == member]
        found += [f"the sandbox's row has {sorted(row.roles | row.secrets)}"] if row.roles or row.secrets else []
        for r in stack.of("Service"):
            if r.inputs.get("name") == service_of(stack, row):
                found += _sandbox_faults(stack, r)
    return found


@policy
def only_one_repository_may_deploy(stack: Stack) -> list[str]:
    found = []
    for r in stack.of("WorkloadIdentityPoolProvider"):
        condition = str(r.inputs.get("attributeCondition"))
        wanted = (f"assertion.repository == '{stack.settings.github_repository}'", "assertion.ref == 'refs/heads/main'")
        found += [f"{shown(r)} does not ask for {part}" for part in wanted if part not in condition]
    for r in stack.of("IAMMember"):
        if r.inputs["role"] == "roles/iam.workloadIdentityUser" and not str(r.inputs["member"]).endswith(
            f"/{stack.settings.github_repository}"
        ):
            found.append(f"{shown(r)} admits {r.inputs['member']}")
    return found


def _sandbox_faults(stack: Stack, service: Resource) -> list[str]:
    template = mapping(service.inputs["template"])
    access = mapping(template.get("vpcAccess"))
    found = []
    if template.get("maxInstanceRequestConcurrency") != 1:
        found.append(f"{shown(service)} runs several missions' code at a time")
    if access.get("egress") != "ALL_TRAFFIC":
        found.append(f"{shown(service)} reaches the world past its network")
    denied = [r for r in stack.of("Firewall") if r.inputs.get("denies") and r.inputs.get("destinationRanges") == ["0.0.0.0/0"]]
    allowed = [r for r in stack.of("Firewall") if r.inputs.get("allows") and r.inputs.get("destinationRanges") != ["199.36.153.8/30"]]
    if not denied:
        found.append("the sandbox's network denies nothing")
    return found + [f"{shown(r)} lets the sandbox reach {r.inputs.get('destinationRanges')}" for r in allowed]


def _callers(stack: Stack, row: FunctionRow) -> set[str]:
    if row.trigger is Trigger.PUBLIC:
        return set(stack.settings.users)
    if row.is_container:
        return {f"serviceAccount:{account_of(stack, other)}" for other in stack.manifest if row.name in set(map(str, other.roles))}
    by = [caller.replace("_", "-") for caller in row.callers]
    return {f"serviceAccount:{stack.settings.prefix}-by-{caller}@{stack.settings.project}.iam.gserviceaccount.com" for caller in by}
