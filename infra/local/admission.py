"""What a request may send, judged by its head before any of its body is taken in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from functions.missions.uploads import body_limit
from infra.local.functions import require_known
from shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. ``headers`` are spelled like ``Content-Type``."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Admission:
    """What the server asks the platform about a request that has a body."""

    limit: Callable[[Head], int]
    """How many bytes of body are taken; raises the ``KimeraError`` that refuses the request."""
    new_request_id: Callable[[], str]
    spool: Path
    """The folder for bodies that are too large for memory; made when it is needed."""


def admission(runtime: Runtime, hosts: frozenset[str] | None) -> Admission:
    """The rules of this platform. ``hosts`` as for ``public_app``."""

    def limit(head: Head) -> int:
        if hosts is not None:
            require_known(hosts, head.headers.get("Host", ""), head.headers.get("Origin"))
        return body_limit(head.method, head.path, head.headers, runtime.identity)

    return Admission(limit, lambda: runtime.ids.new("r"), runtime.home / "scratch")
