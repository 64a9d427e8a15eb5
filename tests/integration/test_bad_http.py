"""Whatever arrives at the port of `kimera serve`: refused early, said clearly, nothing kept. Over real sockets, byte by byte."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command import Kimera, Running, eventually

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("bad-http")]
HOST = b"Host: localhost\r\n"
CHUNKED = HOST + b"Transfer-Encoding: chunked\r\n\r\n"
MIB = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"


@dataclass(frozen=True)
class Answer:
    """What came back before the server closed."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, object]:
        """Its problem document, which carries the request id of the header."""
        assert self.headers["content-type"] == "application/problem+json", self
        found: dict[str, object] = json.loads(self.body)
        assert set(found) == {"type", "title", "status", "detail", "code", "remedy", "request_id", "fields"}
        assert found["status"] == self.status
        assert found["request_id"] == self.headers["x-request-id"] != ""
        assert found["detail"] and "Traceback" not in str(found)
        return found


class Served:
    """A platform in a process of its own."""

    def __init__(self, running: Running, home: Path) -> None:
        self.home = home
        self.pid = running.process.pid
        self._port = int(re.findall(r":(\d+) ", running.line_with("KIMERA is at"))[0])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=30)

    def send(self, data: bytes, more: Iterable[bytes] = ()) -> Answer:
        """Send all of it, then read until the server closes."""
        with self.connect() as client:
            client.sendall(data)
            for part in more:
                client.sendall(part)
            return read(client)

    def stored(self) -> list[str]:
        """The names of the stored inputs."""
        return [path.name for path in (self.home / "artifacts" / "objects").glob("inputs/*/*/*")]

    def spooled(self) -> list[str]:
        """The bodies that it keeps on the disk now: open files of which no folder knows."""
        found = []
        for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except FileNotFoundError:  # closed meanwhile
                continue
            if "(deleted)" in target:
                found.append(target)
        return found


