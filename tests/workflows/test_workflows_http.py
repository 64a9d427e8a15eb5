"""HTTP calls. Pages: stdlib/http/request, http-requests, authenticate-from-workflow; quotas."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal

import httpx
import pytest

from infra.local.workflows import HttpRequest, HttpxTransport, Runner, TransportError, load

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench


class TestRequest:
    @pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete"])
    def test_each_shortcut_sends_its_method(self, bench: Bench, verb: str) -> None:
        transport = bench.mock({"url": "*", "response": {}})
        bench.result(f"- a: {{call: http.{verb}, args: {{url: 'http://x/y'}}}}\n")
        assert transport.requests[0].method == verb.upper()

    @pytest.mark.parametrize("verb", ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"])
    def test_a_request_of_any_method(self, bench: Bench, verb: str) -> None:
        """The JSON Schema of workflows-samples lists the methods."""
        transport = bench.mock({"url": "*", "response": {}})
        bench.result(f"- a: {{call: http.request, args: {{method: {verb}, url: 'http://x/y'}}}}\n")
        assert transport.requests[0].method == verb

    def test_the_timeout_is_300_seconds_unless_given(self, bench: Bench) -> None:
        transport = bench.mock({"url": "*", "response": {}})
        bench.result("- a: {call: http.get, args: {url: 'http://x'}}\n- b: {call: http.get, args: {url: 'http://x', timeout: 1800}}\n")
        assert [request.timeout_s for request in transport.requests] == [300, 1800]

    def test_query_parameters_are_strings_numbers_booleans_and_lists_of_those(self, bench: Bench) -> None:
        transport = bench.mock({"url": "*", "response": {}})
        bench.result("- a: {call: http.get, args: {url: 'http://x', query: {a: b c, n: 1, t: true, l: [1, x]}}}\n")
        assert transport.requests[0].query == (("a", "b c"), ("n", "1"), ("t", "true"), ("l", "1"), ("l", "x"))

    @pytest.mark.parametrize(
        ("args", "kind", "sent"),
        [
            ("body: {a: [1, é]}", "application/json; charset=utf-8", '{"a":[1,"é"]}'.encode()),
            ("body: text", "application/json; charset=utf-8", b'"text"'),
            ("body: \"${text.encode('raw')}\"", "application/octet-stream", b"raw"),
            ("body: text, headers: {content-type: text/plain}", "text/plain", b"text"),
            (
                "body: {a: 1, b: x y}, headers: {Content-Type: application/x-www-form-urlencoded}",
                "application/x-www-form-urlencoded",
                b"a=1&b=x+y",
            ),
            ("body: {a: 1}, headers: {Content-Type: application/json}", "application/json", b'{"a":1}'),
        ],
    )
    def test_the_body_is_encoded_as_its_content_type_says(self, bench: Bench, args: str, kind: str, sent: bytes) -> None:
        transport = bench.mock({"url": "*", "response": {}})
        bench.result(f"- a: {{call: http.post, args: {{url: 'http://x', {args}}}}}\n")
        request = transport.requests[0]
        assert (request.body, {key.lower(): value for key, value in request.headers.items()}["content-type"]) == (sent, kind)

    @pytest.mark.parametrize(
        ("args", "tag"),
        [
            ("{url: 5}", "TypeError"),
            ("{url: 'ftp://x'}", "ValueError"),
            ("{url: '/relative'}", "ValueError"),
            ("{url: 'http://x', timeout: 1801}", "ValueError"),
            ("{url: 'http://x', timeout: 0}", "ValueError"),
            ("{url: 'http://x', headers: {a: 1}}", "TypeError"),
            ("{url: 'http://x', query: {a: {b: 1}}}", "TypeError"),
            ("{url: 'http://x', auth: {type: Basic}}", "ValueError"),
            ("{url: 'http://x', auth: {type: OIDC}}", "AuthError"),
            ("{url: 'http://x', ca_certificate: text}", "ValueError"),
            ("{url: 'http://x', private_service_name: mine}", "ValueError"),
            ("{url: 'http://x:80', private_service_name: projects/p/locations/l/namespaces/n/services/s}", "ValueError"),
            ("{url: 'http://x', private_service_name: projects/p/locations/l/namespaces/n/services/s}", "SystemError"),
            ("{url: 'http://x', query: text}", "TypeError"),
            ("{url: 'http://x', headers: [a]}", "TypeError"),
        ],
    )
    def test_arguments_of_the_wrong_kind(self, bench: Bench, args: str, tag: str) -> None:
        assert tag in bench.tags(f"- a: {{call: http.get, args: {args}}}\n")

    @pytest.mark.parametrize(
        ("headers", "sent"),
        [
            ("{}", "GoogleCloudWorkflows; (+https://cloud.google.com/workflows/docs)"),
            ("{user-agent: mine/1}", "mine/1 GoogleCloudWorkflows; (+https://cloud.google.com/workflows/docs)"),
        ],
    )
    def test_the_user_agent_names_the_service(self, bench: Bench, headers: str, sent: str) -> None:
        """Page: http-requests, "Invoke an HTTP endpoint"."""
        transport = bench.mock({"url": "*", "response": {}})
        bench.result(f"- a: {{call: http.get, args: {{url: 'http://x', headers: {headers}}}}}\n")
        assert [value for key, value in transport.requests[0].headers.items() if key.lower() == "user-agent"] == [sent]


class TestResponse:
    def answer(self, bench: Bench, response: object) -> object:
        bench.mock({"url": "*", "response": response})
        return bench.result("- a: {call: http.get, args: {url: 'http://x'}, result: r}\n- b: {return: '${r}'}\n")

    def test_the_result_has_body_code_and_headers(self, bench: Bench) -> None:
        found = self.answer(bench, {"status": 201, "body": {"a": 1}, "headers": {"x-kind": "k", "content-type": "application/json"}})
        assert found == {"body": {"a": 1}, "code": 201, "headers": {"X-Kind": "k", "Content-Type": "application/json"}}

    @pytest.mark.parametrize(
        ("kind", "text", "body"),
        [
            ("application/json", "[1]", [1]),
            ("application/problem+json", "{}", {}),
            ("text/plain", "[1]", "[1]"),
            ("application/json", "no json", "no json"),
        ],
    )
    def test_a_json_body_is_decoded(self, bench: Bench, kind: str, text: str, body: object) -> None:
        found = self.answer(bench, {"body": text, "headers": {"Content-Type": kind}})
        assert isinstance(found, dict) and found["body"] == body

    def test_a_status_of_400_or_more_is_an_error_with_everything(self, bench: Bench) -> None:
        bench.mock({"url": "*", "response": {"status": 404, "body": {"why": "gone"}, "headers": {"x-a": "1"}}})
        payload = bench.error("- a: {call: http.get, args: {url: 'http://x'}}\n").payload
        assert payload == {
            "message": "HTTP server responded with error code 404",
            "code": 404,
            "tags": ["HttpError"],
            "headers": {"X-A": "1", "Content-Type": "application/json"},
            "body": {"why": "gone"},
        }

    def test_a_response_slower_than_the_timeout_is_a_timeout_error(self, bench: Bench) -> None:
        bench.mock({"url": "*", "response": {"took": 20}})
        start = bench.clock.now()
        assert bench.tags("- a: {call: http.get, args: {url: 'http://x', timeout: 10}}\n") == ["TimeoutError", "OSError"]
        assert bench.clock.now() - start == 10

    def test_an_error_whose_body_is_no_text_keeps_its_code(self, bench: Bench) -> None:
        bench.mock({"url": "*", "response": {"status": 500, "base64": "/w=="}})
        payload = bench.error("- a: {call: http.get, args: {url: 'http://x'}}\n").payload
        assert isinstance(payload, dict)
        assert (payload["code"], payload["body"]) == (500, "b'\\xff'")

    def test_a_response_over_2_megabytes_is_a_limit_that_cannot_be_caught(self, bench: Bench) -> None:
        bench.mock({"url": "*", "response": {"body": "x" * (2 * 1024 * 1024 + 1)}})
        definition = "- t:\n    try: {call: http.get, args: {url: 'http://x'}}\n    except: {as: e, steps: [{r: {return: caught}}]}\n"
        assert bench.tags(definition) == ["ResourceLimitError", "ResultSizeLimitExceededError"]


class Tokens:
    def token(self, kind: Literal["OIDC", "OAuth2"], audience: str, scopes: tuple[str, ...]) -> str:
        if audience == "broken":
            raise OSError("no metadata server")
        return f"{kind}|{audience}|{','.join(scopes)}"


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ("{type: OIDC}", "Bearer OIDC|http://x/p?q=1|"),
        ("{type: OIDC, audience: me}", "Bearer OIDC|me|"),
        ("{type: OAuth2, scopes: [a, b]}", "Bearer OAuth2|http://x/p?q=1|a,b"),
        ("{type: OAuth2, scope: a}", "Bearer OAuth2|http://x/p?q=1|a"),
        ("{type: OAuth2, scope: [a, b]}", "Bearer OAuth2|http://x/p?q=1|a,b"),
        ("{type: OAuth2, scopes: a b}", "Bearer OAuth2|http://x/p?q=1|a,b"),
        ("{type: OAuth2, scopes: 'a,b'}", "Bearer OAuth2|http://x/p?q=1|a,b"),
    ],
)
def test_auth_asks_the_token_source(bench: Bench, auth: str, header: str) -> None:
    transport = bench.mock({"url": "*", "response": {}})
    bench.token_source = Tokens()
    bench.result(f"- a: {{call: http.get, args: {{url: 'http://x/p?q=1', auth: {auth}}}}}\n")
    assert transport.requests[0].headers["Authorization"] == header


def test_a_token_that_cannot_be_made_is_an_auth_error(bench: Bench) -> None:
    bench.mock({"url": "*", "response": {}})
    bench.token_source = Tokens()
    assert bench.tags("- a: {call: http.get, args: {url: 'http://x', auth: {type: OIDC, audience: broken}}}\n") == ["AuthError"]


class Server(BaseHTTPRequestHandler):
    """A real server: echoes, redirects in a circle, breaks off, or never answers."""

    protocol_version = "HTTP/1.1"
    hold = threading.Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply(200, json.dumps({"path": self.path, "body": body.decode()}).encode(), {"Content-Type": "application/json"})

    def do_GET(self) -> None:
        if self.path.startswith("/twice"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Part: a\r\nX-Part: b\r\nContent-Length: 0\r\n\r\n")
        elif self.path.startswith("/circle"):
            self.reply(302, b"", {"Location": "/circle"})
        elif self.path.startswith("/once"):
            self.reply(302, b"", {"Location": "/end"})
        elif self.path.startswith("/cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            self.close_connection = True
        elif self.path.startswith("/drip"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            with contextlib.suppress(OSError):
                for _ in range(1000):
                    self.wfile.write(b"x")
                    if self.hold.wait(0.02):
                        break
            self.close_connection = True
        elif self.path.startswith("/never"):
            self.hold.wait(10)
            self.close_connection = True
        else:
            self.reply(200, self.path.encode(), {"Content-Type": "text/plain"})

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    httpd.daemon_threads = True
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    Server.hold.set()
    httpd.shutdown()
    httpd.server_close()


class TestHttpx:
    """The real transport against a real server."""

    def run(self, definition: str) -> object:
        transport = HttpxTransport()
        with Runner(transport=transport) as runner:
            outcome = runner.start(load(definition), execution_id="x").wait(10)
        transport.close()
        return outcome.result if outcome.error is None else outcome.error.payload

    def test_post_and_query(self, server: str) -> None:
        found = self.run(
            f"- a: {{call: http.post, args: {{url: '{server}/p?q=1', query: {{z: é}}, body: {{k: 1}}}}, result: r}}\n"
            "- b: {return: '${r.body}'}\n"
        )
        assert found == {"path": "/p?q=1&z=%C3%A9", "body": '{"k":1}'}

    def test_headers_of_the_same_name_are_joined(self, server: str) -> None:
        """Page: release-notes, June 19, 2023."""
        definition = f"- a: {{call: http.get, args: {{url: '{server}/twice'}}, result: r}}\n- b: {{return: '${{r.headers[\"X-Part\"]}}'}}\n"
        assert self.run(definition) == "a, b"

    def test_redirects_are_followed(self, server: str) -> None:
        assert self.run(f"- a: {{call: http.get, args: {{url: '{server}/once'}}, result: r}}\n- b: {{return: '${{r.body}}'}}\n") == "/end"

    @pytest.mark.parametrize(("path", "tag"), [("/circle", "ConnectionError"), ("/cut", "ConnectionError"), ("/never", "TimeoutError")])
    def test_what_goes_wrong_on_the_way(self, server: str, path: str, tag: str) -> None:
        timeout = 0.2 if path == "/never" else 60
        found = self.run(f"- a: {{call: http.get, args: {{url: '{server}{path}', timeout: {timeout}}}}}\n")
        assert isinstance(found, dict) and found["tags"][0] == tag

    def test_a_body_that_trickles_in_times_out_as_a_whole(self, server: str) -> None:
        transport = HttpxTransport()
        with pytest.raises(TransportError) as raised:
            transport.send(HttpRequest("GET", f"{server}/drip", timeout_s=0.2))
        transport.close()
        assert raised.value.tag == "TimeoutError"

    def test_nobody_listens(self) -> None:
        found = self.run("- a: {call: http.get, args: {url: 'http://127.0.0.1:9/'}}\n")
        assert isinstance(found, dict) and found["tags"][0] == "ConnectionFailedError"

    def test_an_application_in_this_process_answers_through_a_ready_client(self) -> None:
        def application(environ: dict[str, object], start_response: object) -> list[bytes]:
            assert callable(start_response)
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps({"path": environ["PATH_INFO"]}).encode()]

        client = httpx.Client(transport=httpx.WSGITransport(app=application))
        with Runner(transport=HttpxTransport(client)) as runner:
            definition = load("- a: {call: http.get, args: {url: 'http://app/x'}, result: r}\n- b: {return: '${r.body.path}'}\n")
            assert runner.start(definition, execution_id="x").wait(10).result == "/x"


def test_a_connector_that_is_missing_is_named(bench: Bench) -> None:
    context = bench.error("- a: {call: googleapis.pubsub.v1.projects.topics.publish, args: {topic: t}, result: r}\n").context
    assert "googleapis.pubsub.v1.projects.topics.publish" in context


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_call_for_which_the_system_gives_no_thread_fails_at_once_and_can_be_retried(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    """It had been waited for until its time was up, as if somebody made it."""
    start, refused = threading.Thread.start, iter(range(attempts))

    def no_room(thread: threading.Thread) -> None:
        if thread.name.startswith("workflows-http") and next(refused, None) is not None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", no_room)
    transport = bench.mock({"url": "*", "response": {"body": "made"}})
    policy = "{predicate: '${http.default_retry_predicate}', max_retries: 5, backoff: {initial_delay: 1, max_delay: 9, multiplier: 2}}"
    got = f"- a:\n    try: {{call: http.get, args: {{url: 'http://x'}}, result: r}}\n    retry: {policy}\n- b: {{return: '${{r.body}}'}}\n"
    began = bench.clock.now()
    assert bench.result(got) == "made"
    assert bench.clock.now() - began < 60
    assert len(transport.requests) == 1
    assert next(refused, None) is None
