"""What goes wrong with a bucket is told with its name and what to do, and never with the address of an upload."""

from __future__ import annotations

import threading
from hashlib import sha256

import pytest

from shared.adapters.cloud_storage_uploads import ONE_REQUEST
from shared.adapters.resilience import Patience
from shared.artifacts import SCHEME
from shared.errors import BadInput, Conflict, KimeraError, NotFound, Unavailable
from tests.support.buckets import at
from tests.support.storage_standin import Reply, storage_standin

BUCKET = "reports-of-acme"
URI = f"{SCHEME}missions/m_1/report.md"
IMPATIENT = Patience(timeout_s=2.0, deadline_s=2.0, tries=3, first_wait_s=0.01, failures=1_000)
_DENIED = "a@p.iam.gserviceaccount.com does not have storage.objects.{0} access to the Google Cloud Storage object."


@pytest.mark.parametrize(
    ("status", "said", "kind", "named"),
    [
        (404, "The specified bucket does not exist.", Unavailable, "does not exist.*pulumi up"),
        (401, "Invalid Credentials", Unavailable, "give the service an account"),
        (403, _DENIED.format("get"), Unavailable, "roles/storage.objectViewer"),
        (403, _DENIED.format("create"), Unavailable, "roles/storage.objectCreator"),
        (403, "Forbidden", Unavailable, "roles/storage.objectUser.*another project"),
        (403, "Caller does not have serviceusage.services.use on project q", Unavailable, "KIMERA_GOOGLE_PROJECT"),
        (403, "The billing account for the owning project is disabled", Unavailable, "Enable billing"),
        (403, "Object is subject to bucket's retention policy and cannot be deleted", Conflict, "Wait until its retention"),
        (429, "The rate of change requests exceeds the limit", Unavailable, "quota.*Wait, or raise it"),
        (400, "Invalid argument", BadInput, "refuses to look up"),
        (500, "Backend Error", Unavailable, "look at the service's status"),
        (503, "Service Unavailable", Unavailable, "look at the service's status"),
    ],
)
def test_an_error_of_the_service_names_the_bucket_and_the_remedy(
    status: int, said: str, kind: type[KimeraError], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with storage_standin(Reply(status, said)) as standin:
        store = at(standin.url, BUCKET, monkeypatch, patience=IMPATIENT)
        with pytest.raises(kind, match=f"{BUCKET}.*{named}"):
            store.get(URI)
        store.close()
    assert len(standin.asked) == (IMPATIENT.tries if status in (429, 500, 503) else 1)


def test_an_object_that_is_missing_is_not_a_bucket_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        storage_standin(Reply(404, f"No such object: {BUCKET}/missions/m_1/report.md")) as standin,
        pytest.raises(NotFound, match="report"),
    ):
        at(standin.url, BUCKET, monkeypatch).get(URI)
    assert len(standin.asked) == 1


def test_a_bucket_that_is_missing_is_told_where_the_service_does_not_say_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with storage_standin(Reply(404, "Not Found")) as standin, pytest.raises(Unavailable, match=f"{BUCKET} does not exist"):
        at(standin.url, BUCKET, monkeypatch).get(URI)


def test_what_passes_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Reply(body={"size": "4", "generation": "7", "metadata": {"sha256": "s", "media-type": "text/plain"}})
    with storage_standin(Reply(503), Reply(429), known) as standin:
        assert at(standin.url, BUCKET, monkeypatch, patience=IMPATIENT).stat(URI).sha256 == "s"
    assert len(standin.asked) == 3


def test_what_may_be_created_and_not_deleted_is_put_twice_with_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    there: dict[str, object] = {
        "size": "4",
        "generation": "7",
        "metadata": {"sha256": sha256(b"data").hexdigest(), "media-type": "text/plain"},
    }
    with storage_standin(Reply(403, _DENIED.format("delete")), Reply(body=there)) as standin:
        store = at(standin.url, BUCKET, monkeypatch, patience=IMPATIENT)
        assert store.put("missions/m_1/report.md", b"data", media_type="text/plain").size == 4
    assert len(standin.asked) == 2
    with storage_standin(Reply(403, _DENIED.format("create"))) as standin, pytest.raises(Unavailable, match="objectCreator"):
        at(standin.url, BUCKET, monkeypatch, patience=IMPATIENT).put("missions/m_1/report.md", b"data", media_type="text/plain")


