"""Runs the cases written for a definition (``cases``) on a fast clock, and says which steps no case took."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.workflows.cases import Case, Cases, CasesError, cases_file, read_cases
from infra.local.workflows.clock import FastClock
from infra.local.workflows.command import MockTokens, problem_json, siblings
from infra.local.workflows.connectors import pattern
from infra.local.workflows.definition import Definition, load
from infra.local.workflows.errors import ArgumentError, DefinitionError, Problem
from infra.local.workflows.execution import Outcome
from infra.local.workflows.frames import StepEvent
from infra.local.workflows.service import Service
from infra.local.workflows.syntax import all_steps
from infra.local.workflows.transport import HttpRequest
from infra.local.workflows.values import Json

REAL_TIMEOUT_S = 60.0  # a case takes no real time but its computing: one that takes longer hangs


@dataclass(frozen=True, slots=True)
class StepPlace:
    """A step of the definition."""

    routine: str
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of a case; no failures if it passed."""

    case: Case
    failures: tuple[str, ...]
    took_s: float


@dataclass(frozen=True, slots=True)
class TestReport:
    """What came of all cases of a definition. ``message`` is set, and nothing else, when they could not begin."""

    __test__ = False  # its name begins as those of tests do

    file: str
    results: tuple[CaseResult, ...] = ()
    total: int = 0
    missed: tuple[StepPlace, ...] = ()
    least_percent: float = 0.0
    message: str = ""
    problems: tuple[Problem, ...] = field(default=())

    @property
    def percent(self) -> float:
        """The share of steps that some case took."""
        return 100.0 if not self.total else 100.0 * (self.total - len(self.missed)) / self.total

    @property
    def exit_code(self) -> int:
        """0 all passed, 1 some failed or too few steps were taken, 2 could not begin."""
        if self.message:
            return 2
        return 1 if any(result.failures for result in self.results) or self.percent < self.least_percent else 0

    def as_json(self) -> dict[str, Json]:
        if self.message:
            problems: list[Json] = [problem_json(self.file, problem) for problem in self.problems]
            return {"file": self.file, "passed": False, "error": self.message, "problems": problems}
        cases: list[Json] = [
            {
                "name": r.case.name,
                "line": r.case.line,
                "passed": not r.failures,
                "failures": list(r.failures),
                "seconds": round(r.took_s, 3),
            }
            for r in self.results
        ]
        missed: list[Json] = [{"workflow": step.routine, "step": step.name, "line": step.line} for step in self.missed]
        coverage: dict[str, Json] = {"percent": round(self.percent, 1), "steps": self.total, "missed": missed}
        return {"file": self.file, "passed": not self.exit_code, "cases": cases, "coverage": coverage}

    def text(self) -> str:
        """The last lines for a person."""
        if self.message:
            return f"error: {self.message}"
        passed = sum(not result.failures for result in self.results)
        lines = [f"{self.file}:{step.line}: no case takes the step '{step.name}' of '{step.routine}'" for step in self.missed]
        lines.append(f"{self.file}: {passed} of {len(self.results)} cases passed; {self.percent:.0f} % of {self.total} steps were taken")
        if self.percent < self.least_percent:
            lines.append(f"{self.file}: at least {self.least_percent:.0f} % of the steps are to be taken")
        return "\n".join(lines)


def run_tests(path: Path, cases: Path | None = None, *, seen: Callable[[str], None] | None = None) -> TestReport:
    """Run all cases of a definition. ``seen`` hears of each case as it ends."""
    try:
        definition = load(path)
        written = read_cases(cases or cases_file(path))
    except DefinitionError as problem:
        return TestReport(str(path), message=str(problem), problems=tuple(problem.problems))
    except CasesError as problem:
        return TestReport(str(path), message=str(problem))
    steps = _steps(definition)
    taken: set[tuple[str, str]] = set()
    results: list[CaseResult] = []
    for case in written.cases:
        result, events = _run(path, definition, case)
        taken |= {(event.routine, event.step) for event in events}
        results.append(result)
        if seen is not None:
            seen(_line(written, result))
    missed = tuple(step for step in steps if (step.routine, step.name) not in taken)
    return TestReport(str(path), tuple(results), len(steps), missed, written.coverage)


def _line(written: Cases, result: CaseResult) -> str:
    if not result.failures:
        return f"passed  {result.case.name}"
    return "\n".join([f"FAILED  {result.case.name} ({written.file}:{result.case.line})", *(f"        {text}" for text in result.failures)])


def _steps(definition: Definition) -> list[StepPlace]:
    return [
        StepPlace(routine.name, step.name, step.mark.line)
        for routine in definition.program.routines.values()
        for step in all_steps(routine.body)
        if not step.implied
    ]


