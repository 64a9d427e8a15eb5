"""A function's routes answer the same, whether functions-framework calls them or a host of the same process does."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from wsgiref.types import WSGIEnvironment

import pytest
from flask import Request, Response
from pydantic import BaseModel
from werkzeug.test import EnvironBuilder, run_wsgi_app

from shared.callers import Callers, Part, ServiceAccounts
from shared.errors import Busy, Forbidden
from shared.http import MAX_BODY_BYTES, Api, Call
from shared.id_tokens import unsigned_token
from shared.ids import Ids
from shared.telemetry.tracing import Tracing
from tests.support.clock import FrozenClock

QUEUE = "queue@example.iam.gserviceaccount.com"


class Instance:
    """A runtime of its own."""

    def __init__(self) -> None:
        self.ids = Ids(FrozenClock(datetime(2026, 3, 14, tzinfo=UTC)), bytes)
        self.tracing = Tracing()
        self.callers: Callers = ServiceAccounts({Part.QUEUE: QUEUE})
        self.flushed = 0

    def flush(self) -> None:
        self.flushed += 1


class Number(BaseModel):
    """What is sent and answered."""

    n: int


INSTANCE = Instance()
api = Api("numbers", lambda: INSTANCE)


@api.route("POST", "/double")
def double(call: Call[Instance]) -> Number:
    return Number(n=2 * call.body(Number).n)


@api.route("GET", "/numbers/<n>")
def one(call: Call[Instance]) -> tuple[Number, int]:
    return Number(n=int(call.arguments["n"]) + int(call.request.args.get("more", "0"))), 203


@api.route("GET", "/text")
def text(_: Call[Instance]) -> Response:
    return Response("words", 200, mimetype="text/plain")


@api.route("POST", "/busy")
def busy(_: Call[Instance]) -> Number:
    raise Busy("Later.", retry_after_s=7)


@api.route("POST", "/broken")
def broken(_: Call[Instance]) -> Number:
    raise ZeroDivisionError("a defect")


@api.route("POST", "/queue", caller=Part.QUEUE)
def queue(_: Call[Instance]) -> Number:
    return Number(n=1)


Answered = tuple[int, dict[str, str], bytes]


def _answered(environ: WSGIEnvironment, *, by_flask: bool) -> Answered:
    app = api.answer(Request(environ)) if by_flask else api
    parts, status, headers = run_wsgi_app(app, environ)
    return int(status.split()[0]), {name.lower(): value for name, value in headers}, b"".join(parts)


def ask(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answered:
    """The answer, which is the same in both ways."""
    found: list[Answered] = []
    for by_flask in (True, False):
        given = {"X-Request-Id": "r-1", "Content-Type": "application/json", **(headers or {})}
        environ = EnvironBuilder(path, method=method, headers=list(given.items()), input_stream=io.BytesIO(body)).get_environ()
        environ["CONTENT_LENGTH"] = str(len(body))
        found.append(_answered(environ, by_flask=by_flask))
    assert found[0] == found[1]
    return found[1]


def test_an_answer_is_json_with_the_request_id() -> None:
    assert ask("POST", "/double", b'{"n": 3}') == (
        200,
        {"content-type": "application/json", "x-request-id": "r-1", "content-length": "7"},
        b'{"n":6}',
    )


def test_a_path_may_have_a_variable_part_and_a_query() -> None:
    assert ask("GET", "/numbers/5?more=2")[::2] == (203, b'{"n":7}')


def test_a_response_of_the_handler_is_answered_as_it_is() -> None:
    status, headers, body = ask("GET", "/text")
    assert (status, headers["content-type"], headers["x-request-id"], body) == (200, "text/plain; charset=utf-8", "r-1", b"words")


def test_head_gives_the_head_alone() -> None:
    status, headers, body = ask("HEAD", "/numbers/5")
    assert (status, headers["content-length"], body) == (203, "7", b"")


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type", "status"),
    [
        pytest.param("POST", "/nowhere", b"{}", "application/json", 404, id="no such path"),
        pytest.param("GET", "/double", b"", "application/json", 405, id="another method"),
        pytest.param("POST", "/double", b'{"n": "x"}', "application/json", 400, id="a field of another type"),
        pytest.param("POST", "/double", b"n=3", "text/plain", 415, id="no JSON"),
        pytest.param("POST", "/double", b" " * (MAX_BODY_BYTES + 1), "application/json", 413, id="too large"),
        pytest.param("POST", "/queue", b"{}", "application/json", 401, id="nobody"),
        pytest.param("POST", "/broken", b"{}", "application/json", 500, id="a defect"),
    ],
)
def test_what_is_wrong_is_a_problem_document(method: str, path: str, body: bytes, content_type: str, status: int) -> None:
    found = ask(method, path, body, {"Content-Type": content_type})
    assert (found[0], found[1]["content-type"]) == (status, "application/problem+json")


def test_another_method_names_those_that_are_possible() -> None:
    assert ask("PUT", "/double")[1]["allow"] == "POST"


def test_who_has_to_wait_is_told_for_how_long() -> None:
    assert ask("POST", "/busy")[1]["retry-after"] == "7"


def test_the_caller_is_read_from_the_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "numbers")
    token = unsigned_token(QUEUE, "https://numbers.example")
    assert ask("POST", "/queue", b"{}", {"Authorization": f"Bearer {token}"})[0] == 200
    other = unsigned_token("mallory@example.com", "https://numbers.example")
    assert ask("POST", "/queue", b"{}", {"Authorization": f"Bearer {other}"})[0] == Forbidden.status


def test_spans_are_sent_after_every_call() -> None:
    before = INSTANCE.flushed
    ask("POST", "/broken")
    assert INSTANCE.flushed == before + 2
