"""The emulated cloud: every function in a process of its own, on real servers that speak Google's protocols, over the network.

The functions run as they would in the cloud (profile ``cloud``): only the addresses in their environment are this machine's. Nobody
checks identity tokens here, so everything listens on this machine alone.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from functions.manifest import MANIFEST, row
from infra.local.emulated.cloud_sdk import FirestoreEmulator, PubSubEmulator
from infra.local.emulated.component import Component
from infra.local.emulated.eventarc import EventarcTrigger, Trigger
from infra.local.emulated.neo4j import Neo4jServer
from infra.local.emulated.ports import HOST, free_port
from infra.local.emulated.programs import FunctionProcess, WorkflowServer
from infra.local.emulated.sandbox import SandboxService
from infra.local.emulated.storage import Notifications, StorageEmulator
from infra.local.emulated.supervising import Supervisor
from infra.local.emulated.tasks import TasksEmulator
from infra.local.worker import SCHEDULES
from shared.callers import Part
from shared.documents import Json
from shared.id_tokens import unsigned_token
from shared.settings import Settings

PROJECT = "kimera-emulated"
LOCATION = "local"
ARTIFACTS, ANCHORS, INBOX, OUTBOX = "kimera-artifacts", "kimera-anchors", "kimera-inbox", "kimera-outbox"
_TOPIC = "kimera-uploads"
_SPARE_THREADS = 4
_log = logging.getLogger(__name__)


def account(part: Part) -> str:
    """The service account of a part of the platform."""
    return f"{part}@{PROJECT}.iam.gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers behind the functions."""

    firestore: FirestoreEmulator
    pubsub: PubSubEmulator
    storage: StorageEmulator
    neo4j: Neo4jServer
    tasks: TasksEmulator

    @classmethod
    def on(cls, home: Path) -> Servers:
        """Each with a folder below ``home``, which keeps what it stores over restarts."""
        pubsub = PubSubEmulator(home / "pubsub")
        return cls(
            FirestoreEmulator(home / "firestore", kept_project=PROJECT),
            pubsub,
            StorageEmulator(home / "storage", events=Notifications(INBOX, pubsub.address, PROJECT, _TOPIC)),
            Neo4jServer(home / "neo4j"),
            TasksEmulator(home / "tasks"),
        )

    def all(self) -> tuple[Component, ...]:
        return (self.firestore, self.pubsub, self.storage, self.neo4j, self.tasks)


