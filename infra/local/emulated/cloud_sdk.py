"""The emulators of the Google Cloud SDK: Firestore and Pub/Sub.

Their Java programs are started themselves: the ``gcloud emulators`` wrapper leaves children behind.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from infra.local.emulated.component import Component, Missing, answers_http, java
from infra.local.emulated.ports import HOST

_FIRESTORE_JAR = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
_FIRESTORE_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_NOTHING = "/v1/projects/kimera-nothing/databases/(default)/documents/nothing/here"
_PUBSUB = Path("platform/pubsub-emulator/bin/cloud-pubsub-emulator")
_log = logging.getLogger(__name__)


class FirestoreEmulator(Component):
    """Firestore, in memory. Faithful but for this: it needs no composite index, and locks wait for two seconds only.

    What was stored is gone when it ends, but for the database of ``kept_project``: ``stop`` writes that to its folder, and the next start
    reads it. A kill loses it.
    """

    name = "firestore"

    def __init__(self, home: Path, *, port: int | None = None, kept_project: str | None = None) -> None:
        super().__init__(home, port=port)
        self._kept_project = kept_project

    def command(self) -> Sequence[str]:
        jar = _in_sdk(_FIRESTORE_JAR, "the Firestore emulator", "cloud-firestore-emulator")
        kept = (f"--import-data={self._export}",) if self._kept_project and self._export.exists() else ()
        return (java("the Firestore emulator"), "-cp", str(jar), _FIRESTORE_MAIN, "start", f"--host={HOST}", f"--port={self.port}", *kept)

    def stop(self) -> None:
        if self._kept_project is not None and self.pid is not None:
            self.resume()
            self._keep(self._kept_project)
        super().stop()

    def serves(self) -> bool:
        """Whether it reads: on a busy machine its first read can take longer than a client waits, long after its port is open."""
        return answers_http(self.port, _NOTHING)

    def clear(self, project: str) -> None:
        """Remove all documents of ``project``."""
        address = f"http://{self.address}/emulator/v1/projects/{project}/databases/(default)/documents"
        httpx.delete(address, timeout=10).raise_for_status()

    @property
    def _export(self) -> Path:
        return self.home / "firestore" / "kept" / "kept.overall_export_metadata"

    def _keep(self, project: str) -> None:
        """Write the database out: first beside the earlier one, which stays until this is whole."""
        drafts = self.home / "firestore-draft"
        shutil.rmtree(drafts, ignore_errors=True)
        drafts.mkdir(parents=True)
        wanted = {"database": f"projects/{project}/databases/(default)", "export_directory": str(drafts.absolute()), "export_name": "kept"}
        address = f"http://{self.address}/emulator/v1/projects/{project}:export"
        try:
            httpx.post(address, json=wanted, timeout=60).raise_for_status()
        except httpx.HTTPError as error:
            _log.warning("What Firestore holds could not be kept: %s", error)
            return
        shutil.rmtree(self.home / "firestore", ignore_errors=True)
        drafts.rename(self.home / "firestore")


class PubSubEmulator(Component):
    """Pub/Sub, in memory; it pushes to this machine's servers, and ignores the filters of subscriptions."""

    name = "pubsub"

    def command(self) -> Sequence[str]:
        java("the Pub/Sub emulator")
        program = _in_sdk(_PUBSUB, "the Pub/Sub emulator", "pubsub-emulator")
        return (str(program), f"--host={HOST}", f"--port={self.port}")

    def serves(self) -> bool:
        return answers_http(self.port)


def _in_sdk(program: Path, what: str, component: str) -> Path:
    for root in _sdk_roots():
        if (root / program).is_file():
            return root / program
    raise Missing(
        f"{what[:1].upper()}{what[1:]} is missing on this machine.",
        remedy=f"Install the Google Cloud SDK with its component {component}, or set KIMERA_CLOUD_SDK to the SDK's folder.",
    )


def _sdk_roots() -> Iterator[Path]:
    """Folders that may hold the Google Cloud SDK: what the user says, what the command on the PATH belongs to, the usual ones."""
    named = os.environ.get("KIMERA_CLOUD_SDK")
    if named:
        yield Path(named)
    command = shutil.which("gcloud")
    if command:
        yield Path(command).resolve().parent.parent
    yield from (Path("/usr/lib/google-cloud-sdk"), Path("/opt/google-cloud-sdk"), Path.home() / "google-cloud-sdk")
    if command:
        answer = subprocess.run(
            [command, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, timeout=60, check=False
        )
        if answer.returncode == 0 and answer.stdout.strip():
            yield Path(answer.stdout.strip())
