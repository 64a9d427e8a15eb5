"""The composition root: builds every adapter from typed settings, those of the cloud by ``shared/google_cloud.py``. Nothing else does.

Each port is built when it is first used, so that a function pays only for what it needs.
"""

from __future__ import annotations

import os
import random
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shared.callers import Callers, Part, SameProcess, ServiceAccounts
from shared.clock import Clock, OffsetClock, SystemClock
from shared.data_folder import folder_in
from shared.errors import Unavailable
from shared.identity import LOCAL_OWNER, IamIdentity, Identity, LocalIdentity
from shared.ids import Ids
from shared.missions.repository import Missions
from shared.one_at_a_time import OneAtATime
from shared.settings import Settings
from shared.telemetry.sink import JsonLines, TelemetrySink
from shared.telemetry.tracing import Tracing
from shared.times import GO_ON_S, heartbeat_stale_s, slice_lease_s, turn_patience_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
    from shared.adapters.neo4j_connection import Neo4jConnection
    from shared.adapters.sqlite_documents import SqliteDocuments
    from shared.artifacts import ArtifactStore
    from shared.documents import DocumentStore
    from shared.executions import WorkflowAddress, WorkflowExecutions
    from shared.google_cloud import GoogleCloud
    from shared.inbox import Inbox
    from shared.knowledge.port import KnowledgeGraph
    from shared.ledger.ledger import Ledger
    from shared.missions.audit import Audit
    from shared.missions.slices import SliceEngine
    from shared.models.access import ModelAccess
    from shared.models.credentials import ModelEndpoints
    from shared.queue import TaskQueue
    from shared.sandbox import CodeSandbox
    from shared.secrets import SecretStore
    from shared.web.fetch import WebFetch

FLUSH_S = 5.0
"""How long an answer waits for its spans to be sent."""
CHECKOUT = Path(__file__).parents[1]
_CLOSED_IN_ORDER = (
    "queue", "secrets", "_bubblewrap", "executions", "models", "telemetry", "tracing", "knowledge", "anchors", "artifacts", "neo4j",
    "documents", "_sqlite",
)  # fmt: skip
"""What has something to close: who uses another one, before it."""
REMOTE_PLACES = 64
"""Runs of the sandbox service that a process waits for at the same time: the service itself grows with them."""


