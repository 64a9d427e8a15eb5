"""What a program declares, as plain data: it runs to its end under Pulumi's mocks, and every resource it registered is kept.

Assertions are made on that data afterwards. Inside a program they can pass without having been looked at: on an output that is unknown,
or in a callback that nobody waits for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi.output import Unknown

from functions.manifest import MANIFEST, Dependencies, FunctionRow, Role, Trigger
from infra.packaging.archive import Archive
from infra.pulumi.configuration import StackSettings, read_settings
from infra.pulumi.program import declare
from shared.callers import Part

NUMBER = "123456789012"
STORAGE_AGENT = f"service-{NUMBER}@gs-project-accounts.iam.gserviceaccount.com"
_GIVEN: Mapping[str, dict[str, object]] = {
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": {
        "emailAddress": STORAGE_AGENT,
        "member": f"serviceAccount:{STORAGE_AGENT}",
    }
}
"""What the provider answers to every stack."""
SMALL: Mapping[str, str] = {
    "gcp:project": "acme-missions",
    "gcp:region": "europe-west1",
    "kimera:neo4jUri": "neo4j+s://graph.example.org",
    "kimera:neo4jUser": "kimera-writer",
    "kimera:neo4jReader": "kimera-reader",
    "kimera:users": '["group:analysts@example.org"]',
    "kimera:alertEmails": '["oncall@example.org"]',
    "kimera:inboxOwner": "uploads@example.org",
    "kimera:billingAccount": "0A1B2C-3D4E5F-6A7B8C",
    "kimera:githubRepository": "acme/missions",
    "kimera:sandboxImage": "registry.example.org/sandbox@sha256:" + "0a" * 32,
}


@dataclass(frozen=True)
class Resource:
    """One registered resource: its type (``gcp:storage/bucket:Bucket``), its name, what it was given."""

    type: str
    name: str
    inputs: dict[str, object]
    protect: bool = False

    @property
    def kind(self) -> str:
        """The type's last part."""
        return self.type.rpartition(":")[2]


@dataclass
class Stack:
    """All that was declared, and what the program was given."""

    settings: StackSettings
    manifest: tuple[FunctionRow, ...]
    resources: list[Resource]
    asked: frozenset[str] = frozenset()
    """What the provider was asked, by the name of the question."""
    exports: dict[str, object] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Resource]:
        """The resources of these kinds."""
        return [resource for resource in self.resources if resource.kind in kinds]

    def copy(self) -> Stack:
        """The same, which a test may break."""
        return copy.deepcopy(self)


class _Recorder(pulumi.runtime.Mocks):
    """Gives every resource the outputs that Google Cloud would, and remembers it."""

    def __init__(self, answers: Mapping[str, dict[str, object]]) -> None:
        self._answers = {**_GIVEN, **answers}
        self.asked: set[str] = set()
        self.registered: dict[tuple[str, str], dict[str, object]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, object]]:
        inputs = dict(args.inputs)
        self.registered[args.typ, args.name] = inputs
        name = str(inputs.get("name") or args.name)
        outputs = {"name": name, **inputs}
        if args.typ.endswith(":Account"):
            account = f"{inputs['accountId']}@{inputs['project']}.iam.gserviceaccount.com"
            outputs |= {"email": account, "name": f"projects/{inputs['project']}/serviceAccounts/{account}"}
        elif args.typ.endswith(":Bucket"):
            outputs |= {"url": f"gs://{name}"}
        elif args.typ.endswith(":ProjectSink"):
            outputs |= {"writerIdentity": "serviceAccount:sink@gcp-sa-logging.iam.gserviceaccount.com"}
        elif args.typ.endswith(":Trigger"):
            outputs |= {"transport": {"pubsub": {"subscription": f"eventarc-{name}-sub"}}}
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, object], list[tuple[str, str]] | None]:
        self.asked.add(args.token)
        if args.token in self._answers:
            return self._answers[args.token], []
        raise AssertionError(f"the program asks for {args.token}, which these tests do not know")


