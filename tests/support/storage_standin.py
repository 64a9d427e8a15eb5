"""A server that gives Cloud Storage's answers as they are scripted, for what no emulator can be brought to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. An error's ``said`` is put into the JSON that Google's services use."""

    status: int = 200
    said: str = ""
    body: dict[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None
    """What is done before it is sent."""


@dataclass
class StorageStandin:
    """Where it is, what it was asked, and its answers: the last one is repeated."""

    url: str
    replies: list[Reply]
    asked: list[str] = field(default_factory=list)

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def storage_standin(*replies: Reply) -> Iterator[StorageStandin]:
    """The server, running."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            standin.asked.append(f"{self.command} {self.path}")
            reply = standin.next()
            reply.before()
            error = {"error": {"code": reply.status, "message": reply.said, "errors": []}}
            body = json.dumps(reply.body if reply.status < 400 else error).encode()
            self.send_response(reply.status)
            headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | reply.headers
            for name, value in headers.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # whoever asked did not wait
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    standin = StorageStandin(f"http://127.0.0.1:{server.server_address[1]}", list(replies))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield standin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
