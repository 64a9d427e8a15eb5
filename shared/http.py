"""How every function speaks HTTP: parse into a contract, call, answer; errors as RFC 9457 problem documents.

A function's ``main.py`` lists its routes on an ``Api`` and hands ``api.answer`` to functions-framework. The runtime comes from the host
around the call (``hosted``), else from the environment, once per process. The sandbox service, which shares nothing with the other
functions, brings a runtime of its own.

An ``Api`` is a WSGI application by itself, too (PEP 3333): for a host in the same process, whose calls need no Flask around them.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast, overload
from urllib.parse import parse_qsl

import typing_extensions
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WrongMethod
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.sansio.utils import get_content_length
from werkzeug.wsgi import get_input_stream

from shared.callers import Callers, Part
from shared.errors import BadInput, KimeraError, MethodNotAllowed, NotFound, TooLarge, UnsupportedMediaType
from shared.json_keys import RepeatedKey, require_unique
from shared.problems import MEDIA_TYPE, InvalidFields, problem_body, problem_headers, usable_request_id
from shared.telemetry import names
from shared.telemetry.context import REQUEST_ID_HEADER, CallContext, about
from shared.validation import said

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from flask import Request, Response

    from shared.ids import Ids
    from shared.runtime import Runtime
    from shared.telemetry.tracing import Tracing

MAX_BODY_BYTES = 1_048_576
MAX_SHOWN_CHARS = 200
_JSON = "application/json"
BodyT = TypeVar("BodyT", bound=BaseModel)
_REQUEST_ID_KEY = f"HTTP_{REQUEST_ID_HEADER.upper().replace('-', '_')}"
_log = logging.getLogger(__name__)


class Serving(Protocol):
    """What answering a call needs of any runtime."""

    @property
    def ids(self) -> Ids: ...

    @property
    def tracing(self) -> Tracing: ...

    @property
    def callers(self) -> Callers: ...

    def flush(self) -> None:
        """Send what is left to send of a request that was answered."""
        ...


RuntimeT = typing_extensions.TypeVar("RuntimeT", bound=Serving, default="Runtime")


class Call(Generic[RuntimeT]):
    """One HTTP call: where it comes from and what it may use."""

    def __init__(
        self, runtime: RuntimeT, environ: WSGIEnvironment, given: Request | None, arguments: Mapping[str, str], request_id: str
    ) -> None:
        self.runtime = runtime
        self.arguments = arguments
        self.request_id = request_id
        self._environ = environ
        self._given = given

    @cached_property
    def request(self) -> Request:
        """The request as Flask has it: made where it is asked for, since most calls need their body alone."""
        from flask import Request

        return self._given if self._given is not None else Request(self._environ)

    def body(self, model: type[BodyT], *, most: int = MAX_BODY_BYTES) -> BodyT:
        """The JSON body, of at most that many bytes, as ``model``; ``BadInput`` names every field that is wrong."""
        return parse(model, self.raw(most=most))

    def body_from_outside(self, model: type[BodyT]) -> BodyT:
        """The same for a body that is not our own: a key that one of its objects has twice is refused, of which JSON takes the last.

        It costs a second reading, which the calls between functions are spared.
        """
        raw = self.raw()
        found = parse(model, raw)
        try:
            require_unique(raw)
        except RepeatedKey as error:
            raise InvalidFields([f"{_shown(error.key)}: the key is written twice"], remedy="Say it once.") from error
        return found

    def raw(self, *, most: int = MAX_BODY_BYTES) -> bytes:
        """The JSON body as it came; it can be read once."""
        environ = self._environ
        length = get_content_length(environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING"))
        if length is not None and length > most:
            raise TooLarge(f"The body has {length} bytes; at most {most} are taken.", remedy="Upload files first and refer to them by uri.")
        stream = self._given.stream if self._given is not None else get_input_stream(environ)
        raw = stream.read(most + 1)
        if len(raw) > most:
            raise TooLarge(f"The body has more than {most} bytes.", remedy="Upload files first and refer to them by uri.")
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != _JSON:
            raise UnsupportedMediaType("The body has to be JSON.", remedy="Send the header Content-Type: application/json.")
        return raw


def parse(model: type[BodyT], raw: bytes | str) -> BodyT:
    """``raw`` JSON as ``model``; ``BadInput`` says which field is wrong and how."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(part) for part in e['loc']) or 'body'}: {said(e)}" for e in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidFields(wrong) from error
    except RecursionError as error:
        raise BadInput("The body is nested too deeply.") from error


