"""One bucket through Google's client: connected at first use, every call with a timeout, further tries, a circuit, and errors of ours."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from shared.adapters import cloud_storage_errors as errors
from shared.adapters.resilience import Patience, Resilience
from shared.clock import Clock
from shared.endpoints import is_on_this_machine
from shared.errors import Unavailable

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.storage import Bucket, Client

T = TypeVar("T")
EMULATOR = "STORAGE_EMULATOR_HOST"
"""The variable that Google's own clients read: the address of an emulator, with its scheme."""
_NO_BACKGROUND = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"
"""The client's switch for a thread of its own that looks up the bucket for its spans, with tries and a deadline that are not ours."""
GOOGLE = "https://storage.googleapis.com"
PATIENCE = Patience(timeout_s=20.0)
"""A request carries up to 8 MB."""
_CONTINENTS = {"US": ("us-", "northamerica-"), "EU": ("europe-",), "ASIA": ("asia-",)}
"""The multi-regions (cloud.google.com/storage/docs/locations), and how the names of their regions begin."""


@dataclass(frozen=True, slots=True)
class _Connection:
    client: Client
    bucket: Bucket
    endpoint: str


class CloudBucket:
    """The bucket called ``name``, with the credentials of the environment, or an emulator on this machine without any."""

    def __init__(
        self,
        name: str,
        *,
        project: str,
        clock: Clock,
        uniform: Callable[[], float],
        region: str | None = None,
        role: str = "artifacts",
        patience: Patience = PATIENCE,
    ) -> None:
        """Connects to nothing yet. ``region`` is where its callers run, ``role`` says in messages what it is for."""
        self.name = name
        self.patience = patience
        self._project = project
        self._region = region
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self._closed = False
        self._title = f"Cloud Storage's {role} bucket {name}"
        self._resilience = Resilience(self._title, judge=errors.fault, clock=clock, uniform=uniform, patience=patience)

    def __str__(self) -> str:
        return self._title

    @property
    def endpoint(self) -> str:
        """The address that it is called at. Raises as ``call`` does."""
        return self._connected().endpoint

    @property
    def is_emulated(self) -> bool:
        """Whether it is one of an emulator."""
        return self.endpoint != GOOGLE

    @property
    def credentials(self) -> Credentials:
        """What it is called with. Raises as ``call`` does."""
        credentials: Credentials = self._connected().client._credentials  # the client shows them nowhere else
        return credentials

    @property
    def account(self) -> str:
        """Whom it is called as, for messages."""
        email = getattr(self.credentials, "service_account_email", None)
        return email if isinstance(email, str) and "@" in email else "this account"

    @property
    def client(self) -> Client:
        """Google's client. Raises as ``call`` does."""
        return self._connected().client

    @property
    def handle(self) -> Bucket:
        """Google's object for it. Raises as ``call`` does."""
        return self._connected().bucket

    def call(self, what: str, send: Callable[[float], T]) -> T:
        """What ``send`` returns, given its timeout in seconds; tried again while that may help, so it must be idempotent.

        Raises ``Unavailable``, ``Corrupt``, ``Conflict``, ``BadInput``, which name the bucket; ``what`` reads as in "cannot {what}".
        """
        self._connected()
        try:
            return self._resilience.call(send)
        except Exception as error:  # of several libraries; what is none of theirs goes on as it is
            ours = errors.translated(error, self._title, what, self.account)
            if ours is None:
                raise
            raise ours from error

    def check(self) -> None:
        """The bucket is there, may be looked at, and is in the region of its callers, if that is known. Raises ``Unavailable``."""
        self.call("show where it is", lambda timeout: self.handle.reload(timeout=timeout, retry=None))
        location, kind = str(self.handle.location or "").upper(), str(self.handle.location_type or "")
        regions = [part.lower() for part in self.handle.data_locations or []] or ([location.lower()] if kind == "region" else [])
        region = self._region
        if region is None or (not regions and location not in _CONTINENTS):  # a pair of regions that has a name of its own
            return
        if region not in regions and not region.startswith(_CONTINENTS.get(location, ("\0",))):
            raise Unavailable(
                f"{self} is in {location}, and the functions run in {region}: each read would be slow and cost traffic.",
                remedy="Name a bucket in that region, or correct KIMERA_GOOGLE_LOCATION.",
            )

    def close(self) -> None:
        """Let go of its connections; calls raise ``Unavailable`` from now on."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.client.close()
                self._connection = None

    def _connected(self) -> _Connection:
        with self._lock:
            if self._closed:
                raise Unavailable(f"{self} was closed.", remedy="Open the runtime again.")
            if self._connection is None:
                self._connection = self._connect()
            return self._connection

    def _connect(self) -> _Connection:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage import Client

        emulator = os.environ.get(EMULATOR, "")
        if emulator and not is_on_this_machine(emulator):
            raise Unavailable(
                f"{EMULATOR} is {emulator}, which is not on this machine: nothing is sent there without credentials.",
                remedy=f"Unset {EMULATOR}, or give it an address such as http://127.0.0.1:9199.",
            )
        if emulator and "://" not in emulator:
            raise Unavailable(f"{EMULATOR} is {emulator}, which lacks its scheme.", remedy=f"Set it to http://{emulator}.")
        os.environ.setdefault(_NO_BACKGROUND, "true")
        try:
            client = Client(project=self._project)
        except GoogleAuthError as error:
            raise errors.without_credentials(self._title, error) from error
        return _Connection(client, client.bucket(self.name), emulator.rstrip("/") or GOOGLE)
