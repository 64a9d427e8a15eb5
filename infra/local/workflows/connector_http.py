"""Connectors that call an HTTP API, an emulator's for instance, as the service's do: retries, and waiting for long-running operations.

Pages: connectors ("Retries", "Long-running operations"), reference/googleapis.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from infra.local.workflows.connectors import Connector, ConnectorParams, operation_failure, read_params
from infra.local.workflows.effects import Coroutine, Sleep
from infra.local.workflows.errors import DefinitionError, Problem, WorkflowError, failure, type_failure
from infra.local.workflows.stdlib.http import send_through
from infra.local.workflows.stdlib.retries import may_retry
from infra.local.workflows.values import Json, Value, type_name

if TYPE_CHECKING:
    from infra.local.workflows.frames import Run
    from infra.local.workflows.transport import Transport

_RETRIES: Final = 5  # http.default_retry: five, from 1 s, times 1.25, at most 60 s
_REQUEST_TIMEOUT_S: Final = 1800.0
_PLACEHOLDER: Final = re.compile(r"\{(\+?)([A-Za-z0-9_.]+)\}")


class HttpConnector:
    """One method of an API. ``url`` has ``{argument}`` and ``{+argument}``; ``body`` is sent as JSON, other arguments as the query.

    ``base`` is where operations are asked for; the host of ``url`` if left out. Requests go through ``transport``, or the execution's.
    """

    def __init__(self, method: str, url: str, base: str = "", transport: Transport | None = None) -> None:
        parts = urlsplit(url)
        self._method = method
        self._url = url
        self._transport = transport
        self._base = base.rstrip("/") or f"{parts.scheme}://{parts.netloc}"

    def start(self, run: Run, name: str, arguments: dict[str, Value]) -> Coroutine:
        params, others = read_params(arguments)
        body = others.pop("body", None)
        url = _PLACEHOLDER.sub(lambda match: _filled(name, match, others), self._url)
        deadline = run.now() + params.timeout_s
        query: Value = {key: value for key, value in others.items() if value is not None}
        answer = yield from self._request(run, self._method, url, body, query, params, deadline)
        if params.skip_polling or not isinstance(answer, dict) or not _is_operation(answer):
            return answer
        return (yield from self._poll(run, name, answer, params, deadline))

    def _request(self, run: Run, method: str, url: str, body: Value, query: Value, params: ConnectorParams, deadline: float) -> Coroutine:
        retries = 0
        transport = self._transport or run.transport
        pause = replace(params, initial_delay_s=1.0, multiplier=1.25, max_delay_s=60.0)
        auth: Value = {"type": "OAuth2", "scopes": list(params.scopes)} if run.token_source is not None else None
        while True:
            left = min(_REQUEST_TIMEOUT_S, deadline - run.now())
            if left <= 0:
                raise failure("TimeoutError", "the connector call timed out")
            try:
                answer = yield from send_through(transport, run, method, url, left, body, None, query, auth, None, None)
            except WorkflowError as error:
                if error.fatal or retries >= _RETRIES or not may_retry(error.payload, idempotent=method == "GET"):
                    raise
            else:
                assert isinstance(answer, dict)
                return None if answer["body"] == "" else answer["body"]
            yield Sleep(run.now() + pause.delay(retries))
            retries += 1

    def _poll(self, run: Run, name: str, operation: dict[str, Value], params: ConnectorParams, deadline: float) -> Coroutine:
        polls = 0
        while not _is_done(operation):
            until = run.now() + params.delay(polls)
            if until > deadline:
                yield Sleep(deadline)
                raise failure("TimeoutError", f"the operation of {name} timed out")
            yield Sleep(until)
            answer = yield from self._request(run, "GET", self._operation_url(operation), None, None, params, deadline)
            if not isinstance(answer, dict):
                raise failure("ResponseTypeError", f"the operation of {name} answered with a {type_name(answer)}")
            operation, polls = answer, polls + 1
        if operation.get("error"):
            error = operation["error"]
            message = error.get("message") if isinstance(error, dict) else None
            raise operation_failure(str(message or f"the operation of {name} failed"), operation)
        return operation.get("response", operation) if "done" in operation else operation

    def _operation_url(self, operation: dict[str, Value]) -> str:
        link = operation.get("selfLink")
        if isinstance(link, str):
            return self._base + urlsplit(link).path
        version = urlsplit(self._url).path.split("/")[1]
        return f"{self._base}/{version}/" + str(operation["name"])


def _filled(name: str, match: re.Match[str], arguments: dict[str, Value]) -> str:
    value = arguments.pop(match[2], None)
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise type_failure(f"'{name}' needs the argument '{match[2]}' as a string")
    return quote(str(value), safe="/" if match[1] else "")


def _is_operation(answer: dict[str, Value]) -> bool:
    """Whether it is an operation: one of google.longrunning, or of an API of the kind of Compute Engine's."""
    if not isinstance(answer.get("name"), str):
        return False
    return "operations/" in str(answer["name"]) or str(answer.get("kind", "")).endswith("#operation")


def _is_done(operation: dict[str, Value]) -> bool:
    return operation.get("done") is True or operation.get("status") == "DONE"


def discovered(prefix: str, document: dict[str, Json], base: str) -> list[tuple[str, Connector]]:
    """The connectors of a whole API from its discovery document, all calls going to ``base``.

    ``prefix`` is ``googleapis.storage.v1`` for instance. Raises DefinitionError for a document that is none.
    """
    found: list[tuple[str, Connector]] = []

    def visit(resources: Json, path: str) -> None:
        for key, resource in (resources if isinstance(resources, dict) else {}).items():
            if not isinstance(resource, dict):
                continue
            methods = resource.get("methods")
            for name, method in (methods if isinstance(methods, dict) else {}).items():
                if isinstance(method, dict) and isinstance(method.get("path"), str):
                    url = f"{base.rstrip('/')}/{document.get('servicePath', '')}{method['path']}"
                    found.append((f"{path}.{key}.{name}", HttpConnector(str(method.get("httpMethod", "GET")), url, base)))
            visit(resource.get("resources"), f"{path}.{key}")

    visit(document.get("resources"), prefix)
    if not found:
        raise DefinitionError(prefix, [Problem("not a discovery document: it has no methods", 1, 1, code="discovery")])
    return found
