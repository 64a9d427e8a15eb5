"""How every function speaks HTTP: parse into a contract, call, answer; errors as RFC 9457 problem documents.

A function's ``main.py`` lists its routes on an ``Api`` and hands ``api.answer`` to functions-framework. The runtime comes from the
Flask application's configuration where a host put it (``RUNTIME_KEY``), else from the environment, once per process.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoSuchRoute
from werkzeug.routing import Map, Rule

from schemas.problem import Problem
from shared.errors import BadInput, KimeraError, NotFound, TooLarge
from shared.telemetry import names
from shared.telemetry.context import REQUEST_ID_HEADER, CallContext, about

if TYPE_CHECKING:
    from flask import Request, Response

    from shared.runtime import Runtime

RUNTIME_KEY = "KIMERA_RUNTIME"
MAX_BODY_BYTES = 1_048_576
MAX_REQUEST_ID_CHARS = 128
BodyT = TypeVar("BodyT", bound=BaseModel)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call: where it comes from and what it may use."""

    runtime: Runtime
    request: Request
    arguments: Mapping[str, str]
    request_id: str

    def body(self, model: type[BodyT]) -> BodyT:
        """The JSON body as ``model``; ``BadInput`` names every field that is wrong."""
        length = self.request.content_length
        if length is not None and length > MAX_BODY_BYTES:
            raise TooLarge(
                f"The body has {length} bytes; at most {MAX_BODY_BYTES} are taken.", remedy="Upload files first and refer to them by uri."
            )
        raw = self.request.stream.read(MAX_BODY_BYTES + 1)
        if len(raw) > MAX_BODY_BYTES:
            raise TooLarge(f"The body has more than {MAX_BODY_BYTES} bytes.", remedy="Upload files first and refer to them by uri.")
        if self.request.mimetype != "application/json":
            raise BadInput("The body has to be JSON.", remedy="Send the header Content-Type: application/json.")
        return parse(model, raw)


def parse(model: type[BodyT], raw: bytes | str) -> BodyT:
    """``raw`` JSON as ``model``; ``BadInput`` says which field is wrong and how."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(part) for part in e['loc']) or 'body'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidFields(wrong) from error
    except RecursionError as error:
        raise BadInput("The body is nested too deeply.") from error


class InvalidFields(BadInput):
    """Fields that are missing, unknown or of the wrong type; one entry each."""

    code = "invalid_fields"

    def __init__(self, wrong: list[str]) -> None:
        super().__init__("; ".join(wrong[:10]), remedy="See the API's schema for what each field takes.")
        self.wrong = tuple(wrong)


Answer = BaseModel | tuple[BaseModel, int]
Handler = Callable[[Call], "Answer | Response"]


class Api:
    """The routes of one function."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._map = Map(strict_slashes=False)
        self._handlers: dict[str, Handler] = {}

    def route(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Answer ``method`` on ``path`` (a werkzeug rule: ``/missions/<id>``) with the function under the decorator."""

        def add(handler: Handler) -> Handler:
            endpoint = f"{method} {path}"
            self._map.add(Rule(path, methods=[method], endpoint=endpoint))
            self._handlers[endpoint] = handler
            return handler

        return add

    def routes(self) -> list[tuple[str, str]]:
        """(method, path) of every route; a variable part reads ``<name>``."""
        found = (endpoint.partition(" ") for endpoint in self._handlers)
        return [(method, path) for method, _, path in found]

    def answer(self, request: Request) -> Response:
        """The response to ``request``; never raises, never shows a traceback."""
        from opentelemetry.trace import SpanKind

        runtime = runtime_of_app()
        request_id = _request_id(request, runtime)
        with about(CallContext(request_id=request_id)):
            try:
                with runtime.tracing.span(
                    f"{self._name} {request.path}",
                    parent=request.headers.get("traceparent"),
                    kind=SpanKind.SERVER,
                    attributes={names.PHASE: self._name},
                ):
                    return self._dispatch(runtime, request, request_id)
            except KimeraError as error:
                return _problem(error, request_id)
            except Exception as error:  # noqa: BLE001 - the outermost place: a defect becomes a 500 with a request id, and a traceback in the log
                _log.exception("%s %s failed (request %s)", request.method, request.path, request_id)
                return _problem(KimeraError(f"{self._name} failed: {type(error).__name__}.", remedy="The log has the details."), request_id)

    def _dispatch(self, runtime: Runtime, request: Request, request_id: str) -> Response:
        try:
            endpoint, arguments = self._map.bind("").match(request.path, request.method)
        except MethodNotAllowed as error:
            allowed = ", ".join(error.valid_methods or ())
            raise _MethodNotAllowed(f"{request.method} is not possible on {request.path}.", remedy=f"Possible: {allowed}.") from error
        except (NoSuchRoute, HTTPException) as error:
            raise NotFound(f"There is nothing at {request.path}.") from error
        call = Call(runtime, request, arguments, request_id)
        answer = self._handlers[endpoint](call)
        if isinstance(answer, tuple):
            return _json(answer[0], answer[1], request_id)
        if isinstance(answer, BaseModel):
            return _json(answer, 200, request_id)
        answer.headers[REQUEST_ID_HEADER] = request_id
        return answer


class _MethodNotAllowed(BadInput):
    code = "method_not_allowed"
    status = 405


def runtime_of_app() -> Runtime:
    """The runtime that the host gave to the current application, or this process's own."""
    from flask import current_app

    given = current_app.config.get(RUNTIME_KEY)
    return given if given is not None else _process_runtime()


@lru_cache(maxsize=1)
def _process_runtime() -> Runtime:
    from shared.runtime import from_environment

    return from_environment()


def _request_id(request: Request, runtime: Runtime) -> str:
    given = request.headers.get(REQUEST_ID_HEADER, "")
    usable = given.isascii() and given.isprintable() and 0 < len(given) <= MAX_REQUEST_ID_CHARS
    return given if usable else runtime.ids.new("r")


def _json(body: BaseModel, status: int, request_id: str) -> Response:
    from flask import Response

    return Response(body.model_dump_json(), status, {REQUEST_ID_HEADER: request_id}, mimetype="application/json")


def _problem(error: KimeraError, request_id: str) -> Response:
    from flask import Response

    problem = Problem(
        type=f"urn:kimera:problem:{error.code}",
        title=error.code.replace("_", " "),
        status=error.status,
        detail=error.message,
        code=error.code,
        remedy=error.remedy,
        request_id=request_id,
        fields=error.wrong if isinstance(error, InvalidFields) else (),
    )
    headers = {REQUEST_ID_HEADER: request_id}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return Response(json.dumps(problem.model_dump(), ensure_ascii=False), error.status, headers, mimetype="application/problem+json")
