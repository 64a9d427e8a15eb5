"""Secret Manager's one method that we call, over gRPC on this machine: there is no emulator of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import google_crc32c
import grpc
from google.cloud.secretmanager_v1.types import AccessSecretVersionRequest, AccessSecretVersionResponse, SecretPayload

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"


class SecretManager:
    """Holds versions; ``latest`` is the last one that was added, whatever its state. ``refuse`` makes the next calls fail."""

    def __init__(self) -> None:
        self.versions: dict[str, list[bytes]] = {}
        self.disabled: set[str] = set()
        self.asked: list[str] = []
        self.refuse: list[grpc.StatusCode] = []
        self.damaged = False
        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        method = grpc.unary_unary_rpc_method_handler(
            self._access,
            request_deserializer=AccessSecretVersionRequest.deserialize,
            response_serializer=AccessSecretVersionResponse.serialize,
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"AccessSecretVersion": method}),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def add(self, secret: str, value: str | bytes) -> None:
        """Add a version to ``projects/P/secrets/ID``."""
        self.versions.setdefault(secret, []).append(value.encode() if isinstance(value, str) else value)

    def close(self) -> None:
        self._server.stop(grace=None).wait()

    def _access(self, request: Any, context: grpc.ServicerContext) -> AccessSecretVersionResponse:
        self.asked.append(request.name)
        if self.refuse:
            context.abort(self.refuse.pop(0), f"Permission 'secretmanager.versions.access' on {request.name}, or its absence.")
        secret, _, version = request.name.partition("/versions/")
        held = self.versions.get(secret, [])
        number = len(held) if version == "latest" else int(version)
        if not 0 < number <= len(held):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{secret}] not found or has no versions.")
        name = f"{secret}/versions/{number}"
        if name in self.disabled:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"Secret Version [{name}] is in DISABLED state.")
        data = held[number - 1]
        checksum = google_crc32c.value(data) ^ (1 if self.damaged else 0)
        return AccessSecretVersionResponse(name=name, payload=SecretPayload(data=data, data_crc32c=checksum))
