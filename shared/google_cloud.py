"""The cloud half of the composition root: builds the adapters of Google Cloud and its neighbours from typed settings.

``shared/runtime.py`` alone asks for them, each when it is first used. A setting that is missing raises ``Unavailable`` with its name.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.errors import Unavailable
from shared.executions import WorkflowAddress, WorkflowExecutions
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.adapters.google_tasks import TasksAddress
    from shared.adapters.neo4j_connection import Neo4jConnection
    from shared.adapters.resilience import Fault, Patience, Resilience
    from shared.artifacts import ArtifactStore
    from shared.documents import DocumentStore
    from shared.inbox import Inbox
    from shared.queue import TaskQueue
    from shared.sandbox import CodeSandbox
    from shared.secrets import SecretStore
    from shared.telemetry.sink import TelemetrySink
    from shared.telemetry.tracing import Tracing


class GoogleCloud:
    """One project of Google Cloud, as ``settings`` describe it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    @property
    def project(self) -> str:
        """The project's id."""
        if not self._settings.google_project:
            raise Unavailable("The cloud profile needs a Google Cloud project.", remedy="Set KIMERA_GOOGLE_PROJECT.")
        return self._settings.google_project

    @property
    def location(self) -> str:
        """The region of workflow and queue."""
        if not self._settings.google_location:
            raise Unavailable("The cloud profile needs the region that it is deployed in.", remedy="Set KIMERA_GOOGLE_LOCATION.")
        return self._settings.google_location

    def documents(self) -> DocumentStore:
        """Firestore."""
        from shared.adapters.firestore_documents import FirestoreDocuments

        return FirestoreDocuments(self.project, self._settings.firestore_database, resilience=self._documents_resilience)

    def bucket(self, role: str, name: str | None) -> ArtifactStore:
        """Cloud Storage: the bucket of ``role``, as the settings name it."""
        from shared.adapters.cloud_storage_artifacts import CloudStorageArtifacts
        from shared.adapters.cloud_storage_bucket import CloudBucket

        if not name:
            raise Unavailable(f"The cloud profile needs a Cloud Storage bucket for {role}.", remedy=f"Set KIMERA_{role.upper()}_BUCKET.")
        region, uniform = self._settings.google_location, random.Random().random
        return CloudStorageArtifacts(CloudBucket(name, project=self.project, clock=self._clock, uniform=uniform, region=region, role=role))

    def inbox(self, inbox: str, outbox: str) -> Inbox:
        """Cloud Storage: the buckets that people use."""
        from shared.adapters.cloud_storage_inbox import CloudStorageInbox

        return CloudStorageInbox(self.project, inbox, outbox, self._clock)

    def neo4j(self, secrets: SecretStore) -> Neo4jConnection:
        """The way to the knowledge graph. A function that only reads is given a reader's user and password."""
        from shared.adapters.neo4j_connection import Neo4jConnection
        from shared.adapters.neo4j_login import Password
        from shared.secrets import NEO4J_EITHER, NEO4J_READER, NEO4J_WRITER

        settings = self._settings
        if not settings.neo4j_uri:
            raise Unavailable(
                "The cloud profile needs the address of a Neo4j server for its knowledge.",
                remedy="Set KIMERA_NEO4J_URI, and with it KIMERA_NEO4J_USER and KIMERA_NEO4J_PASSWORD.",
            )
        login = next((name for name in (NEO4J_WRITER, NEO4J_READER) if name in settings.secrets), NEO4J_EITHER)
        secrets.get(login)  # a password that nobody gave is missed here, and not by the first who connects
        return Neo4jConnection(
            settings.neo4j_uri,
            user=settings.neo4j_user,
            password=Password(lambda: secrets.get(login), lambda: secrets.renew(login)),
            database=settings.neo4j_database,
            clock=self._clock,
            uniform=random.Random().random,
        )

    def sandbox(self, artifacts: Callable[[], ArtifactStore]) -> CodeSandbox:
        """The sandbox service, which fetches its inputs from ``artifacts`` by links."""
        from shared.adapters.remote_sandbox import RemoteSandbox

        if not self._settings.sandbox_url:
            raise Unavailable(
                "The cloud profile needs the sandbox service to run code in.", remedy="Set KIMERA_SANDBOX_URL to its address."
            )
        return RemoteSandbox(self._settings.sandbox_url, artifacts(), clock=self._clock, randomness=random.Random())

    def queue(self) -> TaskQueue:
        """Cloud Tasks."""
        from shared.adapters.google_tasks import GoogleTasks

        return GoogleTasks(self._tasks_address, self._clock, resilience=self._resilience)

    def secrets(self) -> SecretStore:
        """Secret Manager."""
        from shared.adapters.google_secrets import GoogleSecrets

        endpoint = self._settings.secrets_endpoint
        return GoogleSecrets(self.project, self._settings.secrets, self._clock, endpoint=endpoint, resilience=self._resilience)

    def executions(self, address: Callable[[], WorkflowAddress]) -> WorkflowExecutions:
        """Executions of the workflow at ``address``."""
        from shared.adapters.google_executions import GoogleExecutions

        return GoogleExecutions(address, resilience=self._resilience)

    def workflow(self) -> WorkflowAddress:
        """The deployed mission workflow."""
        place = f"projects/{self.project}/locations/{self.location}"
        return WorkflowAddress(f"{place}/workflows/{self._settings.workflow}", self._settings.workflows_endpoint)

    def telemetry(self, dataset: str) -> TelemetrySink:
        """BigQuery."""
        from shared.adapters.bigquery_sink import BigQuerySink

        return BigQuerySink(self.project, dataset, endpoint=self._settings.telemetry_endpoint, resilience=self._hurried_resilience)

    def tracing(self, service: str) -> Tracing:
        """Cloud Trace."""
        from shared.telemetry.exporters import to_google_cloud

        return to_google_cloud(self.project, service=service, resilience=self._hurried_resilience)

    def _tasks_address(self) -> TasksAddress:
        from shared.adapters.google_tasks import TasksAddress

        settings = self._settings
        if not settings.lifecycle_url:
            raise Unavailable("The queue has no address to deliver to.", remedy="Set KIMERA_LIFECYCLE_URL.")
        if not settings.queue_account:
            raise Unavailable("The queue has no account to deliver as.", remedy="Set KIMERA_QUEUE_ACCOUNT.")
        functions = {"lifecycle": settings.lifecycle_url, "intake": settings.intake_url, "deep_research": settings.deep_research_url}
        return TasksAddress(
            f"projects/{self.project}/locations/{self.location}/queues/{settings.tasks_queue}",
            {name: url for name, url in functions.items() if url},
            settings.queue_account,
            settings.tasks_endpoint,
        )

    def _resilience(self, dependency: str) -> Resilience:
        from shared.adapters.resilience import Patience

        return self._patient(dependency, Patience())

    def _hurried_resilience(self, dependency: str) -> Resilience:
        """For what a request waits for at its end, and can do without."""
        from shared.adapters.resilience import Patience

        return self._patient(dependency, Patience(timeout_s=3.0, deadline_s=5.0, tries=3))

    def _documents_resilience(self, dependency: str) -> Resilience:
        """For what everything waits for: it is tried again soon. A commit may wait for others' locks."""
        from shared.adapters.firestore_errors import fault
        from shared.adapters.resilience import Patience

        return self._patient(
            dependency, Patience(timeout_s=30.0, deadline_s=30.0, tries=6, longest_wait_s=2.0, failures=8, reset_s=5.0), fault
        )

    def _patient(self, dependency: str, patience: Patience, judge: Callable[[BaseException], Fault] | None = None) -> Resilience:
        from shared.adapters.google_errors import fault
        from shared.adapters.resilience import Resilience

        return Resilience(dependency, judge=judge or fault, clock=self._clock, uniform=random.Random().random, patience=patience)
