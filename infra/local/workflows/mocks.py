"""Answers requests from a list of mocks, so that a definition runs without a network.

A mock file is a YAML list; the first entry that fits a request answers it:

    - url: https://api.example.com/users/*      # * stands for any characters
      method: GET                               # any method if left out
      response: {status: 200, body: {name: Ada}, headers: {X-Kind: user}, took: 2}
    - url: "*"
      responses:                                # one after the other; the last one again and again
        - {status: 503}
        - {error: TimeoutError}                 # or ConnectionError, ConnectionFailedError
        - {body: ok}

``status`` is 200 if left out; a ``body`` that is no string is sent as JSON, ``base64`` gives bytes; ``took`` is seconds on the workflow's
clock. Entries with ``call`` or ``callback`` instead of ``url`` answer connectors and callbacks: see ``mock_files``.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from infra.local.workflows.connectors import pattern
from infra.local.workflows.errors import TransportError, WorkflowsError
from infra.local.workflows.transport import HttpRequest, HttpResponse

Failure: TypeAlias = Literal["ConnectionFailedError", "ConnectionError", "TimeoutError"]
_ERRORS: Final[dict[str, Failure]] = {
    "ConnectionError": "ConnectionError",
    "ConnectionFailedError": "ConnectionFailedError",
    "TimeoutError": "TimeoutError",
}


class MockError(WorkflowsError):
    """A mock file that says nothing one could answer with."""


@dataclass(frozen=True, slots=True)
class Mock:
    """Requests to answer, and the answers in order. An answer is a response or the tag of an error."""

    url: re.Pattern[str]
    method: str | None
    answers: tuple[HttpResponse | Failure, ...]

    def fits(self, request: HttpRequest) -> bool:
        return self.method in (None, request.method) and self.url.fullmatch(request.url) is not None


class MockTransport:
    """Answers from mocks and keeps the requests. Safe to call from many threads."""

    def __init__(self, mocks: list[Mock]) -> None:
        self._mocks = mocks
        self._used = [0] * len(mocks)
        self._lock = threading.Lock()
        self.requests: list[HttpRequest] = []

    def send(self, request: HttpRequest) -> HttpResponse:
        with self._lock:
            self.requests.append(request)
            answer = self._answer(request)
        if answer is None:
            raise TransportError("ConnectionFailedError", f"no mock answers {request.method} {request.url}")
        if isinstance(answer, str):
            raise TransportError(answer, "request timed out" if answer == "TimeoutError" else f"the mock of {request.url} fails")
        return answer

    def _answer(self, request: HttpRequest) -> HttpResponse | Failure | None:
        for position, mock in enumerate(self._mocks):
            if mock.fits(request):
                answer = mock.answers[min(self._used[position], len(mock.answers) - 1)]
                self._used[position] += 1
                return answer
        return None


def parse_mocks(entries: object, file: str = "<mocks>") -> list[Mock]:
    """The mocks of requests that a list of maps describes."""
    if not isinstance(entries, list):
        raise MockError(f"{file}: mocks are a list")
    return [http_mock(entry, f"{file}: mock {number}") for number, entry in enumerate(entries, 1)]


def http_mock(entry: object, where: str) -> Mock:
    """One mock of requests. Raises MockError, saying ``where``."""
    if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
        raise MockError(f"{where} needs a url")
    require_keys(entry, {"url", "method", "response", "responses"}, where)
    method = entry.get("method")
    answers = tuple(_response(response, where) for response in responses_of(entry, where))
    return Mock(pattern(entry["url"]), str(method).upper() if method is not None else None, answers)


def responses_of(entry: Mapping[str, object], where: str) -> list[object]:
    """What an entry answers with, in order."""
    responses = entry.get("responses", [entry["response"]] if "response" in entry else None)
    if not isinstance(responses, list) or not responses:
        raise MockError(f"{where} needs a response, or responses as a list")
    return responses


def require_keys(entry: Mapping[object, object], known: set[str], where: str) -> None:
    """Raise MockError if ``entry`` has a key that is not ``known``."""
    if unknown := set(entry) - known:
        raise MockError(f"{where} has no key {min(map(str, unknown))!r}; it has {', '.join(sorted(known))}")


def seconds(value: object, what: str, where: str) -> float:
    """``value`` as a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        raise MockError(f"{where}: {what} is a number of seconds, not {value!r}")
    return float(value)


def _response(entry: object, where: str) -> HttpResponse | Failure:
    if not isinstance(entry, dict):
        raise MockError(f"{where}: a response is a map with status, body, headers, took or error")
    require_keys(entry, {"status", "body", "base64", "headers", "took", "error"}, f"{where}: a response")
    if "error" in entry:
        if entry["error"] not in _ERRORS:
            raise MockError(f"{where}: error is one of {', '.join(_ERRORS)}")
        return _ERRORS[entry["error"]]
    status, given = entry.get("status", 200), entry.get("headers") or {}
    if type(status) is not int or not 100 <= status <= 599:
        raise MockError(f"{where}: status is a number from 100 to 599, not {status!r}")
    if not isinstance(given, dict):
        raise MockError(f"{where}: headers are a map")
    headers = {str(key): str(value) for key, value in given.items()}
    if "base64" in entry:
        return HttpResponse(status, headers, _bytes(entry["base64"], where), seconds(entry.get("took", 0), "took", where))
    body: object = entry.get("body")
    if body is not None and not isinstance(body, str) and not any(key.lower() == "content-type" for key in headers):
        headers["Content-Type"] = "application/json"
    data = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode("utf-8")
    return HttpResponse(status, headers, data, seconds(entry.get("took", 0), "took", where))


def _bytes(text: object, where: str) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError:
        raise MockError(f"{where}: base64 is not base64") from None
