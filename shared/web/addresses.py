"""Which addresses this platform calls on behalf of others: public ones only, checked after the name is resolved.

A mission's pages come from search results, model answers and redirects, so their addresses are untrusted. Whatever a host is
written as, it is what it resolves to that is checked, and the connection goes to the very address that was checked: a name that
resolves to something else a moment later gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from shared.errors import AddressRefused, PageNotFetched

PORTS = {"http": 80, "https": 443}
MAX_URL_CHARS = 2_000
MAX_ADDRESSES = 8
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TUNNELS = tuple(ipaddress.IPv6Network(n) for n in ("::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10"))
"""IPv4-compatible, local-use NAT64, Teredo, 6to4 and the old site-local block: each leads where its last bits say, or nowhere public."""
_NOT_THE_WEB = tuple(ipaddress.IPv4Network(n) for n in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24"))
"""Shared space of carriers, protocol assignments and the old 6to4 relay."""

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, as text. Raises ``OSError`` where it has none."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL whose host was resolved, and the addresses of it that may be called."""

    url: httpx.URL
    host: str
    """As it is sent in the Host header and in the TLS handshake: ASCII, lower case, no trailing dot."""
    port: int
    addresses: tuple[str, ...]

    def at(self, address: str) -> httpx.URL:
        """The URL with the checked address in place of the name."""
        return self.url.copy_with(host=address)

    @property
    def authority(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.url.scheme] else f"{name}:{self.port}"


def resolve_by_system(host: str, port: int) -> list[str]:
    """What this machine's resolver says."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class AddressGuard:
    """Checks URLs. ``exempt`` are (address, port) pairs that tests may call although they are not public; no setting leads here."""

    def __init__(self, resolve: Resolve = resolve_by_system, *, exempt: frozenset[tuple[str, int]] = frozenset()) -> None:
        self._resolve = resolve
        self._exempt = exempt

    def check(self, text: str) -> Target:
        """The target behind a URL; it asks the resolver, so it may block.

        Raises ``AddressRefused``, or ``PageNotFetched`` where the name has no address.
        """
        url = parse_url(text)
        port = url.port or PORTS[url.scheme]
        host = url.raw_host.decode("ascii").lower().strip("[]").removesuffix(".")
        if not host or "%" in host:
            raise AddressRefused(f"{shown(text)} names no host.")
        try:
            found = list(dict.fromkeys(self._resolve(host, port)))[:MAX_ADDRESSES]
        except (OSError, UnicodeError) as error:
            raise PageNotFetched(f"{host} has no address: {error}.", remedy="Check its spelling, and the network.") from error
        if not found:
            raise PageNotFetched(f"{host} has no address.", remedy="Check its spelling.")
        usual = port in PORTS.values()
        for address in found:
            if (address, port) in self._exempt:
                continue
            if not usual:
                raise AddressRefused(f"{shown(text)} uses port {port}; only 80 and 443 are called.")
            if not is_public(address):
                raise AddressRefused(f"{host} is {address}, which is no public address; only public ones are called.")
        return Target(url, host, port, tuple(found))


def parse_url(text: str) -> httpx.URL:
    """The URL, with one parser for all that follows. Raises ``AddressRefused`` for what is no plain http or https address."""
    if len(text) > MAX_URL_CHARS or "\\" in text or any(c.isspace() or not c.isprintable() for c in text):
        raise AddressRefused(f"{shown(text)} is no address of a page.")
    try:
        url = httpx.URL(text)
        url.port  # noqa: B018 - read here, where a bad one can be told
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressRefused(f"{shown(text)} is no address of a page: {error}.") from error
    if url.scheme not in PORTS:
        raise AddressRefused(f"{shown(text)} is neither http nor https.")
    if url.userinfo:
        raise AddressRefused(f"{shown(text)} carries a user name or password; pages are fetched without.")
    return url.copy_with(fragment=None)


def is_public(text: str) -> bool:
    """Whether an address, as a resolver writes it, belongs to the public internet."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)))
        if any(address in network for network in _TUNNELS):
            return False
    elif any(address in network for network in _NOT_THE_WEB):
        return False
    special = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    return address.is_global and not (special or address.is_reserved or address.is_unspecified)


def shown(text: str) -> str:
    """A URL as a message may hold it: short, on one line, without its query, where keys may stand."""
    plain = "".join(c if c.isprintable() else "?" for c in text.split("?", 1)[0])
    return repr(plain[:120])
