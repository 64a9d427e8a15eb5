"""What the command line offers, as plain functions: ``run_file``, ``check_files``, ``draw`` (``testing`` has ``run_tests``).

Nothing here prints. What only some commands and options need is imported where it is needed: a command starts sooner for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.workflows.callbacks import Callbacks, Endpoints
from infra.local.workflows.clock import FastClock
from infra.local.workflows.definition import Definition, load
from infra.local.workflows.errors import ArgumentError, DefinitionError, Problem, WorkflowsError
from infra.local.workflows.execution import Outcome, State
from infra.local.workflows.frames import LogEntry, StepEvent
from infra.local.workflows.httpx_transport import HttpxTransport
from infra.local.workflows.recording import Recording
from infra.local.workflows.service import Service
from infra.local.workflows.transport import TokenSource, Transport
from infra.local.workflows.values import Json, to_json

if TYPE_CHECKING:
    from infra.local.workflows.mock_files import MockSet


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended. ``problems`` is set instead of ``outcome`` when it could not begin; ``trace`` is empty unless asked for."""

    file: str
    outcome: Outcome | None
    problems: list[Problem] = field(default_factory=list)
    message: str = ""
    trace: list[StepEvent] = field(default_factory=list)
    logs: list[LogEntry] = field(default_factory=list)
    steps: int = 0

    @property
    def exit_code(self) -> int:
        """0 succeeded, 1 failed or cancelled, 2 could not begin."""
        if self.outcome is None:
            return 2
        return 0 if self.outcome.state is State.SUCCEEDED else 1

    def as_json(self) -> dict[str, Json]:
        """The one object that ``--json`` prints: state, result and error. For a run that could not begin, the error lists the problems."""
        if self.outcome is None:
            problems: list[Json] = [problem_json(self.file, problem) for problem in self.problems]
            return {"state": "FAILED", "result": None, "error": {"payload": {"problems": problems}, "context": self.message}}
        error = self.outcome.error
        return {
            "state": self.outcome.state.value,
            "result": self.outcome.result,
            "error": None if error is None else {"payload": error.payload, "context": error.context},
        }


def problem_json(file: str, problem: Problem) -> dict[str, Json]:
    """One problem of a file, as `--json` prints it."""
    return {
        "file": file,
        "line": problem.line,
        "column": problem.column,
        "workflow": problem.routine,
        "step": problem.step,
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
    }


def run_file(
    path: Path,
    *,
    data: str | None = None,
    env: Mapping[str, str] | None = None,
    mock: Path | None = None,
    record: Path | None = None,
    fast_clock: bool = False,
    trace: bool = False,
    on_step: Callable[[StepEvent], None] | None = None,
    on_log: Callable[[str, str], None] | None = None,
    notice: Callable[[str], None] | None = None,
    transport: Transport | None = None,
    token_source: TokenSource | None = None,
    execution_id: str = "local",
    timeout: float | None = None,
) -> RunReport:
    """Run a definition to its end. ``data`` is JSON, or ``@file`` with JSON in it; ``record`` is written with what requests and connectors
    answered, as a mock file; ``on_step`` sees each step as it comes,
    ``on_log`` the severity and text of what ``sys.log`` writes, ``notice`` the URLs of callback endpoints. Other workflows that this one
    executes are the definitions beside it, each by the name of its file.

    Raises the built-in TimeoutError when it has not ended after ``timeout`` real seconds.
    """
    try:
        definition = load(path)
        argument = read_data(data)
        mocks = _mocks(mock) if mock is not None else None
        recording = Recording()
        chosen = transport or (HttpxTransport() if mocks is None else mocks.transport())
        events: list[StepEvent] = []
        logs: list[LogEntry] = []

        def hook(event: StepEvent) -> None:
            if trace:
                events.append(event)
            if on_step is not None:
                on_step(event)

        def keep(entry: LogEntry) -> None:
            logs.append(entry)
            if on_log is not None:
                on_log(entry.severity, entry.payload if isinstance(entry.payload, str) else json.dumps(to_json(entry.payload)))

        watch = hook if trace or on_step is not None else None
        with ExitStack() as stack:
            service = Service(
                siblings(path, definition),
                transport=recording.transport(chosen) if record is not None else chosen,
                clock=FastClock() if fast_clock else None,
                env=env,
                token_source=token_source or (MockTokens() if mocks is not None else None),
                connectors=[] if mocks is None else recording.connectors(mocks.mock_connectors()),
                callbacks=_callbacks(mocks, stack, lambda: service, notice),
                log=keep,
            )
            stack.callback(service.close)
            execution = service.runner.start(definition, argument, execution_id=execution_id, on_step=watch)
            outcome = execution.wait(timeout)
        if record is not None:
            recording.write(record)
    except DefinitionError as error:
        return RunReport(str(path), None, error.problems, str(error))
    except WorkflowsError as error:
        return RunReport(str(path), None, [], str(error))
    return RunReport(str(path), outcome, trace=events, logs=logs, steps=execution.steps)


