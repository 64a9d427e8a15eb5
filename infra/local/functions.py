"""All functions in one process: each is functions-framework's own application object, given this host's runtime.

The public application is ``missions`` alone. The internal ones are only mounted for the workflow, the queue and the scheduler of
this process, so that nobody else can reach them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import functions_framework
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from functions.manifest import MANIFEST, FunctionRow, Trigger
from schemas.problem import Problem
from shared.http import RUNTIME_KEY

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from shared.runtime import Runtime

INTERNAL_ROOT = "http://functions.kimera.internal"
"""Where the in-process transport serves the functions; no such host exists outside of this process."""
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def function_app(row: FunctionRow, runtime: Runtime) -> WSGIApplication:
    """The function of ``row`` as functions-framework serves it."""
    source = Path(str(importlib.import_module(f"functions.{row.name}").__file__)).parent / "main.py"
    app = functions_framework.create_app(row.entry_point, str(source), "http")  # type: ignore[no-untyped-call] # it has no types
    app.config[RUNTIME_KEY] = runtime
    wsgi: WSGIApplication = app
    return wsgi


def internal_app(runtime: Runtime) -> WSGIApplication:
    """Every function below its route."""
    return DispatcherMiddleware(NotFound(), {row.route: function_app(row, runtime) for row in MANIFEST})


def public_app(runtime: Runtime, *, hosts: frozenset[str] | None = LOCAL_HOSTS) -> WSGIApplication:
    """What users reach: the public functions, for calls that name one of ``hosts`` (a web page elsewhere cannot name this machine).

    ``None`` takes every name: for a platform that others reach, where the bearer token is what a foreign page does not have.
    """
    (row,) = (r for r in MANIFEST if r.trigger is Trigger.PUBLIC)
    app = function_app(row, runtime)
    return app if hosts is None else _OnlyHosts(app, hosts)


def function_urls() -> dict[str, str]:
    """The workflow's environment: each function's address."""
    return {row.url_variable: INTERNAL_ROOT + row.route for row in MANIFEST}


class _OnlyHosts:
    """Answers 403 to a foreign ``Host`` (DNS rebinding) or ``Origin`` (another page in the user's browser)."""

    def __init__(self, app: WSGIApplication, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN")
        if self._is_known("//" + environ.get("HTTP_HOST", "")) and (origin is None or self._is_known(origin)):
            return self._app(environ, start_response)
        problem = Problem(
            type="urn:kimera:problem:forbidden",
            title="forbidden",
            status=403,
            detail="This platform answers to localhost only.",
            code="forbidden",
            request_id="",
        )
        body = problem.model_dump_json().encode()
        start_response("403 Forbidden", [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))])
        return [body]

    def _is_known(self, address: str) -> bool:
        try:
            return urlsplit(address).hostname in self._hosts
        except ValueError:  # no address at all
            return False
