"""``SecretStore`` on Secret Manager: values are kept for a few minutes, and read anew when one was refused."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.google_channels import way_to
from shared.adapters.google_errors import GoogleService, translated, translating, without_credentials
from shared.adapters.resilience import Resilience
from shared.clock import Clock
from shared.errors import BadInput, Corrupt, SecretExpired, SecretForbidden, SecretMissing, Unavailable

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

GOOGLE_ENDPOINT = "secretmanager.googleapis.com"
KEPT_S = 300.0
"""How long a value is taken for current: a rotated key reaches everybody within this time, also where the old one still works."""
_RESOURCE = re.compile(r"(?:projects/(?P<project>[^/]+)/secrets/)?(?P<id>[A-Za-z0-9_-]{1,255})(?:/versions/(?P<version>latest|\d+))?")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Value:
    value: str
    read_at: float


class GoogleSecrets:
    """The secrets that ``resources`` names: ``ID``, ``ID/versions/3`` or ``projects/P/secrets/ID/versions/3``.

    Without a version, it is the latest.
    """

    def __init__(
        self,
        project: str,
        resources: Mapping[str, str],
        clock: Clock,
        *,
        endpoint: str | None = None,
        resilience: Callable[[str], Resilience],
        kept_s: float = KEPT_S,
    ) -> None:
        """Raises ``BadInput`` for what names no secret."""
        self._versions = {name: _version(project, name, resource) for name, resource in resources.items()}
        self._clock = clock
        self._endpoint = endpoint
        self._service = GoogleService("Secret Manager", endpoint or GOOGLE_ENDPOINT, "roles/secretmanager.secretAccessor on the secret")
        self._resilience = resilience(str(self._service))
        self._kept_s = kept_s
        self._lock = threading.Lock()
        self._values: dict[str, _Value] = {}
        self._client: SecretManagerServiceClient | None = None

    def get(self, name: str) -> str:
        with self._lock:
            known = self._values.get(name)
            if known is not None and self._clock.monotonic() - known.read_at < self._kept_s:
                return known.value
            try:
                return self._read(name)
            except (SecretMissing, SecretExpired, SecretForbidden, Corrupt):
                self._values.pop(name, None)
                raise
            except Unavailable as error:
                if known is None:
                    raise
                _log.warning("The secret %s could not be read again; its last value goes on: %s", name, error)
                return known.value

    def renew(self, name: str) -> str:
        with self._lock:
            return self._read(name)

    def close(self) -> None:
        with self._lock:
            self._values.clear()
            if self._client is not None:
                self._client.transport.close()  # type: ignore[no-untyped-call]  # it has no types
                self._client = None

    def _read(self, name: str) -> str:
        from google.api_core import exceptions

        version = self._versions.get(name)
        if version is None:
            raise SecretMissing(f"No secret is named for {name}.", remedy="Name it in KIMERA_SECRETS, and let the account read it.")
        client = self._connected()
        with translating(self._service, f"read {version}"):
            try:
                answer = self._resilience.call(
                    lambda timeout_s: client.access_secret_version(request={"name": version}, retry=None, timeout=timeout_s)
                )
            except exceptions.NotFound as error:
                raise SecretMissing(
                    f"{self._service} has no {version}.", remedy="Add a version with the value, or correct KIMERA_SECRETS."
                ) from error
            except exceptions.FailedPrecondition as error:  # its state is DISABLED or DESTROYED
                raise SecretExpired(
                    f"{version} cannot be used any more: {error.message}",
                    remedy="Add a version with a current value, or enable this one; KIMERA_SECRETS may pin an old one.",
                ) from error
            except (exceptions.PermissionDenied, exceptions.Unauthenticated) as error:
                denied = translated(error, self._service, f"read {version}")
                raise SecretForbidden(denied.message, remedy=denied.remedy) from error
        value = _text(version, answer.payload.data, answer.payload.data_crc32c if "data_crc32c" in answer.payload else None)
        self._values[name] = _Value(value, self._clock.monotonic())
        return value

    def _connected(self) -> SecretManagerServiceClient:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.secretmanager_v1 import SecretManagerServiceClient
        from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

        if self._client is not None:
            return self._client
        try:
            options = {"api_endpoint": self._endpoint} if self._endpoint else None
            way = way_to(self._endpoint, SecretManagerServiceGrpcTransport)
            self._client = SecretManagerServiceClient(transport=way, client_options=options)
        except GoogleAuthError as error:
            raise without_credentials(self._service, error) from error
        return self._client


def _version(project: str, name: str, resource: str) -> str:
    parts = _RESOURCE.fullmatch(resource)
    if parts is None:
        raise BadInput(f"KIMERA_SECRETS: {resource!r} for {name} is no secret.", remedy="Write ID, ID/versions/N or projects/P/secrets/ID.")
    return f"projects/{parts['project'] or project}/secrets/{parts['id']}/versions/{parts['version'] or 'latest'}"


def _text(version: str, data: bytes, checksum: int | None) -> str:
    import google_crc32c

    if checksum is not None and google_crc32c.value(data) != checksum:
        raise Corrupt(f"The value of {version} does not match its checksum.", remedy="Try again.")
    try:
        return data.decode().rstrip("\r\n")  # a file that was uploaded often ends with a line break
    except UnicodeDecodeError as error:
        raise Corrupt(f"The value of {version} is no text.", remedy="Add a version with the key or password alone.") from error
