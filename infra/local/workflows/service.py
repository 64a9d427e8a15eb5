"""Workflows by name and their executions: what the executions API shows, over HTTP (``executions_api``) or gRPC (``executions_grpc``).

Also what a workflow calls when it executes another one (``googleapis.workflowexecutions.*``).
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infra.local.workflows.callbacks import Callbacks, Endpoints
from infra.local.workflows.clock import Clock
from infra.local.workflows.connector_executions import execution_connectors
from infra.local.workflows.connectors import Connector, Connectors
from infra.local.workflows.definition import Definition
from infra.local.workflows.errors import ArgumentError, DefinitionError, WorkflowsError
from infra.local.workflows.execution import Execution, Outcome, State
from infra.local.workflows.frames import LogEntry, StepEvent
from infra.local.workflows.limits import SERVICE, Limits
from infra.local.workflows.runner import HTTP_THREADS, Runner
from infra.local.workflows.transport import TokenSource, Transport
from infra.local.workflows.values import Json

KEPT: Final = 10_000  # ours: ended executions that are remembered; the service keeps them for 90 days
REVISION: Final = "000001-local"
_LABELS: Final = 64  # executions API, Execution.labels: entries, and characters of a key or value
_LABEL_CHARACTERS: Final = 63
_LABEL_KEY: Final = re.compile(r"[^\W\d_A-Z][-\w]*")

# Finds a workflow's definition by its name: None if there is none. Raises DefinitionError.
Find = Callable[[str], "Definition | None"]

# Told an execution's full name and argument before it starts: the argument it gets, and what hears how it ended (once, and it has to be
# quick: it is called by whoever drives the scheduler).
Begin = Callable[[str, Json], "tuple[Json, Callable[[Outcome], None]]"]


class ServiceError(WorkflowsError):
    """A request the service refuses. ``status`` is the name of the google.rpc.Code."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Record:
    """An execution and what its creator said."""

    name: str
    workflow: str
    execution: Execution
    argument: str
    created_at: float
    call_log_level: str


