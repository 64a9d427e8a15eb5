"""``kimera doctor`` on the emulated cloud's servers: which are missing, and how each is got."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local import doctor
from infra.local.emulated import cloud_sdk, neo4j, storage


def test_each_missing_server_is_named_with_the_way_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no Java, no SDK
    monkeypatch.setattr(cloud_sdk, "_sdk_roots", lambda: iter([tmp_path]))
    monkeypatch.setattr(neo4j, "_LIBRARY", tmp_path)
    monkeypatch.setattr(storage, "PROGRAM", tmp_path / "fake-gcs-server")
    found = {finding.name: finding for finding in doctor.emulated_cloud()}
    assert {name for name, finding in found.items() if finding.verdict == "note"} == {"firestore", "pubsub", "storage", "neo4j"}
    assert "cloud-firestore-emulator" in found["firestore"].remedy
    assert "default-jre-headless" in found["pubsub"].remedy
    assert "scripts/components storage" in found["storage"].remedy
    assert "scripts/components neo4j" in found["neo4j"].remedy
    assert (found["tasks"].verdict, found["tasks"].remedy) == ("ok", "")
