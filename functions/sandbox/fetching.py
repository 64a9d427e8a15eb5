"""Fetches the inputs of a run by their links: bounded in size and time, from where the link says and nowhere else, and verified."""

from __future__ import annotations

import errno
import hashlib
import http.client
import ssl
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from schemas.sandbox import MAX_INPUT_BYTES, SandboxLink
from shared.clock import Clock
from shared.endpoints import is_on_this_machine
from shared.errors import BadInput, Corrupt, KimeraError, NotFound, StorageFull, TooLarge, Unavailable

FETCH_S = 20.0
"""For all inputs of a run together."""
CHUNK = 1 << 20


def fetch_inputs(links: Sequence[SandboxLink], folder: Path, clock: Clock) -> dict[str, Path]:
    """Name -> our copy of every input, in ``folder``, which is made.

    ``BadInput``: a link that is not followed. ``TooLarge``. ``NotFound``: no such file. ``Corrupt``: other bytes than announced.
    ``Unavailable``: the store, the link's time or ours is over. ``StorageFull``.
    """
    announced = sum(link.size for link in links)
    if announced > MAX_INPUT_BYTES:
        raise TooLarge(
            f"The inputs of this run have {announced:,} bytes; the sandbox takes {MAX_INPUT_BYTES:,}.", remedy="Give it smaller files."
        )
    folder.mkdir(parents=True)
    ends_at = clock.monotonic() + FETCH_S
    files: dict[str, Path] = {}
    for number, link in enumerate(links):  # under a number: a name is only checked where it is used
        if link.name in files:
            raise BadInput(f"Two sandbox inputs are named {link.name!r}.", remedy="Give each input a name of its own.")
        files[link.name] = folder / str(number)
        try:
            _fetch(link, files[link.name], ends_at, clock)
        except (OSError, http.client.HTTPException) as error:  # timeouts and TLS are OSErrors
            raise _failed(link, error) from error
    return files


def _fetch(link: SandboxLink, to: Path, ends_at: float, clock: Clock) -> None:
    address = _address(link)
    connection = _connection(address, timeout_s=max(0.1, ends_at - clock.monotonic()))
    try:
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        connection.request("GET", target, headers={"Accept-Encoding": "identity"})
        response = connection.getresponse()  # of this address: http.client follows no redirect
        if response.status != HTTPStatus.OK:
            raise _refused(link, response.status)
        digest, size = hashlib.sha256(), 0
        with to.open("xb") as file:
            while chunk := response.read1(CHUNK):
                size += len(chunk)
                if size > link.size:
                    break
                digest.update(chunk)
                file.write(chunk)
                if clock.monotonic() > ends_at:
                    raise Unavailable(
                        f"The inputs of this run did not arrive in {FETCH_S:g} s.", remedy="Try again, or give smaller files."
                    )
        if size != link.size or digest.hexdigest() != link.sha256:
            raise Corrupt(f"The sandbox input {link.name!r} is not the file that was announced.", remedy="Store it again.")
    finally:
        connection.close()


def _address(link: SandboxLink) -> SplitResult:
    """Where the link leads; ``BadInput`` for anything but https, and http on this machine (the emulated cloud's store)."""
    try:
        address = urlsplit(link.url)
        host, port = address.hostname or "", address.port
    except ValueError:
        host, port, address = "", None, SplitResult("", "", "", "", "")
    named = f"[{host}]:{port or 80}" if ":" in host else f"{host}:{port or 80}"
    allowed = address.scheme == "https" or (address.scheme == "http" and is_on_this_machine(named))
    printable = link.url.isascii() and link.url.isprintable() and " " not in link.url
    if not (host and allowed and printable) or address.username is not None:
        raise BadInput(f"The link to the sandbox input {link.name!r} is not one that is followed.", remedy="Give an https link.")
    return address


def _connection(address: SplitResult, *, timeout_s: float) -> http.client.HTTPConnection:
    host = address.hostname or ""
    if address.scheme == "https":
        return http.client.HTTPSConnection(host, address.port, timeout=timeout_s, context=_tls())
    return http.client.HTTPConnection(host, address.port, timeout=timeout_s)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _refused(link: SandboxLink, status: int) -> KimeraError:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return BadInput(
            f"The link to the sandbox input {link.name!r} leads elsewhere ({status}), and is not followed.", remedy="Give a direct link."
        )
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return NotFound(f"The sandbox input {link.name!r} is not there.", remedy="Check that the file still exists.")
    return Unavailable(f"The store refuses the link to the sandbox input {link.name!r} ({status}).", remedy="Try again with a new link.")


def _failed(link: SandboxLink, error: OSError | http.client.HTTPException) -> KimeraError:
    """Neither the address nor the error's text, which may hold it: a signed link is a secret."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("The sandbox has no room for the inputs of this run.", remedy="Give smaller files.")
    return Unavailable(
        f"The sandbox input {link.name!r} could not be fetched ({type(error).__name__}).", remedy="Check that the store can be reached."
    )
