"""An endpoint of one's own as people set it up: wrong addresses, other servers' errors, answers of another protocol."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import JsonValue

from infra.local.model_probe import probe
from shared.errors import BadInput, ModelCircuitOpen, Unavailable
from shared.models.answers import StoredAnswer
from shared.models.breaker import MAX_FAILURES, Breaker, Circuits
from shared.models.calls import CallUsage, ModelSpec, Price
from shared.models.credentials import ModelEndpoints
from shared.models.failures import Failure, RequestFailed
from shared.models.provider import ProviderLink
from shared.models.selection import select
from shared.runtime import Runtime
from shared.settings import Settings
from tests.integration.test_model_provider import call

HIDDEN = "hidden"


class Endpoint:
    """A server that answers with ``status`` and ``body``, and as ``refuses`` says to a request with one of its keys.

    ``kind``: the content type, where it is another than the body's own. ``slow_s``: how long it takes. ``asked``: the requests.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.status = 200
        self.body = b""
        self.kind: str | None = None
        self.slow_s = 0.0
        self.refuses: dict[str, tuple[int, bytes]] = {}
        self.asked: list[dict[str, JsonValue]] = []
        self.arrived, self.closing = threading.Event(), threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                endpoint.arrived.set()
                named = next((key for key in endpoint.refuses if key in endpoint.asked[-1]), None)
                status, body = endpoint.refuses[named] if named else (endpoint.status, endpoint.body)
                endpoint.closing.wait(endpoint.slow_s)
                self.send_response(status)
                kind = ("text/html" if body.startswith(b"<") else "application/json") if endpoint.kind is None else endpoint.kind
                for name, value in (("Content-Type", kind), ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
                """Nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answers(self, status: int, body: JsonValue) -> None:
        self.status, self.body = status, body.encode() if isinstance(body, str) else json.dumps(body).encode()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture
def failure() -> Iterator[Callable[[str], RequestFailed]]:
    """How a request to an address fails."""
    links: list[ProviderLink] = []

    def ask(url: str) -> RequestFailed:
        links.append(ProviderLink(at(url), timeout_s=5))
        with pytest.raises(RequestFailed) as failed:
            links[-1].send(call("openai"))
        return failed.value

    yield ask
    for link in links:
        link.close()


def completion(text: str, *, finish: str = "stop") -> JsonValue:
    message: JsonValue = {"role": "assistant", "content": text}
    choice: JsonValue = {"index": 0, "finish_reason": finish, "message": message}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def at(url: str) -> ModelEndpoints:
    return ModelEndpoints(_env_file=None, openai_api_key=None, openai_base_url=url)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "http://localhost:99999/v1", "https:///v1", "ftp://host/v1", "http://a b/v1"])
def test_an_address_that_is_none_is_refused_before_a_mission_begins(failure: Callable[[str], RequestFailed], url: str) -> None:
    with pytest.raises(BadInput, match="OPENAI_BASE_URL") as refused:
        select(Settings(_env_file=None), at(url), model="openai:mine", price="0/0")
    assert "http://localhost:8000/v1" in refused.value.remedy
    assert (failure(url).failure, failure(url).message) == (Failure.REFUSED, refused.value.message)


def test_what_is_secret_in_an_address_is_not_told() -> None:
    assert at(f"https://{HIDDEN}@host:1/v1?key={HIDDEN}").address("openai") == "https://host:1/v1"
    assert HIDDEN not in (at(f"{HIDDEN}@host").wrong_address("openai") or "")
    assert at(" http://host/v1 ").wrong_address("openai") is None


@pytest.mark.parametrize(
    ("status", "body", "failure_is", "said", "remedy"),
    [
        (404, "<!DOCTYPE html><html>nginx</html>", Failure.REFUSED, "404: a web page", "/v1"),
        (404, {"error": {"message": "model 'm' not found"}}, Failure.REFUSED, "404: model 'm' not found", "model of this name"),
        (404, {"error": "model 'm' not found"}, Failure.REFUSED, "404: model 'm' not found", "model of this name"),
        (405, {"detail": "Method Not Allowed"}, Failure.REFUSED, "405: Method Not Allowed", "/v1"),
        (407, "<html>log in</html>", Failure.REFUSED, "407: a web page", "proxy"),
        (413, "<html>nginx</html>", Failure.REFUSED, "413: a web page", "larger requests"),
        (501, {"error": "not implemented"}, Failure.REFUSED, "501: not implemented", "/v1"),
        (502, "<html>nginx</html>", Failure.LOST, "502: a web page", ""),
        (503, {"error": {"code": 503, "message": "Loading model"}}, Failure.OVERLOADED, "503: Loading model", ""),
        (200, "<html>an app</html>", Failure.REFUSED, "a web page", "/v1"),
        (200, "<3 I am a model and say so", Failure.LOST, "cannot be read: it is no JSON", "/v1"),
        (200, {"id": "1", "object": "chat.completion", "model": "m", "created": 1, "choices": []}, Failure.LOST, "choices is empty", "/v1"),
        (200, {"choices": ["an answer"]}, Failure.LOST, "no choices", "/v1"),
        (200, {"error": {"message": "the model died"}}, Failure.LOST, "the model died", "/v1"),
        (
            400,
            {"error": {"code": 400, "message": "exceeds the available context size", "type": "exceed_context_size_error"}},
            Failure.REFUSED,
            "400: exceeds",
            "longer context",
        ),
        (400, {"message": "This model's maximum context length is 4096 tokens."}, Failure.REFUSED, "400: This model's", "longer context"),
    ],
)
def test_what_an_endpoint_says_is_told_with_where_it_is_and_what_to_do(
    endpoint: Endpoint,
    failure: Callable[[str], RequestFailed],
    status: int,
    body: JsonValue,
    failure_is: Failure,
    said: str,
    remedy: str,
) -> None:
    endpoint.answers(status, body)
    failed = failure(endpoint.url)
    assert failed.failure is failure_is
    assert said in failed.message and endpoint.url in failed.message and failed.message.count("some-model") == 1
    assert remedy in failed.remedy


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", ""])
def test_a_web_page_is_no_answer_of_a_model_and_neither_asked_for_again_nor_paid(
    endpoint: Endpoint, failure: Callable[[str], RequestFailed], kind: str
) -> None:
    endpoint.kind = kind
    endpoint.answers(200, "\n<!DOCTYPE HTML>\n<html><title>Log in</title></html>")
    failed = failure(endpoint.url)
    assert (failed.failure, failed.failure.unpaid, failed.failure.transient) == (Failure.REFUSED, True, False)
    assert failed.message == f"openai:some-model at {endpoint.url} sent a web page, and no answer of a model."
    assert "/v1" in failed.remedy and "proxy" in failed.remedy


def test_an_endpoint_that_takes_no_response_format_and_no_tools_is_asked_in_words_alone(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    endpoint.refuses = {"response_format": (400, b"{}"), "tools": (400, b"{}")}
    endpoint.answers(200, completion('{"total": 3}'))
    for _ in range(2):
        with pytest.raises(RequestFailed) as failed:
            link.send(call("openai"))
        assert failed.value.failure is Failure.UNSUPPORTED
    assert link.send(call("openai")).text == '{"total": 3}'
    link.close()


def test_a_500_about_the_way_of_asking_has_the_next_request_ask_in_another_and_is_charged(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    schema = {"error": {"code": 500, "message": 'response_format type must be one of "text" or "json_object"', "type": "server_error"}}
    tools = {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}
    endpoint.refuses = {"response_format": (500, json.dumps(schema).encode()), "tools": (500, json.dumps(tools).encode())}
    endpoint.answers(200, completion('{"total": 3}'))
    for _ in range(2):
        with pytest.raises(RequestFailed) as failed:
            link.send(call("openai"))
        assert (failed.value.failure, failed.value.failure.unpaid, failed.value.failure.transient) == (Failure.STUMBLED, False, True)
    assert link.send(call("openai")).text == '{"total": 3}'
    endpoint.answers(200, completion('{"total": 42, "words": "forty-two"}'))
    (by_schema, by_tool, in_words) = list(probe(link, ModelSpec("openai", "mine", Price(Decimal(0), Decimal(0)))))
    link.close()
    assert by_schema.ok and by_tool.ok and "not supported" in by_tool.detail and in_words.ok


def test_any_other_500_is_asked_again_in_the_same_way(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    endpoint.answers(500, {"error": {"message": "CUDA out of memory"}})
    for _ in range(2):
        with pytest.raises(RequestFailed) as failed:
            link.send(call("openai"))
        assert failed.value.failure is Failure.LOST
    link.close()
    assert all("response_format" in asked for asked in endpoint.asked)


def test_an_endpoint_that_may_pass_over_a_schema_is_told_it_in_words_too(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    endpoint.answers(200, completion('{"total": 3}'))
    link.send(call("openai"))
    link.close()
    (asked,) = endpoint.asked
    assert "response_format" in asked and '"total"' in json.dumps(asked["messages"]).replace("\\", "")


def test_an_answer_that_ended_at_its_limit_says_so(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    endpoint.answers(200, completion("<think>They want a to", finish="length"))
    cut = link.send(call("openai"))
    endpoint.answers(200, completion('{"total": 3}'))
    whole = link.send(call("openai"))
    link.close()
    assert (cut.cut_short, whole.cut_short) == (True, False)
    assert StoredAnswer.model_validate_json(StoredAnswer.of(cut).model_dump_json()).answer() == cut


def test_what_a_server_leaves_out_around_its_answer_does_not_cost_the_answer(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    said: JsonValue = {"content": '{"total": 3}'}
    usage: JsonValue = {"prompt_tokens": 40, "completion_tokens": 7}
    endpoint.answers(200, {"choices": [{"message": said}], "usage": usage})
    bare = link.send(call("openai"))
    endpoint.answers(200, {"object": "text", "choices": [{"message": said}], "usage": {"prompt_tokens": 40}})
    half_counted = link.send(call("openai"))
    called: JsonValue = {"tool_calls": [{"function": {"name": "answer", "arguments": '{"total": 4}'}}]}
    endpoint.answers(200, {"choices": [{"message": called}]})
    by_tool = link.send_as(call("openai"), "tool")
    link.close()
    assert (bare.text, bare.model, bare.usage) == ('{"total": 3}', "", CallUsage(40, 7))
    assert (half_counted.text, half_counted.usage) == ('{"total": 3}', None)
    assert (by_tool.text, by_tool.usage) == ('{"total": 4}', None), "what was not counted stays unknown"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"prompt_tokens": -500, "completion_tokens": 7, "total_tokens": -493}, None),
        ({"prompt_tokens": 40, "completion_tokens": -7}, None),
        ({"prompt_tokens": 40, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": -5}}, CallUsage(40, 7)),
        ({"prompt_tokens": 40, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 30}}, CallUsage(40, 7, 30)),
        ({"prompt_tokens": 40, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": -1}}, CallUsage(40, 7)),
    ],
)
def test_a_count_below_nothing_is_none_and_nobody_is_warned_of_it(endpoint: Endpoint, usage: JsonValue, read: CallUsage | None) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    endpoint.answers(200, {"choices": [{"message": {"content": '{"total": 3}'}}], "usage": usage})
    answer = link.send(call("openai"))
    link.close()
    assert (answer.text, answer.usage) == ('{"total": 3}', read)


def test_an_open_circuit_says_what_opened_it_in_one_line_that_no_terminal_obeys(endpoint: Endpoint, tmp_path: Path) -> None:
    runtime = Runtime(Settings(home=tmp_path))
    circuits = Circuits(runtime.documents, runtime.clock, instance="here")
    endpoint.answers(500, {"error": {"message": "out of memory\x1b[31m\n of the\u202e card"}})
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    chain = Breaker(link, circuits)
    for _ in range(MAX_FAILURES):
        with pytest.raises(RequestFailed):
            chain.send(call("openai"))
    with pytest.raises(ModelCircuitOpen) as refused:
        chain.send(call("openai"))
    with pytest.raises(ModelCircuitOpen) as before_money_is_set_aside:
        circuits.check(call("openai"))
    link.close()
    runtime.close()
    said = f"openai:some-model at {endpoint.url}: 500: out of memory [31m of the card"
    assert refused.value.message == f"The circuit of openai is open: 5 requests in a row failed, the last one so: {said}."
    assert before_money_is_set_aside.value.message == refused.value.message


@pytest.mark.parametrize(
    "said",
    [
        {"message": {"role": "assistant", "content": {"total": 3}}},
        {"message": {"role": "assistant", "content": {"type": "text", "text": '{"total": 3}'}}},
        {"message": {"role": "assistant", "content": [{"type": "text", "text": '{"total": 3}'}]}},
        {"text": '{"total": 3}', "finish_reason": "stop"},
    ],
    ids=["an object", "one part", "parts", "the older text"],
)
def test_an_answer_is_read_in_each_form_that_servers_give_it(endpoint: Endpoint, said: JsonValue) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    endpoint.answers(200, {"id": "1", "choices": [said], "usage": {"prompt_tokens": 40, "completion_tokens": 7}})
    read = link.send(call("openai"))
    called: JsonValue = {"tool_calls": [{"function": {"name": "answer", "arguments": {"total": 4}}}]}
    endpoint.answers(200, {"choices": [{"message": called}]})
    by_tool = link.send_as(call("openai"), "tool")
    link.close()
    assert (read.text, read.usage) == ('{"total": 3}', CallUsage(40, 7))
    assert by_tool.text == '{"total": 4}'


def test_a_message_goes_before_the_older_text(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    endpoint.answers(200, {"choices": [{"message": {"content": '{"total": 3}'}, "text": '{"total": 5}'}]})
    assert link.send(call("openai")).text == '{"total": 3}'
    link.close()


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("before", ["", ": working\n\n", "event: message\n"])
def test_a_stream_in_an_answers_place_says_what_to_switch_off_is_charged_and_not_asked_for_again(
    endpoint: Endpoint, failure: Callable[[str], RequestFailed], kind: str, before: str
) -> None:
    endpoint.kind = kind
    chunk = json.dumps({"choices": [{"index": 0, "delta": {"content": '{"total": 3}'}, "finish_reason": "stop"}]})
    endpoint.answers(200, f"{before}data: {chunk}\n\ndata: [DONE]\n\n")
    failed = failure(endpoint.url)
    assert (failed.failure, failed.failure.unpaid, failed.failure.transient) == (Failure.STREAMED, False, False)
    assert endpoint.url in failed.message and "stream" in failed.message and "Switch streaming off" in failed.remedy
    (asked,) = endpoint.asked
    assert not asked.get("stream")


def test_an_endpoint_of_ones_own_is_waited_for_as_long_as_the_setting_says(endpoint: Endpoint) -> None:
    endpoint.answers(200, completion('{"total": 3}'))
    endpoint.slow_s = 0.5
    patient, hasty = (
        ProviderLink(at(endpoint.url), timeout_s=timeout_s, own_timeout_s=own_s) for timeout_s, own_s in ((0.1, 30), (30, 0.1))
    )
    assert patient.send(call("openai")).text == '{"total": 3}'
    with pytest.raises(RequestFailed) as late:
        hasty.send(call("openai"))
    patient.close()
    hasty.close()
    assert late.value.failure is Failure.LOST and "KIMERA_ANSWER_TIMEOUT_S" in late.value.remedy


def test_who_waits_for_an_answer_is_let_go_where_the_link_is_closed(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=60)
    endpoint.slow_s = 60
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(link.send, call("openai"))
        assert endpoint.arrived.wait(20)
        link.close()
        with pytest.raises(Unavailable, match="the platform stops"):
            waiting.result(10)


def test_doctor_leaves_room_to_think_and_tells_of_an_answer_that_was_cut_short(endpoint: Endpoint) -> None:
    link = ProviderLink(at(endpoint.url), timeout_s=5)
    endpoint.answers(200, completion("<think>They want a to", finish="length"))
    found = list(probe(link, ModelSpec("openai", "mine", Price(Decimal(0), Decimal(0)))))
    list(probe(link, ModelSpec("openai", "mine", Price(Decimal(1), Decimal(10)))))
    link.close()
    assert [asked["max_tokens"] for asked in endpoint.asked] == [2_048] * 3 + [256] * 3
    assert [f.ok for f in found] == [False] * 3 and "cut short at the limit of 2,048 tokens" in found[0].detail