class Runtime:
    """All that a function may use.

    ``wake`` comes from a host that runs the queue, ``executions`` from one that runs the workflow.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        executions: WorkflowExecutions | None = None,
        wake: Callable[[], None] = lambda: None,
        service: str = "kimera",
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or (OffsetClock(settings.clock_offset) if settings.clock_offset else SystemClock())
        self.ids = Ids(self.clock, os.urandom)
        self.one_at_a_time = OneAtATime()
        self._executions = executions
        self._wake = wake
        self._service = service

    @cached_property
    def documents(self) -> DocumentStore:
        """Where missions live."""
        from shared.adapters.declared_queries import DeclaredQueries
        from shared.adapters.traced_documents import TracedDocuments

        cloud = self.settings.profile == "cloud"
        return DeclaredQueries(TracedDocuments(self._google.documents() if cloud else self._sqlite))

    @cached_property
    def _sqlite(self) -> SqliteDocuments:
        from shared.adapters.sqlite_documents import SqliteDocuments
        from shared.indexes import COMPOSITES, FIELDS

        return SqliteDocuments(self.home / "kimera.sqlite3", indexes=FIELDS, composites=COMPOSITES)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Where packages, reports and inputs live."""
        if self.settings.profile == "cloud":
            return self._google.bucket("artifacts", self.settings.artifacts_bucket)
        from shared.adapters.packed_artifacts import PackedArtifacts

        return PackedArtifacts(self.home / "artifacts", self._sqlite)

    @cached_property
    def inbox(self) -> Inbox:
        """Where missions are put as files."""
        settings = self.settings
        if settings.inbox is None or settings.outbox is None:
            raise Unavailable(
                "There is no inbox here.", remedy="Set KIMERA_INBOX and KIMERA_OUTBOX, or start with `kimera serve --inbox DIR`."
            )
        if settings.profile == "cloud":
            return self._google.inbox(settings.inbox, settings.outbox)
        from shared.adapters.folder_inbox import FolderInbox

        return FolderInbox(Path(settings.inbox), Path(settings.outbox))

    @property
    def inbox_owner(self) -> str:
        """Whose the missions of the inbox are."""
        if self.settings.inbox_owner:
            return self.settings.inbox_owner
        if self.settings.profile == "cloud" or self.settings.owners:
            raise Unavailable("Nobody said whose the missions of the inbox are.", remedy="Set KIMERA_INBOX_OWNER.")
        return LOCAL_OWNER

    @cached_property
    def anchors(self) -> ArtifactStore:
        """Where the heads of the audit chains are kept: apart from what they vouch for, so as files here, which others may be given."""
        if self.settings.profile == "cloud":
            return self._google.bucket("anchors", self.settings.anchors_bucket)
        from shared.adapters.folder_artifacts import FolderArtifacts

        return FolderArtifacts(self.home / "artifacts")

    @cached_property
    def knowledge(self) -> KnowledgeGraph:
        """The knowledge graph."""
        if self.settings.profile == "cloud":
            from shared.adapters.neo4j_knowledge import Neo4jKnowledge

            return Neo4jKnowledge(self.neo4j)
        from shared.adapters.sqlite_knowledge import SqliteKnowledge

        return SqliteKnowledge(self.home / "knowledge.sqlite3")

    @cached_property
    def neo4j(self) -> Neo4jConnection:
        """The way to the cloud profile's knowledge graph."""
        return self._google.neo4j(self.secrets)

    @cached_property
    def sandbox(self) -> CodeSandbox:
        """Where generated code runs."""
        from shared.adapters.bounded_sandbox import BoundedSandbox

        if self.settings.profile == "cloud":
            return BoundedSandbox(self._google.sandbox(lambda: self.artifacts), places=REMOTE_PLACES, tracing=self.tracing)
        return BoundedSandbox(self._bubblewrap, places=self._cores, tracing=self.tracing)

    @cached_property
    def _bubblewrap(self) -> BubblewrapSandbox:
        from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
        from shared.adapters.spare_sandboxes import Ahead

        most = self._cores if self.settings.sandboxes_ahead is None else self.settings.sandboxes_ahead
        return BubblewrapSandbox(sandbox_python(self.settings), ahead=Ahead(self.home / "sandboxes", most=most) if most else None)

    @property
    def _cores(self) -> int:
        """This process's share of the machine."""
        return max(1, (os.cpu_count() or 1) // self.settings.workers)

    def sandbox_of(self, mission_id: str) -> CodeSandbox:
        """The same for one mission, which shares its instance of the sandbox service with no other."""
        from shared.sandbox import ScopedSandbox

        return ScopedSandbox(self.sandbox, f"missions/{mission_id}")

    @cached_property
    def pages(self) -> WebFetch:
        """The way to pages of the web."""
        from shared.web.fetch import WebFetch

        return WebFetch()

    @cached_property
    def queue(self) -> TaskQueue:
        """Where dispatches wait."""
        if self.settings.profile == "cloud":
            return self._google.queue()
        from shared.adapters.document_queue import DocumentQueue

        return DocumentQueue(self.documents, self.clock, randomness=random.Random(), wake=self._wake)

    @cached_property
    def executions(self) -> WorkflowExecutions:
        """The workflow's executions."""
        if self._executions is not None:
            return self._executions
        return self._google.executions(self._deployed_workflow)

    def _deployed_workflow(self) -> WorkflowAddress:
        from shared.executions import WorkflowAddress

        settings = self.settings
        if settings.profile == "cloud":
            return self._google.workflow()
        if settings.workflows_endpoint:
            place = f"projects/{settings.google_project or 'local'}/locations/{settings.google_location or 'local'}"
            return WorkflowAddress(f"{place}/workflows/{settings.workflow}", settings.workflows_endpoint)
        raise Unavailable("No workflow runs in this process.", remedy="Start the platform with `kimera serve`.")

    @cached_property
    def tracing(self) -> Tracing:
        """Where spans go."""
        from shared.telemetry.exporters import to_file, to_otlp

        match self.settings.traces or ("gcp" if self.settings.profile == "cloud" else "file"):
            case "gcp":
                return self._google.tracing(self._service)
            case "otlp":
                if not self.settings.otlp_endpoint:
                    raise Unavailable("There is no collector to send spans to.", remedy="Set KIMERA_OTLP_ENDPOINT.")
                return to_otlp(self.settings.otlp_endpoint, service=self._service)
            case "file":
                files = self._telemetry_files
                return to_file(folder_in(files.parent, files.name) / "traces.jsonl", service=self._service)

    @cached_property
    def telemetry(self) -> TelemetrySink:
        """Where rows for dashboards go."""
        if self.settings.profile == "cloud" and self.settings.telemetry_dataset:
            return self._google.telemetry(self.settings.telemetry_dataset)
        return JsonLines(self._telemetry_files)

    @cached_property
    def endpoints(self) -> ModelEndpoints:
        """Where models are reached, and with which keys."""
        from shared.models.credentials import ModelEndpoints

        return ModelEndpoints() if self.settings.profile == "embedded" else ModelEndpoints().with_keys(self.secrets.get, self._model_keys)

    def renewed_endpoints(self) -> ModelEndpoints:
        """The same with keys as they are now: for a provider that refused one."""
        from shared.models.credentials import ModelEndpoints

        if self.settings.profile == "cloud":
            self.__dict__["endpoints"] = ModelEndpoints().with_keys(self.secrets.renew, self._model_keys)
        return self.endpoints

    @property
    def _model_keys(self) -> frozenset[str]:
        from shared.secrets import RESEARCH_KEYS

        return RESEARCH_KEYS & self.settings.secrets.keys()

    @cached_property
    def secrets(self) -> SecretStore:
        """Keys and passwords."""
        if self.settings.profile == "cloud" and self.settings.secrets:
            return self._google.secrets()
        from shared.secrets import EnvironmentSecrets

        return EnvironmentSecrets(os.environ)

    @property
    def known_endpoints(self) -> ModelEndpoints | None:
        """The same, where this process holds all that are needed: on the cloud only the functions that ask models have keys."""
        return self.endpoints if self.settings.profile == "embedded" and not self.settings.asks_no_provider else None

    def require_progress(self) -> None:
        """Raise why no mission moves on: the store can be read, but takes nothing, so that who only reads would wait without a word."""
        if self.settings.profile == "embedded":
            self._sqlite.require_commits()

    @cached_property
    def missions(self) -> Missions:
        """The stored missions."""
        return Missions(self.documents, self.clock, self.ids)

    @cached_property
    def ledger(self) -> Ledger:
        """Who may spend what."""
        from shared.ledger.ledger import Ledger
        from shared.ledger.tranches import DayCap

        return Ledger(DayCap(self.settings.day_budget_micro_usd, self.settings.day_shards), self.clock)

    @cached_property
    def audit(self) -> Audit:
        """The audit chains."""
        from shared.missions.audit import Audit

        return Audit(self.documents, self.anchors, self.clock)

    @cached_property
    def models(self) -> ModelAccess:
        """The way to language models: every request goes through one chain."""
        from shared.models.composition import model_access

        return model_access(
            self.settings,
            documents=self.documents,
            artifacts=self.artifacts,
            clock=self.clock,
            tracing=self.tracing,
            ledger=lambda: self.ledger,
            endpoints=lambda: self.endpoints,
            renewed=self.renewed_endpoints,
            instance=self.ids.new("i"),
            telemetry=self.telemetry,
            queue=(lambda: self.queue) if self.settings.deep_research_url else None,
            turns_in=(self.home / "endpoint", self._patience_s) if self._patience_s else None,
        )

    @property
    def _patience_s(self) -> float:
        """How long behind its checkpoint a slice's questions wait for their turn: 0 where no endpoint of one's own is asked."""
        at = self.known_endpoints
        return turn_patience_s(self.settings.answer_timeout_s) if at is not None and at.address("openai") else 0

    @property
    def slice_lease_s(self) -> float:
        """How long a slice keeps its track to itself; nobody works on a mission for longer that has ended."""
        return slice_lease_s(self.settings.answer_timeout_s, self._patience_s)

    @property
    def heartbeat_stale_s(self) -> float:
        """How long a mission that is alive may show no life."""
        return heartbeat_stale_s(self.settings.answer_timeout_s, self._patience_s)

    @cached_property
    def slices(self) -> SliceEngine:
        """Runs the tracks' slices."""
        from shared.missions.slices import SliceEngine

        return SliceEngine(
            documents=self.documents,
            artifacts=self.artifacts,
            clock=self.clock,
            ids=self.ids,
            tracing=self.tracing,
            scratch=self.home / "scratch",
            models=self.models,
            telemetry=self.telemetry,
            go_on_s=GO_ON_S,
            lease_s=self.slice_lease_s,
        )

    @cached_property
    def identity(self) -> Identity:
        """Who is calling."""
        kind = self.settings.identity or ("iam" if self.settings.profile == "cloud" else "tokens")
        return IamIdentity() if kind == "iam" else LocalIdentity(self.settings.owners)

    @property
    def has_one_owner(self) -> bool:
        """Whether all that is stored here is one person's, since nobody is told apart from anybody."""
        return self.settings.profile == "embedded" and isinstance(self.identity, LocalIdentity) and not self.settings.owners

    @cached_property
    def callers(self) -> Callers:
        """Which part of the platform is calling."""
        if self.settings.profile == "embedded":
            return SameProcess()
        named = {Part(part): getattr(self.settings, f"{part}_account") for part in Part}
        return ServiceAccounts({part: address for part, address in named.items() if address})

    @property
    def home(self) -> Path:
        """The data folder of the embedded profile, absolute. On the cloud a temporary one, for what lasts no longer than a request."""
        if self.settings.profile == "cloud":
            return Path(self._temporary.name)
        return self.settings.home.expanduser().absolute()

    @property
    def _telemetry_files(self) -> Path:
        """Where spans and rows lie as files: also on the cloud profile in the data folder, where one was named (the emulated cloud)."""
        named = self.settings.profile == "embedded" or "home" in self.settings.model_fields_set
        return (self.settings.home.expanduser().absolute() if named else self.home) / "telemetry"

    @cached_property
    def _temporary(self) -> tempfile.TemporaryDirectory[str]:
        """In memory, on Google Cloud; it goes with the process."""
        return tempfile.TemporaryDirectory(prefix="kimera-")

    @cached_property
    def _google(self) -> GoogleCloud:
        from shared.google_cloud import GoogleCloud

        return GoogleCloud(self.settings, self.clock)

    def flush(self) -> None:
        """Send the spans and rows of a request that was answered: on the cloud an instance may stand still until the next."""
        if self.settings.profile == "cloud":
            opened = self.__dict__
            if "telemetry" in opened:
                self.telemetry.flush()
            if "tracing" in opened:
                self.tracing.flush(FLUSH_S)

    def close(self) -> None:
        """Close what was opened, also where one of them cannot be closed."""
        opened = self.__dict__
        with ExitStack() as closing:  # the last callback is called first
            if "_temporary" in opened:
                closing.callback(self._temporary.cleanup)
            for name in reversed(_CLOSED_IN_ORDER):
                if name in opened:
                    closing.callback(opened[name].close)


def sandbox_python(settings: Settings) -> Path:
    """The interpreter of generated code; ``SandboxUnavailable`` where there is none."""
    from shared.adapters.sandbox_python import ENVIRONMENT_VARIABLE, find_sandbox_python

    return find_sandbox_python({ENVIRONMENT_VARIABLE: str(settings.sandbox_python)} if settings.sandbox_python else {}, CHECKOUT)


def from_environment() -> Runtime:
    """The runtime of a deployed function."""
    return Runtime(Settings(), service=os.environ.get("K_SERVICE", "kimera"))
