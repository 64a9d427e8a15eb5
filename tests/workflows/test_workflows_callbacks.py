"""Callbacks: creating-callback-endpoints, stdlib/events/create_callback_endpoint, stdlib/events/await_callback."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from infra.local.workflows import FastClock, Runner, State, StepEvent, load
from infra.local.workflows.callbacks import Endpoints
from infra.local.workflows.executions_api import serve
from infra.local.workflows.mock_files import mock_set
from infra.local.workflows.service import Record, Service
from infra.local.workflows.stdlib.events import METHODS
from tests.support.outcomes import tags

TWICE = """
- make: {call: events.create_callback_endpoint, args: {http_callback_method: PUT}, result: c}
- first: {call: events.await_callback, args: {callback: '${c}', timeout: 30}, result: a}
- second: {call: events.await_callback, args: {callback: '${c}'}, result: b}
- done: {return: ['${a}', '${b.http_request.body}']}
"""
SLOW = """
- make: {call: events.create_callback_endpoint, result: c}
- wait:
    try: {call: events.await_callback, args: {callback: '${c}'}}
    except: {as: e, steps: [{told: {return: ['${e.tags}', '${sys.now()}']}}]}
"""


@pytest.fixture
def service() -> Iterator[Service]:
    url: list[str] = []
    with Service({"twice": load(TWICE)}, callbacks=Endpoints(lambda: url[0])) as made, serve(made) as server:
        url.append(server.url)
        yield made


def endpoint(service: Service, record: Record) -> str:
    """The URL of the one endpoint of an execution, once it awaits a request there."""
    endpoints = service.endpoints()
    assert endpoints is not None
    for _ in range(1000):
        found = endpoints.of_execution(record.execution.id)
        if found and found[0].waiters:
            return endpoints._base_url() + found[0].path
        record.execution._ended.wait(0.005)
    raise AssertionError("it never waited")


def test_a_request_over_http_resumes_the_execution_and_one_that_came_early_is_kept(service: Service) -> None:
    record = service.create(service.parent("twice"))
    url = endpoint(service, record)
    assert url.startswith("http://127.0.0.1:") and f"/v1/{record.name}/callbacks/" in url
    answer = httpx.put(url, json={"ok": True}, params={"q": "1"}, headers={"X-Who": "me"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert httpx.put(url, content="plain").status_code == 200
    result = record.execution.wait(10).result
    assert isinstance(result, list) and isinstance(result[0], dict)
    assert (result[0]["type"], result[1]) == ("HTTP", "plain")
    request = result[0]["http_request"]
    assert isinstance(request, dict) and isinstance(request["headers"], dict)
    assert (request["method"], request["body"], request["query"], request["headers"]["X-Who"]) == ("PUT", {"ok": True}, {"q": "1"}, "me")
    assert request["url"] == "/" + url.split("/", 3)[3]


def test_what_an_endpoint_refuses(service: Service) -> None:
    record = service.create(service.parent("twice"))
    url = endpoint(service, record)
    assert httpx.get(url).status_code == 405
    assert httpx.put(url + "x").status_code == 404
    record.execution.cancel()
    record.execution.wait(10)
    assert httpx.put(url).status_code == 404  # it is gone with its execution


def test_an_endpoint_keeps_one_request_that_nobody_awaits_and_refuses_the_next(service: Service) -> None:
    """Page: creating-callback-endpoints, "Invoke a workflow exactly once using callbacks": 429 says that the first has arrived."""
    record = service.create(service.parent("twice"))
    url = endpoint(service, record)
    endpoints = service.endpoints()
    assert endpoints is not None
    path = "/" + url.split("/", 3)[3]
    found = endpoints.of_execution(record.execution.id)[0]
    found.waiters.clear()
    assert [endpoints.take(path, "PUT", n) for n in range(3)] == [200, 429, 429]
    assert list(found.requests) == [0]


@pytest.mark.parametrize(("method", "made"), [(None, "POST"), *((verb, verb) for verb in METHODS)])
def test_an_endpoint_for_every_method_of_the_page_and_post_without_one(method: str | None, made: str) -> None:
    args = "" if method is None else f", args: {{http_callback_method: {method}}}"
    endpoints = Endpoints(lambda: "http://x")
    seen: list[str] = []

    def note(event: StepEvent) -> None:
        seen.extend(found.method for found in endpoints.of_execution("x"))

    with Runner(callbacks=endpoints) as runner:
        definition = load(f"- a: {{call: events.create_callback_endpoint{args}, result: c}}\n- b: {{return: '${{keys(c)}}'}}\n")
        assert runner.start(definition, execution_id="x", on_step=note).wait(10).result == ["url"]
    assert seen == [made]


def test_waiting_times_out_after_twelve_hours_if_nothing_else_is_said() -> None:
    with Runner(clock=FastClock(0), callbacks=Endpoints(lambda: "http://x")) as runner:
        outcome = runner.start(load(SLOW), execution_id="x").wait(10)
    assert outcome.result == [["TimeoutError", "OSError"], 43200.0]


@pytest.mark.parametrize(
    ("call", "tag"),
    [
        ("{call: events.create_callback_endpoint, args: {http_callback_method: FETCH}}", "ValueError"),
        ("{call: events.create_callback_endpoint, args: {http_callback_method: 3}}", "TypeError"),
        ("{call: events.await_callback, args: {callback: {url: 'http://x/other'}}}", "ValueError"),
        ("{call: events.await_callback, args: {callback: x}}", "TypeError"),
        ("{call: events.await_callback, args: {callback: {url: 'http://x'}, timeout: -1}}", "ValueError"),
    ],
)
def test_wrong_arguments(call: str, tag: str) -> None:
    with Runner(callbacks=Endpoints(lambda: "http://x")) as runner:
        outcome = runner.start(load(f"- a: {call}\n"), execution_id="x").wait(10)
    assert outcome.state is State.FAILED and tags(outcome)[0] == tag


def test_mocked_callbacks_come_in_order_and_then_no_more() -> None:
    mocks = mock_set([{"callback": "PUT", "responses": [{"body": 1, "after": 20}, {"body": 2, "after": 3600}]}], "m")
    clock = FastClock(0)
    with Runner(clock=clock, callbacks=mocks.mock_callbacks()) as runner:
        result = runner.start(load(TWICE), execution_id="x").wait(10).result
        assert isinstance(result, list) and result[1] == 2 and clock.now() == 3620
    with Runner(clock=FastClock(0), callbacks=mock_set([], "m").mock_callbacks()) as runner:
        assert runner.start(load(SLOW), execution_id="x").wait(10).result == [["TimeoutError", "OSError"], 43200.0]
