"""How Google's gRPC clients connect: to an endpoint on this machine as it is, to Google with credentials; both find a service again soon.

gRPC by itself lets up to two minutes pass before it tries a service again that was away, and fails every call until then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from shared.endpoints import is_on_this_machine

if TYPE_CHECKING:
    import grpc

T = TypeVar("T")
_SOON = ("grpc.max_reconnect_backoff_ms", 2_000)


def way_to(endpoint: str | None, transport: Callable[..., T]) -> T | Callable[..., T]:
    """What a client takes as its ``transport``: made already for an endpoint on this machine, else for the client to make."""
    if endpoint is not None and is_on_this_machine(endpoint):
        import grpc

        return transport(channel=grpc.insecure_channel(endpoint, options=[_SOON]))
    create: Callable[..., grpc.Channel] = transport.create_channel  # type: ignore[attr-defined]  # each transport class has it
    return partial(transport, channel=partial(_channel, create))


def _channel(
    create: Callable[..., grpc.Channel], host: str, *, options: Sequence[tuple[str, object]] = (), **named: object
) -> grpc.Channel:
    return create(host, options=[*options, _SOON], **named)
