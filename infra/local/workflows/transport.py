"""The two ports to the outside: HTTP and tokens.

Implement ``Transport`` to answer the requests of a workflow with something else than the network; ``httpx_transport`` and ``mocks`` have
the ready ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request of an ``http.*`` call. ``query`` holds the pairs that the call added; those written in the URL stay in ``url``."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout_s: float = 300.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back, redirects followed. ``took_s`` is time to count on the workflow's clock beyond the time that really passed."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    took_s: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the status says that it was done."""
        return 200 <= self.status < 300


class Transport(Protocol):
    """Sends requests. Called from many threads at once."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """The response, whatever its status. Raises TransportError when there is none."""
        ...


class TokenSource(Protocol):
    """Makes the bearer tokens for ``auth``. Called from many threads at once."""

    def token(self, kind: Literal["OIDC", "OAuth2"], audience: str, scopes: tuple[str, ...]) -> str:
        """A token for ``audience`` (OIDC) or with ``scopes`` (OAuth2). Any error it raises becomes an AuthError of the workflow."""
        ...


class NoTransport:
    """Refuses every request: for definitions that need no network."""

    def send(self, request: HttpRequest) -> HttpResponse:
        from infra.local.workflows.errors import TransportError

        raise TransportError("ConnectionFailedError", f"no transport: {request.method} {request.url} was not sent")
