"""The one table of functions. The local host, Pulumi and CI read it: a new function is one folder and one row.

``route`` is the path under the local host, ``service`` the name in the cloud. ``roles`` and ``secrets`` are all that the function's
own service account gets. ``dependencies`` names the set in ``requirements/`` that is installed with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.callers import Part
from shared.secrets import MODEL_KEYS, NEO4J_READER, NEO4J_WRITER, RESEARCH_KEYS
from shared.times import FUNCTION_TIMEOUT_S

PYTHON = "3.13"
"""What deployed functions run on; ``scripts/lock`` sees to it that their locks can be installed there."""


class Trigger(StrEnum):
    """What calls a function."""

    PUBLIC = "public"
    """HTTPS from users, authenticated by IAM."""
    INTERNAL = "internal"
    """HTTPS from the workflow, the queue or the scheduler, each with its own identity."""
    UPLOAD = "upload"
    """A CloudEvent over HTTPS: Eventarc tells of an object finalised in the inbox bucket; the queue calls it too."""


class Dependencies(StrEnum):
    """The dependency sets of ``requirements/``."""

    CONTROL = "control"
    AGENTS = "agents"
    SUPERVISOR = "supervisor"
    """The sandbox service: no library that could call anything. What the code it runs may import is ``requirements/sandbox.in``."""


class Role(StrEnum):
    """What a function may do; the infrastructure maps each to predefined roles on exactly the resources concerned."""

    DOCUMENTS = "documents"
    ARTIFACTS_READ = "artifacts-read"
    ARTIFACTS_WRITE = "artifacts-write"
    """Add what is not there yet."""
    ARTIFACTS_DELETE = "artifacts-delete"
    ANCHORS_WRITE = "anchors-write"
    INBOX_READ = "inbox-read"
    OUTBOX_WRITE = "outbox-write"
    QUEUE = "queue"
    EXECUTIONS = "executions"
    KNOWLEDGE_READ = "knowledge-read"
    KNOWLEDGE_WRITE = "knowledge-write"
    SANDBOX = "sandbox"
    MODELS = "models"
    TELEMETRY_WRITE = "telemetry-write"
    TRACES = "traces"


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function: where it is, what calls it, what it gets."""

    name: str
    trigger: Trigger
    job: str
    memory_mb: int
    dependencies: Dependencies
    roles: frozenset[Role]
    secrets: frozenset[str] = frozenset()
    timeout_s: int = FUNCTION_TIMEOUT_S
    concurrency: int = 40
    callers: frozenset[Part] = frozenset({Part.WORKFLOW})
    """Of a function that users do not call; a container is called by the functions that have the role of its name."""
    is_container: bool = False
    """Deployed as an image of its own (``infra/docker``), not from a source archive."""

    @property
    def service(self) -> str:
        """Its service's name in the cloud, behind the stack's prefix: such names have no underscores."""
        return self.name.replace("_", "-")

    @property
    def route(self) -> str:
        """The path below which the local host serves it."""
        return f"/{self.name}"

    @property
    def module(self) -> str:
        """The module that holds the entry point."""
        return f"functions.{self.name}.main"

    @property
    def entry_point(self) -> str:
        """The function that functions-framework calls."""
        return self.name

    @property
    def url_variable(self) -> str:
        """The workflow's environment variable with this function's address."""
        return f"{self.name.upper()}_URL"


_STATE = frozenset({Role.DOCUMENTS, Role.TELEMETRY_WRITE, Role.TRACES})
_ASKS_MODELS = _STATE | {Role.MODELS, Role.ARTIFACTS_READ, Role.ARTIFACTS_WRITE}

