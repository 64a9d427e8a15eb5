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

``status`` is 200 if left out; a ``body`` that is no string is sent as JSON; ``took`` is seconds on the workflow's clock.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from infra.local.workflows.errors import TransportError, WorkflowsError
from infra.local.workflows.transport import HttpRequest, HttpResponse
from infra.local.workflows.values import Json

_ERRORS: Final[dict[str, Literal["ConnectionFailedError", "ConnectionError", "TimeoutError"]]] = {
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
    answers: tuple[HttpResponse | Literal["ConnectionFailedError", "ConnectionError", "TimeoutError"], ...]

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
        if isinstance(answer, str):
            raise TransportError(answer, "request timed out" if answer == "TimeoutError" else f"the mock of {request.url} fails")
        return answer

    def _answer(self, request: HttpRequest) -> HttpResponse | Literal["ConnectionFailedError", "ConnectionError", "TimeoutError"]:
        for position, mock in enumerate(self._mocks):
            if mock.fits(request):
                answer = mock.answers[min(self._used[position], len(mock.answers) - 1)]
                self._used[position] += 1
                return answer
        return "ConnectionFailedError"


def read_mocks(path: Path) -> list[Mock]:
    """The mocks in a file. Raises MockError, naming the file and the entry."""
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise MockError(f"{path}: cannot read the mocks: {problem}") from None
    return parse_mocks(entries, str(path))


def parse_mocks(entries: object, file: str = "<mocks>") -> list[Mock]:
    """The mocks that a list of maps describes."""
    if not isinstance(entries, list):
        raise MockError(f"{file}: mocks are a list")
    return [_mock(entry, f"{file}: mock {number}") for number, entry in enumerate(entries, 1)]


def _mock(entry: object, where: str) -> Mock:
    if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
        raise MockError(f"{where} needs a url")
    if unknown := set(entry) - {"url", "method", "response", "responses"}:
        raise MockError(f"{where} has no key {min(map(str, unknown))!r}")
    responses = entry.get("responses", [entry["response"]] if "response" in entry else None)
    if not isinstance(responses, list) or not responses:
        raise MockError(f"{where} needs a response, or responses as a list")
    method = entry.get("method")
    url = re.compile(".*".join(re.escape(part) for part in entry["url"].split("*")), re.DOTALL)
    return Mock(url, str(method).upper() if method is not None else None, tuple(_response(response, where) for response in responses))


def _response(entry: object, where: str) -> HttpResponse | Literal["ConnectionFailedError", "ConnectionError", "TimeoutError"]:
    if not isinstance(entry, dict):
        raise MockError(f"{where}: a response is a map with status, body, headers, took or error")
    if unknown := set(entry) - {"status", "body", "headers", "took", "error"}:
        raise MockError(f"{where}: a response has no key {min(map(str, unknown))!r}")
    if "error" in entry:
        if entry["error"] not in _ERRORS:
            raise MockError(f"{where}: error is one of {', '.join(_ERRORS)}")
        return _ERRORS[entry["error"]]
    headers = {str(key): str(value) for key, value in (entry.get("headers") or {}).items()}
    body: Json = entry.get("body")
    if body is not None and not isinstance(body, str) and not any(key.lower() == "content-type" for key in headers):
        headers["Content-Type"] = "application/json"
    data = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode("utf-8")
    return HttpResponse(int(entry.get("status", 200)), headers, data, float(entry.get("took", 0)))
