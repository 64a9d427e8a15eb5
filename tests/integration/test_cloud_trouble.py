"""A project of Google Cloud that is not as the settings say: the API and ``kimera doctor`` name the resource and the remedy.

The services are stand-ins that refuse as Google does; the clients, the functions and the command are the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from infra.local.functions import public_app
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.command import Kimera
from tests.support.google_standin import Refusal, refusing
from tests.support.secret_manager import SecretManager
from tests.support.storage_standin import Reply, storage_standin

pytestmark = pytest.mark.timeout(240)
PROJECT = "some-project"
LINK = "https://console.firebase.google.com/project/some-project/firestore/indexes"
CASES = {
    "wrong project": (
        Refusal(grpc.StatusCode.NOT_FOUND, f"The database (default) does not exist for project {PROJECT}. Please set it up."),
        "some-project/(default)",
        "KIMERA_GOOGLE_PROJECT",
    ),
    "no permission": (
        Refusal(grpc.StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions."),
        "some-project/(default)",
        "roles/datastore.user",
    ),
    "an index is missing": (
        Refusal(grpc.StatusCode.FAILED_PRECONDITION, f"The query requires an index. You can create it here: {LINK}"),
        LINK,
        "Deploy the declared indexes",
    ),
    "an index is not ready": (
        Refusal(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"The query requires an index. That index is currently building and cannot be used yet. See its status here: {LINK}",
        ),
        LINK,
        "gcloud firestore indexes composite list",
    ),
    "over the quota": (
        Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded."),
        "some-project/(default)",
        "raise the quota",
    ),
}
cases = pytest.mark.parametrize(("refusal", "resource", "remedy"), CASES.values(), ids=CASES)


@pytest.fixture
def secrets() -> Iterator[SecretManager]:
    made = SecretManager()
    yield made
    made.close()


def test_doctor_names_what_is_wrong_with_each_service(tmp_path: Path, secrets: SecretManager) -> None:
    """One project in which everything is wrong."""
    secrets.add(f"projects/{PROJECT}/secrets/gemini", "k")
    secrets.disabled.add(f"projects/{PROJECT}/secrets/gemini/versions/1")
    denied = Refusal(grpc.StatusCode.PERMISSION_DENIED, "Permission 'workflows.executions.get' denied.")
    with (
        refusing(CASES["an index is not ready"][0]) as firestore,
        refusing(denied) as workflows,
        storage_standin(Reply(body={"location": "US-CENTRAL1", "locationType": "region"})) as storage,
    ):
        done = Kimera(tmp_path)(
            "doctor",
            "--json",
            KIMERA_PROFILE="cloud",
            KIMERA_GOOGLE_PROJECT=PROJECT,
            KIMERA_GOOGLE_LOCATION="europe-west1",
            KIMERA_ARTIFACTS_BUCKET="some-artifacts",
            KIMERA_SECRETS='{"gemini-api-key": "gemini", "neo4j-writer": "nowhere"}',
            KIMERA_SECRETS_ENDPOINT=secrets.address,
            KIMERA_WORKFLOWS_ENDPOINT=workflows,
            KIMERA_NEO4J_URI="bolt://127.0.0.1:9",
            KIMERA_TRACES="file",
            FIRESTORE_EMULATOR_HOST=firestore,
            STORAGE_EMULATOR_HOST=storage.url,
        )
    assert done.code == 3
    found = {f["name"]: f for f in done.json["findings"] if f["area"] == "reachable"}
    said = {name: f"{f['detail']} -> {f['remedy']}" for name, f in found.items() if f["verdict"] == "missing"}
    for name, words in {
        "documents": ("missions", "building", "READY"),
        "artifacts bucket": ("some-artifacts", "US-CENTRAL1", "europe-west1"),
        "anchors bucket": ("KIMERA_ANCHORS_BUCKET",),
        "secret gemini-api-key": ("secrets/gemini/versions/latest", "DISABLED", "Add a version"),
        "secret neo4j-writer": ("secrets/nowhere", "Add a version"),
        "workflow": (workflows, "roles/workflows.invoker"),
        "knowledge": ("nowhere", "Add a version"),
    }.items():
        assert all(word in said[name] for word in words), (name, said.get(name))
    assert "Traceback" not in done.err


def test_doctor_says_what_to_do_without_credentials(tmp_path: Path) -> None:
    done = Kimera(tmp_path)(
        "doctor",
        "--json",
        KIMERA_PROFILE="cloud",
        KIMERA_GOOGLE_PROJECT=PROJECT,
        KIMERA_GOOGLE_LOCATION="europe-west1",
        KIMERA_ARTIFACTS_BUCKET="some-artifacts",
        KIMERA_ANCHORS_BUCKET="some-anchors",
        KIMERA_SECRETS='{"gemini-api-key": "gemini"}',
        GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json"),
    )
    assert done.code == 3
    found = {f["name"]: f["remedy"] for f in done.json["findings"] if f["verdict"] == "missing"}
    for name in ("documents", "artifacts bucket", "anchors bucket", "secret gemini-api-key", "workflow"):
        assert "gcloud auth application-default login" in found[name], (name, found)


def test_spans_without_credentials_are_no_defect_of_ours(tmp_path: Path) -> None:
    done = Kimera(tmp_path)(
        "doctor",
        "--json",
        KIMERA_PROFILE="cloud",
        KIMERA_GOOGLE_PROJECT=PROJECT,
        FIRESTORE_EMULATOR_HOST="127.0.0.1:9",
        GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json"),
    )
    (traces,) = (f for f in done.json["findings"] if f["name"] == "traces")
    assert "Cloud Trace" in traces["detail"] and "gcloud auth" in traces["remedy"]


@cases
def test_the_api_answers_503_that_names_the_database_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Refusal, resource: str, remedy: str
) -> None:
    with refusing(refusal) as firestore:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore)
        settings = Settings(profile="cloud", home=tmp_path, google_project=PROJECT, identity="tokens", traces="file", owners={})
        runtime = Runtime(settings)
        try:
            with httpx.Client(transport=httpx.WSGITransport(app=public_app(runtime)), base_url="http://localhost") as api:
                answers = [api.get("/missions"), api.get("/missions/m_1")]
        finally:
            runtime.close()
    for answer in answers:
        problem = answer.json()
        assert answer.status_code == 503, problem
        assert resource in problem["detail"] and remedy in problem["remedy"], problem