MANIFEST: tuple[FunctionRow, ...] = (
    FunctionRow(
        name="missions",
        trigger=Trigger.PUBLIC,
        job="the public API: submit, read, list, cancel, delete, events, costs, report",
        memory_mb=512,
        concurrency=8,  # an upload of 32 MiB, Cloud Run's limit, lies in the instance's memory while it is stored
        dependencies=Dependencies.AGENTS,
        roles=_STATE
        | {Role.ARTIFACTS_READ, Role.ARTIFACTS_WRITE, Role.ARTIFACTS_DELETE, Role.ANCHORS_WRITE, Role.QUEUE, Role.KNOWLEDGE_WRITE},
        secrets=frozenset({NEO4J_WRITER}),
        callers=frozenset(),
    ),
    FunctionRow(
        name="intake",
        trigger=Trigger.UPLOAD,
        job="what is uploaded to the inbox becomes a mission; its report is laid out in the outbox",
        memory_mb=2048,
        concurrency=1,  # the file that it stores lies in the instance's memory, up to 1 GiB (schemas/sandbox.py, MAX_INPUT_BYTES)
        dependencies=Dependencies.AGENTS,
        roles=_STATE | {Role.ARTIFACTS_READ, Role.ARTIFACTS_WRITE, Role.QUEUE, Role.KNOWLEDGE_READ, Role.INBOX_READ, Role.OUTBOX_WRITE},
        secrets=frozenset({NEO4J_READER}),
        callers=frozenset({Part.EVENTS, Part.QUEUE}),
    ),
    FunctionRow(
        name="lifecycle",
        trigger=Trigger.INTERNAL,
        job="the state machine: dispatch, claim, advance, complete, compensate, reconcile; erase: what lies under a deleted mission",
        memory_mb=512,
        dependencies=Dependencies.CONTROL,
        roles=_STATE
        | {Role.ARTIFACTS_READ, Role.ARTIFACTS_WRITE, Role.ARTIFACTS_DELETE}
        | {Role.QUEUE, Role.EXECUTIONS, Role.ANCHORS_WRITE, Role.KNOWLEDGE_WRITE},
        secrets=frozenset({NEO4J_WRITER}),
        callers=frozenset({Part.WORKFLOW, Part.QUEUE, Part.SCHEDULER}),
    ),
    FunctionRow(
        name="budget",
        trigger=Trigger.INTERNAL,
        job="the gate the workflow asks after every slice",
        memory_mb=256,
        dependencies=Dependencies.CONTROL,
        roles=_STATE,
    ),
    FunctionRow(
        name="deep_research",
        trigger=Trigger.INTERNAL,
        job="step: the next bounded slice of research; stop: a remote job that a mission left",
        memory_mb=2048,
        dependencies=Dependencies.AGENTS,
        roles=_ASKS_MODELS | {Role.KNOWLEDGE_READ, Role.KNOWLEDGE_WRITE, Role.SANDBOX},
        secrets=RESEARCH_KEYS | {NEO4J_WRITER},
        concurrency=4,
        callers=frozenset({Part.WORKFLOW, Part.QUEUE}),
    ),
    FunctionRow(
        name="ds_star",
        trigger=Trigger.INTERNAL,
        job="step: one round of the DS-STAR loop",
        memory_mb=1024,
        dependencies=Dependencies.AGENTS,
        roles=_ASKS_MODELS | {Role.SANDBOX},
        secrets=MODEL_KEYS,
        concurrency=4,
    ),
    FunctionRow(
        name="fusion",
        trigger=Trigger.INTERNAL,
        job="fuse: partial, final, upgrade",
        memory_mb=1024,
        dependencies=Dependencies.AGENTS,
        roles=_ASKS_MODELS,
        secrets=MODEL_KEYS,
        concurrency=8,
    ),
    FunctionRow(
        name="dead_letter",
        trigger=Trigger.INTERNAL,
        job="keeps what could not be delivered",
        memory_mb=256,
        dependencies=Dependencies.CONTROL,
        roles=_STATE,
        callers=frozenset({Part.DEAD_LETTERS}),
    ),
    FunctionRow(
        name="sandbox",
        trigger=Trigger.INTERNAL,
        job="run: generated Python, isolated; one mission in an instance's life",
        memory_mb=4096,
        dependencies=Dependencies.SUPERVISOR,
        roles=frozenset(),
        concurrency=1,
        is_container=True,
    ),
)


def row(name: str) -> FunctionRow:
    """The row of the function called ``name``."""
    return next(r for r in MANIFEST if r.name == name)