class Service:
    """Runs workflows that are registered by name. ``workflows`` maps names to definitions, or finds them."""

    def __init__(
        self,
        workflows: Mapping[str, Definition] | Find,
        *,
        project: str = "local",
        location: str = "local",
        transport: Transport | None = None,
        clock: Clock | None = None,
        env: Mapping[str, str] | None = None,
        token_source: TokenSource | None = None,
        connectors: Sequence[tuple[str, Connector]] = (),
        callbacks: Callbacks | None = None,
        log: Callable[[LogEntry], None] | None = None,
        limits: Limits = SERVICE,
        new_id: Callable[[], str] | None = None,
        kept: int = KEPT,
        begin: Begin | None = None,
        http_threads: int = HTTP_THREADS,
    ) -> None:
        self._find: Find = workflows.get if isinstance(workflows, Mapping) else workflows
        self._new_id = new_id or _random_id
        self._kept = kept
        self._begin = begin or _unwatched
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}
        self.project, self.location = project, location
        self.callbacks = callbacks
        self.runner = Runner(
            transport=transport,
            clock=clock,
            env={"GOOGLE_CLOUD_PROJECT_ID": project, "GOOGLE_CLOUD_LOCATION": location, **(env or {})},
            token_source=token_source,
            connectors=Connectors([*connectors, *execution_connectors(self)]),
            callbacks=callbacks,
            log=log,
            limits=limits,
            http_threads=http_threads,
        )

    # What the API offers. ``parent`` is a workflow's name, ``name`` an execution's, both in full.

    def create(
        self,
        parent: str,
        argument: str = "",
        *,
        labels: Mapping[str, str] | None = None,
        call_log_level: str = "CALL_LOG_LEVEL_UNSPECIFIED",
        buffered: bool = True,
        execution_id: str | None = None,
        on_step: Callable[[StepEvent], None] | None = None,
    ) -> Record:
        """Start an execution. ``argument`` is JSON text. Raises ServiceError as the service would."""
        workflow = self._workflow_of(parent)
        definition = self._definition(workflow)
        given = _parsed(argument)
        _check_labels(labels or {})
        if not buffered and self.runner.full:
            raise ServiceError("RESOURCE_EXHAUSTED", "the executions that may run at once are running, and this one is not to be queued")
        chosen = execution_id or self._new_id()
        name = f"{parent}/executions/{chosen}"
        now = self.runner.clock.now()
        with self._lock:
            if name in self._records:
                raise ServiceError("ALREADY_EXISTS", f"the execution {name} exists already")
        given, on_end = self._begin(name, given)
        try:
            execution = self.runner.start(definition, given, execution_id=chosen, labels=labels, on_step=on_step, on_end=on_end)
        except ArgumentError as problem:
            on_end(Outcome(State.CANCELLED))
            status = "RESOURCE_EXHAUSTED" if "no more are taken" in str(problem) else "INVALID_ARGUMENT"
            raise ServiceError(status, str(problem)) from None
        record = Record(name, parent, execution, argument, now, call_log_level)
        with self._lock:
            self._records[name] = record
            self._drop_old()
        return record

    def get(self, name: str) -> Record:
        """The execution of that name. Raises ServiceError (NOT_FOUND)."""
        with self._lock:
            record = self._records.get(name)
        if record is None:
            raise ServiceError("NOT_FOUND", f"there is no execution {name}")
        return record

    def of_workflow(self, parent: str) -> list[Record]:
        """The executions of a workflow, newest first. Raises ServiceError if there is no such workflow."""
        self._definition(self._workflow_of(parent))
        with self._lock:
            return [record for record in reversed(self._records.values()) if record.workflow == parent]

    def cancel(self, name: str) -> Record:
        """Stop an execution. Raises ServiceError if it has ended."""
        record = self.stop(name)
        _wait_until_ended(record.execution)
        return record

    def stop(self, name: str) -> Record:
        """As ``cancel``, without waiting until it has stopped: for who drives the scheduler."""
        record = self.get(name)
        if record.execution.outcome is not None:
            raise ServiceError("FAILED_PRECONDITION", f"the execution {name} is not active: it is {record.execution.state}")
        record.execution.cancel()
        return record

    def parent(self, workflow: str, project: str | None = None, location: str | None = None) -> str:
        """A workflow's full name."""
        return f"projects/{project or self.project}/locations/{location or self.location}/workflows/{workflow}"

    def endpoints(self) -> Endpoints | None:
        """The callback endpoints, if they are real ones."""
        return self.callbacks if isinstance(self.callbacks, Endpoints) else None

    def close(self) -> None:
        """Cancel what runs."""
        self.runner.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Inside

    def _workflow_of(self, parent: str) -> str:
        match = re.fullmatch(r"projects/[^/]+/locations/[^/]+/workflows/([^/]+)", parent)
        if match is None:
            raise ServiceError("INVALID_ARGUMENT", f"not a workflow's name: {parent!r}; it is projects/P/locations/L/workflows/W")
        return match[1]

    def _definition(self, workflow: str) -> Definition:
        try:
            definition = self._find(workflow)
        except DefinitionError as problem:
            raise ServiceError("FAILED_PRECONDITION", f"the workflow {workflow} is not valid: {problem}") from None
        if definition is None:
            raise ServiceError("NOT_FOUND", f"there is no workflow {workflow}")
        return definition if definition.name == workflow else replace(definition, name=workflow)

    def _drop_old(self) -> None:
        """Forget the oldest that have ended. The caller holds the lock."""
        if len(self._records) > self._kept + self._kept // 10:
            ended = [name for name, record in self._records.items() if record.execution.outcome is not None]
            for name in ended[: len(self._records) - self._kept]:
                del self._records[name]


def _unwatched(name: str, argument: Json) -> tuple[Json, Callable[[Outcome], None]]:
    return argument, lambda outcome: None


def _wait_until_ended(execution: Execution) -> None:
    """Give the scheduler a moment, so that whoever cancelled sees it cancelled. It is cancelled all the same if that takes longer."""
    try:
        execution.wait(1)
    except TimeoutError:
        return


def _parsed(argument: str) -> Json:
    if not argument:
        return None
    try:
        value: Json = json.loads(argument)
    except (ValueError, RecursionError) as problem:
        raise ServiceError("INVALID_ARGUMENT", f"the argument is not JSON: {problem}") from None
    return value


def _check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) > _LABELS:
        raise ServiceError("INVALID_ARGUMENT", f"{len(labels)} labels; the limit is {_LABELS}")
    for key, value in labels.items():
        if max(len(key), len(value)) > _LABEL_CHARACTERS or not _LABEL_KEY.fullmatch(key) or key != key.lower():
            raise ServiceError("INVALID_ARGUMENT", f"not a label: {key!r}")
        if value != value.lower() or not re.fullmatch(r"[-\w]*", value):
            raise ServiceError("INVALID_ARGUMENT", f"the label {key!r} has the value {value!r}: lower-case letters, digits, _ and - only")


def _random_id() -> str:
    """The service's execution ids are random UUIDs too."""
    return str(uuid.uuid4())  # noqa: TID251 - as the service makes them
