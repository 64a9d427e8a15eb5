"""``kimera doctor`` on the profile cloud looks at the buckets."""

from __future__ import annotations

import pytest

from infra.local.doctor_cloud import _buckets
from infra.local.emulated.storage import LOCATION, StorageEmulator
from shared.adapters.cloud_storage_bucket import EMULATOR
from shared.runtime import Runtime
from shared.settings import Settings


def test_each_bucket_is_found_or_what_is_wrong_with_it(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMULATOR, storage_emulator.url)
    storage_emulator.make_bucket("doctor-artifacts")
    cloud = {"profile": "cloud", "google_project": "p", "artifacts_bucket": "doctor-artifacts", "anchors_bucket": "doctor-nowhere"}

    def found(region: str) -> list[tuple[str, str, str]]:
        runtime = Runtime(Settings.model_validate(cloud | {"google_location": region}))
        try:
            return [(finding.name, finding.verdict, f"{finding.detail} {finding.remedy}") for finding in _buckets(runtime)]
        finally:
            runtime.close()

    artifacts, anchors = found(LOCATION)
    assert artifacts == ("artifacts bucket", "ok", "doctor-artifacts ")
    assert anchors[:2] == ("anchors bucket", "missing")
    assert "doctor-nowhere does not exist" in anchors[2]
    assert "KIMERA_GOOGLE_LOCATION" in found("europe-west4")[0][2]
