"""Reads mock files: mocks of requests (``mocks``), and these two.

Connectors:

    - call: googleapis.pubsub.v1.projects.topics.publish     # * stands for any characters
      response: {result: {messageIds: ["1"]}, took: 2}
    - call: googleapis.storage.v1.objects.get
      responses: [{error: {message: not found, code: 404, tags: [HttpError]}}, {result: {name: a.txt}}]
    - call: googleapis.firestore.v1.projects.databases.documents.get
      http: GET http://127.0.0.1:8080/v1/{+name}             # an emulator's API; {braces} are arguments, the others go into the query

Callbacks, in the order in which a workflow waits for them; when there are no more, waiting times out:

    - callback: POST                                         # the endpoint's method, or *
      response: {body: {approved: true}, headers: {}, query: {}, after: 60}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.workflows.callbacks import callback_path, callback_request
from infra.local.workflows.connector_http import HttpConnector
from infra.local.workflows.connectors import Connector, pattern
from infra.local.workflows.effects import Coroutine, Sleep
from infra.local.workflows.errors import DefinitionError, WorkflowError, failure
from infra.local.workflows.frames import Run
from infra.local.workflows.httpx_transport import HttpxTransport
from infra.local.workflows.mocks import Mock, MockError, MockTransport, http_mock, require_keys, responses_of, seconds
from infra.local.workflows.source import plain, read
from infra.local.workflows.values import Json, Value

MOST_BYTES = 16 * 1024 * 1024  # ours: a mock file is a person's work, not a dump


@dataclass(frozen=True, slots=True)
class ConnectorAnswer:
    """What a mocked connector gives: a result, or an error as ``except`` sees it; after ``took_s`` on the workflow's clock."""

    result: Json = None
    error: Json = None
    took_s: float = 0.0


class MockConnector:
    """Answers one after the other, the last one again and again."""

    def __init__(self, answers: Sequence[ConnectorAnswer]) -> None:
        self._answers = answers
        self._used = 0

    def start(self, run: Run, name: str, arguments: dict[str, Value]) -> Coroutine:
        answer = self._answers[min(self._used, len(self._answers) - 1)]
        self._used += 1
        if answer.took_s:
            yield Sleep(run.now() + answer.took_s)
        if isinstance(answer.error, str):
            raise failure(answer.error, f"the mock of {name} fails")
        if answer.error is not None:
            raise WorkflowError(answer.error)  # type: ignore[arg-type]  # every Json is a Value
        return answer.result  # type: ignore[return-value]  # as above


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """A request that comes ``after_s`` on the workflow's clock, counted from when it is awaited."""

    body: Json
    headers: dict[str, Value]
    query: dict[str, Value]
    after_s: float


