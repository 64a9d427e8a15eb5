"""Addresses of services: which may be called without TLS and without credentials."""

from __future__ import annotations

import ipaddress


def is_on_this_machine(endpoint: str) -> bool:
    """Whether only this machine serves there (``host:port``, a URL, ``unix:PATH``): a Unix socket, ``localhost``, a loopback address.

    Nothing else is called without TLS.
    """
    if endpoint.startswith("unix:"):
        return True
    if "@" in endpoint:  # what stands before it reads like a host and is a user's name
        return False
    address = endpoint.partition("://")[2] or endpoint
    host = address.partition("/")[0].rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