def _run(path: Path, definition: Definition, case: Case) -> tuple[CaseResult, list[StepEvent]]:
    """Run one case on its own: nothing is left from the one before."""
    transport = case.mocks.transport()
    clock = FastClock()
    began = clock.now()
    events: list[StepEvent] = []
    service = Service(
        siblings(path, definition),
        transport=transport,
        clock=clock,
        env=case.env,
        token_source=MockTokens(),
        connectors=case.mocks.mock_connectors(),
        callbacks=case.mocks.mock_callbacks(),
        log=lambda entry: None,
    )
    with service:
        try:
            outcome = service.runner.start(definition, case.data, execution_id="test", on_step=events.append).wait(REAL_TIMEOUT_S)
        except ArgumentError as problem:
            return CaseResult(case, (str(problem),), 0.0), events
        except TimeoutError:
            return CaseResult(case, (f"it had not ended after {REAL_TIMEOUT_S:.0f} real seconds",), clock.now() - began), events
        took = clock.now() - began
    return CaseResult(case, tuple(_failures(case, outcome, events, transport.requests, took)), took), events


def _failures(case: Case, outcome: Outcome, events: list[StepEvent], requests: list[HttpRequest], took: float) -> list[str]:
    expected, found = case.expected, list[str]()
    if outcome.state != expected.state:
        why = f": {outcome.error.context}" if outcome.error is not None else f" with the result {_short(outcome.result)}"
        found.append(f"state: expected {expected.state}, got {outcome.state}{why}")
    if expected.result is not None and outcome.state == "SUCCEEDED":
        found += _differences("result", expected.result[0], outcome.result, exact=True)
    if expected.error is not None and outcome.error is not None:
        found += _differences("error", expected.error[0], outcome.error.payload, exact=False)
    found += _missing_steps(expected.steps, events)
    taken = {name for event in events for name in (event.step, f"{event.routine}.{event.step}")}
    found += [f"not_steps: the step '{name}' was taken" for name in expected.not_steps if name in taken]
    found += _missing_requests(expected.requests, requests)
    if expected.takes_s is not None and took > expected.takes_s:
        found.append(f"takes: {took:.1f} s on the workflow's clock, expected at most {expected.takes_s:.1f}")
    return found


def _missing_steps(names: tuple[str, ...], events: list[StepEvent]) -> list[str]:
    left = iter(events)
    for name in names:
        if not any(name in (event.step, f"{event.routine}.{event.step}") for event in left):
            return [f"steps: '{name}' was not taken, or not in this order"]
    return []


def _missing_requests(wanted: tuple[dict[str, Json], ...], requests: list[HttpRequest]) -> list[str]:
    left = iter(requests)
    for number, request in enumerate(wanted, 1):
        if not any(_fits(request, sent) for sent in left):
            seen = ", ".join(f"{sent.method} {sent.url}" for sent in requests) or "none"
            return [f"requests: number {number}, {_short(request)}, was not sent, or not in this order; sent were {_cut(seen)}"]
    return []


def _fits(wanted: dict[str, Json], sent: HttpRequest) -> bool:
    if "method" in wanted and str(wanted["method"]).upper() != sent.method:
        return False
    if "url" in wanted and not pattern(str(wanted["url"])).fullmatch(sent.url):
        return False
    given: dict[str, Json] = {"headers": dict(sent.headers), "query": dict(sent.query), "body": _decoded(sent.body)}
    return not any(_differences(key, wanted[key], value, exact=False) for key, value in given.items() if key in wanted)


def _decoded(body: bytes | None) -> Json:
    if body is None:
        return None
    try:
        value: Json = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    return value


def _differences(where: str, wanted: Json, got: Json, *, exact: bool) -> list[str]:
    """How ``got`` differs from ``wanted``; maps may hold more than is wanted unless ``exact``."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        found = [f"{where}.{key}: expected {_short(value)}, is missing" for key, value in wanted.items() if key not in got]
        found += [f"{where}.{key}: not expected, got {_short(value)}" for key, value in got.items() if exact and key not in wanted]
        for key in wanted.keys() & got.keys():
            found += _differences(f"{where}.{key}", wanted[key], got[key], exact=exact)
        return found
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        pairs = enumerate(zip(wanted, got, strict=True))
        return [text for at, (first, second) in pairs for text in _differences(f"{where}[{at}]", first, second, exact=exact)]
    same = wanted == got and isinstance(wanted, bool) == isinstance(got, bool)
    return [] if same else [f"{where}: expected {_short(wanted)}, got {_short(got)}"]


def _short(value: Json) -> str:
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= 300 else text[:300] + "..."
