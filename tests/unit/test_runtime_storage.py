"""Where the runtime keeps artifacts, anchors and what lasts no longer than a request, by its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.emulated.storage import StorageEmulator
from shared.adapters.cloud_storage_bucket import EMULATOR
from shared.errors import Unavailable
from shared.missions.anchors import ANCHORS
from shared.runtime import Runtime
from shared.settings import Settings

CLOUD = {"profile": "cloud", "google_project": "p", "artifacts_bucket": "kimera-artifacts", "anchors_bucket": "kimera-anchors"}


@pytest.mark.parametrize("missing", ["artifacts_bucket", "anchors_bucket", "google_project"])
def test_a_setting_that_is_missing_is_named(missing: str) -> None:
    runtime = Runtime(Settings.model_validate({name: value for name, value in CLOUD.items() if name != missing}))
    with pytest.raises(Unavailable, match=f"KIMERA_{missing.upper()}"):
        _ = runtime.anchors if missing == "anchors_bucket" else runtime.artifacts
    runtime.close()


def test_on_the_cloud_anchors_are_kept_apart(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMULATOR, storage_emulator.url)
    for bucket in ("kimera-artifacts", "kimera-anchors"):
        storage_emulator.make_bucket(bucket)
    runtime = Runtime(Settings.model_validate(CLOUD))
    runtime.artifacts.put("missions/m_1/report.md", b"")
    runtime.anchors.put(f"{ANCHORS}/m_1/done-000001.json", b"{}")
    assert [artifact.key for artifact in runtime.artifacts.list("")] == ["missions/m_1/report.md"]
    assert [artifact.key for artifact in runtime.anchors.list("")] == [f"{ANCHORS}/m_1/done-000001.json"]
    runtime.close()
    for store in (runtime.artifacts, runtime.anchors):
        with pytest.raises(Unavailable, match="was closed"):
            store.stat("artifact:x")


def test_on_one_machine_anchors_are_files_apart_from_the_documents_they_vouch_for(tmp_path: Path) -> None:
    runtime = Runtime(Settings(home=tmp_path))
    runtime.anchors.put(f"{ANCHORS}/one.json", b"{}", media_type="application/json")
    runtime.artifacts.put("missions/one.json", b"{}", media_type="application/json")
    assert [path.name for path in (tmp_path / "artifacts").rglob("one.json")] == ["one.json"]
    assert runtime.artifacts.stat(f"artifact:{ANCHORS}/one.json").size == 2  # an artifact like any other
    runtime.close()
    assert runtime.home == tmp_path


def test_on_the_cloud_a_folder_lasts_as_long_as_the_process_and_nobody_else_reads_it(tmp_path: Path) -> None:
    runtime = Runtime(Settings.model_validate(CLOUD | {"home": tmp_path / "not-writable"}))
    home = runtime.home
    (home / "scratch").mkdir()
    assert runtime.home == home and home.is_dir()
    assert home.stat().st_mode & 0o077 == 0
    runtime.close()
    assert not home.exists()
    assert not (tmp_path / "not-writable").exists()