class EmulatedCloud:
    """The whole platform. A context manager: entering starts it, leaving stops it and leaves every mission where it is.

    ``starting`` hears the name of each part as it is started. ``environment`` goes on top of what the functions get.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        port: int = 0,
        starting: Callable[[str], None] = lambda name: None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        data = settings.home.expanduser().absolute()
        home = data / "emulated"
        self.servers = Servers.on(home)
        ports = {function.name: free_port() for function in MANIFEST} | {"missions": port or free_port()}
        self._roots = {name: f"http://{HOST}:{chosen}" for name, chosen in ports.items()}
        workflow_port = free_port()
        given = {**self._environment(settings, workflow_port), **(environment or {})}
        self.functions = {name: self._function(name, home / "functions", given, port=chosen) for name, chosen in ports.items()}
        self.workflows = WorkflowServer(
            home / "workflows",
            {row(name).url_variable: root for name, root in self._roots.items()},
            account(Part.WORKFLOW),
            threads=2 * settings.max_running + _SPARE_THREADS,
            traces=data / "telemetry" / "traces.jsonl",
            port=workflow_port,
        )
        self.supervisor = Supervisor(
            [self.servers.all(), tuple(self.functions.values()), (self.workflows,)],
            starting=lambda component: starting(component.name),
            restarted=self._restarted,
        )
        self.trigger = EventarcTrigger(
            Trigger(
                self.servers.pubsub.address,
                PROJECT,
                _TOPIC,
                target=self._roots["intake"],
                dead_letters=self._roots["dead_letter"],
                account=account(Part.EVENTS),
                dead_letters_account=account(Part.DEAD_LETTERS),
            )
        )
        self._client = httpx.Client(timeout=180)
        self._stopped = threading.Event()
        self._scheduler = threading.Thread(target=self._schedule, name="kimera-scheduler", daemon=True)

    @property
    def url(self) -> str:
        """Where users reach the platform."""
        return self._roots["missions"]

    def start(self) -> Self:
        """Return once everything serves. Raises ``Missing`` and ``Unavailable``; then nothing runs."""
        self.supervisor.start()
        try:
            for bucket in (ARTIFACTS, ANCHORS, INBOX, OUTBOX):
                self.servers.storage.make_bucket(bucket)
            self.trigger.declare()
            self.trigger.start()
            self.reconcile(none_alive=True)
            self._scheduler.start()
        except BaseException:  # also when interrupted, nothing that was started goes on
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything; open missions go on with the next start."""
        self._stopped.set()
        self.trigger.deliver_no_more()
        self.supervisor.stop()
        self.trigger.stop()  # behind Pub/Sub, which answers a pull late while there is nothing to deliver
        self._client.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def reconcile(self, *, none_alive: bool = False) -> None:
        """Look after open missions now; ``none_alive`` where all executions are gone, which Google's never are."""
        self._call("lifecycle/reconcile", {"none_alive": none_alive})

    def _call(self, route: str, payload: Mapping[str, Json]) -> None:
        function, _, path = route.partition("/")
        root = self._roots[function]
        headers = {"Authorization": f"Bearer {unsigned_token(account(Part.SCHEDULER), root)}"}
        try:
            answer = self._client.post(f"{root}/{path}", json=dict(payload), headers=headers)
        except httpx.HTTPError as error:
            _log.warning("%s cannot be called: %s", route, error)
            return
        if not answer.is_success:
            _log.warning("%s answered %s: %s", route, answer.status_code, answer.text[:300])

    def _schedule(self) -> None:
        passed = 0
        while not self._stopped.wait(1.0):
            passed += 1
            for schedule in SCHEDULES:
                if passed == int(schedule.first_s) or passed % int(schedule.every_s) == 0:
                    self._call(schedule.route, schedule.payload)

    def _restarted(self, component: Component) -> None:
        try:
            if component is self.servers.pubsub:
                self.trigger.declare()
        except httpx.HTTPError as error:
            _log.warning("The trigger of uploads could not be declared again: %s", error)
        if component is self.workflows:
            self.reconcile(none_alive=True)

    def _environment(self, settings: Settings, workflow_port: int) -> dict[str, str]:
        """What the functions' environment has on top of ours."""
        servers = self.servers
        return {
            "KIMERA_PROFILE": "cloud",
            "KIMERA_HOME": str(settings.home.expanduser().absolute()),
            "KIMERA_IDENTITY": "tokens",
            "KIMERA_GOOGLE_PROJECT": PROJECT,
            "KIMERA_GOOGLE_LOCATION": LOCATION,
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            **{f"KIMERA_{part.upper()}_ACCOUNT": account(part) for part in Part},
            "FIRESTORE_EMULATOR_HOST": servers.firestore.address,
            "STORAGE_EMULATOR_HOST": servers.storage.url,
            "PUBSUB_EMULATOR_HOST": servers.pubsub.address,
            "KIMERA_ARTIFACTS_BUCKET": ARTIFACTS,
            "KIMERA_ANCHORS_BUCKET": ANCHORS,
            "KIMERA_INBOX": INBOX,
            "KIMERA_OUTBOX": OUTBOX,
            "KIMERA_INBOX_OWNER": settings.inbox_owner or "local",
            "KIMERA_NEO4J_URI": servers.neo4j.uri,
            "KIMERA_NEO4J_USER": servers.neo4j.user,
            "KIMERA_NEO4J_PASSWORD": servers.neo4j.password,
            "KIMERA_TASKS_ENDPOINT": servers.tasks.address,
            "KIMERA_WORKFLOWS_ENDPOINT": f"{HOST}:{workflow_port}",
            "KIMERA_LIFECYCLE_URL": self._roots["lifecycle"],
            "KIMERA_INTAKE_URL": self._roots["intake"],
            "KIMERA_DEEP_RESEARCH_URL": self._roots["deep_research"],
            "KIMERA_SANDBOX_URL": self._roots["sandbox"],
            "KIMERA_TRACES": "file",
            "KIMERA_MAX_RUNNING": str(settings.max_running),
            "KIMERA_DAY_BUDGET_USD": str(settings.day_budget_usd),
            "KIMERA_BUDGET_USD": str(settings.budget_usd),
            "KIMERA_OWNERS": json.dumps(settings.owners),
            **({"KIMERA_MODEL_CASSETTE": settings.model_cassette} if settings.model_cassette else {}),
        }

    def _function(self, name: str, home: Path, environment: Mapping[str, str], *, port: int) -> FunctionProcess:
        if name == "sandbox":
            return SandboxService(home, port=port)
        return FunctionProcess(home, row(name), environment, port=port)
