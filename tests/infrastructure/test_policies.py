"""The policies hold for every stack that can be configured, and each is shown to report a stack that breaks it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

import pytest

from functions.manifest import MANIFEST
from tests.infrastructure import policies
from tests.infrastructure import policies_of_access as access
from tests.infrastructure import policies_of_agreement as agreement
from tests.infrastructure import policies_of_keeping as keeping
from tests.infrastructure.declared import Resource, Stack, stack, with_rows_of_each_kind

Break: TypeAlias = "Callable[[Stack], None]"

LARGE = {
    "kimera:size": "large",
    "kimera:models": "gemini-api-key",
    "kimera:prefix": "research-teams",
    "kimera:lockAudit": "true",
    "kimera:searchKey": "true",
    "kimera:users": "[]",
}
BARE = {"kimera:models": "none", "kimera:githubRepository": "", "kimera:billingAccount": "", "kimera:alertEmails": ""}


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A small stack, with functions for every kind of caller."""
    return stack(tmp_path_factory.mktemp("archives"), manifest=with_rows_of_each_kind())


@pytest.fixture(scope="session", params=["small", "as the manifest is", "large", "bare"])
def any_stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, small: Stack) -> Stack:
    """Stacks that are configured in different ways."""
    if request.param == "small":
        return small
    manifest = with_rows_of_each_kind() if request.param == "large" else MANIFEST
    return stack(tmp_path_factory.mktemp("archives"), {"large": LARGE, "bare": BARE}.get(request.param), manifest)


@pytest.mark.parametrize("policy", policies.every_policy(), ids=lambda policy: policy.__name__)
def test_a_policy_holds(policy: policies.Policy, any_stack: Stack) -> None:
    assert policy(any_stack) == []


def the(kind: str, name: str) -> Callable[[Stack], Resource]:
    def find(broken: Stack) -> Resource:
        return next(r for r in broken.of(kind) if r.name == name)

    return find


def change(kind: str, name: str, path: str, value: object) -> Break:
    """Set an input of one resource; ``path`` goes through maps and lists by dots."""

    def apply(broken: Stack) -> None:
        *way, last = path.split(".")
        place: object = the(kind, name)(broken).inputs
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]  # type: ignore[index]  # a map, as the path says
        assert isinstance(place, dict)
        assert place.get(last) != value, "this changes nothing"
        place[last] = value

    return apply


def drop(kind: str, name: str) -> Break:
    return lambda broken: broken.resources.remove(the(kind, name)(broken))


def add(kind: str, **inputs: object) -> Break:
    return lambda broken: broken.resources.append(Resource(kind, "added", inputs))


def unprotect(kind: str, name: str) -> Break:
    def apply(broken: Stack) -> None:
        found = the(kind, name)(broken)
        broken.resources[broken.resources.index(found)] = replace(found, protect=False)

    return apply


def grant(role: str, who: str, kind: str = "gcp:projects/iAMMember:IAMMember", **more: object) -> Break:
    return add(kind, role=role, member=f"serviceAccount:kimera-{who}@acme-missions.iam.gserviceaccount.com", **more)


def unasked(broken: Stack) -> None:
    broken.asked = frozenset()


