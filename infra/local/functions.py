"""All functions in one process, given this host's runtime.

They are called without functions-framework, and without Flask: a mission makes a dozen of such calls, and body and answer are the same
bytes in either way.

Not the sandbox service, which is a process of its own wherever it runs: here runs are isolated by the same inner sandbox directly.

The public application is ``missions`` alone. The internal ones are only mounted for the workflow, the queue and the scheduler of
this process, so that nobody else can reach them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.exceptions import NotFound

from functions.manifest import MANIFEST, FunctionRow, Trigger
from shared.errors import Forbidden
from shared.http import hosted
from shared.problems import MEDIA_TYPE, problem_body, problem_headers, usable_request_id

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from shared.http import Api
    from shared.runtime import Runtime

INTERNAL_ROOT = "http://functions.kimera.internal"
"""Where the in-process transport serves the functions; no such host exists outside of this process."""
_HOSTED = tuple(row for row in MANIFEST if not row.is_container)
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def internal_app(runtime: Runtime, *, instead: Mapping[str, Api] = MappingProxyType({})) -> WSGIApplication:
    """Every function below its route. ``instead`` holds other routes than the functions' own, by function."""
    return _Internal(runtime, {row.route: instead.get(row.name) or _api(row) for row in _HOSTED})


class _Internal:
    """Calls the function that the path begins with."""

    def __init__(self, runtime: Runtime, apis: Mapping[str, Api]) -> None:
        self._runtime = runtime
        self._apis = apis

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        end = path.find("/", 1)
        route, rest = (path, "") if end < 0 else (path[:end], path[end:])
        api = self._apis.get(route)
        if api is None:
            return NotFound()(environ, start_response)
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = environ.get("SCRIPT_NAME", "") + route, rest
        with hosted(self._runtime):
            return api(environ, start_response)


def _api(row: FunctionRow) -> Api:
    """The routes that the function's entry point answers."""
    api: Api = importlib.import_module(row.module).api
    return api


def public_app(runtime: Runtime, *, hosts: frozenset[str] | None = LOCAL_HOSTS) -> WSGIApplication:
    """What users reach: the public functions, for calls that name one of ``hosts`` (a web page elsewhere cannot name this machine).

    ``None`` takes every name: for a platform that others reach, where the bearer token is what a foreign page does not have.
    """
    (row,) = (r for r in MANIFEST if r.trigger is Trigger.PUBLIC)
    app = _Public(runtime, _api(row))
    return app if hosts is None else _OnlyHosts(app, hosts, lambda: runtime.ids.new("r"))


def function_urls() -> dict[str, str]:
    """The workflow's environment: each function's address."""
    return {row.url_variable: INTERNAL_ROOT + row.route for row in _HOSTED}


def require_known(hosts: frozenset[str], host: str, origin: str | None) -> None:
    """Raise ``Forbidden`` for a foreign ``Host`` (DNS rebinding) or ``Origin`` (another page in the user's browser)."""
    if not _is_known(hosts, f"//{host}") or (origin is not None and not _is_known(hosts, origin)):
        raise Forbidden("This platform answers to localhost only.", remedy="Call it by http://127.0.0.1 and its port.")


class _Public:
    """A function at the root."""

    def __init__(self, runtime: Runtime, api: Api) -> None:
        self._runtime = runtime
        self._api = api

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with hosted(self._runtime):
            return self._api(environ, start_response)


class _OnlyHosts:
    """Answers 403 to what ``require_known`` refuses."""

    def __init__(self, app: WSGIApplication, hosts: frozenset[str], new_request_id: Callable[[], str]) -> None:
        self._app = app
        self._hosts = hosts
        self._new_request_id = new_request_id

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            require_known(self._hosts, environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN"))
        except Forbidden as error:
            request_id = usable_request_id(environ.get("HTTP_X_REQUEST_ID", "")) or self._new_request_id()
            body = problem_body(error, request_id)
            headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))} | problem_headers(error, request_id)
            start_response("403 Forbidden", list(headers.items()))
            return [body if environ["REQUEST_METHOD"] != "HEAD" else b""]
        return self._app(environ, start_response)


def _is_known(hosts: frozenset[str], address: str) -> bool:
    try:
        return urlsplit(address).hostname in hosts
    except ValueError:  # no address at all
        return False
