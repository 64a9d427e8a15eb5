"""``kimera workflows``: any Google Cloud Workflows definition on this machine, no mission needed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import INTERRUPTED
from cli.console import AsJson, new_app, note, print_json

if TYPE_CHECKING:
    from infra.local.workflows.command import RunReport
    from infra.local.workflows.frames import StepEvent

app = new_app("Run, check, draw, test and serve Google Cloud Workflows definitions on this machine.")

Definition = Annotated[Path, typer.Argument(metavar="FILE", help="A definition: YAML or JSON.")]


@app.callback()
def workflows() -> None:
    """Run, check, draw, test and serve Google Cloud Workflows definitions on this machine.

    Exit codes: 0 done, 1 the execution or a test failed, 2 an invalid definition, argument or mock file, 3 a port is taken.
    """


@app.command()
def run(
    file: Definition,
    data: Annotated[str | None, typer.Option("--data", metavar="JSON|@FILE", help="The argument of `main`.")] = None,
    env: Annotated[list[str] | None, typer.Option("--env", metavar="K=V", help="A variable for sys.get_env; repeatable.")] = None,
    mock: Annotated[
        Path | None, typer.Option("--mock", metavar="FILE", help="Answers for requests, connectors and callbacks; nothing else is sent.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Keep what was answered there, to be given to --mock.")
    ] = None,
    fast_clock: Annotated[bool, typer.Option("--fast-clock", help="Sleeps, backoff and timeouts take no real time.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Show each step with its time, on stderr.")] = False,
    as_json: AsJson = False,
) -> int:
    """Run a definition to its end and print its result."""
    from infra.local.workflows.command import read_env, run_file
    from infra.local.workflows.errors import ArgumentError

    try:
        given = read_env(env or [])
    except ArgumentError as problem:
        return _told(_unable(file, str(problem)), as_json)
    try:
        report = run_file(
            file,
            data=data,
            env=given,
            mock=mock,
            record=record,
            fast_clock=fast_clock,
            on_step=_Trace() if trace else None,
            on_log=_log,
            notice=note,
        )
    except KeyboardInterrupt:
        note("interrupted")
        os._exit(INTERRUPTED)  # an ordinary exit would wait for a request under way, for up to half an hour
    return _told(report, as_json)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Definitions: YAML or JSON.")],
    as_json: AsJson = False,
) -> int:
    """Say what is wrong or doubtful in definitions without running them. Exit 2 if one would not deploy."""
    from infra.local.workflows.command import check_files

    reports = check_files(files)
    if as_json:
        print_json({"valid": all(not report.exit_code for report in reports), "files": [report.as_json() for report in reports]})
    else:
        for report in reports:
            for problem in report.problems:
                print(problem.text(report.file))
            if not report.problems:
                print(f"{report.file}: no problems")
    return max(report.exit_code for report in reports)


@app.command()
def draw(file: Definition, as_json: AsJson = False) -> int:
    """Print a definition as a Mermaid flow chart."""
    from infra.local.workflows.command import draw as drawn
    from infra.local.workflows.errors import DefinitionError

    try:
        text = drawn(file)
    except DefinitionError as problem:
        return _told(_unable(file, str(problem), problem), as_json)
    if as_json:
        print_json({"file": str(file), "mermaid": text})
    else:
        sys.stdout.write(text)
    return 0


@app.command(name="test")
def run_cases(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Definitions; the cases of a.yaml are in a.test.yaml beside it.")],
    as_json: AsJson = False,
) -> int:
    """Run the cases written for definitions, and say which steps no case took."""
    from infra.local.workflows.testing import run_tests

    reports = [run_tests(file, seen=None if as_json else note) for file in files]
    if as_json:
        print_json({"passed": all(not report.exit_code for report in reports), "files": [report.as_json() for report in reports]})
    else:
        for report in reports:
            print(report.text())
    return max(report.exit_code for report in reports)


@app.command()
def serve(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Definitions; each is deployed as its file's name, or as NAME=FILE.")
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="For HTTP and callbacks; 0 takes a free one.")] = 8710,
    grpc_port: Annotated[
        int | None, typer.Option("--grpc-port", min=0, max=65_535, help="For the official client.  [default: the one after --port]")
    ] = None,
    env: Annotated[list[str] | None, typer.Option("--env", metavar="K=V", help="A variable for sys.get_env; repeatable.")] = None,
    mock: Annotated[
        Path | None, typer.Option("--mock", metavar="FILE", help="Answers for requests, connectors and callbacks; nothing else is sent.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Deploy definitions here and serve the executions API on this machine (HTTP, gRPC, callbacks) until Ctrl-C or SIGTERM."""
    from cli.serving_workflows import serve_workflows

    chosen = grpc_port if grpc_port is not None else port + 1 if port else 0
    return serve_workflows(files, port, chosen, env or [], mock, as_json=as_json)


def _unable(file: Path, message: str, problem: Exception | None = None) -> RunReport:
    """The report of something that could not begin."""
    from infra.local.workflows.command import RunReport
    from infra.local.workflows.errors import DefinitionError

    return RunReport(str(file), None, problem.problems if isinstance(problem, DefinitionError) else [], message)


def _told(report: RunReport, as_json: bool) -> int:
    """Print a run's end: the one JSON object, or the result alone with every word about it on stderr."""
    if as_json:
        print_json(report.as_json())
    elif report.outcome is None:
        note(f"error: {report.message}")
    else:
        import json

        if report.outcome.error is not None:
            note(f"{report.file}: {report.outcome.state}: {report.outcome.error.context}")
            print(json.dumps(report.outcome.error.payload, ensure_ascii=False, indent=2))
        elif report.exit_code:
            note(f"{report.file}: {report.outcome.state}")
        else:
            print(json.dumps(report.outcome.result, ensure_ascii=False, indent=2))
    return report.exit_code


def _log(severity: str, text: str) -> None:
    note(f"log {severity}: {text}")


class _Trace:
    """Writes each step as it begins, with the seconds since the first one on the workflow's clock."""

    def __init__(self) -> None:
        self._began: float | None = None

    def __call__(self, event: StepEvent) -> None:
        self._began = event.time if self._began is None else self._began
        where = f"  [{event.branch}]" if event.branch else ""
        note(f"{event.time - self._began:10.3f} s  line {event.line:<4} {event.routine}.{event.step} ({event.kind}){where}")