def read(client: socket.socket) -> Answer:
    """The one answer on this connection, up to its end."""
    received = b""
    while part := client.recv(65_536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert len(headers) == len(lines)
    return Answer(int(first.split()[1]), headers, body)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    kimera = Kimera(tmp_path_factory.mktemp("bad-http"))
    with kimera.started("serve", "--port", "0") as running:
        yield Served(running, kimera.home)


def asking(method: str, path: str, *, headers: bytes = b"", body: bytes | None = None) -> bytes:
    """A request after which the connection is closed."""
    length = b"" if body is None else f"Content-Length: {len(body)}\r\n".encode()
    return f"{method} {path} HTTP/1.1\r\n".encode() + HOST + headers + length + b"Connection: close\r\n\r\n" + (body or b"")


@pytest.mark.parametrize("route", ["POST /missions", "GET /healthz", "DELETE /missions/m_1", "PUT /nowhere", "PUT /missions"])
def test_a_chunked_body_is_refused_as_soon_as_it_passes_the_limit(served: Served, route: str) -> None:
    answer = served.send(f"{route} HTTP/1.1\r\n".encode() + CHUNKED, [MIB, MIB])  # and it never ends
    assert (answer.status, answer.problem["code"], answer.headers["connection"]) == (413, "too_large", "close")
    assert "1048576" in str(answer.problem["detail"])
    assert served.spooled() == []


def test_who_goes_on_sending_still_hears_why_it_is_refused(served: Served) -> None:
    answer = served.send(b"POST /missions HTTP/1.1\r\n" + CHUNKED, [MIB] * 40)
    assert (answer.status, answer.problem["code"]) == (413, "too_large")


@pytest.mark.parametrize("announced", [b"Content-Length: 1048577\r\n\r\n", b"Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n"])
def test_an_announced_body_over_the_limit_is_refused_before_it_is_sent(served: Served, announced: bytes) -> None:
    assert served.send(b"POST /missions HTTP/1.1\r\n" + HOST + announced).problem["code"] == "too_large"


@pytest.mark.parametrize("announced", [b"Content-Length: 4294967297\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n100000001\r\n"])
def test_an_upload_over_its_limit_is_refused_before_it_is_taken_in(served: Served, announced: bytes) -> None:
    answer = served.send(b"PUT /inputs/big.csv HTTP/1.1\r\n" + HOST + announced)
    assert (answer.status, answer.problem["code"]) == (413, "too_large")
    assert "4294967296" in str(answer.problem["detail"])
    assert "big.csv" not in " ".join(served.stored())


def test_an_upload_that_is_compressed_on_its_way_is_refused(served: Served) -> None:
    sent = gzip.compress(b"a,b\n1,2\n")
    head = b"PUT /inputs/zipped.csv HTTP/1.1\r\n" + HOST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(sent)
    answer = served.send(head, [sent])
    assert (answer.status, answer.problem["code"]) == (415, "unsupported_media_type")
    assert "zipped.csv" in str(answer.problem["detail"]) and "zipped.csv" not in " ".join(served.stored())


def test_an_upload_may_be_larger_than_other_bodies_and_leaves_nothing_behind_when_it_breaks_off(served: Served) -> None:
    with served.connect() as client:
        client.sendall(b"PUT /inputs/broken.csv HTTP/1.1\r\n" + CHUNKED + MIB * 3)
        eventually(lambda: len(served.spooled()) == 1, "the upload is on the disk")
        assert all(str(served.home / "scratch") in path for path in served.spooled())
    eventually(lambda: served.spooled() == [], "what was uploaded is gone")
    assert list((served.home / "scratch").iterdir()) == []
    whole = served.send(b"PUT /inputs/whole.csv HTTP/1.1\r\nConnection: close\r\n" + CHUNKED, [MIB, MIB, b"0\r\n\r\n"])
    assert (whole.status, json.loads(whole.body)["size"]) == (201, 2 << 20)
    assert list((served.home / "scratch").iterdir()) == []
    assert [name for name in served.stored() if not name.startswith("whole")] == []


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"hello\r\n\r\n", 400, "malformed_request"),
        (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\nSet-Cookie: b\r\n\r\n", 400, "malformed_request"),
        (b"GET http://[::1 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed_request"),
        (b"GET /missions/\xe9 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed_request"),
        (b"POST /missions HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400, "malformed_request"),
        (b"POST /missions HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", 400, "malformed_request"),
        (b"POST /missions HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "malformed_request"),
        (b"POST /missions HTTP/1.1\r\nContent-Length: 2\r\n" + CHUNKED + b"0\r\n\r\n", 400, "malformed_request"),
        (b"POST /missions HTTP/1.0\r\n" + CHUNKED + b"0\r\n\r\n", 400, "malformed_request"),
        (b"POST /missions HTTP/1.1\r\n" + CHUNKED + b"zz\r\n", 400, "malformed_request"),
        (b"POST /missions HTTP/1.1\r\n" + CHUNKED + b"1;" + b"a" * 5_000, 400, "malformed_request"),
        (b"POST /missions HTTP/1.1\r\n" + CHUNKED + b"F" * 2_000 + b"\r\n", 413, "too_large"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "uri_too_long"),
        (b"GET /" + b"a" * 20_000, 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 100_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 20_000, 431, "headers_too_large"),
        (b"POST /missions HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "not_implemented"),
        (b"GET /healthz\r\n\r\n", 505, "http_version_not_supported"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version_not_supported"),
    ],
)
def test_what_is_no_request_that_the_server_speaks_is_answered_with_a_problem_document(
    served: Served, sent: bytes, status: int, code: str
) -> None:
    answer = served.send(sent)
    assert (answer.status, answer.problem["code"], answer.headers["connection"]) == (status, code, "close")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (asking("GET", "/"), 404, "not_found"),
        (asking("GET", "/robots.txt"), 404, "not_found"),
        (asking("GET", "/x%0ay"), 404, "not_found"),
        (asking("GET", "/missions//x"), 404, "not_found"),
        (asking("GET", "/missions/x%0ay"), 404, "not_found"),
        (asking("OPTIONS", "*"), 404, "not_found"),
        (asking("BREW", "/missions"), 405, "method_not_allowed"),
        (asking("TRACE", "/missions"), 405, "method_not_allowed"),
        (asking("GET", "/inputs/a.csv"), 405, "method_not_allowed"),
        (asking("PUT", "/inputs/a.csv"), 411, "length_required"),
        (asking("POST", "/missions", headers=b"Content-Type: text/plain\r\n", body=b"{}"), 415, "unsupported_media_type"),
        (asking("GET", f"/missions?limit={'9' * 5_000}"), 400, "bad_input"),
        (b"GET / HTTP/1.0\r\n\r\n", 403, "forbidden"),
        (b"GET / HTTP/1.0\r\n" + HOST + b"\r\n", 404, "not_found"),
    ],
)
def test_what_the_platform_does_not_know_is_a_problem_document_too(served: Served, sent: bytes, status: int, code: str) -> None:
    answer = served.send(sent)
    assert (answer.status, answer.problem["code"]) == (status, code)
    assert ("allow" in answer.headers) == (status == 405)


def test_the_callers_request_id_comes_back_from_the_server_itself(served: Served) -> None:
    sent = b"POST /missions HTTP/1.1\r\n" + HOST + b"X-Request-Id: mine-1\r\nContent-Length: 2000000\r\n\r\n"
    assert served.send(sent).problem["request_id"] == "mine-1"


def test_a_refused_head_has_no_body(served: Served) -> None:
    answer = served.send(b"HEAD /missions HTTP/1.1\r\n" + HOST + b"Content-Length: 2000000\r\n\r\n")
    assert (answer.status, answer.body) == (413, b"")


def test_a_request_that_waits_for_leave_to_send_no_body_is_answered(served: Served) -> None:
    assert served.send(asking("GET", "/healthz", headers=b"Expect: 100-continue\r\n")).status == 200


def test_requests_before_a_broken_one_are_answered_and_nothing_after_it(served: Served) -> None:
    fine = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    answer = served.send(fine + b"broken\r\n\r\n" + fine)
    assert answer.status == 200
    assert re.findall(rb"HTTP/1\.. (\d+)", answer.body) == [b"400"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("%20", "empty"),
        ("a%0d%0aX-Evil:%201", "U+000D"),
        ("a%0ab.csv", "U+000A"),
        ("%00", "U+0000"),
        ("a%1b[31m.csv", "U+001B"),
        ("%e2%80%aefdp.exe", "RIGHT-TO-LEFT OVERRIDE"),
        ("%e2%80%8b.csv", "ZERO WIDTH SPACE"),
        ("%e2%80%a8", "LINE SEPARATOR"),
        ("%ff.csv", "UTF-8"),
        ("%ed%a0%80", "UTF-8"),
        (".", "folder"),
        ("..", "folder"),
        ("%2e%2e", "folder"),
        ("a/b", "separator"),
        ("a%2fb", "separator"),
        ("../x", "separator"),
        ("%2e%2e%2fx", "separator"),
        ("/etc/passwd", "separator"),
        ("..%5cx", "separator"),
        ("x" * 300, "300 bytes"),
        ("%C3%A9" * 101, "202 bytes"),
    ],
)
def test_a_name_that_cannot_be_one_is_said_to_be_wrong_and_stores_nothing(served: Served, name: str, why: str) -> None:
    before = served.stored()
    for body in (b"x,y\n", b""):
        answer = served.send(asking("PUT", f"/inputs/{name}", body=body))
        assert (answer.status, answer.problem["code"]) == (400, "bad_input")
        assert why in str(answer.problem["detail"])
        assert str(answer.problem["detail"]).isprintable()
        assert "x-evil" not in answer.headers
    assert served.stored() == before


