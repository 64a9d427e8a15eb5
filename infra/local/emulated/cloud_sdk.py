"""The emulators of the Google Cloud SDK: Firestore and Pub/Sub.

Their Java programs are started themselves: the ``gcloud emulators`` wrapper leaves children behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.local.emulated.component import HOST, Component, Missing, answers_http, java

_FIRESTORE_JAR = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
_FIRESTORE_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_PUBSUB = Path("platform/pubsub-emulator/bin/cloud-pubsub-emulator")


class FirestoreEmulator(Component):
    """Firestore, in memory. Faithful but for this: it needs no composite index, and locks wait for two seconds only.

    What was stored is gone when it ends.
    """

    name = "firestore"

    def command(self) -> Sequence[str]:
        jar = _in_sdk(_FIRESTORE_JAR, "the Firestore emulator", "cloud-firestore-emulator")
        return (java("the Firestore emulator"), "-cp", str(jar), _FIRESTORE_MAIN, "start", f"--host={HOST}", f"--port={self.port}")

    def serves(self) -> bool:
        return answers_http(self.port)

    def clear(self, project: str) -> None:
        """Remove all documents of ``project``."""
        address = f"http://{self.address}/emulator/v1/projects/{project}/databases/(default)/documents"
        with urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=10):
            pass


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
        answer = subprocess.run([command, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip():
            yield Path(answer.stdout.strip())
