"""A small web on this machine: sites with names, pages that behave as a test says, and a fetcher that finds them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from shared.web.addresses import AddressGuard
from shared.web.fetch import WebFetch


@dataclass(frozen=True, slots=True)
class Page:
    """What a path answers."""

    body: bytes = b""
    media_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    announced: int | None = None
    """Another Content-Length than the body has."""
    drip: Callable[[], bool] | None = None
    """Sends a byte and waits for as long as this is true."""


@dataclass
class SmallWeb:
    """A server for all sites; ``asked`` are the requests as (host, path). A context manager."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    """What else names resolve to; the others resolve to this server."""

    def __post_init__(self) -> None:
        web = self
        self.stopped = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append((self.headers.get("Host", ""), self.path))
                web.headers.append({name.lower(): value for name, value in self.headers.items()})
                web._answer(self)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str, host: str = "pages.example") -> str:
        """The address of a page of a site here."""
        return f"http://{host}:{self.port}{path}"

    def serve(self, path: str, page: Page) -> str:
        """Serve it; its address."""
        self.pages[path] = page
        return self.url(path)

    def guard(self) -> AddressGuard:
        """A guard that lets this one server be called, and resolves every other name to it."""
        return AddressGuard(self.resolve, exempt=frozenset({("127.0.0.1", self.port)}))

    def resolve(self, host: str, port: int) -> Sequence[str]:
        return self.names.get(host, ("127.0.0.1",))

    def fetch(self, *, max_bytes: int = 1_000_000, total_s: float = 20.0) -> WebFetch:
        """A fetcher of this web."""
        return WebFetch(self.guard(), max_bytes=max_bytes, total_s=total_s)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        page = self.pages.get(handler.path.split("?", 1)[0], Page(b"not here", "text/plain", 404))
        handler.send_response(page.status)
        handler.send_header("Content-Type", page.media_type)
        handler.send_header("Content-Length", str(len(page.body) if page.announced is None else page.announced))
        for name, value in page.headers:
            handler.send_header(name, value)
        handler.end_headers()
        try:
            while page.drip is not None and page.drip():
                handler.wfile.write(b"x")
                handler.wfile.flush()
                self.stopped.wait(0.05)
            handler.wfile.write(page.body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the fetcher had enough


def article(title: str, *paragraphs: str) -> Page:
    """A page as the web has them: a menu, an article, a footer."""
    menu = "<nav><a href='/'>Home</a> <a href='/news'>News</a></nav>"
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    body = f"<!doctype html><html><head><title>{title}</title></head><body>{menu}<article><h1>{title}</h1>{text}</article>"
    return Page(f"{body}<footer>All rights reserved. Cookies.</footer></body></html>".encode())
