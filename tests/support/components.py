"""Real components that tests run against, started once for a test session and stopped by their own process id.

Where one is missing, a person's run says which and skips; a run with ``CI=true`` fails, since there a skip would hide a gap.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from infra.local.emulated.cloud_sdk import FirestoreEmulator, PubSubEmulator
from infra.local.emulated.component import Component, Missing
from infra.local.emulated.neo4j import Neo4jServer
from infra.local.emulated.storage import ForgetfulStorageEmulator, StorageEmulator

GOOGLE = pytest.mark.xdist_group("google")
"""Of each test on an emulator of Google's: each costs a start and memory, and some tests want two, so all run on one worker."""
FIRESTORE, PUBSUB, STORAGE = (pytest.mark.firestore, GOOGLE), (pytest.mark.pubsub, GOOGLE), (pytest.mark.storage, GOOGLE)
NEO4J = (pytest.mark.neo4j, pytest.mark.xdist_group("neo4j"), pytest.mark.timeout(400))
"""Of each test on a Neo4j server: one worker starts it, and the start, a heavy one, counts for the test that comes first."""
ComponentT = TypeVar("ComponentT", bound=Component)


def missing(component: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it in CI: the machine lacks ``component``, and ``remedy`` says how to get it."""
    message = f"{component} is missing on this machine: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def running(component: ComponentT) -> Iterator[ComponentT]:
    """The component, started; where the machine lacks it, the test is skipped or fails."""
    try:
        component.start()
    except Missing as error:
        missing(component.name, error.remedy)
    try:
        yield component
    finally:
        component.stop()


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
    yield from running(FirestoreEmulator(tmp_path_factory.mktemp("firestore")))


@pytest.fixture(scope="session")
def pubsub_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubSubEmulator]:
    """The Pub/Sub emulator of the Google Cloud SDK. Use a project name of your own: the session shares it."""
    yield from running(PubSubEmulator(tmp_path_factory.mktemp("pubsub")))


@pytest.fixture(scope="session")
def storage_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageEmulator]:
    """The Cloud Storage emulator, in memory. Use a bucket of your own: the session shares it."""
    yield from running(ForgetfulStorageEmulator(tmp_path_factory.mktemp("storage")))


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """A Neo4j server. The session shares its one database: clear it, or use an owner of your own."""
    yield from running(Neo4jServer(tmp_path_factory.mktemp("neo4j")))
