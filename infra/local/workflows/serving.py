"""Definitions from files behind the executions API, over HTTP and gRPC, with their callback endpoints: ``kimera workflows serve``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.workflows.callbacks import Endpoints
from infra.local.workflows.command import MockTokens
from infra.local.workflows.definition import Definition, load
from infra.local.workflows.errors import ArgumentError, DefinitionError, WorkflowsError
from infra.local.workflows.execution import Outcome
from infra.local.workflows.frames import LogEntry
from infra.local.workflows.httpx_transport import HttpxTransport
from infra.local.workflows.mock_files import read_mocks
from infra.local.workflows.service import Service
from infra.local.workflows.values import Json

HOST: Final = "127.0.0.1"  # the API has no authentication, so nobody else is served
_NAME: Final = re.compile(r"[A-Za-z]([-\w]{0,62}[A-Za-z0-9])?", re.ASCII)  # workflows API, projects.locations.workflows.create: workflowId
_SUFFIXES: Final = (".workflows.yaml", ".workflows.json", ".yaml", ".yml", ".json")


class CannotListen(WorkflowsError):
    """A port that cannot be used; the message says which and why."""


class InvalidDefinitions(WorkflowsError):
    """Definitions that would not deploy. ``errors`` holds one for each such file."""

    def __init__(self, errors: Sequence[DefinitionError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Served:
    """Where the API is: ``http`` is a URL, ``grpc`` a ``host:port``; ``workflows`` are full names by short ones."""

    http: str
    grpc: str
    workflows: dict[str, str]

    def as_json(self) -> dict[str, Json]:
        return {"http": self.http, "grpc": self.grpc, "workflows": {**self.workflows}}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen: 0 takes a free port."""

    http: int
    grpc: int


@dataclass(frozen=True, slots=True)
class Watcher:
    """Hears what happens, on threads of the service: an execution's end by its full name, and what ``sys.log`` writes."""

    ended: Callable[[str, Outcome], None]
    log: Callable[[LogEntry], None]

    def begin(self, name: str, argument: Json) -> tuple[Json, Callable[[Outcome], None]]:
        """What the service asks of a watcher."""
        return argument, lambda outcome: self.ended(name, outcome)


@contextmanager
def serving(files: Sequence[str], ports: Ports, watcher: Watcher, *, env: Mapping[str, str], mock: Path | None) -> Iterator[Served]:
    """Serve ``files`` (``FILE``, or ``NAME=FILE``) until the block ends; what runs then is cancelled.

    Raises InvalidDefinitions, ArgumentError (names, mocks) and CannotListen.
    """
    from infra.local.workflows.executions_api import serve
    from infra.local.workflows.executions_grpc import ExecutionsGrpcServer

    workflows = deployed(files)
    mocks = read_mocks(mock) if mock is not None else None
    with ExitStack() as stack:
        service = Service(
            workflows,
            project=env.get("GOOGLE_CLOUD_PROJECT_ID", "local"),
            location=env.get("GOOGLE_CLOUD_LOCATION", "local"),
            transport=HttpxTransport() if mocks is None else mocks.transport(),
            env=env,
            token_source=None if mocks is None else MockTokens(),
            connectors=[] if mocks is None else mocks.mock_connectors(),
            callbacks=mocks.mock_callbacks() if mocks is not None and mocks.callbacks else Endpoints(lambda: web.url),
            log=watcher.log,
            begin=watcher.begin,
        )
        stack.callback(service.close)
        with _listening(ports.http, "--port"):
            web = stack.enter_context(serve(service, host=HOST, port=ports.http))
        with _listening(ports.grpc, "--grpc-port"):
            channel = stack.enter_context(ExecutionsGrpcServer(service, f"{HOST}:{ports.grpc}"))
        yield Served(web.url, channel.address, {name: service.parent(name) for name in workflows})


@contextmanager
def _listening(port: int, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise CannotListen(
            f"the port {port} on {HOST} cannot be used: {problem.strerror or problem}; choose another with {option} (0 takes a free one)"
        ) from problem


def deployed(files: Sequence[str]) -> dict[str, Definition]:
    """The definitions by their names: that of the file, unless another is given. Raises InvalidDefinitions and ArgumentError."""
    paths: dict[str, Path] = {}
    for text in files:
        name, path = _named(text)
        if name in paths:
            raise ArgumentError(f"two files for the workflow {name}: {paths[name]} and {path}; give one another name: NAME={path}")
        paths[name] = path
    found: dict[str, Definition] = {}
    errors: list[DefinitionError] = []
    for name, path in paths.items():
        try:
            found[name] = load(path, name=name)
        except DefinitionError as error:
            errors.append(error)
    if errors:
        raise InvalidDefinitions(errors)
    return found


def _named(text: str) -> tuple[str, Path]:
    name, given, file = text.partition("=")
    path = Path(file if given else text)
    if not given:
        suffix = next((suffix for suffix in _SUFFIXES if path.name.endswith(suffix)), path.suffix)
        name = path.name.removesuffix(suffix)
    if not _NAME.fullmatch(name):
        raise ArgumentError(
            f"{name!r} is no name for a workflow: up to 64 letters, digits, _ and -, with a letter first and no _ or - last; "
            f"give it one: NAME={path}"
        )
    return name, path
