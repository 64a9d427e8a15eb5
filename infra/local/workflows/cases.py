"""Reads the cases written for a definition: ``flow.test.yaml`` beside ``flow.yaml``.

env: {API: https://api.example.com}          # for all cases; a case may add its own
mocks: [...]                                 # tried after the case's own; a mock file's entries (see mocks and mock_files)
coverage: 100                                # the least share of steps, in percent, that the cases have to take together
cases:
  - name: a known user is greeted
    data: {id: 1}
    mocks:
      - url: https://api.example.com/users/1
        response: {body: {name: Ada}}
    expect:
      state: SUCCEEDED                       # SUCCEEDED if left out, FAILED with an `error`
      result: Hello Ada                      # has to be equal
      error: {code: 404}                     # has to be contained in the error's payload
      steps: [greet]                         # have to be taken, in this order, others between them; step or workflow.step
      not_steps: [apologize]
      requests:                              # have to be sent, in this order, others between them
        - {method: GET, url: https://api.example.com/users/*, body: {}}   # the body has to contain this
      takes: 60                              # at most so many seconds on the workflow's clock
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.workflows.environment import checked
from infra.local.workflows.errors import ArgumentError, DefinitionError, WorkflowsError
from infra.local.workflows.limits import SERVICE
from infra.local.workflows.mock_files import MOST_BYTES, MockSet, mock_set
from infra.local.workflows.mocks import MockError
from infra.local.workflows.source import ListNode, MapNode, Node, plain, read
from infra.local.workflows.values import Json

_TOP: Final = {"env", "mocks", "coverage", "cases"}
_CASE: Final = {"name", "data", "env", "mocks", "expect"}
_EXPECT: Final = {"state", "result", "error", "steps", "not_steps", "requests", "takes"}
_STATES: Final = ("SUCCEEDED", "FAILED")


class CasesError(WorkflowsError):
    """A file of cases that cannot be run."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to come of a case. ``result`` is in a tuple because null may be expected."""

    state: str
    result: tuple[Json] | None
    error: tuple[Json] | None
    steps: tuple[str, ...]
    not_steps: tuple[str, ...]
    requests: tuple[dict[str, Json], ...]
    takes_s: float | None


@dataclass(frozen=True, slots=True)
class Case:
    """One execution and what has to come of it. ``line`` is where it stands."""

    name: str
    line: int
    data: Json
    env: dict[str, str]
    mocks: MockSet
    expected: Expected


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of one definition; ``coverage`` is the least share of steps in percent."""

    file: str
    cases: tuple[Case, ...]
    coverage: float


def cases_file(definition: Path) -> Path:
    """Where the cases of a definition stand."""
    return definition.with_name(f"{definition.stem}.test.yaml")


def read_cases(path: Path) -> Cases:
    """The cases in a file. Raises CasesError, naming file and line."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8")
        root = read(text, str(path), MOST_BYTES)
    except (OSError, UnicodeDecodeError, DefinitionError) as problem:
        raise CasesError(f"{path}: cannot read the cases: {problem}") from None
    top = _map(root, f"{path}:1", _TOP)
    cases = top.get("cases")
    if not isinstance(cases, ListNode) or not cases.items:
        raise CasesError(f"{path}:1: 'cases' has to be a list with at least one case")
    coverage = plain(top["coverage"]) if "coverage" in top else 0
    if isinstance(coverage, bool) or not isinstance(coverage, (int, float)) or not 0 <= coverage <= 100:
        raise CasesError(f"{path}: 'coverage' is a number from 0 to 100")
    env = _env(top.get("env"), f"{path}", {})
    shared = plain(top["mocks"]) if "mocks" in top else []
    return Cases(str(path), tuple(_case(node, str(path), env, shared) for node in cases.items), float(coverage))


def _case(node: Node, path: str, env: dict[str, str], shared: Json) -> Case:
    where = f"{path}:{node.mark.line}"
    fields = _map(node, where, _CASE)
    name = plain(fields["name"]) if "name" in fields else None
    if not isinstance(name, str):
        raise CasesError(f"{where}: a case needs a name")
    own = plain(fields["mocks"]) if "mocks" in fields else []
    if not (isinstance(own, list) and isinstance(shared, list)):
        raise CasesError(f"{where}: mocks are a list")
    try:
        mocks = mock_set([*own, *shared], where)
    except MockError as problem:
        raise CasesError(str(problem)) from None
    return Case(
        name=name,
        line=node.mark.line,
        data=plain(fields["data"]) if "data" in fields else None,
        env=_env(fields.get("env"), where, env),
        mocks=mocks,
        expected=_expected(fields.get("expect"), where),
    )


def _expected(node: Node | None, where: str) -> Expected:
    fields = _map(node, where, _EXPECT) if node is not None else {}
    given = {key: plain(value) for key, value in fields.items()}
    state = given.get("state", "FAILED" if "error" in given else "SUCCEEDED")
    if state not in _STATES:
        raise CasesError(f"{where}: state is one of {', '.join(_STATES)}, not {state!r}")
    requests = given.get("requests", [])
    if not isinstance(requests, list):
        raise CasesError(f"{where}: requests are a list")
    takes = given.get("takes")
    if takes is not None and (isinstance(takes, bool) or not isinstance(takes, (int, float))):
        raise CasesError(f"{where}: takes is a number of seconds")
    return Expected(
        state=str(state),
        result=(given["result"],) if "result" in given else None,
        error=(given["error"],) if "error" in given else None,
        steps=_names(given.get("steps", []), where),
        not_steps=_names(given.get("not_steps", []), where),
        requests=tuple(_request(request, where) for request in requests),
        takes_s=float(takes) if takes is not None else None,
    )


def _request(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict) or set(value) - {"method", "url", "body", "headers", "query"}:
        raise CasesError(f"{where}: an expected request has method, url, body, headers or query")
    return value


def _names(value: Json, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise CasesError(f"{where}: steps and not_steps are lists of names")
    return tuple(str(item) for item in value)


def _env(node: Node | None, where: str, base: dict[str, str]) -> dict[str, str]:
    """The variables of ``base`` and of ``node``, which counts where both have one."""
    value = plain(node) if node is not None else {}
    if not isinstance(value, dict):
        raise CasesError(f"{where}: env is a map")
    try:
        return checked({**base, **{key: str(item) for key, item in value.items()}}, SERVICE)
    except ArgumentError as problem:
        raise CasesError(f"{where}: {problem}") from None


def _map(node: Node, where: str, known: set[str]) -> dict[str, Node]:
    if not isinstance(node, MapNode):
        raise CasesError(f"{where}: expected a map with {', '.join(sorted(known))}")
    for key, mark, _ in node.entries:
        if key not in known:
            raise CasesError(
                f"{where.rpartition(':')[0] or where}:{mark.line}: there is no '{key}' here; there is {', '.join(sorted(known))}"
            )
    return {key: value for key, _, value in node.entries}