def archives(folder: Path, manifest: Iterable[FunctionRow] = MANIFEST) -> dict[str, Archive]:
    """An archive for each function; what is in them is tested elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for row in manifest:
        path = folder / f"{row.name}.zip"
        path.write_bytes(b"an archive")
        found[row.name] = Archive(row.name, path, "0123456789abcdef" * 4, 10, 1)
    return found


def run(
    program: Callable[[], Mapping[str, object]],
    settings: StackSettings,
    manifest: tuple[FunctionRow, ...],
    answers: Mapping[str, dict[str, object]] | None = None,
) -> Stack:
    """Run ``program`` to its end; everything it registered. Raises what it raises, and where an input would stay unknown.

    ``answers`` are those of the provider, by what it is asked.
    """
    recorder = _Recorder(answers or {})
    # As a preview: an output that the mocks do not give is unknown then, and shows; otherwise it would be nothing, and pass.
    pulumi.runtime.set_mocks(recorder, project="kimera", stack="test", preview=True)
    protected: dict[tuple[str, str], bool] = {}
    exports: dict[str, object] = {}

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        protected[args.type_, args.name] = bool(args.opts.protect)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]  # Pulumi gives it no types
    def to_its_end() -> pulumi.Output[None]:
        pulumi.runtime.register_stack_transformation(note)
        return pulumi.Output.from_input(dict(program())).apply(exports.update)

    to_its_end()
    resources = [
        Resource(kind, name, inputs, protected.get((kind, name), False))
        for (kind, name), inputs in recorder.registered.items()
        if kind.startswith("gcp:")
    ]
    constructed = {key for key in protected if key[0].startswith("gcp:")}
    assert constructed == {(r.type, r.name) for r in resources}, "a resource was made and never registered"
    for resource in resources:
        assert not _unknown(resource.inputs), f"{resource.type} {resource.name} has an input that stays unknown"
    return Stack(settings, manifest, resources, frozenset(recorder.asked), exports)


def stack(folder: Path, more: Mapping[str, str] | None = None, manifest: tuple[FunctionRow, ...] = MANIFEST) -> Stack:
    """The stack that ``SMALL`` and ``more`` describe."""
    settings = read_settings({**SMALL, **(more or {})})
    return run(lambda: declare(settings, NUMBER, manifest, archives(folder, manifest)), settings, manifest)


def _unknown(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_unknown, value.values()))
    if isinstance(value, list):
        return any(map(_unknown, value))
    return isinstance(value, Unknown)


def with_rows_of_each_kind() -> tuple[FunctionRow, ...]:
    """The manifest, with a row for each kind of caller that it has no function for."""
    rows = {
        "sandbox": FunctionRow(
            name="sandbox",
            trigger=Trigger.INTERNAL,
            job="runs generated Python, isolated",
            memory_mb=2048,
            dependencies=Dependencies.CONTROL,
            roles=frozenset(),
            is_container=True,
        ),
        "intake": FunctionRow(
            name="intake",
            trigger=Trigger.INTERNAL,
            job="an upload becomes a mission",
            memory_mb=512,
            dependencies=Dependencies.CONTROL,
            roles=frozenset({Role.DOCUMENTS, Role.INBOX_READ, Role.OUTBOX_WRITE, Role.QUEUE}),
            callers=frozenset({Part.EVENTS}),
        ),
        "dead_letter": FunctionRow(
            name="dead_letter",
            trigger=Trigger.INTERNAL,
            job="keeps what could not be delivered",
            memory_mb=256,
            dependencies=Dependencies.CONTROL,
            roles=frozenset({Role.DOCUMENTS, Role.TELEMETRY_WRITE}),
            callers=frozenset({Part.DEAD_LETTERS}),
        ),
    }
    present = {row.name for row in MANIFEST}
    return (*MANIFEST, *(row for name, row in rows.items() if name not in present))
