"""The sandbox service as its own process, and every kind of sandbox in turn for the contract, escape and exhaustion suites."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.emulated.sandbox import SandboxService
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox, find_bubblewrap
from shared.adapters.remote_sandbox import RemoteSandbox
from shared.adapters.sandbox_jobs import checked_inputs, make_empty
from shared.adapters.sandbox_python import find_sandbox_python
from shared.adapters.spare_sandboxes import start_spare
from shared.artifacts import ArtifactStore
from shared.clock import SystemClock
from shared.errors import SandboxUnavailable
from shared.sandbox import CodeSandbox, SandboxJob, SandboxResult, ScopedSandbox
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


class StartedAhead:
    """Each job in a sandbox that was started before it came."""

    reads_artifacts = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bwrap = find_bubblewrap(find_sandbox_python(os.environ, ROOT))

    def check(self) -> None:
        """It was looked at when it was found."""

    def expect(self) -> None:
        """Each job has one of its own."""

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """See ``CodeSandbox.run``."""
        inputs = checked_inputs(job)
        make_empty(outputs_to)
        spare = start_spare(self._bwrap, self._folder, file_mb=job.limits.file_mb, imports=("json",))
        assert spare.take_in(inputs)
        return spare.run(job, outputs_to=outputs_to)


@pytest.fixture(scope="session", params=["bubblewrap", "started ahead", pytest.param("remote", marks=GROUP)])
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CodeSandbox:
    """Each adapter in turn."""
    require_isolation()
    if request.param == "bubblewrap":
        return BubblewrapSandbox(find_sandbox_python(os.environ, ROOT))
    if request.param == "started ahead":
        return StartedAhead(tmp_path_factory.mktemp("spares"))
    adapter = remote(request.getfixturevalue("sandbox_service"), request.getfixturevalue("linked_store"))
    adapter.check()
    return ScopedSandbox(adapter, SCOPE)