SERVICE_MEMBER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
BREAKS: list[tuple[policies.Policy, str, Break]] = [
    (access.nobody_is_everybody, "an invoker", add(SERVICE_MEMBER, name="x", role="roles/run.invoker", member="allUsers")),
    (
        access.nobody_is_everybody,
        "a bucket's reader",
        change("BucketIAMMember", "builder-reads-sources", "member", "allAuthenticatedUsers"),
    ),
    (access.no_role_is_a_primitive_one, "an editor", grant("roles/editor", "lifecycle")),
    (
        access.no_two_functions_share_an_account,
        "budget as lifecycle",
        change(
            "Function", "function-budget", "serviceConfig.serviceAccountEmail", "kimera-lifecycle@acme-missions.iam.gserviceaccount.com"
        ),
    ),
    (
        access.no_two_functions_share_an_account,
        "the default account",
        change("Function", "function-budget", "serviceConfig.serviceAccountEmail", None),
    ),
    (access.there_are_no_key_files, "a key", add("gcp:serviceaccount/key:Key", serviceAccountId="x")),
    (access.no_bucket_is_public, "public access", change("Bucket", "bucket-artifacts", "publicAccessPrevention", "inherited")),
    (access.no_bucket_is_public, "object lists", change("Bucket", "bucket-inbox", "uniformBucketLevelAccess", False)),
    (access.no_bucket_is_public, "an access list", add("gcp:storage/bucketACL:BucketACL", bucket="x")),
    (
        access.no_secret_is_in_plain_configuration,
        "a password",
        change("Function", "function-fusion", "serviceConfig.environmentVariables.KIMERA_NEO4J_PASSWORD", "x"),
    ),
    (
        access.no_secret_is_in_plain_configuration,
        "in an address",
        change("Workflow", "mission", "userEnvVars.GRAPH", "bolt://" + "me:word@host"),
    ),
    (access.no_secret_is_in_plain_configuration, "a version", add("gcp:secretmanager/secretVersion:SecretVersion", secretData="x")),
    (keeping.every_subscription_has_a_dead_letter, "none", change("Subscription", "subscription-dead-letters", "deadLetterPolicy", None)),
    (
        keeping.every_subscription_has_a_dead_letter,
        "forgets",
        change("Subscription", "subscription-unkept", "messageRetentionDuration", "600s"),
    ),
    (keeping.every_queue_gives_up_and_its_handlers_notice, "never", change("Queue", "dispatch", "retryConfig.maxAttempts", -1)),
    (
        keeping.whatever_holds_state_is_protected,
        "a database",
        change("Database", "database", "deleteProtectionState", "DELETE_PROTECTION_DISABLED"),
    ),
    (keeping.every_queue_gives_up_and_its_handlers_notice, "too early", change("Queue", "dispatch", "retryConfig.maxAttempts", 5)),
    (keeping.whatever_holds_state_is_protected, "a bucket by Pulumi", unprotect("Bucket", "bucket-audit")),
    (keeping.whatever_holds_state_is_protected, "a bucket's content", change("Bucket", "bucket-artifacts", "forceDestroy", True)),
    (keeping.whatever_holds_state_is_protected, "a secret", change("Secret", "secret-neo4j-writer", "deletionProtection", False)),
    (keeping.whatever_holds_state_is_protected, "telemetry", change("Dataset", "telemetry", "deletionPolicy", "DELETE")),
    (
        keeping.the_database_can_be_restored,
        "no recovery",
        change("Database", "database", "pointInTimeRecoveryEnablement", "POINT_IN_TIME_RECOVERY_DISABLED"),
    ),
    (keeping.the_database_can_be_restored, "no backups", drop("BackupSchedule", "backup-daily")),
    (keeping.every_query_has_its_indexes, "a composite", drop("Index", "index-missions-owner-by-mission-id")),
    (
        keeping.every_query_has_its_indexes,
        "its order",
        change("Index", "index-missions-owner-by-mission-id", "fields.1.order", "ASCENDING"),
    ),
    (keeping.every_query_has_its_indexes, "a field", drop("Field", "field-journal-key")),
    (keeping.every_query_has_its_indexes, "everything indexed", drop("Field", "field-journal-all")),
    (agreement.what_is_deployed_is_the_manifest, "one is missing", drop("Function", "function-budget")),
    (
        agreement.what_is_deployed_is_the_manifest,
        "one too many",
        add("gcp:cloudfunctionsv2/function:Function", name="kimera-extra", serviceConfig={}, buildConfig={}),
    ),
    (
        agreement.what_is_deployed_is_the_manifest,
        "another runtime",
        change("Function", "function-budget", "buildConfig.runtime", "python311"),
    ),
    (
        agreement.what_is_deployed_is_the_manifest,
        "threads for fewer calls than are sent",
        change("Function", "function-fusion", "serviceConfig.environmentVariables.THREADS", "4"),
    ),
    (agreement.every_google_account_is_there_before_it_is_named, "an address that was put together", unasked),
    (access.the_sandbox_may_do_nothing, "a role", grant("roles/storage.objectViewer", "sandbox")),
    (
        access.the_sandbox_may_do_nothing,
        "two at a time",
        change("Service", "service-sandbox", "template.maxInstanceRequestConcurrency", 2),
    ),
    (
        access.the_sandbox_may_do_nothing,
        "the internet",
        change("Service", "service-sandbox", "template.vpcAccess.egress", "PRIVATE_RANGES_ONLY"),
    ),
    (access.the_sandbox_may_do_nothing, "no firewall", drop("Firewall", "firewall-sandbox-nothing-else")),
    (access.the_sandbox_may_do_nothing, "a wide one", change("Firewall", "firewall-sandbox-google", "destinationRanges", ["0.0.0.0/0"])),
    (
        keeping.whoever_waits_outlives_whom_it_waits_for,
        "a long function",
        change("Function", "function-budget", "serviceConfig.timeoutSeconds", 180),
    ),
    (
        keeping.whoever_waits_outlives_whom_it_waits_for,
        "a short one",
        change("Function", "function-ds-star", "serviceConfig.timeoutSeconds", 60),
    ),
    (keeping.whoever_waits_outlives_whom_it_waits_for, "a hasty scheduler", change("Job", "job-reconcile", "attemptDeadline", "30s")),
    (
        keeping.whoever_waits_outlives_whom_it_waits_for,
        "a hasty push",
        change("Subscription", "subscription-dead-letters", "ackDeadlineSeconds", 60),
    ),
    (access.every_account_is_used, "nobody's", add("gcp:serviceaccount/account:Account", accountId="kimera-idle")),
    (
        access.the_network_admits_the_world_to_the_public_api_only,
        "an internal function",
        change("Function", "function-budget", "serviceConfig.ingressSettings", "ALLOW_ALL"),
    ),
    (
        access.the_network_admits_the_world_to_the_public_api_only,
        "the sandbox",
        change("Service", "service-sandbox", "ingress", "INGRESS_TRAFFIC_ALL"),
    ),
    (
        access.everybody_calls_only_what_they_may,
        "fusion calls lifecycle",
        grant("roles/run.invoker", "fusion", SERVICE_MEMBER, name="kimera-lifecycle"),
    ),
    (access.everybody_calls_only_what_they_may, "the workflow does not", drop("ServiceIamMember", "budget-called-by-workflow")),
    (access.everybody_calls_only_what_they_may, "an admin", grant("roles/run.admin", "fusion", SERVICE_MEMBER, name="kimera-fusion")),
    (access.a_function_holds_roles_on_its_own_resources_only, "all buckets", grant("roles/storage.objectAdmin", "fusion")),
    (
        access.a_function_holds_roles_on_its_own_resources_only,
        "all databases",
        change("IAMMember", "budget-datastore-user", "condition", None),
    ),
    (access.a_function_holds_roles_on_its_own_resources_only, "models for the gate", grant("roles/aiplatform.user", "budget")),
    (
        access.nobody_signs_for_another,
        "for the API",
        change(
            "IAMMember",
            "ds-star-signs",
            "serviceAccountId",
            "projects/p/serviceAccounts/kimera-missions@acme-missions.iam.gserviceaccount.com",
        ),
    ),
    (access.nobody_signs_for_another, "for all", grant("roles/iam.serviceAccountTokenCreator", "ds-star")),
    (
        access.readers_of_knowledge_cannot_write_it,
        "fusion writes",
        grant(
            "roles/secretmanager.secretAccessor",
            "fusion",
            "gcp:secretmanager/secretIamMember:SecretIamMember",
            secretId="kimera-neo4j-writer",  # pragma: allowlist secret
        ),
    ),
    (
        access.readers_of_knowledge_cannot_write_it,
        "a reader who logs in as the writer",
        change("Function", "function-intake", "serviceConfig.environmentVariables.KIMERA_NEO4J_USER", "kimera-writer"),
    ),
    (access.readers_of_knowledge_cannot_write_it, "a writer locked out", drop("SecretIamMember", "lifecycle-reads-neo4j-writer")),
    (
        access.every_audience_is_a_service_root,
        "a path",
        change("Job", "job-anchor", "httpTarget.oidcToken.audience", "https://x.run.app/anchor"),
    ),
    (
        access.every_audience_is_a_service_root,
        "another address",
        change("Workflow", "mission", "userEnvVars.FUSION_URL", "https://x.cloudfunctions.net/f"),
    ),
    (access.every_audience_is_a_service_root, "no address", change("Workflow", "mission", "userEnvVars", {})),
    (keeping.the_audit_outlives_whoever_wants_it_gone, "no retention", change("Bucket", "bucket-audit", "retentionPolicy", None)),
    (
        keeping.the_audit_outlives_whoever_wants_it_gone,
        "a lock nobody chose",
        change("Bucket", "bucket-audit", "retentionPolicy.isLocked", True),
    ),
    (
        keeping.the_audit_outlives_whoever_wants_it_gone,
        "an eraser",
        change("BucketIAMMember", "audit-sink-writes", "role", "roles/storage.objectAdmin"),
    ),
    (keeping.the_audit_outlives_whoever_wants_it_gone, "silence", drop("IAMAuditConfig", "audit-secretmanager")),
    (keeping.events_are_taken_where_the_bucket_is, "elsewhere", change("Trigger", "trigger-intake", "location", "us-central1")),
    (
        keeping.events_are_taken_where_the_bucket_is,
        "its own output",
        change("Trigger", "trigger-intake", "matchingCriterias.1.value", "acme-missions-kimera-outbox"),
    ),
    (access.only_one_repository_may_deploy, "any", change("WorkloadIdentityPoolProvider", "ci-provider", "attributeCondition", "true")),
    (
        access.only_one_repository_may_deploy,
        "a whole pool",
        change("IAMMember", "ci-is-deployer", "member", "principalSet://iam.googleapis.com/pool/*"),
    ),
    (agreement.every_objective_is_watched, "a lower goal", change("Slo", "slo-availability", "goal", 0.9)),
    (agreement.every_objective_is_watched, "no alert", drop("AlertPolicy", "alert-mission-success-fast-burn")),
    (agreement.every_objective_is_watched, "unheard", change("AlertPolicy", "alert-errors", "notificationChannels", [])),
    (agreement.every_objective_is_watched, "no budget", drop("Budget", "monthly-budget")),
    (agreement.every_view_reads_what_is_there, "a table is missing", drop("Table", "table-missions")),
    (
        agreement.every_view_reads_what_is_there,
        "another dataset",
        change("Table", "view-missions-once", "view.query", "SELECT 1 FROM `x.y`"),
    ),
    (keeping.whatever_holds_state_is_protected, "a table", change("Table", "table-missions", "deletionProtection", False)),
    (
        agreement.every_variable_is_a_setting,
        "a misspelt one",
        change("Function", "function-budget", "serviceConfig.environmentVariables.KIMERA_PROFIL", "cloud"),
    ),
    (agreement.every_name_is_one_that_google_takes, "an underscore", change("Function", "function-budget", "name", "kimera_budget")),
    (agreement.every_name_is_one_that_google_takes, "a long id", change("Account", "account-budget", "accountId", "k" * 31)),
    (agreement.every_name_is_one_that_google_takes, "a database's", change("Database", "database", "name", "kim")),
    (agreement.every_name_is_one_that_google_takes, "a bucket's", change("Bucket", "bucket-inbox", "name", "Inbox")),
]


