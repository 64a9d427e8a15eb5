"""A ``TaskQueue`` of each kind with a handler behind it, for its contract suite."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from infra.local.emulated.tasks_server import TasksServer
from shared.adapters.document_queue import Delivery, DocumentQueue
from shared.adapters.google_errors import fault
from shared.adapters.google_tasks import GoogleTasks, TasksAddress
from shared.adapters.resilience import Resilience
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.clock import Clock
from shared.documents import JsonMap
from shared.queue import TaskQueue
from tests.support.clock import FrozenClock

QUEUE = "projects/p/locations/l/queues/missions"
ACCOUNT = "tasks@p.example.com"


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery that reached the handler."""

    route: str
    payload: JsonMap
    headers: Mapping[str, str] = field(default_factory=dict)


class QueueBench(Protocol):
    """A queue, its handler and its clock."""

    @property
    def queue(self) -> TaskQueue: ...

    clock: FrozenClock
    received: list[Received]
    answers: list[int]
    """Statuses that the handler answers with next; 200 after them."""

    def deliver_due(self) -> None:
        """Deliver what is due now, each once."""
        ...


class Handler:
    """A function that takes tasks, over real HTTP."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[int] = []
        self.arrived = threading.Event()
        self.answering = threading.Event()
        """While it is not set, a payload of ``{"hangs": ...}`` is not answered."""
        self.answering.set()
        handler = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                handler.received.append(Received(f"lifecycle{self.path}", payload, dict(self.headers)))
                handler.arrived.set()
                if "hangs" in payload:
                    handler.answering.wait(60)
                self.send_response(handler.answers.pop(0) if handler.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class EmbeddedBench:
    """The queue on the document store."""

    def __init__(self, folder: Path) -> None:
        self.clock = FrozenClock()
        self.received: list[Received] = []
        self.answers: list[int] = []
        self.documents = SqliteDocuments(folder / "queue.sqlite3")
        self.queue = DocumentQueue(self.documents, self.clock, randomness=random.Random(1), wake=lambda: None)

    def deliver_due(self) -> None:
        for document in self.queue.due():
            self.queue.deliver(document, self._handle)

    def _handle(self, route: str, payload: JsonMap) -> Delivery:
        self.received.append(Received(route, payload))
        return Delivery(accepted=(self.answers.pop(0) if self.answers else 200) < 300, error="no")

    def close(self) -> None:
        self.documents.close()


class CloudBench:
    """Cloud Tasks: the official client, the emulated service, a handler behind HTTP."""

    def __init__(self, folder: Path, handler: Handler) -> None:
        self.clock = FrozenClock()
        self.received, self.answers = handler.received, handler.answers
        self.server = TasksServer(folder / "tasks", clock=self.clock)
        self.queue = cloud_queue(self.server.address, handler.url, self.clock)

    def deliver_due(self) -> None:
        self.server.dispatcher.round()

    def close(self) -> None:
        self.queue.close()
        self.server.close()


def cloud_queue(endpoint: str, url: str, clock: Clock) -> GoogleTasks:
    """The adapter against a local service."""
    address = TasksAddress(QUEUE, {"lifecycle": url}, ACCOUNT, endpoint)
    return GoogleTasks(lambda: address, clock, resilience=lambda name: Resilience(name, judge=fault, clock=clock, uniform=lambda: 0.0))
