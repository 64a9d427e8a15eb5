"""The embedded platform's worker delivers every task at its time, and looks at the queue no more often than that needs."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from infra.local import worker
from infra.local.worker import QueueWorker, Scheduler
from infra.local.workflows.transport import HttpRequest, HttpResponse
from shared.adapters.document_queue import DocumentQueue
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.clock import SystemClock
from shared.documents import Document, JsonMap, Query, Ref
from shared.errors import StorageFull
from shared.queue import Task
from tests.support.waiting import until

WITHIN_S = 60.0
"""Only a test that fails waits as long."""


class Looked(SqliteDocuments):
    """Counts the looks at the queue."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, indexes={"tasks": ("due", "held")})
        self.looks = 0
        self.looked = threading.Event()
        """Set when the worker has begun, and seen all that was there."""
        self.full_until, self.refused = 0.0, 0

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        if time.monotonic() < self.full_until:
            self.refused += 1
            raise StorageFull("There is no room left.")
        return super().update(ref, data, expect=expect)

    def query(self, query: Query) -> list[Document]:
        self.looks += 1
        if self.looks == 2:
            self.looked.set()
        return super().query(query)


class Functions:
    """Takes the tasks, but for the first of those that are to be refused."""

    def __init__(self, expected: int, refused: tuple[str, ...] = ()) -> None:
        self.taken: list[str] = []
        self.all_taken = threading.Event()
        self._expected = expected
        self._refused = set(refused)
        self._lock = threading.Lock()
        self.hang = threading.Event()
        """While it is not set, what is called so hangs."""
        self.hang.set()
        self.hanging = 0

    def expect(self, taken: int) -> None:
        """Wait for that many from now on."""
        with self._lock:
            self.all_taken.clear()
            self._expected = taken

    def send(self, request: HttpRequest) -> HttpResponse:
        assert request.body is not None
        name = request.body.decode()
        if "defect" in name:
            raise RuntimeError("nobody thought of this")
        if "hangs" in name:
            with self._lock:
                self.hanging += 1
            assert self.hang.wait(WITHIN_S)
        with self._lock:
            if name in self._refused:
                self._refused.discard(name)
                return HttpResponse(503, {}, b"later")
            self.taken.append(name)
            if len(self.taken) == self._expected:
                self.all_taken.set()
        return HttpResponse(200, {}, b"{}")


@contextmanager
def working(folder: Path, functions: Functions) -> Iterator[tuple[DocumentQueue, Looked]]:
    """A queue and its worker, which never looks but for a reason."""
    documents = Looked(folder / "queue.sqlite3")
    wake: list[Callable[[], None]] = []
    queue = DocumentQueue(documents, SystemClock(), randomness=random.Random(1), wake=lambda: wake[0]())
    working = QueueWorker(lambda: queue, functions, SystemClock())
    wake.append(working.wake)
    working.start()
    try:
        yield queue, documents
    finally:
        working.stop()
        documents.close()


@pytest.fixture(autouse=True)
def only_for_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_POLL_S", 3_600.0)


def test_a_task_whose_time_comes_later_is_delivered_then(tmp_path: Path) -> None:
    functions = Functions(expected=3)
    with working(tmp_path, functions) as (queue, _):
        for name, seconds in (("later", 0.4), ("soon", 0.2), ("now", 0.0)):
            queue.enqueue(Task(name, "lifecycle/dispatch", {"name": name}, SystemClock().now() + timedelta(seconds=seconds)))
        assert functions.all_taken.wait(WITHIN_S)
    assert functions.taken == ['{"name":"now"}', '{"name":"soon"}', '{"name":"later"}']


def test_a_task_that_was_refused_is_delivered_again(tmp_path: Path) -> None:
    functions = Functions(expected=2, refused=('{"name":"a"}',))
    with working(tmp_path, functions) as (queue, _):
        for name in "ab":
            queue.enqueue(Task(name, "lifecycle/dispatch", {"name": name}))
        assert functions.all_taken.wait(WITHIN_S)
    assert sorted(functions.taken) == ['{"name":"a"}', '{"name":"b"}']


