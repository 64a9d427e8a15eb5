"""How the sandbox service gets its inputs: only from where a link says, only what was announced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from functions.sandbox.fetching import fetch_inputs
from schemas.sandbox import MAX_INPUT_BYTES, SandboxLink
from shared.clock import SystemClock
from shared.errors import BadInput, Corrupt, KimeraError, NotFound, TooLarge, Unavailable
from tests.support.clock import FrozenClock
from tests.support.link_server import QuietHandler, serving

DATA = b"station;temp\nBern;1.5\n"


class Store(QuietHandler):
    """A store with all its tempers, by path."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        status = int(self.path[1:4]) if self.path[1:4].isdigit() else 200
        body = {"/other": DATA.upper(), "/short": DATA[:-1], "/long": DATA * 1000}.get(self.path, DATA)
        self.asked.append(self.path)
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/data")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:  # enough was read
            pass


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setattr(Store, "asked", [])
    with serving(Store) as server:
        yield server


def link(url: str, *, name: str = "weather.csv", size: int = len(DATA)) -> SandboxLink:
    return SandboxLink(name=name, url=url, sha256=hashlib.sha256(DATA).hexdigest(), size=size)


def fetch(*links: SandboxLink, to: Path) -> dict[str, Path]:
    return fetch_inputs(links, to / "inputs", SystemClock())


def test_what_was_announced_arrives_under_a_name_of_ours(store: ThreadingHTTPServer, tmp_path: Path) -> None:
    root = f"http://127.0.0.1:{store.server_port}"
    files = fetch(link(f"{root}/data?signature=a%20b"), link(f"{root}/data", name="../../escaped"), to=tmp_path)
    assert {name: path.read_bytes() for name, path in files.items()} == {"weather.csv": DATA, "../../escaped": DATA}
    assert all(path.parent == tmp_path / "inputs" for path in files.values())
    assert Store.asked == ["/data?signature=a%20b", "/data"]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        *[("/other", Corrupt), ("/short", Corrupt), ("/long", Corrupt), ("/404", NotFound), ("/410", NotFound)],
        *[(f"/{status}", BadInput) for status in (301, 302, 303, 307, 308)],
        *[(f"/{status}", Unavailable) for status in (400, 403, 429, 500, 503)],
    ],
)
def test_anything_else_is_refused_and_no_redirect_is_followed(
    store: ThreadingHTTPServer, tmp_path: Path, path: str, error: type[KimeraError]
) -> None:
    with pytest.raises(error, match=r"weather\.csv"):
        fetch(link(f"http://127.0.0.1:{store.server_port}{path}"), to=tmp_path)
    assert Store.asked == [path]


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://127.0.0.1/x", "gs://bucket/x", "data:,x", "//127.0.0.1/x", "x", ""),
        *("http://169.254.169.254/computeMetadata/v1/", "http://metadata.google.internal/", "http://example.com/", "http://0.0.0.0/"),
        *("http://localhost:80@example.com/", "http://127.0.0.1:80@169.254.169.254/", "https://user@example.com/x"),
        *("http://127.0.0.1.example.com/", "http://[::1", "https://", "http://127.0.0.1:99999/", "https://h/a b", "https://h/\r\nX: y"),
    ],
)
def test_only_https_and_this_machine_are_links(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not one that is followed"):
        fetch(link(url), to=tmp_path)


def test_an_https_link_is_only_followed_to_a_server_that_proves_who_it_is(store: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="SSLError"):
        fetch(link(f"https://127.0.0.1:{store.server_port}/data"), to=tmp_path)


def test_more_than_the_instance_holds_is_refused_before_anything_is_fetched(store: ThreadingHTTPServer, tmp_path: Path) -> None:
    half = MAX_INPUT_BYTES // 2 + 1
    with pytest.raises(TooLarge, match="1,073,741,8"):
        fetch(*(link(f"http://127.0.0.1:{store.server_port}/data", name=name, size=half) for name in "ab"), to=tmp_path)
    assert Store.asked == []


def test_a_name_is_given_once(store: ThreadingHTTPServer, tmp_path: Path) -> None:
    again = link(f"http://127.0.0.1:{store.server_port}/data")
    with pytest.raises(BadInput, match="named"):
        fetch(again, again, to=tmp_path)


def test_what_takes_too_long_is_given_up(store: ThreadingHTTPServer, tmp_path: Path) -> None:
    class Hurrying(FrozenClock):
        def monotonic(self) -> float:
            self.advance(15)
            return super().monotonic()

    with pytest.raises(Unavailable, match="20 s"):
        fetch_inputs([link(f"http://127.0.0.1:{store.server_port}/data")], tmp_path / "inputs", Hurrying())


def test_an_error_does_not_show_the_link_which_is_a_secret(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        fetch(link("http://127.0.0.1:1/data?signature=abcdef"), to=tmp_path)
    assert "abcdef" not in str(refused.value) and "weather.csv" in str(refused.value)
