"""Pages over real HTTP from a server on this machine: good ones, and every way in which one cannot be had."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest

from shared.errors import AddressRefused, PageNotFetched
from shared.web.addresses import AddressGuard
from shared.web.fetch import WebFetch
from tests.support.pages import Page, SmallWeb, article


@pytest.fixture
def web() -> Iterator[SmallWeb]:
    with SmallWeb() as running:
        yield running


def test_a_page_comes_as_it_is_with_its_name_in_the_request(web: SmallWeb) -> None:
    page = article("Ferries", "They run.")
    found = web.fetch().fetch(web.serve("/ferries", page))
    assert (found.data, found.media_type, found.url) == (page.body, "text/html", web.url("/ferries"))
    assert web.asked == [(f"pages.example:{web.port}", "/ferries")]
    assert web.headers[0]["user-agent"].startswith("KimeraResearch/")
    assert "cookie" not in web.headers[0] and "authorization" not in web.headers[0]


def test_a_redirect_is_followed_and_the_page_knows_where_it_was_found(web: SmallWeb) -> None:
    web.serve("/new", article("Ferries", "They run."))
    asked = web.serve("/old", Page(status=301, headers=(("Location", "/new"),)))
    found = web.fetch().fetch(asked)
    assert (found.asked, found.url) == (asked, web.url("/new"))


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/computeMetadata/v1/", "http://[::1]/", "http://internal.example/", "file:///etc/passwd", "ftp://a.example/"],
)
def test_a_redirect_to_somewhere_else_is_checked_like_the_first_address(web: SmallWeb, location: str) -> None:
    web.names["internal.example"] = ["10.0.0.7"]
    web.names["169.254.169.254"] = ["169.254.169.254"]
    web.names["::1"] = ["::1"]
    asked = web.serve("/out", Page(status=302, headers=(("Location", location),)))
    with pytest.raises(AddressRefused):
        web.fetch().fetch(asked)
    assert len(web.asked) == 1


def test_endless_redirects_end(web: SmallWeb) -> None:
    asked = web.serve("/a", Page(status=302, headers=(("Location", "/a"),)))
    with pytest.raises(PageNotFetched, match="redirects"):
        web.fetch().fetch(asked)
    assert len(web.asked) == 6


def test_the_name_is_resolved_once_and_the_checked_address_is_called(web: SmallWeb) -> None:
    """A name that changes between the check and the connection gains nothing."""
    answers = iter([["127.0.0.1"], ["10.0.0.7"], ["10.0.0.7"]])
    web.serve("/", article("Ferries", "They run."))
    guard = AddressGuard(lambda host, port: next(answers), exempt=frozenset({("127.0.0.1", web.port)}))
    assert WebFetch(guard).fetch(web.url("/", "rebinding.example")).data
    with pytest.raises(AddressRefused):
        WebFetch(guard).fetch(web.url("/", "rebinding.example"))


def test_another_port_of_an_exempt_address_is_refused_still(web: SmallWeb) -> None:
    with SmallWeb() as other, pytest.raises(AddressRefused):
        web.fetch().fetch(other.url("/"))


def test_a_proxy_of_the_environment_is_not_used(web: SmallWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert web.fetch().fetch(web.serve("/", article("Ferries", "They run."))).data


def test_a_page_over_the_cap_is_not_read_to_its_end(web: SmallWeb) -> None:
    asked = web.serve("/large", Page(b"x" * 50_001, "text/plain"))
    with pytest.raises(PageNotFetched, match="larger than 50,000"):
        web.fetch(max_bytes=50_000).fetch(asked)


def test_a_packed_page_is_unpacked(web: SmallWeb) -> None:
    asked = web.serve("/packed", Page(gzip.compress(b"They run."), "text/plain", headers=(("Content-Encoding", "gzip"),)))
    assert web.fetch().fetch(asked).data == b"They run."


def test_a_bomb_is_not_unpacked_beyond_the_cap(web: SmallWeb) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(300)) + packer.flush()
    asked = web.serve("/bomb", Page(bomb, "text/plain", headers=(("Content-Encoding", "gzip"),)))
    with pytest.raises(PageNotFetched, match="larger than"):
        web.fetch(max_bytes=100_000).fetch(asked)


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Page(b"x", "application/zip"), "application/zip"),
        (Page(b"x", "image/png"), "image/png"),
        (Page(b"x", ""), "no stated type"),
        (Page(b"", "text/html"), "empty"),
        (Page(b"gone", "text/html", 404), "404"),
        (Page(b"later", "text/html", 503), "503"),
        (Page(b"only you", "text/html", 401), "401"),
        (Page(b"x", "text/html", headers=(("Content-Encoding", "br"),)), "not asked for"),
        (Page(b"no gzip", "text/html", headers=(("Content-Encoding", "gzip"),)), "damaged"),
        (Page(gzip.compress(b"They run." * 99)[:-9], "text/html", headers=(("Content-Encoding", "gzip"),)), "broke off"),
        (Page(b"half", "text/html", announced=400), "cannot be fetched"),
        (Page(b"x", "text/html", 302, headers=(("Location", "http://[bad"),)), "names no host"),
    ],
)
def test_what_is_no_page_says_why(web: SmallWeb, page: Page, why: str) -> None:
    with pytest.raises(PageNotFetched, match=why):
        web.fetch().fetch(web.serve("/x", page))


def test_a_page_that_drips_ends_at_the_total_deadline(web: SmallWeb) -> None:
    asked = web.serve("/drip", Page(b"x", "text/html", announced=1_000_000, drip=lambda: not web.stopped.is_set()))
    with pytest.raises(PageNotFetched, match=r"did not arrive within 0\.5 s"):
        web.fetch(total_s=0.5).fetch(asked)


def test_nobody_listening_is_told(web: SmallWeb) -> None:
    guard = AddressGuard(lambda host, port: ["127.0.0.1"], exempt=frozenset({("127.0.0.1", 1)}))
    with pytest.raises(PageNotFetched, match="cannot be reached"):
        WebFetch(guard).fetch("http://pages.example:1/")
