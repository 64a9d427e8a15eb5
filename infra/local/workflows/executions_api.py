"""The executions API over HTTP, as a WSGI application, and a server for it. Callback endpoints are served here too.

REST reference: https://cloud.google.com/workflows/docs/reference/executions/rest
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from infra.local.workflows.callbacks import Endpoints, callback_request
from infra.local.workflows.connector_executions import HTTP_CODES
from infra.local.workflows.execution_json import execution_json
from infra.local.workflows.execution_list import list_json
from infra.local.workflows.guard import HOSTS, OnlyThisMachine
from infra.local.workflows.limits import SERVICE
from infra.local.workflows.service import Service, ServiceError
from infra.local.workflows.stdlib.http import decoded
from infra.local.workflows.values import Json, Value

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_LOG: Final = logging.getLogger(__name__)
_PARENT: Final = r"(?P<parent>projects/[^/]+/locations/[^/]+/workflows/[^/]+)"
_EXECUTIONS: Final = re.compile(rf"/v1(?:beta)?/{_PARENT}/executions")
_EXECUTION: Final = re.compile(rf"/v1(?:beta)?/(?P<name>{_PARENT}/executions/[^/:]+)(?P<verb>:cancel)?")
_CALLBACKS: Final = re.compile(rf"/v1(?:beta)?/(?P<name>{_PARENT}/executions/(?P<id>[^/]+))/callbacks")
_CALLBACK: Final = re.compile(rf"/v1(?:beta)?/{_PARENT}/executions/[^/]+/callbacks/[^/]+")
_MOST_BYTES: Final = SERVICE.response_bytes
_STOP_S: Final = 30.0
_FIELDS: Final = {"argument", "labels", "callLogLevel", "disableConcurrencyQuotaOverflowBuffering", "executionHistoryLevel"}
_CALLBACK_ERRORS: Final = {404: "NOT_FOUND", 405: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED"}


class ExecutionsApi:
    """The WSGI application. ``endpoints`` gets the requests to callback URLs; the service's own if left out."""

    def __init__(self, service: Service, endpoints: Endpoints | None = None) -> None:
        self._service = service
        self._endpoints = endpoints or service.endpoints()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = str(environ["REQUEST_METHOD"]), str(environ.get("PATH_INFO", ""))
        try:
            status, answer = self._answer(method, path, environ)
        except ServiceError as problem:
            status, answer = _problem(HTTP_CODES[problem.status], problem.status, str(problem))
        except Exception:  # noqa: BLE001  # the outermost place: the caller gets an answer, the log the traceback
            _LOG.exception("a defect of the executions API: %s %s", method, path)
            status, answer = _problem(500, "INTERNAL", "the executions API failed; its log says where")
        body = b"" if answer is None or method == "HEAD" else json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")
        headers = [("Content-Type", "application/json; charset=UTF-8"), ("Content-Length", str(len(body)))]
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]

    def _answer(self, method: str, path: str, environ: WSGIEnvironment) -> tuple[int, Json]:
        if _CALLBACK.fullmatch(path):
            return self._callback(method, path, environ)
        found = _EXECUTIONS.fullmatch(path)
        if found is not None and method == "POST":
            return 200, self._create(found["parent"], environ)
        if found is not None and method == "GET":
            return 200, list_json(self._service, found["parent"], _query(environ))
        found = _EXECUTION.fullmatch(path)
        if found is not None and method == "GET" and not found["verb"]:
            return 200, execution_json(self._service.get(found["name"]), full=_query(environ).get("view") != "BASIC")
        if found is not None and method == "POST" and found["verb"]:
            _body(environ)
            return 200, execution_json(self._service.cancel(found["name"]))
        found = _CALLBACKS.fullmatch(path)
        if found is not None and method == "GET":
            return 200, self._callbacks(found["name"], found["id"])
        return _problem(404, "NOT_FOUND", f"the executions API has no {method} {path}")

    def _create(self, parent: str, environ: WSGIEnvironment) -> Json:
        given = _json_body(environ)
        if unknown := set(given) - _FIELDS:
            raise ServiceError("INVALID_ARGUMENT", f"an execution is not created with {min(unknown)!r}")
        argument, labels = given.get("argument", ""), given.get("labels") or {}
        if not isinstance(argument, str):
            raise ServiceError("INVALID_ARGUMENT", 'argument has to be a string of JSON: \'{"argument": "{\\"a\\": 1}"}\'')
        if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
            raise ServiceError("INVALID_ARGUMENT", "labels have to be a map of strings")
        record = self._service.create(
            parent,
            argument,
            labels={key: str(value) for key, value in labels.items()},
            call_log_level=str(given.get("callLogLevel", "CALL_LOG_LEVEL_UNSPECIFIED")),
            buffered=given.get("disableConcurrencyQuotaOverflowBuffering") is not True,
        )
        return execution_json(record)

    def _callback(self, method: str, path: str, environ: WSGIEnvironment) -> tuple[int, Json]:
        if self._endpoints is None:
            return _problem(404, "NOT_FOUND", "this server has no callback endpoints")
        headers = {_header(key): str(value) for key, value in environ.items() if key.startswith("HTTP_")}
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = str(environ["CONTENT_TYPE"])
        data = _body(environ)
        body: Value = decoded(data, headers.get("Content-Type", "")) if data else None
        if isinstance(body, bytes):
            body = body.decode("utf-8", "replace")
        query: dict[str, Value] = dict(_query(environ))
        request = callback_request(method, path, query, dict(headers), body, self._service.runner.clock.now())
        status = self._endpoints.take(path, method, request)
        if status != 200:
            return _problem(status, _CALLBACK_ERRORS[status], _CALLBACK_MESSAGES[status])
        return 200, None

    def _callbacks(self, name: str, execution_id: str) -> Json:
        self._service.get(name)
        endpoints = self._endpoints.of_execution(execution_id) if self._endpoints is not None else []
        shown: list[Json] = [
            {
                "name": endpoint.path.removeprefix("/v1/"),
                "method": endpoint.method,
                "availablePayloads": [],
                "waiters": str(len(endpoint.waiters)),
            }
            for endpoint in endpoints
        ]
        return {"callbacks": shown}


