"""The policies hold for every stack that can be configured, and each is shown to report a stack that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from functions.manifest import MANIFEST
from tests.infrastructure import policies
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


@pytest.mark.parametrize("policy", policies.POLICIES, ids=lambda policy: policy.__name__)
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
            place = place[int(step)] if isinstance(place, list) else place[step]  # type: ignore[index]
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


SERVICE_MEMBER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
BREAKS: list[tuple[policies.Policy, str, Break]] = [
    (policies.nobody_is_everybody, "an invoker", add(SERVICE_MEMBER, name="x", role="roles/run.invoker", member="allUsers")),
    (
        policies.nobody_is_everybody,
        "a bucket's reader",
        change("BucketIAMMember", "builder-reads-sources", "member", "allAuthenticatedUsers"),
    ),
    (policies.no_role_is_a_primitive_one, "an editor", grant("roles/editor", "lifecycle")),
    (
        policies.no_two_functions_share_an_account,
        "budget as lifecycle",
        change(
            "Function", "function-budget", "serviceConfig.serviceAccountEmail", "kimera-lifecycle@acme-missions.iam.gserviceaccount.com"
        ),
    ),
    (
        policies.no_two_functions_share_an_account,
        "the default account",
        change("Function", "function-budget", "serviceConfig.serviceAccountEmail", None),
    ),
    (policies.there_are_no_key_files, "a key", add("gcp:serviceaccount/key:Key", serviceAccountId="x")),
    (policies.no_bucket_is_public, "public access", change("Bucket", "bucket-artifacts", "publicAccessPrevention", "inherited")),
    (policies.no_bucket_is_public, "object lists", change("Bucket", "bucket-inbox", "uniformBucketLevelAccess", False)),
    (policies.no_bucket_is_public, "an access list", add("gcp:storage/bucketACL:BucketACL", bucket="x")),
    (
        policies.no_secret_is_in_plain_configuration,
        "a password",
        change("Function", "function-fusion", "serviceConfig.environmentVariables.KIMERA_NEO4J_PASSWORD", "x"),
    ),
    (
        policies.no_secret_is_in_plain_configuration,
        "in an address",
        change("Workflow", "mission", "userEnvVars.GRAPH", "bolt://" + "me:word@host"),
    ),
    (policies.no_secret_is_in_plain_configuration, "a version", add("gcp:secretmanager/secretVersion:SecretVersion", secretData="x")),
    (policies.every_subscription_has_a_dead_letter, "none", change("Subscription", "subscription-dead-letters", "deadLetterPolicy", None)),
    (
        policies.every_subscription_has_a_dead_letter,
        "forgets",
        change("Subscription", "subscription-unkept", "messageRetentionDuration", "600s"),
    ),
    (policies.every_queue_gives_up_and_its_handlers_notice, "never", change("Queue", "dispatch", "retryConfig.maxAttempts", -1)),
    (
        policies.whatever_holds_state_is_protected,
        "a database",
        change("Database", "database", "deleteProtectionState", "DELETE_PROTECTION_DISABLED"),
    ),
    (policies.every_queue_gives_up_and_its_handlers_notice, "too early", change("Queue", "dispatch", "retryConfig.maxAttempts", 5)),
    (policies.whatever_holds_state_is_protected, "a bucket by Pulumi", unprotect("Bucket", "bucket-audit")),
    (policies.whatever_holds_state_is_protected, "a bucket's content", change("Bucket", "bucket-artifacts", "forceDestroy", True)),
    (policies.whatever_holds_state_is_protected, "a secret", change("Secret", "secret-neo4j-writer", "deletionProtection", False)),
    (policies.whatever_holds_state_is_protected, "telemetry", change("Dataset", "telemetry", "deletionPolicy", "DELETE")),
    (
        policies.the_database_can_be_restored,
        "no recovery",
        change("Database", "database", "pointInTimeRecoveryEnablement", "POINT_IN_TIME_RECOVERY_DISABLED"),
    ),
    (policies.the_database_can_be_restored, "no backups", drop("BackupSchedule", "backup-daily")),
    (policies.every_query_has_its_indexes, "a composite", drop("Index", "index-missions-owner-by-mission-id")),
    (
        policies.every_query_has_its_indexes,
        "its order",
        change("Index", "index-missions-owner-by-mission-id", "fields.1.order", "ASCENDING"),
    ),
    (policies.every_query_has_its_indexes, "a field", drop("Field", "field-journal-key")),
    (policies.every_query_has_its_indexes, "everything indexed", drop("Field", "field-journal-all")),
    (policies.what_is_deployed_is_the_manifest, "one is missing", drop("Function", "function-budget")),
    (
        policies.what_is_deployed_is_the_manifest,
        "one too many",
        add("gcp:cloudfunctionsv2/function:Function", name="kimera-extra", serviceConfig={}, buildConfig={}),
    ),
    (
        policies.what_is_deployed_is_the_manifest,
        "another runtime",
        change("Function", "function-budget", "buildConfig.runtime", "python311"),
    ),
    (policies.the_sandbox_may_do_nothing, "a role", grant("roles/storage.objectViewer", "sandbox")),
    (
        policies.the_sandbox_may_do_nothing,
        "two at a time",
        change("Service", "service-sandbox", "template.maxInstanceRequestConcurrency", 2),
    ),
    (
        policies.the_sandbox_may_do_nothing,
        "the internet",
        change("Service", "service-sandbox", "template.vpcAccess.egress", "PRIVATE_RANGES_ONLY"),
    ),
    (policies.the_sandbox_may_do_nothing, "no firewall", drop("Firewall", "firewall-sandbox-nothing-else")),
    (policies.the_sandbox_may_do_nothing, "a wide one", change("Firewall", "firewall-sandbox-google", "destinationRanges", ["0.0.0.0/0"])),
    (
        policies.whoever_waits_outlives_whom_it_waits_for,
        "a long function",
        change("Function", "function-budget", "serviceConfig.timeoutSeconds", 180),
    ),
    (
        policies.whoever_waits_outlives_whom_it_waits_for,
        "a short one",
        change("Function", "function-ds-star", "serviceConfig.timeoutSeconds", 60),
    ),
    (policies.whoever_waits_outlives_whom_it_waits_for, "a hasty scheduler", change("Job", "job-reconcile", "attemptDeadline", "30s")),
    (
        policies.whoever_waits_outlives_whom_it_waits_for,
        "a hasty push",
        change("Subscription", "subscription-dead-letters", "ackDeadlineSeconds", 60),
    ),
    (policies.every_account_is_used, "nobody's", add("gcp:serviceaccount/account:Account", accountId="kimera-idle")),
    (
        policies.the_network_admits_the_world_to_the_public_api_only,
        "an internal function",
        change("Function", "function-budget", "serviceConfig.ingressSettings", "ALLOW_ALL"),
    ),
    (
        policies.the_network_admits_the_world_to_the_public_api_only,
        "the sandbox",
        change("Service", "service-sandbox", "ingress", "INGRESS_TRAFFIC_ALL"),
    ),
    (
        policies.everybody_calls_only_what_they_may,
        "fusion calls lifecycle",
        grant("roles/run.invoker", "fusion", SERVICE_MEMBER, name="kimera-lifecycle"),
    ),
    (policies.everybody_calls_only_what_they_may, "the workflow does not", drop("ServiceIamMember", "budget-called-by-workflow")),
    (policies.everybody_calls_only_what_they_may, "an admin", grant("roles/run.admin", "fusion", SERVICE_MEMBER, name="kimera-fusion")),
    (policies.a_function_holds_roles_on_its_own_resources_only, "all buckets", grant("roles/storage.objectAdmin", "fusion")),
    (
        policies.a_function_holds_roles_on_its_own_resources_only,
        "all databases",
        change("IAMMember", "budget-datastore-user", "condition", None),
    ),
    (policies.a_function_holds_roles_on_its_own_resources_only, "models for the gate", grant("roles/aiplatform.user", "budget")),
    (
        policies.nobody_signs_for_another,
        "for the API",
        change(
            "IAMMember",
            "ds-star-signs",
            "serviceAccountId",
            "projects/p/serviceAccounts/kimera-missions@acme-missions.iam.gserviceaccount.com",
        ),
    ),
    (policies.nobody_signs_for_another, "for all", grant("roles/iam.serviceAccountTokenCreator", "ds-star")),
    (
        policies.readers_of_knowledge_cannot_write_it,
        "fusion writes",
        grant(
            "roles/secretmanager.secretAccessor",
            "fusion",
            "gcp:secretmanager/secretIamMember:SecretIamMember",
            secretId="kimera-neo4j-writer",  # pragma: allowlist secret
        ),
    ),
    (
        policies.readers_of_knowledge_cannot_write_it,
        "a reader who logs in as the writer",
        change("Function", "function-intake", "serviceConfig.environmentVariables.KIMERA_NEO4J_USER", "kimera-writer"),
    ),
    (policies.readers_of_knowledge_cannot_write_it, "a writer locked out", drop("SecretIamMember", "lifecycle-reads-neo4j-writer")),
    (
        policies.every_audience_is_a_service_root,
        "a path",
        change("Job", "job-anchor", "httpTarget.oidcToken.audience", "https://x.run.app/anchor"),
    ),
    (
        policies.every_audience_is_a_service_root,
        "another address",
        change("Workflow", "mission", "userEnvVars.FUSION_URL", "https://x.cloudfunctions.net/f"),
    ),
    (policies.every_audience_is_a_service_root, "no address", change("Workflow", "mission", "userEnvVars", {})),
    (policies.the_audit_outlives_whoever_wants_it_gone, "no retention", change("Bucket", "bucket-audit", "retentionPolicy", None)),
    (
        policies.the_audit_outlives_whoever_wants_it_gone,
        "a lock nobody chose",
        change("Bucket", "bucket-audit", "retentionPolicy.isLocked", True),
    ),
    (
        policies.the_audit_outlives_whoever_wants_it_gone,
        "an eraser",
        change("BucketIAMMember", "audit-sink-writes", "role", "roles/storage.objectAdmin"),
    ),
    (policies.the_audit_outlives_whoever_wants_it_gone, "silence", drop("IAMAuditConfig", "audit-secretmanager")),
    (policies.events_are_taken_where_the_bucket_is, "elsewhere", change("Trigger", "trigger-intake", "location", "us-central1")),
    (
        policies.events_are_taken_where_the_bucket_is,
        "its own output",
        change("Trigger", "trigger-intake", "matchingCriterias.1.value", "acme-missions-kimera-outbox"),
    ),
    (policies.only_one_repository_may_deploy, "any", change("WorkloadIdentityPoolProvider", "ci-provider", "attributeCondition", "true")),
    (
        policies.only_one_repository_may_deploy,
        "a whole pool",
        change("IAMMember", "ci-is-deployer", "member", "principalSet://iam.googleapis.com/pool/*"),
    ),
    (policies.every_objective_is_watched, "a lower goal", change("Slo", "slo-availability", "goal", 0.9)),
    (policies.every_objective_is_watched, "no alert", drop("AlertPolicy", "alert-mission-success-fast-burn")),
    (policies.every_objective_is_watched, "unheard", change("AlertPolicy", "alert-errors", "notificationChannels", [])),
    (policies.every_objective_is_watched, "no budget", drop("Budget", "monthly-budget")),
    (policies.every_view_reads_what_is_there, "a table is missing", drop("Table", "table-missions")),
    (
        policies.every_view_reads_what_is_there,
        "another dataset",
        change("Table", "view-missions-once", "view.query", "SELECT 1 FROM `x.y`"),
    ),
    (policies.whatever_holds_state_is_protected, "a table", change("Table", "table-missions", "deletionProtection", False)),
    (
        policies.every_variable_is_a_setting,
        "a misspelt one",
        change("Function", "function-budget", "serviceConfig.environmentVariables.KIMERA_PROFIL", "cloud"),
    ),
    (policies.every_name_is_one_that_google_takes, "an underscore", change("Function", "function-budget", "name", "kimera_budget")),
    (policies.every_name_is_one_that_google_takes, "a long id", change("Account", "account-budget", "accountId", "k" * 31)),
    (policies.every_name_is_one_that_google_takes, "a bucket's", change("Bucket", "bucket-inbox", "name", "Inbox")),
]


@pytest.mark.parametrize(("policy", "fault", "break_it"), [pytest.param(*b, id=f"{b[0].__name__}: {b[1]}") for b in BREAKS])
def test_a_policy_reports_the_program_that_breaks_it(policy: policies.Policy, fault: str, break_it: Break, small: Stack) -> None:
    broken = small.copy()
    break_it(broken)
    assert policy(broken), fault
    assert not policy(small)


def test_no_policy_is_without_a_program_that_breaks_it() -> None:
    assert {policy for policy, _, _ in BREAKS} == set(policies.POLICIES)
