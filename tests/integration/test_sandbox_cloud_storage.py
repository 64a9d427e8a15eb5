"""The sandbox service with Cloud Storage behind its inputs: signed links to exact generations, as on the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.emulated.sandbox import SandboxService
from infra.local.emulated.storage import StorageEmulator
from shared.artifacts import ArtifactStore
from shared.errors import NotFound
from shared.sandbox import SandboxInput, SandboxJob, ScopedSandbox
from tests.support.buckets import in_new_bucket
from tests.support.sandbox_service import remote, require_isolation
from tests.support.sandboxes import SMALL, recorded

pytestmark = pytest.mark.bubblewrap
SCOPE = "missions/m_1"


@pytest.fixture
def store(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArtifactStore]:
    bucket = in_new_bucket(storage_emulator, monkeypatch)
    yield bucket
    bucket.close()


def test_artifacts_and_other_files_are_read_from_the_bucket(store: ArtifactStore, tmp_path: Path) -> None:
    require_isolation()
    table = store.put("inputs/o/Umsätze 2024 (neu).csv", b"a\n1\n", media_type="text/csv")
    local = tmp_path / "local"
    local.write_bytes(b"local")
    script = "record('table', open(inputs['table']).read()); record('local', open(inputs['local']).read())"
    job = SandboxJob(script, inputs=(SandboxInput("table", local, table.uri), SandboxInput("local", local)), limits=SMALL)
    with SandboxService(tmp_path / "service") as service:
        sandbox = ScopedSandbox(remote(service, store), SCOPE)
        assert recorded(sandbox.run(job, outputs_to=tmp_path / "first")) == {"table": "a\n1\n", "local": "local"}
        assert recorded(sandbox.run(job, outputs_to=tmp_path / "second")) == {"table": "a\n1\n", "local": "local"}
        assert [artifact.size for artifact in store.list(f"{SCOPE}/sandbox-inputs/")] == [5]
        store.delete_prefix("inputs/o/")
        with pytest.raises(NotFound, match="Umsätze"):
            sandbox.run(job, outputs_to=tmp_path / "third")
