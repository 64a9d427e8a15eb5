"""``googleapis.workflowexecutions.v1.*`` and ``experimental.executions.*``: executing other workflows, in the same runner.

Pages: reference/googleapis/workflowexecutions, stdlib/experimental.executions/*.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from infra.local.workflows.connectors import Connector, ConnectorParams, operation_failure, read_params
from infra.local.workflows.effects import Coroutine, Wait
from infra.local.workflows.errors import WorkflowError, http_failure, type_failure
from infra.local.workflows.stdlib.jsons import encode
from infra.local.workflows.stdlib.signature import boolean, mapping, number, sequence, string
from infra.local.workflows.values import Value

if TYPE_CHECKING:
    from infra.local.workflows.frames import Run
    from infra.local.workflows.service import Record, Service, ServiceError

# Connectors leave the backlog alone unless this is false (page troubleshooting, "HTTP 429").
_UNBUFFERED: Final = "disableConcurrencyQuotaOverflowBuffering"
_COLLECTION: Final = "projects.locations.workflows.executions"
HTTP_CODES: Final = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
}


def execution_connectors(service: Service) -> list[tuple[str, Connector]]:
    """The connectors of the executions API, for ``service``."""
    found: list[tuple[str, Connector]] = [
        ("experimental.executions.run", _Method(service, _experimental)),
        ("experimental.executions.map", _Method(service, _map)),
    ]
    for version in ("v1", "v1beta"):
        prefix = f"googleapis.workflowexecutions.{version}.{_COLLECTION}"
        found += [(f"{prefix}.{name}", _Method(service, method)) for name, method in _METHODS.items()]
    return found


class _Method:
    """One of the functions below as a connector; what the service refuses becomes an HttpError."""

    def __init__(self, service: Service, method: Callable[[Service, ConnectorParams, dict[str, Value]], Coroutine]) -> None:
        self._service = service
        self._method = method

    def start(self, run: Run, name: str, arguments: dict[str, Value]) -> Coroutine:
        from infra.local.workflows.service import ServiceError

        params, others = read_params(arguments)
        try:
            return (yield from self._method(self._service, params, others))
        except ServiceError as problem:
            raise _refused(problem) from None


def _refused(problem: ServiceError) -> WorkflowError:
    code = HTTP_CODES[problem.status]
    error: dict[str, Value] = {"code": code, "message": str(problem), "status": problem.status}
    return http_failure(code, {"Content-Type": "application/json; charset=UTF-8"}, {"error": error})


def _create(service: Service, params: ConnectorParams, arguments: dict[str, Value]) -> Coroutine:
    parent = string(arguments.get("parent"), "parent")
    body = mapping(arguments.get("body") or {}, "body")
    argument = string(body.get("argument", ""), "the argument in body (JSON text: see json.encode_to_string)")
    labels = {key: string(value, "a label") for key, value in mapping(body.get("labels") or {}, "labels").items()}
    buffered = not boolean(body.get(_UNBUFFERED, True), _UNBUFFERED)
    record = service.create(parent, argument, labels=labels, buffered=buffered)
    if not params.skip_polling:
        yield from _ended(record, params.timeout_s, "OperationError")
    return _shown(record)


def _run(service: Service, params: ConnectorParams, arguments: dict[str, Value]) -> Coroutine:
    return (yield from _execute(service, params, arguments, "OperationError"))


def _experimental(service: Service, params: ConnectorParams, arguments: dict[str, Value]) -> Coroutine:
    return (yield from _execute(service, params, arguments, "ExecutionError"))


def _execute(service: Service, params: ConnectorParams, arguments: dict[str, Value], tag: str) -> Coroutine:
    """The result of the execution, decoded; null if it is not waited for."""
    record = _start(service, arguments, arguments.get("argument"))
    if params.skip_polling:
        return None
    yield from _ended(record, params.timeout_s, tag)
    return _result(record)


def _map(service: Service, params: ConnectorParams, arguments: dict[str, Value]) -> Coroutine:
    """The results of one execution for each of ``arguments``, once all have ended."""
    timeout = arguments.get("timeout")
    deadline = service.runner.clock.now() + (params.timeout_s if timeout is None else float(number(timeout, "timeout")))
    records = [_start(service, arguments, argument) for argument in sequence(arguments.get("arguments"), "arguments")]
    for record in records:
        yield from _waited(record, deadline - service.runner.clock.now())
    for record in records:
        _check(record, "ExecutionError")
    return [_result(record) for record in records]


def _start(service: Service, arguments: dict[str, Value], argument: Value) -> Record:
    """A new execution of the workflow that the arguments name; it never waits in the backlog."""
    workflow = string(arguments.get("workflow_id"), "workflow_id")
    project, location = (_optional(arguments.get(key), key) for key in ("project_id", "location"))
    if isinstance(argument, bytes):
        raise type_failure("argument cannot be bytes")
    return service.create(service.parent(workflow, project, location), "" if argument is None else encode(argument), buffered=False)


def _result(record: Record) -> Value:
    outcome = record.execution.outcome
    assert outcome is not None
    return outcome.result  # type: ignore[return-value]  # every Json is a Value


def _ended(record: Record, timeout_s: float, tag: str) -> Coroutine:
    yield from _waited(record, timeout_s)
    _check(record, tag)
    return None


def _check(record: Record, tag: str) -> None:
    if record.execution.state.value != "SUCCEEDED":
        raise operation_failure("Execution failed or cancelled.", _shown(record), tag)


def _waited(record: Record, timeout_s: float) -> Coroutine:
    def arrange(deliver: Callable[[object], None]) -> None:
        record.execution.when_ended(lambda: deliver(None))

    yield Wait(arrange, timeout_s, f"the execution {record.name}")
    return None


def _optional(value: Value, what: str) -> str | None:
    return None if value is None else string(value, what)


def _get(service: Service, params: ConnectorParams, arguments: dict[str, Value]) -> Coroutine:
    yield from ()
    return _shown(service.get(string(arguments.get("name"), "name")))


def _cancel(service: Service, params: ConnectorParams, arguments: dict[str, Value]) -> Coroutine:
    yield from ()
    name = string(arguments.get("name"), "name")
    service.stop(name)
    return _shown(service.get(name))


def _list(service: Service, params: ConnectorParams, arguments: dict[str, Value]) -> Coroutine:
    from infra.local.workflows.execution_list import list_json

    yield from ()
    parent = string(arguments.get("parent"), "parent")
    options = {key: value for key, value in arguments.items() if isinstance(value, (str, int))}
    return json.loads(json.dumps(list_json(service, parent, options)))  # type: ignore[no-any-return]  # JSON, by then


def _shown(record: Record) -> Value:
    from infra.local.workflows.execution_json import execution_json

    return execution_json(record)  # type: ignore[return-value]  # every Json is a Value


_METHODS: Final[dict[str, Callable[[Service, ConnectorParams, dict[str, Value]], Coroutine]]] = {
    "create": _create,
    "run": _run,
    "get": _get,
    "cancel": _cancel,
    "list": _list,
}
