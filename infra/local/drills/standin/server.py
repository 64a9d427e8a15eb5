"""The stand-in itself: a threaded HTTP server on a free port of this machine."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from infra.local.drills.standin.faults import Fault
from infra.local.drills.standin.replies import Reply, chat_completion, generate_content, tokens
from infra.local.drills.standin.requests import Asked, read

Behaviour = Reply | Fault | tuple[Fault, Reply]
Answering = Callable[[Asked], Behaviour]
"""Decides on the spot, for instance from what the prompt says."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that reached the server, and what it was given."""

    asked: Asked
    given: Behaviour


@dataclass(frozen=True, slots=True)
class Given:
    """A good answer that went out, with the tokens that its usage said. Equal requests have equal ``request_sha256``."""

    request_sha256: str
    input_tokens: int
    output_tokens: int


_KEY = "local"
AT_ONCE = {"KIMERA_ENDPOINT_PARALLEL": "16"}
"""It answers many questions at once, and a platform on this machine may ask it so; the emulated cloud has no such limit."""


class StandIn:
    """Answers each type of answer from its own queue; when a queue is empty, from its ``always``. A context manager.

    ``storm`` says what befalls a request, whatever it asks; then come ``faults``, one for each request.
    """

    def __init__(self) -> None:
        self.storm: Callable[[Asked], Fault | None] = lambda asked: None
        self.faults: deque[Fault] = deque()
        self.seen: list[Seen] = []
        self.refused: list[str] = []
        self.given: list[Given] = []
        """Each answer that went out."""
        self._queues: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._always: dict[str, Answering] = {}
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def answers(self, answer_type: str, *behaviours: Behaviour) -> None:
        """What to give, in order, where an answer of this type (the contract's class name) is asked for."""
        self._queues[answer_type].extend(behaviours)

    def always(self, answer_type: str, answering: Answering) -> None:
        """What to give when nothing is queued for this type."""
        self._always[answer_type] = answering

    def behaviour(self, answer_type: str) -> Answering:
        """What ``always`` gave for this type last."""
        return self._always[answer_type]

    @property
    def counted(self) -> list[tuple[int, int]]:
        """Tokens taken and given of each answer that went out, as its usage said."""
        return [(given.input_tokens, given.output_tokens) for given in self.given]

    def environment(self) -> dict[str, str]:
        """The variables that point KIMERA here, for both providers."""
        return {
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "OPENAI_API_KEY": _KEY,
            "KIMERA_GOOGLE_BASE_URL": self.url,
            "GEMINI_API_KEY": _KEY,
        }

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def next(self, asked: Asked) -> Behaviour:
        """What this request is given; a ``ValueError`` where nothing is left for it."""
        with self._lock:
            if fault := self.storm(asked):
                behaviour: Behaviour = fault
            elif self.faults:
                behaviour = self.faults.popleft()
            elif queue := self._queues[asked.answer_type]:
                behaviour = queue.popleft()
            elif asked.answer_type in self._always:
                behaviour = self._always[asked.answer_type](asked)
            else:
                raise ValueError(f"the stand-in has no answer of the type {asked.answer_type!r} left")
            self.seen.append(Seen(asked, behaviour))
            return behaviour


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        raw = self.rfile.read(length)
        if len(raw) < length:  # who asked was killed in the middle of asking
            self.close_connection = True
            return
        try:
            asked = read(self.path.partition("?")[0], {k.lower(): v for k, v in self.headers.items()}, json.loads(raw))
            behaviour = self._standin.next(asked)
        except (ValueError, KeyError) as wrong:
            self._standin.refused.append(str(wrong))
            self._send(400, json.dumps({"error": {"message": str(wrong), "code": 400, "status": "INVALID_ARGUMENT"}}).encode())
            return
        fault, reply = behaviour if isinstance(behaviour, tuple) else (behaviour, Reply({}))
        if isinstance(fault, Reply):
            self._send(200, self._body(asked, fault, raw))
        else:
            self._fail(fault, asked, reply, raw)

    def _fail(self, fault: Fault, asked: Asked, reply: Reply, raw: bytes) -> None:
        plain = {
            Fault.SERVER_ERROR: (500, "INTERNAL"),
            Fault.UNAVAILABLE: (503, "UNAVAILABLE"),
            Fault.BAD_KEY: (401, "UNAUTHENTICATED"),
            Fault.NO_SUCH_MODEL: (404, "NOT_FOUND"),
        }
        match fault:
            case Fault.THROTTLED:
                self._send(429, _error(429, "RESOURCE_EXHAUSTED"), {"Retry-After": "2"})
            case Fault.CUT:
                self.close_connection = True
            case Fault.STALL:
                self._standin.stopped.wait()
                self.close_connection = True
            case Fault.HALF:
                body = self._body(asked, reply, raw, whole=False)
                self._send(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
                self.close_connection = True
            case Fault.MALFORMED:
                self._send(200, b'{"choices": [{"mess')
            case Fault.NO_SCHEMA | Fault.NO_TOOLS:
                self._send(400, _error(400, "INVALID_ARGUMENT", f"{fault}"))
            case Fault.NO_USAGE | Fault.USAGE_ABOVE:
                self._send(200, self._body(asked, reply, raw, usage=fault is not Fault.NO_USAGE, above=fault is Fault.USAGE_ABOVE))
            case _:
                status, name = plain[fault]
                self._send(status, _error(status, name))

    def _body(self, asked: Asked, reply: Reply, raw: bytes, *, usage: bool = True, above: bool = False, whole: bool = True) -> bytes:
        if whole:
            self._standin.given.append(Given(hashlib.sha256(raw).hexdigest(), *tokens(reply, len(raw), above)))
        build = chat_completion if asked.protocol == "chat" else generate_content
        return build(reply, model=asked.model, asked_bytes=len(raw), tool=asked.tool, usage=usage, above=above)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Nothing: pytest shows what was seen."""

    @property
    def _standin(self) -> StandIn:
        assert isinstance(self.server, _Server)
        return self.server.standin


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a caller that went away, as one that is killed in mid-call does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type] # typeshed names the socket's types


def _error(status: int, name: str, message: str = "the stand-in was told to fail") -> bytes:
    return json.dumps({"error": {"code": status, "status": name, "message": message, "type": name.lower()}}).encode()