def test_a_name_in_any_script_is_kept_as_it_is(served: Served) -> None:
    for name in ("ventes%20d%C3%A9cembre.csv", "%E5%A3%B2%E4%B8%8A.csv", "%F0%9F%98%80.csv", "a%C2%A0b.csv", "%252e%252e"):
        answer = served.send(asking("PUT", f"/inputs/{name}", body=b"x\n1\n"))
        assert answer.status == 201, answer
    assert {"ventes décembre.csv@", "売上.csv@", "😀.csv@", "%2e%2e@"} <= set(served.stored())


QUESTION = '"question": "What is the mean temp by city?"'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"question": ""}', "question"),
        ('{"question": "' + "x" * 100_000 + '"}', "question"),
        ('{"question": 7}', "question"),
        ("{" + QUESTION + ', "colour": "red"}', "colour"),
        ("{" + QUESTION + ', "inputs": "a.csv"}', "inputs"),
        ("{" + QUESTION + ', "budget": {"cap_usd": -1}}', "budget.cap_usd"),
        ("{" + QUESTION + ', "budget": {"cap_usd": 1e300}}', "budget.cap_usd"),
        ("{" + QUESTION + ', "tier": "platinum"}', "tier"),
        ("[" * 100_000, "body"),
        ('{"question": "\\ud800"}', "body"),
    ],
)
def test_a_mission_that_cannot_be_one_is_told_which_field_is_wrong(served: Served, body: str, field: str) -> None:
    answer = served.send(asking("POST", "/missions", headers=b"Content-Type: application/json\r\n", body=body.encode()))
    assert (answer.status, answer.problem["code"]) == (400, "invalid_fields")
    assert json.loads(answer.body)["fields"][0].startswith(field)
    assert len(answer.body) < 4_000


