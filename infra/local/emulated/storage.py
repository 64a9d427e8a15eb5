"""The Cloud Storage emulator: fake-gcs-server, which honours generation preconditions (``scripts/components storage`` builds it)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import httpx

from infra.local.emulated.component import INSTALLED, Component, Missing, answers_http
from infra.local.emulated.ports import HOST

PROGRAM = INSTALLED / "storage" / "fake-gcs-server"
LOCATION = "us-central1"
"""The region that all its buckets are in."""
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Notifications:
    """Finished uploads to ``bucket`` are published to a topic of the Pub/Sub at ``pubsub`` (``host:port``), which has to be there."""

    bucket: str
    pubsub: str
    project: str
    topic: str


class StorageEmulator(Component):
    """Cloud Storage in a folder: what was stored is there after a restart, and after ``kill -9``.

    It does: preconditions on the generation, metadata, resumable uploads, lists by prefix, deletes, downloads by the address of a signed
    link with its ``response-*`` parameters. It does not: check a signature, an expiry or who calls; keep an upload over a restart (the
    client begins anew); continue an upload whose state is asked for; versions; a key that goes on below another one (``a`` and ``a/b``);
    retention; say whether the bucket or the object is missing; tie a batch's answers to its requests.
    """

    name = "storage"
    backend: ClassVar[str] = "filesystem"

    def __init__(self, home: Path, *, port: int | None = None, events: Notifications | None = None) -> None:
        super().__init__(home, port=port)
        self._notifications = events

    @property
    def url(self) -> str:
        """What STORAGE_EMULATOR_HOST is set to."""
        return f"http://{self.address}"

    @property
    def buckets(self) -> Path:
        """The folder with a folder for each bucket."""
        return self.home / "buckets"

    def launch(self) -> None:
        self._drafts.mkdir(parents=True, exist_ok=True)
        _remove_half_written(self.buckets)
        super().launch()

    def command(self) -> Sequence[str]:
        if not PROGRAM.is_file():
            raise Missing("The Cloud Storage emulator is missing on this machine.", remedy="Run scripts/components storage.")
        options = {
            "scheme": "http",
            "host": HOST,
            "port": str(self.port),
            "public-host": self.address,
            "external-url": self.url,
            "backend": self.backend,
            "filesystem-root": str(self.buckets),
            "location": LOCATION,
            "log-level": "warn",
            **self._events,
        }
        return (str(PROGRAM), *(part for name, value in options.items() for part in (f"-{name}", value)))

    def environment(self) -> Mapping[str, str] | None:
        more = {"PUBSUB_EMULATOR_HOST": self._notifications.pubsub} if self._notifications else {}
        return {**os.environ, **more, "TMPDIR": str(self._drafts)}  # else a killed write leaves its draft among the objects

    @property
    def _events(self) -> Mapping[str, str]:
        if self._notifications is None:
            return {}
        told = self._notifications
        return {
            "event.pubsub-project-id": told.project,
            "event.pubsub-topic": told.topic,
            "event.bucket": told.bucket,
            "event.list": "finalize",
        }

    def serves(self) -> bool:
        return answers_http(self.port, "/_internal/healthcheck")

    def make_bucket(self, name: str, *, versioned: bool = False) -> None:
        """There is such a bucket."""
        wanted = {"name": name, "versioning": {"enabled": versioned}}
        answer = httpx.post(f"{self.url}/storage/v1/b", params={"project": "local"}, json=wanted, timeout=_TIMEOUT_S)
        if answer.status_code != httpx.codes.CONFLICT:  # there is one already
            answer.raise_for_status()

    @property
    def _drafts(self) -> Path:
        return self.home / "drafts"


class ForgetfulStorageEmulator(StorageEmulator):
    """The same in memory: it forgets all when it ends, but knows versions and any mixture of keys."""

    backend = "memory"


def _remove_half_written(buckets: Path) -> None:
    """Remove objects that lack their description, which is written after the bytes: a list would fail on them ever after."""
    for path in buckets.glob("*/**/*"):
        if path.is_file() and path.suffix != ".metadata" and not _is_described(path):
            path.unlink()


def _is_described(path: Path) -> bool:
    if path.with_name(path.name + ".metadata").exists():  # on a file system without extended attributes
        return True
    try:
        return bool(os.getxattr(path, "user.metadata"))
    except OSError:  # it has none, or the file system cannot
        return False
