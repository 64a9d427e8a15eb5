"""No way of writing an address gets past the guard: what a name resolves to is what counts, and only public addresses are called."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import AddressRefused, KimeraError
from shared.web.addresses import AddressGuard, Resolve, is_public, resolve_by_system

PRIVATE = [
    ipaddress.IPv4Network(n)
    for n in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "0.0.0.0/8", "100.64.0.0/10", "224.0.0.0/4")
]
PRIVATE_6 = [ipaddress.IPv6Network(n) for n in ("fc00::/7", "fe80::/10", "ff00::/8", "fec0::/10", "2002::/16", "64:ff9b:1::/48")]


def inside(networks: Sequence[ipaddress.IPv4Network]) -> st.SearchStrategy[ipaddress.IPv4Address]:
    return st.sampled_from(networks).flatmap(lambda n: st.integers(0, n.num_addresses - 1).map(lambda at: n[at]))


def answering(*addresses: str) -> Resolve:
    return lambda host, port: addresses


def written(address: ipaddress.IPv4Address) -> list[str]:
    """The ways in which resolvers take an IPv4 address."""
    a, b, c, d = address.packed
    whole = int(address)
    return [
        str(address),
        str(whole),
        hex(whole),
        f"0{whole:o}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{b}.{c * 256 + d}",
        f"{a}.{b * 65536 + c * 256 + d}",
        f"{a}.0x{b:x}.0{c:o}.{d}",
        f"{address}.",
    ]


@given(inside(PRIVATE), st.integers(0, 9), st.sampled_from(["http", "https", "HTTP"]), st.sampled_from(["", "/", "/a?b=c", "#x"]))
def test_a_private_address_is_refused_however_it_is_written(address: ipaddress.IPv4Address, way: int, scheme: str, rest: str) -> None:
    with pytest.raises(KimeraError) as refused:
        AddressGuard(resolve_by_system).check(f"{scheme}://{written(address)[way]}{rest}")
    assert refused.value.code in ("address_refused", "page_not_fetched")


@given(inside(PRIVATE))
def test_an_address_in_an_address_is_looked_into(address: ipaddress.IPv4Address) -> None:
    for prefix in ("::ffff:", "64:ff9b::", "::"):
        text = f"{prefix}{address}"
        assert not is_public(text), text
        with pytest.raises(AddressRefused):
            AddressGuard(answering(text)).check("https://example.org/")
        with pytest.raises(KimeraError):
            AddressGuard(resolve_by_system).check(f"http://[{text}]/")


@given(st.sampled_from(PRIVATE_6).flatmap(lambda n: st.integers(0, 2**64).map(lambda at: n[at])))
def test_addresses_of_version_6_that_are_not_public_are_refused(address: ipaddress.IPv6Address) -> None:
    assert not is_public(str(address))


@given(inside(PRIVATE), st.lists(st.sampled_from(["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]), max_size=3), st.integers(0, 3))
def test_one_private_address_among_public_ones_is_enough(address: ipaddress.IPv4Address, others: list[str], at: int) -> None:
    found = [*others[:at], str(address), *others[at:]]
    with pytest.raises(AddressRefused):
        AddressGuard(answering(*found)).check("http://example.org/")


@given(st.ip_addresses())
def test_what_is_public_is_global_and_nothing_special(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global and not (address.is_private or address.is_loopback or address.is_link_local or address.is_multicast)


@given(st.text(max_size=60))
def test_any_text_is_a_checked_target_or_a_clear_refusal(text: str) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    for url in (text, f"http://{text}", f"https://example.org/{text}", f"http://{text}@169.254.169.254/"):
        with pytest.raises(KimeraError):
            AddressGuard(resolve).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://user@93.184.216.34/",
        "http://93.184.216.34:80" + "@example.org/",
        "http://example.org:22/",
        "http://example.org:8080/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "//example.org/",
        "example.org",
        "http:///etc",
        "http://",
        "http://example.org\\@127.0.0.1/",
        "http://exa mple.org/",
        "http://example.org/\r\nHost: localhost",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://①②⑦.①/",
        "http://example.org:99999/",
        "http://" + "a" * 3000 + ".org/",
    ],
)
def test_these_addresses_are_refused_before_anything_is_resolved_or_called(url: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard(answering("93.184.216.34")).check(url)


@pytest.mark.parametrize(
    ("url", "host", "authority", "port"),
    [
        ("http://Example.ORG./a?b#c", "example.org", "example.org", 80),
        ("https://bücher.example/", "xn--bcher-kva.example", "xn--bcher-kva.example", 443),
        ("http://example.org:443/", "example.org", "example.org:443", 443),
    ],
)
def test_a_public_target_is_called_at_the_checked_address_under_its_own_name(url: str, host: str, authority: str, port: int) -> None:
    target = AddressGuard(answering("93.184.216.34")).check(url)
    assert (target.host, target.authority, target.port, target.addresses) == (host, authority, port, ("93.184.216.34",))
    assert target.at("93.184.216.34").host == "93.184.216.34"
    assert target.url.fragment == ""


def test_a_name_without_an_address_is_no_page() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(KimeraError) as failed:
        AddressGuard(nothing).check("http://nowhere.example/")
    assert failed.value.code == "page_not_fetched"
