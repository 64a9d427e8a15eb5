"""The workflow's requests to an application of this process: the request becomes its environment (PEP 3333), nothing in between."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlencode, urlsplit

from infra.local.workflows.errors import TransportError
from infra.local.workflows.transport import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import WSGIApplication, WSGIEnvironment


class WsgiTransport:
    """``Transport`` to ``app``; ``heard`` is told each answer."""

    def __init__(self, app: WSGIApplication, heard: Callable[[HttpResponse], None]) -> None:
        self._app = app
        self._heard = heard

    def send(self, request: HttpRequest) -> HttpResponse:
        head = _Head()
        parts = self._app(_environment(request), head.start)
        try:
            body = b"".join(parts)
        finally:
            _close(parts)
        answer = HttpResponse(head.status, head.headers, body)
        self._heard(answer)
        return answer


class _Head:
    """What the application says ahead of the body."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}

    def start(
        self,
        status: str,
        headers: list[tuple[str, str]],
        error: tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None = None,
        /,
    ) -> Callable[[bytes], object]:
        """PEP 3333's ``start_response``."""
        if error is not None and error[1] is not None:
            raise TransportError("ConnectionError", f"the function broke off: {error[1]}") from error[1]
        self.status = int(status.split(" ", 1)[0])
        self.headers = {name.lower(): value for name, value in headers}
        return _refuse


def _environment(request: HttpRequest) -> WSGIEnvironment:
    body = request.body or b""
    place = _place(request.url)
    environ: WSGIEnvironment = {
        **place,
        "REQUEST_METHOD": request.method,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    if request.query:
        environ["QUERY_STRING"] = "&".join(part for part in (place["QUERY_STRING"], urlencode(request.query)) if part)
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


@lru_cache(maxsize=256)
def _place(address: str) -> Mapping[str, Any]:
    """What the address and this server give to every request to it: a workflow calls the same few addresses over and over."""
    url = urlsplit(address)
    return {
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "localhost",
        "SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _close(parts: Iterable[bytes]) -> None:
    close = getattr(parts, "close", None)
    if close is not None:
        close()


def _refuse(_: bytes) -> object:
    raise RuntimeError("An application of ours returns its body.")
