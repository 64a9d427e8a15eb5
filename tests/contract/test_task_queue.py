"""The ``TaskQueue`` port, on every adapter: the document store, and Cloud Tasks through its client against the emulated service."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from infra.local.emulated.tasks import TasksEmulator
from infra.local.emulated.tasks_server import TasksServer
from shared.adapters.google_tasks import GOOGLE_ENDPOINT, GoogleTasks, TasksAddress
from shared.clock import SystemClock
from shared.errors import BadInput, TooLarge, Unavailable
from shared.queue import LONGEST_WAIT, MAX_DELIVERIES, MAX_PAYLOAD_BYTES, Task
from shared.telemetry.context import CallContext, about
from tests.support.clock import FrozenClock
from tests.support.queues import ACCOUNT, QUEUE, CloudBench, EmbeddedBench, Handler, QueueBench, cloud_queue
from tests.support.waiting import until

ROUTE = "lifecycle/dispatch"


@pytest.fixture(params=["document store", "Cloud Tasks"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[QueueBench]:
    if request.param == "document store":
        embedded = EmbeddedBench(tmp_path)
        yield embedded
        embedded.close()
    else:
        yield request.getfixturevalue("cloud")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudBench]:
    with Handler() as handler:
        made = CloudBench(tmp_path, handler)
        yield made
        made.close()


def task(name: str = "a", **payload: str) -> Task:
    return Task(name, ROUTE, payload)


def deliver_all(bench: QueueBench, rounds: int) -> None:
    """Deliver what is due, that many times, with time enough in between for every backoff."""
    for _ in range(rounds):
        bench.deliver_due()
        bench.clock.advance(120)


def test_a_task_is_delivered_once_its_handler_accepts_it(bench: QueueBench) -> None:
    bench.queue.enqueue(task(text="é \"'\n"))
    deliver_all(bench, 3)
    assert [(one.route, one.payload) for one in bench.received] == [(ROUTE, {"text": "é \"'\n"})]


def test_while_it_waits_its_name_is_taken_and_enqueuing_changes_nothing(bench: QueueBench) -> None:
    bench.queue.enqueue(task(n="1"))
    bench.queue.enqueue(task(n="2"))
    deliver_all(bench, 3)
    assert [one.payload for one in bench.received] == [{"n": "1"}]


def test_a_task_that_is_being_tried_again_still_waits(bench: QueueBench) -> None:
    bench.answers += [503]
    bench.queue.enqueue(task(n="1"))
    bench.deliver_due()
    bench.queue.enqueue(task(n="2"))
    bench.clock.advance(120)
    deliver_all(bench, 3)
    assert [one.payload for one in bench.received] == [{"n": "1"}, {"n": "1"}]


def test_a_name_is_free_again_once_its_task_was_delivered(bench: QueueBench) -> None:
    for n in ("1", "2", "3"):
        bench.queue.enqueue(task(n=n))
        bench.queue.enqueue(task(n=f"{n}, again"))
        deliver_all(bench, 2)
    assert [one.payload for one in bench.received] == [{"n": "1"}, {"n": "2"}, {"n": "3"}]


def test_a_task_that_is_never_accepted_is_given_up_and_its_name_is_free(bench: QueueBench) -> None:
    bench.answers += [500] * MAX_DELIVERIES
    bench.queue.enqueue(task(n="1"))
    deliver_all(bench, MAX_DELIVERIES + 3)
    assert len(bench.received) == MAX_DELIVERIES
    bench.queue.enqueue(task(n="2"))
    deliver_all(bench, 2)
    assert bench.received[-1].payload == {"n": "2"}


def test_it_waits_for_its_time(bench: QueueBench) -> None:
    bench.queue.enqueue(Task("a", ROUTE, {}, not_before=bench.clock.now() + timedelta(seconds=30)))
    bench.clock.advance(29.9)
    bench.deliver_due()
    assert bench.received == []
    bench.clock.advance(0.2)
    bench.deliver_due()
    assert len(bench.received) == 1


def test_names_of_any_characters_are_different_names(bench: QueueBench) -> None:
    for name in ("a b", "a_b", "ä", "A B", "x" * 900):
        bench.queue.enqueue(task(name, text=name))
    deliver_all(bench, 2)
    assert sorted(str(one.payload["text"]) for one in bench.received) == sorted(["a b", "a_b", "ä", "A B", "x" * 900])


def test_a_payload_above_the_limit_is_refused_and_one_below_is_delivered(bench: QueueBench) -> None:
    with pytest.raises(TooLarge, match=str(MAX_PAYLOAD_BYTES)):
        bench.queue.enqueue(task(text="x" * MAX_PAYLOAD_BYTES))
    bench.queue.enqueue(task(text="x" * (MAX_PAYLOAD_BYTES - 20)))
    deliver_all(bench, 1)
    assert len(bench.received) == 1


def test_a_time_too_far_ahead_is_refused(bench: QueueBench) -> None:
    with pytest.raises(BadInput, match="30 days"):
        bench.queue.enqueue(Task("a", ROUTE, {}, not_before=bench.clock.now() + LONGEST_WAIT + timedelta(minutes=1)))


class TestCloudTasks:
    """What only the service has: headers, tokens, kept names, and a connection that breaks."""

    def test_a_delivery_carries_the_calls_identifiers_and_a_token_for_the_root_of_the_service(self, cloud: CloudBench) -> None:
        with about(CallContext(request_id="r-7")):
            cloud.queue.enqueue(task("dispatch-m-1"))
        cloud.deliver_due()
        headers = cloud.received[0].headers
        assert (headers["X-Request-Id"], headers["X-Kimera-Task"], headers["Content-Type"]) == ("r-7", "dispatch-m-1", "application/json")
        claims = json.loads(base64.urlsafe_b64decode(headers["Authorization"].split(".")[1] + "=="))
        root = f"http://{headers['Host']}"
        assert (claims["aud"], claims["email"]) == (root, ACCOUNT)

    def test_each_attempt_says_how_many_came_before(self, cloud: CloudBench) -> None:
        cloud.answers += [500, 429]
        cloud.queue.enqueue(task())
        deliver_all(cloud, 4)
        names = ("X-CloudTasks-TaskRetryCount", "X-CloudTasks-TaskExecutionCount", "X-CloudTasks-TaskPreviousResponse")
        assert [tuple(one.headers.get(name) for name in names) for one in cloud.received] == [
            ("0", "0", None),
            ("1", "0", "500"),
            ("2", "1", "429"),
        ]

    def test_the_service_keeps_the_id_of_an_ended_task_for_a_day(self, cloud: CloudBench) -> None:
        for _ in range(2):
            cloud.queue.enqueue(task())
            deliver_all(cloud, 1)
        cloud.clock.advance(24 * 3600)
        cloud.queue.enqueue(task())
        deliver_all(cloud, 1)
        ids = [one.headers["X-CloudTasks-TaskName"] for one in cloud.received]
        assert [one[-2:] for one in ids] == ["-0", "-1", "-0"]

    def test_tasks_survive_the_end_of_the_server_and_what_was_being_delivered_is_delivered_again(
        self, cloud: CloudBench, tmp_path: Path
    ) -> None:
        with Handler() as handler:
            first = TasksServer(tmp_path / "other", clock=cloud.clock)
            queue = cloud_queue(first.address, handler.url, cloud.clock)
            queue.enqueue(task("held"))
            queue.enqueue(task("waiting"))
            (held, _) = first.book.due(limit=2)
            first.book.save(replace(held, held=True))
            queue.close()
            first.close()
            second = TasksServer(tmp_path / "other", clock=cloud.clock)
            second.book.recover()
            second.dispatcher.round()
            second.close()
            assert len(handler.received) == 2

    def test_the_server_as_a_process_delivers_after_a_kill_what_it_had_accepted(self, tmp_path: Path) -> None:
        clock = SystemClock()
        with Handler() as handler, TasksEmulator(tmp_path) as server:
            queue = cloud_queue(server.address, handler.url, clock)
            queue.enqueue(Task("a", ROUTE, {"n": 1}, not_before=clock.now() + timedelta(seconds=1)))
            server.kill()
            server.start()
            assert handler.arrived.wait(30)
            queue.close()
        assert handler.received[0].payload == {"n": 1}

    def test_a_function_that_hangs_keeps_no_other_task_waiting(self, tmp_path: Path) -> None:
        with Handler() as handler:
            server = TasksServer(tmp_path / "hanging")
            server.start()
            queue = cloud_queue(server.address, handler.url, SystemClock())
            handler.answering.clear()
            queue.enqueue(task("slow", hangs="yes"))
            assert handler.arrived.wait(30)
            queue.enqueue(task("other", n="1"))
            until(lambda: [one.payload for one in handler.received] == [{"hangs": "yes"}, {"n": "1"}], seconds=20)
            handler.answering.set()
            queue.close()
            server.close()

    def test_a_server_that_is_away_is_named(self) -> None:
        queue = cloud_queue("127.0.0.1:9", "http://127.0.0.1:8", FrozenClock())
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 cannot be reached"):
            queue.enqueue(task())
        queue.close()

    def test_a_function_without_an_address_is_named_with_the_setting(self, cloud: CloudBench) -> None:
        with pytest.raises(Unavailable, match="KIMERA_FUSION_URL"):
            cloud.queue.enqueue(Task("a", "fusion/fuse", {}))

    def test_the_emulator_delivers_to_this_machine_only(self, cloud: CloudBench) -> None:
        queue = cloud_queue(cloud.server.address, "https://lifecycle.example.com", cloud.clock)
        with pytest.raises(BadInput, match="not on this machine"):
            queue.enqueue(task())
        queue.close()

    def test_without_credentials_google_is_not_called_and_the_remedy_is_told(
        self, cloud: CloudBench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        queue = GoogleTasks(
            lambda: TasksAddress(QUEUE, {"lifecycle": "http://127.0.0.1:8"}, ACCOUNT), cloud.clock, resilience=cloud.queue._make_resilience
        )
        with pytest.raises(Unavailable, match=GOOGLE_ENDPOINT) as caught:
            queue.enqueue(task())
        assert "application-default login" in caught.value.remedy
