"""Cloud Tasks on this machine: its gRPC API for HTTP tasks, on a file that survives a kill.

``python -m infra.local.emulated.tasks_server --port P --home DIR``. As the service does, it keeps the names of ended tasks from being used
again. Unlike it, every queue exists, there are no rate limits, and it only delivers to this machine.
"""

from __future__ import annotations

import argparse
import logging
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from google.cloud.tasks_v2 import types
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from infra.local.emulated.ports import HOST
from infra.local.emulated.tasks_book import INDEXES, NAMES_KEPT_S, Entry, TaskBook
from infra.local.emulated.tasks_dispatch import Dispatcher
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.clock import Clock, SystemClock
from shared.endpoints import is_on_this_machine
from shared.errors import AlreadyExists, KimeraError, NotFound

SERVICE = "google.cloud.tasks.v2.CloudTasks"
MAX_TASK_BYTES = 102_400
_NAME = re.compile(r"projects/[\w:.-]+/locations/[\w-]+/queues/[A-Za-z0-9-]{1,100}/tasks/[\w-]{1,500}")
_THREADS = 8


class TasksServer:
    """Serves the API at ``port`` of this machine (0 takes a free one). ``start`` begins to deliver; without it a test says when."""

    def __init__(self, home: Path, *, port: int = 0, clock: Clock | None = None, names_kept_s: float = NAMES_KEPT_S) -> None:
        """Raises ``OSError`` where it cannot listen."""
        clock = clock or SystemClock()
        home.mkdir(parents=True, exist_ok=True)
        self._documents = SqliteDocuments(home / "tasks.sqlite3", indexes=INDEXES)
        self.book = TaskBook(self._documents, clock, names_kept_s=names_kept_s)
        self.dispatcher = Dispatcher(self.book, clock)
        self._server = grpc.server(ThreadPoolExecutor(_THREADS, thread_name_prefix="tasks-grpc"), options=[("grpc.so_reuseport", 0)])
        methods = _Methods(self.book, clock, self.dispatcher.wake)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods.handlers()),))
        try:
            self.address = f"{HOST}:{self._server.add_insecure_port(f'{HOST}:{port}')}"
        except RuntimeError as error:
            raise OSError(f"Nothing can listen at {HOST}:{port}: {error}") from error
        self._server.start()

    def start(self) -> None:
        """Begin to deliver."""
        self.dispatcher.start()

    def close(self) -> None:
        """Finish what is being delivered, and end."""
        self._server.stop(grace=0.5).wait(timeout=5)
        self.dispatcher.stop()
        self._documents.close()


class _Refused(Exception):
    """An answer with a status that is no OK."""

    def __init__(self, status: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Methods:
    """The API's methods. Requests and answers are proto-plus messages, which ship without types."""

    def __init__(self, book: TaskBook, clock: Clock, wake: Callable[[], None]) -> None:
        self._book = book
        self._clock = clock
        self._wake = wake

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        known: dict[str, tuple[Callable[[Any], Message], Any]] = {
            "CreateTask": (self.create, types.CreateTaskRequest),
            "GetTask": (self.get, types.GetTaskRequest),
            "ListTasks": (self.list, types.ListTasksRequest),
            "DeleteTask": (self.delete, types.DeleteTaskRequest),
        }
        return {
            name: grpc.unary_unary_rpc_method_handler(
                _answering(method),
                request_deserializer=request.deserialize,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for name, (method, request) in known.items()
        }

    def create(self, request: Any) -> Message:  # noqa: ANN401  # proto-plus
        task, now = request.task, self._clock.now()
        task.name = task.name or f"{request.parent}/tasks/{now.timestamp() * 1e6:.0f}"
        _check(request.parent, task)
        due = datetime.fromtimestamp(task.schedule_time.timestamp(), UTC) if task.schedule_time else now
        task.schedule_time, task.create_time = max(due, now), now
        self._book.create(Entry(task.name, types.Task.serialize(task), max(due, now), now))
        self._wake()
        answer: Message = types.Task.pb(task)
        return answer

    def get(self, request: Any) -> Message:  # noqa: ANN401  # proto-plus
        return _message(self._book.get(request.name))

    def list(self, request: Any) -> Message:  # noqa: ANN401  # proto-plus
        answer: Message = types.ListTasksResponse.pb(types.ListTasksResponse())
        answer.tasks.extend(_message(entry) for entry in self._book.of(request.parent))
        return answer

    def delete(self, request: Any) -> Message:  # noqa: ANN401  # proto-plus
        self._book.get(request.name)
        self._book.end(request.name)
        return Empty()


def _check(parent: str, task: Any) -> None:  # noqa: ANN401  # proto-plus
    if not _NAME.fullmatch(task.name) or not task.name.startswith(f"{parent}/tasks/"):
        raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, f"{task.name!r} is no task of {parent}.")
    if not task.http_request.url:
        raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "Only HTTP tasks are emulated.")
    if not is_on_this_machine(task.http_request.url):
        raise _Refused(
            grpc.StatusCode.INVALID_ARGUMENT, f"{task.http_request.url} is not on this machine: an emulator delivers nowhere else."
        )
    if len(types.Task.serialize(task)) > MAX_TASK_BYTES:
        raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, f"The task size is too large: at most {MAX_TASK_BYTES} bytes.")


def _message(entry: Entry) -> Message:
    task = types.Task.deserialize(entry.message)
    task.schedule_time, task.dispatch_count, task.response_count = entry.due, entry.dispatches, entry.responses
    message: Message = types.Task.pb(task)
    return message


def _answering(method: Callable[[Any], Message]) -> Callable[[Any, grpc.ServicerContext], Message]:
    def answer(request: Any, context: grpc.ServicerContext) -> Message:  # noqa: ANN401  # proto-plus
        try:
            return method(request)
        except _Refused as refused:
            context.abort(refused.status, str(refused))
        except AlreadyExists as error:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, error.message)
        except NotFound as error:
            context.abort(grpc.StatusCode.NOT_FOUND, error.message)
        except KimeraError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        raise AssertionError("context.abort raises")

    return answer


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.emulated.tasks_server", description="Cloud Tasks on this machine.")
    parser.add_argument("--port", type=int, required=True, help=f"the port of {HOST} to listen at")
    parser.add_argument("--home", type=Path, required=True, help="the folder to keep tasks in")
    parser.add_argument("--keep-names-s", type=float, default=NAMES_KEPT_S, help="how long an ended task's name stays taken")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    server = TasksServer(given.home, port=given.port, names_kept_s=given.keep_names_s)
    server.start()
    logging.getLogger(__name__).info("Cloud Tasks is emulated at %s", server.address)
    stopped.wait()
    server.close()


if __name__ == "__main__":
    main()
