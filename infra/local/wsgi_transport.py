"""The workflow's requests to an application of this process: the request becomes its environment (PEP 3333), nothing in between."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
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
    url = urlsplit(request.url)
    body = request.body or b""
    query = "&".join(part for part in (url.query, urlencode(request.query)) if part)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": url.hostname or "localhost",
        "SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


def _close(parts: Iterable[bytes]) -> None:
    close = getattr(parts, "close", None)
    if close is not None:
        close()


def _refuse(_: bytes) -> object:
    raise RuntimeError("An application of ours returns its body.")
