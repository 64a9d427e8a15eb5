"""The cloud's ``Inbox``: a bucket that people put files into, and one for the answers. ``STORAGE_EMULATOR_HOST`` is honoured."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

from shared.adapters.google_errors import GoogleService, fault, translating, without_credentials
from shared.adapters.resilience import Patience, Resilience
from shared.clock import Clock
from shared.inbox import InboxObject, Superseded

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Bucket, Client

T = TypeVar("T")
_PATIENCE = Patience(timeout_s=60.0, deadline_s=120.0)


class CloudStorageInbox:
    """Objects of two buckets of one project. A generation is Cloud Storage's own."""

    def __init__(self, project: str, inbox: str, outbox: str, clock: Clock) -> None:
        """Sends nothing yet: what is wrong with a bucket shows at its first use."""
        self._project = project
        self._names = (inbox, outbox)
        endpoint = os.environ.get("STORAGE_EMULATOR_HOST", "storage.googleapis.com")
        remedy = "Create it (`pulumi up`), or correct KIMERA_INBOX and KIMERA_OUTBOX."
        self._service = GoogleService(f"Cloud Storage ({inbox}, {outbox})", endpoint, "roles/storage.objectUser", remedy)
        self._resilience = Resilience(str(self._service), judge=fault, clock=clock, uniform=Random().random, patience=_PATIENCE)

    @property
    def bucket(self) -> str:
        return self._names[0]

    def stat(self, name: str) -> InboxObject | None:
        blob = self._call(f"find {name}", lambda timeout: self._inbox.get_blob(name, timeout=timeout, retry=None))
        return _object(blob) if blob is not None else None

    def list(self, folder: str) -> list[InboxObject]:
        prefix = f"{folder}/" if folder else ""
        found = self._call(
            f"list {prefix or 'the inbox'}", lambda timeout: list(self._inbox.list_blobs(prefix=prefix, timeout=timeout, retry=None))
        )
        objects = (_object(blob) for blob in found if not blob.name.endswith("/"))
        return sorted((o for o in objects if not any(part.startswith((".", "~$")) for part in o.name.split("/"))), key=lambda o: o.name)

    def fetch(self, found: InboxObject, target: Path, *, limit: int) -> int:
        from google.api_core.exceptions import NotFound

        if found.size > limit:
            return limit + 1
        blob = self._inbox.blob(found.name, generation=found.generation)

        def once(timeout: float) -> None:
            with target.open("wb") as out:
                blob.download_to_file(out, timeout=timeout, retry=None, checksum="crc32c")

        with translating(self._service, f"read {found.name}"):
            try:
                self._resilience.call(once)
            except NotFound as error:
                raise Superseded(found.name) from error
        return target.stat().st_size

    def answer(self, name: str, data: bytes, *, media_type: str) -> None:
        blob = self._outbox.blob(name)

        def once(timeout: float) -> None:
            blob.upload_from_string(data, content_type=media_type, timeout=timeout, retry=None)

        self._call(f"write {name}", once)

    def withdraw(self, name: str) -> None:
        from google.api_core.exceptions import NotFound

        def once(timeout: float) -> None:
            try:
                self._outbox.blob(name).delete(timeout=timeout, retry=None)
            except NotFound:
                return

        self._call(f"remove {name}", once)

    def _call(self, what: str, send: Callable[[float], T]) -> T:
        with translating(self._service, what):
            return self._resilience.call(send)

    @cached_property
    def _client(self) -> Client:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage import Client

        try:
            return Client(project=self._project)
        except GoogleAuthError as error:
            raise without_credentials(self._service, error) from error

    @cached_property
    def _inbox(self) -> Bucket:
        return self._client.bucket(self._names[0])

    @cached_property
    def _outbox(self) -> Bucket:
        return self._client.bucket(self._names[1])


def _object(blob: Blob) -> InboxObject:
    return InboxObject(str(blob.name), int(blob.generation), int(blob.size or 0))
