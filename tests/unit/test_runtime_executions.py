"""Which workflow the runtime reaches, by its settings."""

from __future__ import annotations

import pytest

from shared.errors import Unavailable
from shared.runtime import Runtime
from shared.settings import Settings

CLOUD = {"profile": "cloud", "google_project": "p", "google_location": "europe-west1"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "kimera serve"),
        ({"profile": "cloud", "google_project": "p"}, "KIMERA_GOOGLE_LOCATION"),
        ({"profile": "cloud", "google_location": "europe-west1"}, "KIMERA_GOOGLE_PROJECT"),
        (CLOUD | {"workflows_endpoint": "127.0.0.1:9"}, "127.0.0.1:9.*projects/p/locations/europe-west1/workflows/mission"),
        ({"workflows_endpoint": "127.0.0.1:9", "workflow": "other"}, "projects/local/locations/local/workflows/other"),
    ],
)
def test_what_is_missing_or_not_reached_is_named(settings: dict[str, str], named: str) -> None:
    runtime = Runtime(Settings.model_validate(settings))
    with pytest.raises(Unavailable, match=named):
        runtime.executions.start({}, {})
    runtime.close()


def test_the_cloud_is_called_with_credentials_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/none.json")
    runtime = Runtime(Settings.model_validate(CLOUD))
    with pytest.raises(Unavailable, match=r"workflowexecutions\.googleapis\.com"):
        runtime.executions.state("x")
    runtime.close()
