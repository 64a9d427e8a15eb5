"""A platform elsewhere is called as the user's Google identity."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx
import pytest

from infra.local.api import MissionsApi, error_of
from infra.local.signing_in import GoogleSignIn
from shared.errors import Forbidden, TooLarge, Unauthenticated, Unavailable
from tests.support.clock import FrozenClock

ENDPOINT = "https://missions.example"


def token(clock: FrozenClock, *, lives_s: float, name: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"exp": clock.now().timestamp() + lives_s, "name": name}).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


@pytest.fixture
def gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gcloud that prints what the file ``answer`` holds, and counts how often it was asked."""
    program = tmp_path / "gcloud"
    program.write_text(
        f"#!/bin/sh\necho asked >>{tmp_path}/asked\n[ \"$*\" = 'auth print-identity-token' ] || exit 9\ncat {tmp_path}/answer || exit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    return tmp_path


def sent_with(auth: GoogleSignIn) -> str:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as client:
        client.get(ENDPOINT)
    return seen[0]


def test_gcloud_is_asked_once_and_again_before_the_token_ends(gcloud: Path) -> None:
    clock = FrozenClock()
    first = token(clock, lives_s=3600, name="first")
    (gcloud / "answer").write_text(first)
    auth = GoogleSignIn(ENDPOINT, clock)
    assert [sent_with(auth), sent_with(auth)] == [f"Bearer {first}"] * 2
    assert (gcloud / "asked").read_text().count("asked") == 1
    clock.advance(3590)
    second = token(clock, lives_s=3600, name="second")
    (gcloud / "answer").write_text(second)
    assert sent_with(auth) == f"Bearer {second}"


def test_who_is_not_signed_in_is_told_what_to_do(gcloud: Path) -> None:
    with pytest.raises(Unauthenticated, match=r"gcloud gives no identity token.*gcloud auth login"):
        sent_with(GoogleSignIn(ENDPOINT))


def test_without_gcloud_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(Unauthenticated, match="gcloud is not installed"):
        sent_with(GoogleSignIn(ENDPOINT))


def test_a_platform_on_this_machine_and_one_with_a_token_need_no_google(gcloud: Path) -> None:
    for endpoint, own in (("http://127.0.0.1:9", None), ("https://localhost:9", None), ("https://missions.example", "mine")):
        api = MissionsApi.over_http(endpoint, own)
        assert api._client.auth is None
        api.close()


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthenticated), (403, Forbidden), (413, TooLarge), (502, Unavailable)])
def test_what_the_front_end_answers_by_itself_is_said_with_its_remedy(status: int, kind: type[Exception]) -> None:
    answer = httpx.Response(status, html="<h1>Error</h1>", request=httpx.Request("GET", ENDPOINT + "/missions"))
    assert type(error_of(answer)) is kind
