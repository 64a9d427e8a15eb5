"""The sandbox service as its own process, and every kind of sandbox in turn for the contract and escape suites."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from infra.local.emulated.sandbox import SandboxService
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.remote_sandbox import RemoteSandbox
from shared.adapters.sandbox_python import find_sandbox_python
from shared.artifacts import ArtifactStore
from shared.clock import SystemClock
from shared.errors import SandboxUnavailable
from shared.sandbox import CodeSandbox, ScopedSandbox
from tests.support.components import missing, running
from tests.support.link_server import linked_artifacts
from tests.support.sandboxes import ROOT

GROUP = pytest.mark.xdist_group("sandbox-service")
"""Its tests share one process: no two of them ask for it at the same time with different missions."""
SCOPE = "missions/m_contract"


def require_isolation() -> None:
    """Skip the test, or fail in CI, where this machine cannot isolate code."""
    try:
        BubblewrapSandbox(find_sandbox_python(os.environ, ROOT)).check()
    except SandboxUnavailable as unavailable:
        missing("bubblewrap", str(unavailable))


@pytest.fixture(scope="session")
def sandbox_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    """The service, served by functions-framework. Kept for one mission as long as nobody asks for another."""
    require_isolation()
    yield from running(SandboxService(tmp_path_factory.mktemp("service")))


@pytest.fixture(scope="session")
def linked_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArtifactStore]:
    """A store whose links the service can open."""
    with linked_artifacts(tmp_path_factory.mktemp("store")) as store:
        yield store


def remote(service: SandboxService, store: ArtifactStore) -> RemoteSandbox:
    """The adapter over the service."""
    return RemoteSandbox(service.url, store, clock=SystemClock(), randomness=random.Random(1))


@pytest.fixture(scope="session", params=["bubblewrap", pytest.param("remote", marks=GROUP)])
def sandbox(request: pytest.FixtureRequest) -> CodeSandbox:
    """Each adapter in turn."""
    require_isolation()
    if request.param == "bubblewrap":
        return BubblewrapSandbox(find_sandbox_python(os.environ, ROOT))
    adapter = remote(request.getfixturevalue("sandbox_service"), request.getfixturevalue("linked_store"))
    adapter.check()
    return ScopedSandbox(adapter, SCOPE)
