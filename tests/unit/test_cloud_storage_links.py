"""Links: to one generation, for a while, signed by whoever can; and what a browser may do with them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from google.auth import compute_engine
from google.auth.credentials import AnonymousCredentials
from google.auth.transport import Request, Response
from google.cloud.storage import Client

from infra.local.emulated.storage import StorageEmulator
from shared.adapters.cloud_storage_artifacts import CloudStorageArtifacts
from shared.adapters.cloud_storage_bucket import CloudBucket
from shared.adapters.cloud_storage_links import MAX_SECONDS, signed_link
from shared.adapters.cloud_storage_signing import signing
from shared.artifacts import SCHEME, Artifact
from shared.errors import BadInput, Unavailable
from tests.support.buckets import in_new_bucket

ACCOUNT = "fusion@acme.iam.gserviceaccount.com"
_EVERYTHING = "https://www.googleapis.com/auth/cloud-platform"
_MAY_SIGN = frozenset({_EVERYTHING, "https://www.googleapis.com/auth/iam"})


@pytest.fixture
def store(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> CloudStorageArtifacts:
    return in_new_bucket(storage_emulator, monkeypatch)


@pytest.mark.parametrize(
    ("name", "media_type", "kind", "shown_as"),
    [
        ("notes.txt", "text/plain; charset=utf-8", "text/plain; charset=utf-8", "inline; filename*=UTF-8''notes.txt"),
        ("chart.png", "image/png", "image/png", "inline; filename*=UTF-8''chart.png"),
        ("report.html", "text/html; charset=utf-8", "application/octet-stream", "attachment; filename*=UTF-8''report.html"),
        ("a b;ž.svg", "image/svg+xml", "application/octet-stream", "attachment; filename*=UTF-8''a%20b%3B%C5%BE.svg"),
        ("x.xml", "TEXT/XML", "application/octet-stream", "attachment; filename*=UTF-8''x.xml"),
    ],
)
def test_a_browser_shows_what_cannot_run_and_saves_the_rest(
    store: CloudStorageArtifacts, name: str, media_type: str, kind: str, shown_as: str
) -> None:
    store.put(f"missions/m_1/{name}", b"bytes", media_type=media_type)
    answer = httpx.get(store.link(f"{SCHEME}missions/m_1/{name}", seconds=60))
    assert (answer.status_code, answer.content) == (200, b"bytes")
    assert (answer.headers["content-type"], answer.headers["content-disposition"]) == (kind, shown_as)


def test_what_cannot_be_shown_is_saved_without_a_link_too(store: CloudStorageArtifacts) -> None:
    store.put("report.html", b"<script>", media_type="text/html")
    answer = httpx.get(f"{store.bucket.endpoint}/{store.bucket.name}/report.html")
    assert answer.headers["content-disposition"].startswith("attachment")


def test_a_link_is_to_these_bytes_and_no_later_ones(store: CloudStorageArtifacts) -> None:
    store.put("k", b"first")
    link = store.link(f"{SCHEME}k", seconds=60)
    store.delete_prefix("k")
    store.put("k", b"second")
    assert httpx.get(link).status_code == 404


@pytest.mark.parametrize("seconds", [0, -1, MAX_SECONDS + 1])
def test_a_link_lasts_seven_days_at_most(store: CloudStorageArtifacts, seconds: int) -> None:
    store.put("k", b"")
    with pytest.raises(BadInput, match="seven days"):
        store.link(f"{SCHEME}k", seconds=seconds)


def test_an_account_without_a_key_signs_through_the_service(storage_emulator: StorageEmulator, store: CloudStorageArtifacts) -> None:
    google = _Google()
    bucket = _OnGoogle(store.bucket)
    link = signed_link(bucket, Artifact(f"{SCHEME}a/k.txt", "s", 1, "text/plain"), 7, seconds=MAX_SECONDS, request=google)

    parts = urlsplit(link)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"https://storage.googleapis.com/{store.bucket.name}/a/k.txt"
    assert (query["generation"], query["X-Goog-Expires"]) == ("7", str(MAX_SECONDS))
    assert query["X-Goog-Credential"].startswith(ACCOUNT)
    assert bytes.fromhex(query["X-Goog-Signature"]) == b"signed by Google"
    assert google.signed[0].startswith("GOOG4-RSA-SHA256\n")


def test_an_account_that_may_not_sign_is_told_the_role(store: CloudStorageArtifacts) -> None:
    google = _Google(status=403)
    with pytest.raises(Unavailable, match=f"{ACCOUNT} cannot sign.*roles/iam.serviceAccountTokenCreator"):
        signed_link(_OnGoogle(store.bucket), Artifact(f"{SCHEME}k", "s", 1, "text/plain"), 7, seconds=60, request=google)


def test_a_persons_credentials_sign_nothing() -> None:
    with pytest.raises(Unavailable, match="impersonate-service-account"):
        signing(AnonymousCredentials())  # type: ignore[no-untyped-call]  # it has no types


class _OnGoogle(CloudBucket):
    """The bucket as a function on Google Cloud has it: with the account of the machine, which holds no key."""

    def __init__(self, bucket: CloudBucket) -> None:
        self.name = bucket.name
        self._inner = bucket
        self._title = f"Cloud Storage's artifacts bucket {bucket.name}"
        machine = compute_engine.Credentials(universe_domain="googleapis.com")  # type: ignore[no-untyped-call]  # it has no types
        self._machine: compute_engine.Credentials = machine.with_scopes(Client.SCOPE)  # as the client of the bucket asks for them

    @property
    def endpoint(self) -> str:
        return "https://storage.googleapis.com"

    @property
    def credentials(self) -> compute_engine.Credentials:
        return self._machine

    @property
    def handle(self) -> object:
        return self._inner.handle


@dataclass
class _Google(Request):
    """The metadata server and the identity service, as far as signing asks them.

    As on Cloud Run, a token is good for the scopes that it was asked for with: for all where none was named.
    """

    status: int = 200
    signed: list[str] = field(default_factory=list)
    scopes: frozenset[str] = frozenset()

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: object,
    ) -> Response:
        if url.startswith("https://iamcredentials.googleapis.com/"):
            assert url.endswith(f"/serviceAccounts/{ACCOUNT}:signBlob")
            if not self.scopes & _MAY_SIGN:
                return _Answer(403, {"error": {"message": "Request had insufficient authentication scopes."}})
            self.signed.append(base64.b64decode(json.loads(body or b"{}")["payload"]).decode())
            return _Answer(self.status, {"signedBlob": base64.b64encode(b"signed by Google").decode()})
        if url.endswith("/token") or "/token?" in url:
            asked = parse_qs(urlsplit(url).query).get("scopes", [_EVERYTHING])
            self.scopes = frozenset(asked[0].split(","))
            return _Answer(200, {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
        if "/service-accounts/" in url:
            return _Answer(200, {"email": ACCOUNT, "scopes": [_EVERYTHING]})
        raise AssertionError(f"nobody is asked at {url}")


class _Answer(Response):
    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        self._status, self._body = status, body

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        return {"content-type": "application/json", "metadata-flavor": "Google"}

    @property
    def data(self) -> bytes:
        return json.dumps(self._body).encode()
