"""The embedded platform with its inner messages open: ``python -m infra.local.drills.open_host``. For drills alone, on this machine alone.

It is ``kimera serve`` but for the network between its parts: the internal functions also answer on a port of their own, every message
is written down, and with ``--unruly`` each is delivered twice at the same moment, with an older one behind it.
"""

from __future__ import annotations

import argparse
import io
import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.drills.messages import How, Message
from infra.local.functions import internal_app
from infra.local.server import Address, serve
from shared.settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from shared.runtime import Runtime

_REMEMBERED = 12
"""Messages of which one is delivered once more, late."""
_NEVER_AGAIN = ("/lifecycle/reconcile", "/lifecycle/anchor")
"""The scheduler's ticks are no messages: each asks for a new look."""


class Network:
    """Carries the calls of the internal functions: a WSGI application around theirs."""

    def __init__(self, app: WSGIApplication, written: Path, *, unruly: bool) -> None:
        self._app = app
        self._written = written
        self._unruly = unruly
        self._lock = threading.Lock()
        self._before: deque[tuple[WSGIEnvironment, bytes]] = deque(maxlen=_REMEMBERED)
        self._chance = random.Random(7)
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="drill-network")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        unruly = self._unruly and environ["PATH_INFO"] not in _NEVER_AGAIN
        twin = self._pool.submit(self._deliver, "twin", environ, body) if unruly else None
        status, headers, answer = self._deliver("first", environ, body)
        if twin is not None:
            twin.result()
            with self._lock:
                late = self._chance.choice(self._before) if self._before else None
                self._before.append((environ, body))
            if late is not None:
                self._deliver("late", *late)
        start_response(status, headers)
        return [answer]

    def _deliver(self, how: How, environ: WSGIEnvironment, body: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
        told: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            told.update(status=status, headers=headers)
            return lambda data: None

        fresh = {name: value for name, value in environ.items() if not name.startswith(("werkzeug.", "flask."))}
        answer = b"".join(self._app({**fresh, "wsgi.input": io.BytesIO(body)}, start))
        event = {name: str(value) for name, value in environ.items() if name.startswith("HTTP_CE_")}
        status: str = told["status"]
        message = Message(how, environ["PATH_INFO"], event, body.decode(), int(status.split()[0]), answer.decode(errors="replace"))
        with self._lock, self._written.open("a", encoding="utf-8") as stream:
            stream.write(message.line())
        return status, told["headers"], answer


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--inner-port", type=int, required=True, help="where the internal functions answer")
    parser.add_argument("--messages", type=Path, required=True, help="the file that every message is written to")
    parser.add_argument("--unruly", action="store_true", help="deliver every message twice, and older ones late")
    parser.add_argument("--inbox", type=Path)
    given = parser.parse_args()
    settings = Settings()
    if given.inbox is not None:
        places = {"inbox": str(given.inbox), "outbox": str(given.inbox.parent / "outbox"), "inbox_owner": "local"}
        settings = settings.model_copy(update=places)
    settings.home.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=settings.home / "kimera.log", level=logging.WARNING)

    def opened(runtime: Runtime) -> WSGIApplication:
        from werkzeug.serving import make_server

        app = internal_app(runtime)
        inner = make_server("127.0.0.1", given.inner_port, app, threaded=True)
        threading.Thread(target=inner.serve_forever, name="drill-inner", daemon=True).start()
        return Network(app, given.messages, unruly=given.unruly)

    serve(settings, Address("127.0.0.1", given.port), started=lambda url: None, functions=opened)


def headers_of(event: Mapping[str, str]) -> dict[str, str]:
    """The HTTP headers of a message, as it is delivered again."""
    names = {name.removeprefix("HTTP_").replace("_", "-").lower(): value for name, value in event.items()}
    return {"Content-Type": "application/json", **names}


if __name__ == "__main__":
    main()