def test_a_stranger_uploads_nothing_and_sees_nothing(tmp_path: Path) -> None:
    owners = {name: hashlib.sha256(f"{name}-word".encode()).hexdigest() for name in ("ann", "bob")}
    kimera = Kimera(tmp_path)
    with kimera.started("serve", "--port", "0", KIMERA_OWNERS=json.dumps(owners)) as running:
        served = Served(running, kimera.home)
        stranger = served.send(b"PUT /inputs/a.csv HTTP/1.1\r\n" + HOST + b"Content-Length: 4000000000\r\n\r\n")
        assert (stranger.status, stranger.problem["code"], stranger.headers["www-authenticate"]) == (401, "unauthenticated", "Bearer")
        foreign = served.send(b"PUT /inputs/a.csv HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4000000000\r\n\r\n")
        assert (foreign.status, foreign.problem["code"]) == (403, "forbidden")
        ann, bob = (f"Authorization: Bearer {name}-word\r\n".encode() for name in owners)
        stored = json.loads(served.send(asking("PUT", "/inputs/a.csv", headers=ann, body=b"city,temp\nBern,1\n")).body)
        body = json.dumps({"question": "How many rows are there?", "inputs": [{"uri": stored["uri"], "kind": "data", "name": "a.csv"}]})
        as_json = b"Content-Type: application/json\r\n"
        assert served.send(asking("POST", "/missions", headers=bob + as_json, body=body.encode())).problem["code"] == "bad_input"
        accepted = served.send(asking("POST", "/missions", headers=ann + as_json, body=body.encode()))
        mission_id = json.loads(accepted.body)["mission_id"]
        assert served.send(asking("GET", f"/missions/{mission_id}", headers=ann)).status == 200
        assert served.send(asking("GET", f"/missions/{mission_id}", headers=bob)).problem["code"] == "not_found"
        assert served.send(asking("GET", "/missions/m_nothere", headers=bob)).problem["code"] == "not_found"


def test_nothing_that_was_sent_is_taken_for_a_defect_of_the_platform(served: Served) -> None:
    served.send(asking("PUT", "/inputs/a%0a2026-01-01%20ERROR%20forged", body=b"x"))
    log = served.home / "kimera.log"
    assert not log.exists() or log.read_text() == ""
