"""Keeps what requests and connectors answered, as a mock file: what ran once against a network or an emulator runs again without."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

from infra.local.workflows.connectors import Connector
from infra.local.workflows.effects import Coroutine
from infra.local.workflows.errors import TransportError, WorkflowError
from infra.local.workflows.frames import Run
from infra.local.workflows.transport import HttpRequest, HttpResponse, Transport
from infra.local.workflows.values import Json, Value, to_json

# What no replay needs: they describe how the bytes travelled.
_LEFT_OUT = {"content-length", "content-encoding", "transfer-encoding", "connection", "date", "server"}


class Recording:
    """Entries of a mock file, one for each URL and method and one for each connector, answers in the order they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, ...], dict[str, Json]] = {}

    def transport(self, inner: Transport) -> Transport:
        """``inner``, listened to."""
        return _RecordingTransport(inner, self)

    def connectors(self, inner: list[tuple[str, Connector]]) -> list[tuple[str, Connector]]:
        """``inner``, listened to."""
        return [(name, _RecordingConnector(connector, self)) for name, connector in inner]

    def add(self, key: dict[str, str], answer: dict[str, Json]) -> None:
        """Keep one more answer for what ``key`` says."""
        with self._lock:
            entry = self._entries.setdefault(tuple(key.values()), {**key, "responses": []})
            responses = entry["responses"]
            assert isinstance(responses, list)
            responses.append(answer)

    def entries(self) -> list[Json]:
        """The mocks, in the order of their first use."""
        with self._lock:
            return list(self._entries.values())

    def write(self, path: Path) -> None:
        """Write the mock file. JSON is YAML too."""
        path.write_text(json.dumps(self.entries(), ensure_ascii=False, indent=2) + "\n", "utf-8")


class _RecordingTransport:
    def __init__(self, inner: Transport, recording: Recording) -> None:
        self._inner = inner
        self._recording = recording

    def send(self, request: HttpRequest) -> HttpResponse:
        key = {"url": request.url, "method": request.method}
        try:
            response = self._inner.send(request)
        except TransportError as problem:
            self._recording.add(key, {"error": problem.tag})
            raise
        headers: dict[str, Json] = {name: value for name, value in response.headers.items() if name.lower() not in _LEFT_OUT}
        self._recording.add(key, {"status": response.status, "headers": headers, **_body(response.body)})
        return response


def _body(body: bytes) -> dict[str, Json]:
    try:
        return {"body": body.decode("utf-8")} if body else {}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}


class _RecordingConnector:
    def __init__(self, inner: Connector, recording: Recording) -> None:
        self._inner = inner
        self._recording = recording

    def start(self, run: Run, name: str, arguments: dict[str, Value]) -> Coroutine:
        try:
            result = yield from self._inner.start(run, name, arguments)
        except WorkflowError as problem:
            self._recording.add({"call": name}, {"error": to_json(problem.payload)})
            raise
        self._recording.add({"call": name}, {"result": to_json(result)})
        return result
