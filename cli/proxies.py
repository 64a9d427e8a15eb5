"""Proxies that the environment names, as every HTTP client of this process reads them: this machine itself is reached without one."""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import suppress
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

from shared.errors import BadInput

_NAMES: Final = ("http_proxy", "https_proxy", "all_proxy")
_EXCEPT_FOR: Final = ("no_proxy", "NO_PROXY")
"""Who reads both takes the first (``urllib.request.getproxies``); gRPC reads no other."""
_SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_THIS_MACHINE: Final = ("127.0.0.1", "localhost", "::1")


def pass_over_proxies_here(environ: MutableMapping[str, str]) -> None:
    """Add this machine to ``NO_PROXY`` where a proxy is named, for this process and all that it starts.

    A proxy cannot reach what listens here: the platform, a model's server, an emulator. ``BadInput``: what no client can read.
    """
    proxies = {name: value for name, value in environ.items() if name.casefold() in _NAMES and value}
    said = next((environ[name] for name in _EXCEPT_FOR if name in environ), "")
    if not proxies and not said:
        return
    for name, value in proxies.items():
        if not _is_address(value):  # which may hold a password, so it is not told
            raise BadInput(f"{name} holds no address of a proxy.", remedy="Write it like http://proxy.example.com:3128, or unset it.")
    hosts = [host for part in said.split(",") if (host := _host(part.strip()))]
    hosts = ["*"] if "*" in hosts else hosts + [host for host in _THIS_MACHINE if host not in hosts]
    environ.update(dict.fromkeys(_EXCEPT_FOR, ",".join(hosts)))


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0 and not any(c.isspace() for c in value)
    except ValueError:  # a port that is none, half an IPv6 address
        return False


def _host(said: str) -> str:
    """One entry of ``NO_PROXY`` as all clients read it: an IPv6 address without brackets."""
    bare = said.removeprefix("[").removesuffix("]")
    with suppress(ValueError):  # no such address: a name, or a range
        return str(IPv6Address(bare))
    _, colon, port = said.rpartition(":")
    if colon and not port.isdigit() and "://" not in said:
        raise BadInput(
            f"NO_PROXY holds {said[:80]!r}, which is no name and no address of a host.",
            remedy="Write it like localhost,10.0.0.7,.example.com; ranges of IPv6 cannot be read.",
        )
    return said
