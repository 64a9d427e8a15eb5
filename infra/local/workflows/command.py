"""What the command line offers, as plain functions: ``run_file``, ``check_files``, ``draw``. Nothing here prints."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.workflows.check import check
from infra.local.workflows.clock import FastClock
from infra.local.workflows.errors import ArgumentError, DefinitionError, Problem, WorkflowsError
from infra.local.workflows.frames import LogEntry, StepEvent
from infra.local.workflows.httpx_transport import HttpxTransport
from infra.local.workflows.mocks import MockTransport, read_mocks
from infra.local.workflows.picture import mermaid
from infra.local.workflows.runner import Outcome, Runner, State, load
from infra.local.workflows.transport import TokenSource, Transport
from infra.local.workflows.values import Json


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
    fast_clock: bool = False,
    trace: bool = False,
    on_step: Callable[[StepEvent], None] | None = None,
    transport: Transport | None = None,
    token_source: TokenSource | None = None,
    execution_id: str = "local",
    timeout: float | None = None,
) -> RunReport:
    """Run a definition to its end. ``data`` is JSON, or ``@file`` with JSON in it; ``on_step`` sees each step as it comes.

    Raises the built-in TimeoutError when it has not ended after ``timeout`` real seconds.
    """
    try:
        definition = load(path)
        argument = read_data(data)
        chosen = transport or (MockTransport(read_mocks(mock)) if mock is not None else HttpxTransport())
        events: list[StepEvent] = []
        logs: list[LogEntry] = []

        def hook(event: StepEvent) -> None:
            if trace:
                events.append(event)
            if on_step is not None:
                on_step(event)

        watch = hook if trace or on_step is not None else None
        clock = FastClock() if fast_clock else None
        with Runner(transport=chosen, clock=clock, env=env, token_source=token_source, log=logs.append) as runner:
            execution = runner.start(definition, argument, execution_id=execution_id, on_step=watch)
            outcome = execution.wait(timeout)
    except DefinitionError as error:
        return RunReport(str(path), None, error.problems, str(error))
    except WorkflowsError as error:
        return RunReport(str(path), None, [], str(error))
    return RunReport(str(path), outcome, trace=events, logs=logs, steps=execution.steps)


def read_data(data: str | None) -> Json:
    """The argument that ``--data`` gives: JSON, or the JSON in the file after ``@``. Raises ArgumentError."""
    if data is None:
        return None
    try:
        text = Path(data[1:]).read_text("utf-8") if data.startswith("@") else data
        value: Json = json.loads(text)
    except (OSError, ValueError, RecursionError) as problem:
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
    return [CheckReport(str(path), check(path)) for path in paths]


def draw(path: Path) -> str:
    """A Mermaid flow chart of the definition. Raises DefinitionError."""
    return mermaid(load(path).program)
