"""Requests over an ``httpx.Client``: the network, or an in-process WSGI application through ``httpx.WSGITransport``."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from infra.local.workflows.errors import TransportError
from infra.local.workflows.limits import SERVICE
from infra.local.workflows.transport import HttpRequest, HttpResponse

if TYPE_CHECKING:
    import httpx


class HttpxTransport:
    """Sends with ``client``, or with one of its own.

    Follows redirects up to the limit; reads no more of a body than the limit and one byte.
    """

    def __init__(self, client: httpx.Client | None = None) -> None:
        self._client = client
        self._lock = threading.Lock()
        if client is not None:
            client.max_redirects = SERVICE.redirects

    def _ready(self) -> httpx.Client:
        """The client; its own is made at the first request, because loading certificates takes longer than most definitions."""
        import httpx

        with self._lock:
            if self._client is None:
                self._client = httpx.Client(limits=httpx.Limits(max_connections=None))
                self._client.max_redirects = SERVICE.redirects
            return self._client

    def send(self, request: HttpRequest) -> HttpResponse:
        import httpx

        client = self._ready()
        deadline = time.monotonic() + request.timeout_s
        try:
            url = httpx.URL(request.url)
            if request.query:
                url = url.copy_with(params=url.params.merge(httpx.QueryParams(request.query)))
            built = client.build_request(request.method, url, headers=request.headers, content=request.body, timeout=request.timeout_s)
            response = client.send(built, stream=True, follow_redirects=True)
            try:
                return HttpResponse(response.status_code, dict(response.headers), _body(response, deadline))
            finally:
                response.close()
        except httpx.ConnectTimeout as problem:
            raise TransportError("ConnectionFailedError", f"no connection to {request.url}: {problem}") from problem
        except httpx.TimeoutException as problem:
            raise TransportError("TimeoutError", "request timed out") from problem
        except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as problem:
            raise TransportError("ConnectionFailedError", f"no connection to {request.url}: {problem}") from problem
        except httpx.TooManyRedirects as problem:
            raise TransportError("ConnectionError", f"{request.url} redirects more than {SERVICE.redirects} times") from problem
        except httpx.HTTPError as problem:
            raise TransportError("ConnectionError", f"the connection to {request.url} broke: {problem}") from problem

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def _body(response: httpx.Response, deadline: float) -> bytes:
    """The body, as far as the limit. httpx counts its timeout from byte to byte; a body that trickles in has to end too."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > SERVICE.response_bytes:
            break
        if time.monotonic() > deadline:
            raise TransportError("TimeoutError", "request timed out")
    return b"".join(parts)