def test_more_tasks_than_one_look_takes_are_all_delivered(tmp_path: Path) -> None:
    functions = Functions(expected=170)
    with working(tmp_path, functions) as (queue, _):
        with_nobody_woken = DocumentQueue(
            SqliteDocuments(tmp_path / "queue.sqlite3"), SystemClock(), randomness=random.Random(2), wake=lambda: None
        )
        for n in range(169):
            with_nobody_woken.enqueue(Task(f"t{n}", "lifecycle/dispatch", {"n": n}))
        queue.enqueue(Task("last", "lifecycle/dispatch", {"n": 169}))
        assert functions.all_taken.wait(WITHIN_S)
    assert len(set(functions.taken)) == 170


def test_each_task_takes_one_look_at_the_queue(tmp_path: Path) -> None:
    with working(tmp_path, functions := Functions(expected=0)) as (queue, documents):
        assert documents.looked.wait(WITHIN_S)  # what an earlier worker held, and what is due at the start
        before = documents.looks
        for n in range(1, 31):
            functions.expect(n)
            queue.enqueue(Task(f"t{n}", "lifecycle/dispatch", {"n": n}))
            assert functions.all_taken.wait(WITHIN_S)
    assert documents.looks - before <= 30


def test_a_delivery_that_hangs_keeps_no_other_task_from_its_function(tmp_path: Path) -> None:
    functions = Functions(expected=0)
    with working(tmp_path, functions) as (queue, _):
        functions.hang.clear()
        queue.enqueue(Task("slow", "intake/deliver", {"name": "hangs"}))
        until(lambda: functions.hanging)
        for n in range(19):
            functions.expect(n + 1)
            queue.enqueue(Task(f"t{n}", "lifecycle/dispatch", {"n": n}))
            assert functions.all_taken.wait(WITHIN_S)
        functions.expect(20)
        functions.hang.set()
        assert functions.all_taken.wait(WITHIN_S)
    assert functions.taken == [*(f'{{"n":{n}}}' for n in range(19)), '{"name":"hangs"}']


def test_where_all_threads_hang_the_next_that_is_free_goes_on(tmp_path: Path) -> None:
    functions = Functions(expected=8)
    with working(tmp_path, functions) as (queue, _):
        functions.hang.clear()
        for n in range(4):
            queue.enqueue(Task(f"slow{n}", "intake/deliver", {"name": f"hangs {n}"}))
        until(lambda: functions.hanging == 4)
        for n in range(4):
            queue.enqueue(Task(f"t{n}", "lifecycle/dispatch", {"n": n}))
        functions.hang.set()
        assert functions.all_taken.wait(WITHIN_S)


def test_a_store_that_takes_no_writes_is_not_tried_without_a_pause(tmp_path: Path) -> None:
    functions = Functions(expected=1)
    with working(tmp_path, functions) as (queue, documents):
        queue.enqueue(Task("later", "lifecycle/dispatch", {}, SystemClock().now() + timedelta(seconds=0.2)))
        documents.full_until = time.monotonic() + 1.5
        assert functions.all_taken.wait(WITHIN_S)
    assert 1 <= documents.refused <= 10


def test_a_defect_ends_neither_the_deliveries_nor_the_schedules(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody else makes them: missions would wait for ever, and no one would know why."""
    functions = Functions(expected=1)
    with working(tmp_path, functions) as (queue, _):
        queue.enqueue(Task("a", "lifecycle/dispatch", {"name": "defect"}))
        until(lambda: "nobody thought of this" in caplog.text)
        queue.enqueue(Task("b", "lifecycle/dispatch", {"name": "b"}))
        assert functions.all_taken.wait(WITHIN_S)
    Scheduler(functions, SystemClock(), about=dict).call("lifecycle/reconcile", {"name": "defect"})
    assert "lifecycle/reconcile could not be called" in caplog.text