def _mocks(path: Path) -> MockSet:
    from infra.local.workflows.mock_files import read_mocks

    return read_mocks(path)


def siblings(path: Path, definition: Definition) -> Callable[[str], Definition | None]:
    """Finds workflows by name: the one that runs, and the files beside it."""

    def find(name: str) -> Definition | None:
        if name == definition.name:
            return definition
        if not re.fullmatch(r"[A-Za-z][-\w]*", name):
            return None
        files = [path.with_name(name + suffix) for suffix in (".yaml", ".yml", ".json", ".workflows.yaml", ".workflows.json")]
        return next((load(file) for file in files if file.is_file()), None)

    return find


def _callbacks(mocks: MockSet | None, stack: ExitStack, service: Callable[[], Service], notice: Callable[[str], None] | None) -> Callbacks:
    """Mocked callbacks, or endpoints on a server that starts with the first one."""
    if mocks is not None and mocks.callbacks:
        return mocks.mock_callbacks()
    served: list[str] = []

    def base_url() -> str:
        if not served:
            from infra.local.workflows.executions_api import serve

            server = stack.enter_context(serve(service(), endpoints=endpoints))
            served.append(server.url)
            if notice is not None:
                notice(f"listening for callbacks on {server.url}")
        return served[0]

    endpoints = Endpoints(base_url)
    return endpoints


class MockTokens:
    """Where the answers are mocks, any token will do."""

    def token(self, kind: str, audience: str, scopes: tuple[str, ...]) -> str:
        return "mock"


def read_env(pairs: Sequence[str]) -> dict[str, str]:
    """The variables that ``--env K=V`` gives. Raises ArgumentError."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise ArgumentError(f"--env takes NAME=VALUE, not {pair!r}")
        found[name] = value
    return found


def read_data(data: str | None) -> Json:
    """The argument that ``--data`` gives: JSON, or the JSON in the file after ``@``. Raises ArgumentError."""
    if data is None:
        return None
    try:
        text = Path(data[1:]).read_text("utf-8") if data.startswith("@") else data
    except (OSError, ValueError) as problem:
        raise ArgumentError(f"cannot read the data in {data[1:]}: {problem}") from None
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ArgumentError(f"the data is not JSON: {problem}") from None
    return value


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The problems of one file, in the order of its lines."""

    file: str
    problems: list[Problem]

    @property
    def exit_code(self) -> int:
        """0 for a definition that would be deployed (it may have warnings), 2 for one that would not."""
        return 2 if any(problem.severity == "error" for problem in self.problems) else 0

    def as_json(self) -> dict[str, Json]:
        problems: list[Json] = [problem_json(self.file, problem) for problem in self.problems]
        return {"file": self.file, "valid": self.exit_code == 0, "problems": problems}


def check_files(paths: list[Path]) -> list[CheckReport]:
    """What is wrong or doubtful in each file, found without running anything."""
    from infra.local.workflows.check import check

    return [CheckReport(str(path), check(path)) for path in paths]


def draw(path: Path) -> str:
    """A Mermaid flow chart of the definition. Raises DefinitionError."""
    from infra.local.workflows.picture import mermaid

    return mermaid(load(path).program)