class _Rest(BaseConverter):
    """The rest of the path, whatever it is: the handler says what is wrong with it."""

    regex = "(?s:.*)"
    part_isolating = False


@dataclass(frozen=True, slots=True)
class _Answered:
    """What goes back: of which ``headers`` hold all but the length."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Answer = BaseModel | tuple[BaseModel, int]
Handler = Callable[[Call[RuntimeT]], "Answer | Response"]


class Api(Generic[RuntimeT]):
    """The routes of one function. ``runtime`` gives what its calls may use: without it, the runtime that all but one have in common."""

    @overload
    def __init__(self: Api[Runtime], name: str) -> None: ...

    @overload
    def __init__(self, name: str, runtime: Callable[[], RuntimeT]) -> None: ...

    def __init__(self, name: str, runtime: Callable[[], Serving] | None = None) -> None:
        self._name = name
        self._runtime = cast("Callable[[], RuntimeT]", runtime or runtime_of_call)  # which it is, the two signatures above say
        self._map = Map(strict_slashes=False, merge_slashes=False, converters={"rest": _Rest})
        self._fixed: dict[tuple[str, str], str] = {}
        """The endpoints of the paths without a variable part, which need no search."""
        self._handlers: dict[str, Handler[RuntimeT]] = {}
        self._callers: dict[str, Part | None] = {}
        self._queries: dict[str, tuple[str, ...] | None] = {}

    def route(
        self, method: str, path: str, *, caller: Part | None = None, query: tuple[str, ...] | None = None
    ) -> Callable[[Handler[RuntimeT]], Handler[RuntimeT]]:
        """Answer ``method`` on ``path`` (a werkzeug rule: ``/missions/<id>``, ``/inputs/<rest:name>``) with the function under it.

        ``caller`` is the part of the platform that may call it. ``query`` names its query parameters: any other is refused, and one that
        is given twice. Without it none is looked at.
        """

        def add(handler: Handler[RuntimeT]) -> Handler[RuntimeT]:
            endpoint = f"{method} {path}"
            self._map.add(Rule(path, methods=[method], endpoint=endpoint))
            if "<" not in path:
                self._fixed[method, path] = endpoint
            self._handlers[endpoint] = handler
            self._callers[endpoint] = caller
            self._queries[endpoint] = query
            return handler

        return add

    def routes(self) -> list[tuple[str, str]]:
        """(method, path) of every route; a variable part reads ``<name>``."""
        found = (re.sub(r"<\w+:(\w+)>", r"<\1>", endpoint).partition(" ") for endpoint in self._handlers)
        return [(method, path) for method, _, path in found]

    def callers(self) -> dict[str, Part | None]:
        """Which part of the platform may call each route, ``None`` for any caller of the function."""
        return dict(self._callers)

    def queries(self) -> dict[tuple[str, str], tuple[str, ...] | None]:
        """The query parameters of each of ``routes()``, ``None`` where none is looked at."""
        return dict(zip(self.routes(), self._queries.values(), strict=True))

    def answer(self, request: Request) -> Response:
        """The response to ``request``; never raises, never shows a traceback."""
        answered = self._answer(request.environ, request)
        if not isinstance(answered, _Answered):
            return answered
        from flask import Response

        return Response(answered.body, answered.status, dict(answered.headers))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The same as a WSGI application."""
        answered = self._answer(environ, None)
        if not isinstance(answered, _Answered):
            return answered(environ, start_response)
        status, body = HTTPStatus(answered.status), answered.body
        start_response(f"{status:d} {status.phrase}", [*answered.headers.items(), ("Content-Length", str(len(body)))])
        return [body if environ["REQUEST_METHOD"] != "HEAD" else b""]

    def _answer(self, environ: WSGIEnvironment, given: Request | None) -> _Answered | Response:
        runtime = self._runtime()
        try:
            return self._traced(runtime, environ, given)
        finally:
            runtime.flush()

    def _traced(self, runtime: RuntimeT, environ: WSGIEnvironment, given: Request | None) -> _Answered | Response:
        method, path = environ["REQUEST_METHOD"], _path(environ)
        request_id = usable_request_id(environ.get(_REQUEST_ID_KEY, "")) or runtime.ids.new("r")
        with about(CallContext(request_id=request_id)):
            try:
                with runtime.tracing.span(
                    f"{self._name} {path}",
                    parent=environ.get("HTTP_TRACEPARENT"),
                    kind=SpanKind.SERVER,
                    attributes={names.PHASE: self._name},
                ):
                    endpoint, arguments = self._match(method, path)
                    caller = self._callers[endpoint]
                    if caller is not None:
                        runtime.callers.require(caller, _Headers(environ))
                    query, known = environ.get("QUERY_STRING", ""), self._queries[endpoint]
                    if query and known is not None:
                        _require_known_once(query, known, method, path)
                    return _answered(self._handlers[endpoint](Call(runtime, environ, given, arguments, request_id)), request_id)
            except KimeraError as error:
                if error.place:  # no answer says it
                    _log.warning("%s %r: %s: %s (request %s)", method, path, error.message, error.place, request_id)
                return _problem(error, request_id)
            except MemoryError:
                raise  # no defect of the function: the host knows what becomes of a process that has no memory
            except Exception as error:  # noqa: BLE001 - the outermost place: a defect becomes a 500 with a request id, and a traceback in the log
                _log.exception("%s %r failed (request %s)", method, path, request_id)
                return _problem(KimeraError(f"{self._name} failed: {type(error).__name__}.", remedy="The log has the details."), request_id)

    def _match(self, method: str, path: str) -> tuple[str, Mapping[str, str]]:
        """The endpoint of the path, and its variable parts."""
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed, {}
        try:
            return self._map.bind("").match(path, method)
        except WrongMethod as error:
            allowed = tuple(sorted(error.valid_methods or ()))
            raise MethodNotAllowed(
                f"{method[:20]} is not possible on {_shown(path)}.",
                remedy=f"Possible: {', '.join(allowed)}.",
                allowed=allowed,
            ) from error
        except HTTPException as error:
            raise NotFound(f"There is nothing at {_shown(path)}.") from error


