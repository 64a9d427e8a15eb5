"""Real components that tests run against, started once for a test session and stopped by their own process id.

Where one is missing, a person's run says which and skips; a run with ``CI=true`` fails, since there a skip would hide a gap.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import pytest

EMULATOR_JAR = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
EMULATOR_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
START_LIMIT_S = 60.0
"""Generous: the emulator starts in 3 s on an idle core, and CI's cores are not idle."""


def missing(component: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it in CI: the machine lacks ``component``, and ``remedy`` says how to get it."""
    message = f"{component} is missing on this machine: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@dataclass(frozen=True, slots=True)
class FirestoreEmulator:
    """A running emulator: ``host`` is ``address:port``, as FIRESTORE_EMULATOR_HOST wants it."""

    host: str

    def clear(self, project: str) -> None:
        """Remove all documents of ``project``."""
        address = f"http://{self.host}/emulator/v1/projects/{project}/databases/(default)/documents"
        with urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=10):
            pass


@pytest.fixture(scope="session")
def bubblewrap() -> Path:
    """The path of a bubblewrap that can make a namespace on this machine."""
    found = shutil.which("bwrap")
    if found is None:
        missing("bubblewrap", "sudo apt-get install bubblewrap")
    tried = subprocess.run([found, "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        missing("the right to make namespaces", f"bubblewrap says: {tried.stderr.strip()}")
    return Path(found)


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreEmulator]:
    """The Firestore emulator of the Google Cloud SDK, on a free port. Use a project name of your own: the session shares it."""
    jar = _emulator_jar()
    java = shutil.which("java")
    if java is None:
        missing("Java", "sudo apt-get install default-jre-headless")
    port = _free_port()
    log_path = tmp_path_factory.mktemp("firestore") / "emulator.log"
    with log_path.open("wb") as log:
        # The jar itself: the gcloud wrapper leaves children behind.
        process = _start([java, "-cp", str(jar), EMULATOR_MAIN, "start", "--host=127.0.0.1", f"--port={port}"], log)
        try:
            _wait_for(lambda: _answers(port), process, log_path)
            yield FirestoreEmulator(f"127.0.0.1:{port}")
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _emulator_jar() -> Path:
    for root in _sdk_roots():
        if (root / EMULATOR_JAR).is_file():
            return root / EMULATOR_JAR
    missing(
        "the Firestore emulator",
        "install the Google Cloud SDK with its component cloud-firestore-emulator, or set KIMERA_CLOUD_SDK to the SDK's folder",
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


def _start(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the component did not come up (exit code {process.returncode}); its last words:\n{tail}")
        time.sleep(0.05)  # another process starts: there is no clock of ours to inject
