"""A gRPC server that refuses every call as one of Google's services would: for what no emulator can be brought to say."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status and the words that go with it."""

    status: grpc.StatusCode
    said: str


class _Refusing(grpc.GenericRpcHandler):  # type: ignore[misc]  # ships no types
    def __init__(self, refusal: Refusal) -> None:
        self._refusal = refusal

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_stream_rpc_method_handler(self._refuse)

    def _refuse(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.abort(self._refusal.status, self._refusal.said)
        yield b""


@contextmanager
def refusing(refusal: Refusal) -> Iterator[str]:
    """The address of the server, running."""
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Refusing(refusal)], options=[("grpc.so_reuseport", 0)])
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield address
    finally:
        server.stop(grace=None).wait()