class _Headers(Mapping[str, str]):
    """The headers of a call, taken out of its environment by who asks for them."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._headers = EnvironHeaders(environ)

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._headers)

    def __len__(self) -> int:
        return len(self._headers)


_hosted: ContextVar[Runtime | None] = ContextVar("kimera_hosted", default=None)


@contextmanager
def hosted(runtime: Runtime) -> Iterator[None]:
    """Inside the ``with``, functions get ``runtime``: for a host that calls them without a Flask application around each."""
    token = _hosted.set(runtime)
    try:
        yield
    finally:
        _hosted.reset(token)


def runtime_of_call() -> Runtime:
    """The runtime that the host gave to this call, or this process's own."""
    given = _hosted.get()
    return given if given is not None else _process_runtime()


@lru_cache(maxsize=1)
def _process_runtime() -> Runtime:
    from shared.runtime import from_environment

    return from_environment()


def _path(environ: WSGIEnvironment) -> str:
    """The path below the application, in the way of werkzeug's own requests."""
    path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
    return f"/{path.lstrip('/')}"


def _require_known_once(query: str, known: tuple[str, ...], method: str, path: str) -> None:
    """Refuse a parameter that the operation does not have, or has twice: whoever sent it would take the answer for what was asked."""
    given = Counter(name for name, _ in parse_qsl(query, keep_blank_values=True))
    unknown = [f"{_shown(name)}: {method} {_shown(path)} has no such query parameter" for name in given if name not in known]
    repeated = [f"{name}: the query parameter is given {count} times" for name, count in given.items() if name in known and count > 1]
    if unknown:
        raise InvalidFields([*unknown, *repeated], remedy=f"It has {', '.join(known)}." if known else "It has none.")
    if repeated:
        raise InvalidFields(repeated, remedy="Give it once.")


def _shown(path: str) -> str:
    """A path in a sentence: short, and without characters that would break the line."""
    short = path if len(path) <= MAX_SHOWN_CHARS else path[:MAX_SHOWN_CHARS] + "..."
    return short if short.isprintable() else repr(short)


def _answered(answer: Answer | Response, request_id: str) -> _Answered | Response:
    if isinstance(answer, BaseModel):
        answer = (answer, 200)
    if isinstance(answer, tuple):
        body, status = answer
        return _Answered(status, {"Content-Type": _JSON, REQUEST_ID_HEADER: request_id}, body.model_dump_json().encode())
    answer.headers[REQUEST_ID_HEADER] = request_id
    return answer


def _problem(error: KimeraError, request_id: str) -> _Answered:
    return _Answered(error.status, {"Content-Type": MEDIA_TYPE, **problem_headers(error, request_id)}, problem_body(error, request_id))