class MockCallbacks:
    """Endpoints whose requests are written down beforehand."""

    def __init__(self, mocks: Sequence[tuple[str, list[CallbackAnswer]]]) -> None:
        self._mocks = [(pattern(method.upper()), list(answers)) for method, answers in mocks]
        self._methods: dict[str, str] = {}

    def create(self, run: Run, method: str) -> str:
        url = f"http://callbacks.invalid{callback_path(run)}-{len(self._methods)}"
        self._methods[url] = method
        return url

    def wait(self, run: Run, url: str, timeout_s: float) -> Coroutine:
        method = self._methods.get(url, "")
        waiting = next((answers for fits, answers in self._mocks if answers and fits.fullmatch(method)), None)
        if waiting is None or waiting[0].after_s > timeout_s:
            yield Sleep(run.now() + timeout_s)
            raise failure("TimeoutError", "waiting for the callback timed out")
        answer = waiting.pop(0)
        yield Sleep(run.now() + answer.after_s)
        return callback_request(method, url, answer.query, answer.headers, answer.body, run.now())  # type: ignore[arg-type]  # as above

    def forget(self, execution_id: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class MockSet:
    """Everything a mock file says. Answers are used up as they are given: make the parts anew for each execution."""

    http: tuple[Mock, ...]
    connectors: tuple[tuple[str, tuple[ConnectorAnswer, ...] | HttpConnector], ...]
    callbacks: tuple[tuple[str, tuple[CallbackAnswer, ...]], ...]

    def transport(self) -> MockTransport:
        """What answers the requests."""
        return MockTransport(list(self.http))

    def mock_connectors(self) -> list[tuple[str, Connector]]:
        """What answers the connectors."""
        return [(name, MockConnector(answers) if isinstance(answers, tuple) else answers) for name, answers in self.connectors]

    def mock_callbacks(self) -> MockCallbacks:
        """What answers the callbacks."""
        return MockCallbacks([(method, list(answers)) for method, answers in self.callbacks])


def read_mocks(path: Path) -> MockSet:
    """The mocks in a file. Raises MockError, naming the file and the entry."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8")
        entries = plain(read(text, str(path), MOST_BYTES))
    except (OSError, UnicodeDecodeError, DefinitionError) as problem:
        raise MockError(f"{path}: cannot read the mocks: {problem}") from None
    return mock_set(entries, str(path))


def mock_set(entries: object, file: str) -> MockSet:
    """The mocks that a list of maps describes. Raises MockError."""
    if not isinstance(entries, list):
        raise MockError(f"{file}: mocks are a list")
    http: list[Mock] = []
    connectors: list[tuple[str, tuple[ConnectorAnswer, ...] | HttpConnector]] = []
    callbacks: list[tuple[str, tuple[CallbackAnswer, ...]]] = []
    for number, entry in enumerate(entries, 1):
        where = f"{file}: mock {number}"
        if isinstance(entry, dict) and "call" in entry:
            connectors.append(_connector(entry, where))
        elif isinstance(entry, dict) and "callback" in entry:
            callbacks.append(_callback(entry, where))
        else:
            http.append(http_mock(entry, where))
    return MockSet(tuple(http), tuple(connectors), tuple(callbacks))


def _connector(entry: dict[str, object], where: str) -> tuple[str, tuple[ConnectorAnswer, ...] | HttpConnector]:
    require_keys(entry, {"call", "response", "responses", "http"}, where)  # type: ignore[arg-type]  # keys are strings
    name = str(entry["call"])
    if "http" in entry:
        method, _, url = str(entry["http"]).partition(" ")
        if not url.startswith(("http://", "https://")):
            raise MockError(f"{where}: http is a method and a URL, as in 'GET http://127.0.0.1:8080/v1/{{+name}}'")
        return name, HttpConnector(method.upper(), url.strip(), transport=HttpxTransport())
    return name, tuple(_connector_answer(response, where) for response in responses_of(entry, where))


def _connector_answer(response: object, where: str) -> ConnectorAnswer:
    if not isinstance(response, dict):
        raise MockError(f"{where}: a response of a connector is a map with result, error or took")
    require_keys(response, {"result", "error", "took"}, f"{where}: a response")
    error = response.get("error")
    if error is not None and not isinstance(error, (str, dict)):
        raise MockError(f"{where}: error is a tag or the error as a map")
    return ConnectorAnswer(response.get("result"), error, seconds(response.get("took", 0), "took", where))


def _callback(entry: dict[str, object], where: str) -> tuple[str, tuple[CallbackAnswer, ...]]:
    require_keys(entry, {"callback", "response", "responses"}, where)  # type: ignore[arg-type]  # keys are strings
    return str(entry["callback"]), tuple(_callback_answer(response, where) for response in responses_of(entry, where))


def _callback_answer(response: object, where: str) -> CallbackAnswer:
    if not isinstance(response, dict):
        raise MockError(f"{where}: a callback is a map with body, headers, query or after")
    require_keys(response, {"body", "headers", "query", "after"}, f"{where}: a callback")
    headers, query = response.get("headers") or {}, response.get("query") or {}
    if not (isinstance(headers, dict) and isinstance(query, dict)):
        raise MockError(f"{where}: headers and query are maps")
    return CallbackAnswer(response.get("body"), headers, query, seconds(response.get("after", 0), "after", where))