@pytest.mark.parametrize(("policy", "fault", "break_it"), [pytest.param(*b, id=f"{b[0].__name__}: {b[1]}") for b in BREAKS])
def test_a_policy_reports_the_program_that_breaks_it(policy: policies.Policy, fault: str, break_it: Break, small: Stack) -> None:
    broken = small.copy()
    break_it(broken)
    assert policy(broken), fault
    assert not policy(small)


def test_no_policy_is_without_a_program_that_breaks_it() -> None:
    assert {policy for policy, _, _ in BREAKS} == set(policies.every_policy())


@pytest.mark.parametrize("name", policies.modules(), ids=lambda name: name.rpartition(".")[2])
def test_every_public_function_of_a_module_of_policies_is_a_policy(name: str) -> None:
    functions = [f for _, f in inspect.getmembers(import_module(name), inspect.isfunction) if f.__module__ == name]
    public = {f.__name__ for f in functions if not f.__name__.startswith("_")}
    assert public, "it contributes no policy"
    assert public == {policy.__name__ for policy in policies.every_policy() if policy.__module__ == name}


def test_no_policy_is_in_a_file_that_is_not_collected() -> None:
    written = {
        path.stem for path in Path(__file__).parent.glob("*.py") if re.search("^@policy$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {f"tests.infrastructure.{stem}" for stem in written} == set(policies.modules())