def test_an_answer_that_does_not_come_is_waited_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    patience = Patience(timeout_s=0.2, deadline_s=0.5, tries=2, first_wait_s=0.01)
    with storage_standin(Reply(before=over.wait)) as standin:
        with pytest.raises(Unavailable, match=f"{BUCKET} did not answer in time to look up"):
            at(standin.url, BUCKET, monkeypatch, patience=patience).stat(URI)
        over.set()


def test_a_service_that_stays_away_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience(tries=1, failures=2)
    with storage_standin(Reply(503)) as standin:
        store = at(standin.url, BUCKET, monkeypatch, patience=patience)
        for _ in range(2):
            with pytest.raises(Unavailable, match="503"):
                store.stat(URI)
        with pytest.raises(Unavailable, match=f"{BUCKET} failed 2 times in a row"):
            store.stat(URI)
    assert len(standin.asked) == 2


def test_the_address_of_an_upload_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    with storage_standin(Reply(404, "No such object: b/k"), Reply(), Reply(403, "Forbidden")) as standin:
        standin.replies[1] = Reply(headers={"Location": f"{standin.url}/upload?upload_id=whoever-has-this-can-write"})
        store = at(standin.url, BUCKET, monkeypatch, patience=IMPATIENT)
        with pytest.raises(Unavailable) as told:
            store.put("k", b"x" * (ONE_REQUEST + 1))
    assert standin.asked[-1] == "PUT /upload?upload_id=whoever-has-this-can-write"
    assert "whoever-has-this" not in str(told.value)


def test_a_put_whose_answer_was_lost_returns_what_it_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"  # of "text"
    known = Reply(body={"size": "4", "generation": "7", "metadata": {"sha256": sha256, "media-type": "text/plain"}})
    with storage_standin(Reply(503), Reply(412, "conditionNotMet"), known) as standin:
        made = at(standin.url, BUCKET, monkeypatch, patience=IMPATIENT).put("k", b"text", media_type="text/plain")
    assert (made.sha256, made.size) == (sha256, 4)
    assert ["ifGenerationMatch=0" in asked for asked in standin.asked] == [True, True, False]


@pytest.mark.parametrize(
    ("body", "region", "told"),
    [
        ({"location": "US-CENTRAL1", "locationType": "region"}, "us-central1", ""),
        ({"location": "US-CENTRAL1", "locationType": "region"}, "europe-west1", "US-CENTRAL1.*europe-west1.*KIMERA_GOOGLE_LOCATION"),
        ({"location": "US-CENTRAL1", "locationType": "region"}, None, ""),
        ({"location": "EU", "locationType": "multi-region"}, "europe-west1", ""),
        ({"location": "EU", "locationType": "multi-region"}, "us-east1", "is in EU"),
        ({"location": "EUR4", "locationType": "dual-region"}, "europe-west4", ""),
        (
            {"location": "EU", "locationType": "dual-region", "customPlacementConfig": {"dataLocations": ["EUROPE-WEST1", "EUROPE-WEST4"]}},
            "europe-west4",
            "",
        ),
    ],
)
def test_a_bucket_in_another_region_is_found_out(
    body: dict[str, object], region: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with storage_standin(Reply(body=body)) as standin:
        store = at(standin.url, BUCKET, monkeypatch, region=region)
        if told:
            with pytest.raises(Unavailable, match=f"{BUCKET} {told}" if told.startswith("is") else f"{BUCKET}.*{told}"):
                store.check()
        else:
            store.check()


def test_without_credentials_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    store = at("", BUCKET, monkeypatch)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/none.json")
    with pytest.raises(Unavailable, match=f"no usable credentials for Cloud Storage's artifacts bucket {BUCKET}.*gcloud auth"):
        store.stat(URI)


@pytest.mark.parametrize(
    ("url", "told"),
    [("http://storage.example.com:80", "not on this machine"), ("127.0.0.1:9199", "Set it to http://127.0.0.1:9199")],
)
def test_an_emulator_elsewhere_gets_nothing(url: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match=f"STORAGE_EMULATOR_HOST.*{told}"):
        at(url, BUCKET, monkeypatch).put("k", b"secret")


def test_a_store_that_was_closed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with storage_standin(Reply(404, "No such object")) as standin:
        store = at(standin.url, BUCKET, monkeypatch)
        store.close()
        with pytest.raises(Unavailable, match=f"{BUCKET} was closed"):
            store.stat(URI)
    assert standin.asked == []
