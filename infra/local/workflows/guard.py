"""Keeps web pages away from a server on this machine: a page in the user's browser can send requests to 127.0.0.1, too."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class OnlyThisMachine:
    """Answers 403 to a foreign ``Host`` (a name that was pointed at 127.0.0.1) or ``Origin`` (a page from elsewhere)."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN")
        if _is_here("//" + environ.get("HTTP_HOST", "")) and (origin is None or _is_here(origin)):
            return self._application(environ, start_response)
        message = "this server answers to programs on this machine only, called by localhost or 127.0.0.1"
        body = json.dumps({"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}}).encode()
        start_response("403 Forbidden", [("Content-Type", "application/json; charset=UTF-8"), ("Content-Length", str(len(body)))])
        return [body]


def _is_here(address: str) -> bool:
    try:
        return urlsplit(address).hostname in HOSTS
    except ValueError:  # no address at all
        return False