_CALLBACK_MESSAGES: Final = {
    404: "no execution has this callback endpoint",
    405: "this callback endpoint takes another HTTP method",
    429: "too many requests wait at this callback endpoint",
}


def _problem(code: int, status: str, message: str) -> tuple[int, Json]:
    """An error as Google APIs answer it."""
    return code, {"error": {"code": code, "message": message, "status": status}}


def _header(key: str) -> str:
    return "-".join(part.capitalize() for part in key.removeprefix("HTTP_").split("_"))


def _query(environ: WSGIEnvironment) -> dict[str, str]:
    return dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))


def _body(environ: WSGIEnvironment) -> bytes:
    try:
        length = int(str(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        length = -1
    if not 0 <= length <= _MOST_BYTES:
        raise ServiceError("INVALID_ARGUMENT", f"the request has to give its length, at most {_MOST_BYTES} bytes")
    return bytes(environ["wsgi.input"].read(length)) if length else b""


def _json_body(environ: WSGIEnvironment) -> dict[str, Json]:
    try:
        value = json.loads(_body(environ) or b"{}")
    except (ValueError, RecursionError) as problem:
        raise ServiceError("INVALID_ARGUMENT", f"the body is not JSON: {problem}") from None
    if not isinstance(value, dict):
        raise ServiceError("INVALID_ARGUMENT", "the body has to be a JSON object")
    return value


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Quiet(WSGIRequestHandler):
    timeout = 60

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        _LOG.debug(format, *args)


class Server:
    """Serves an application on a thread of its own until ``close``. Port 0 takes a free one; ``url`` says which."""

    def __init__(self, application: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = make_server(host, port, application, server_class=_Server, handler_class=_Quiet)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="executions-api", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(_STOP_S)
        self._server.server_close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(service: Service, *, host: str = "127.0.0.1", port: int = 0, endpoints: Endpoints | None = None) -> Server:
    """Serve the executions API of ``service``, on a loopback address to this machine alone. Raises OSError when the port is taken."""
    api = ExecutionsApi(service, endpoints)
    return Server(OnlyThisMachine(api) if host in HOSTS else api, host, port)
