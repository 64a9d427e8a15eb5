"""The sandbox of this machine for tests, and a short way to run a script in one. Every adapter: ``tests/support/sandbox_service.py``."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.sandbox_python import find_sandbox_python
from shared.documents import Json
from shared.errors import SandboxUnavailable
from shared.sandbox import CodeSandbox, SandboxInput, SandboxJob, SandboxLimits, SandboxResult
from tests.support.components import missing

ROOT = Path(__file__).resolve().parents[2]
SMALL = SandboxLimits(seconds=10, memory_mb=256, processes=16, file_mb=8, output_bytes=20_000)
Run = Callable[..., SandboxResult]


@pytest.fixture(scope="session")
def sandbox() -> CodeSandbox:
    """A sandbox that works."""
    try:
        adapter: CodeSandbox = BubblewrapSandbox(find_sandbox_python(os.environ, ROOT))
        adapter.check()
    except SandboxUnavailable as unavailable:
        missing("bubblewrap", str(unavailable))
    return adapter


@pytest.fixture
def run(sandbox: CodeSandbox, tmp_path: Path) -> Run:
    """Run a dedented script with small limits; the output folder is ``tmp_path/outputs-<n>``."""
    count = iter(range(100))

    def run_script(
        script: str,
        *,
        limits: SandboxLimits = SMALL,
        inputs: tuple[SandboxInput, ...] = (),
        parameters: dict[str, Json] | None = None,
        libraries: tuple[tuple[str, str], ...] = (),
    ) -> SandboxResult:
        job = SandboxJob(textwrap.dedent(script), inputs=inputs, parameters=parameters or {}, limits=limits, libraries=libraries)
        return sandbox.run(job, outputs_to=tmp_path / f"outputs-{next(count)}")

    return run_script


def recorded(result: SandboxResult) -> dict[str, object]:
    """Name -> value of a run that went well."""
    assert result.status == "ok", result
    return {value.name: value.value for value in result.values}


def still_works(run: Run) -> None:
    """The next job runs as if nothing had happened."""
    assert recorded(run("record('next', 1)")) == {"next": 1}
