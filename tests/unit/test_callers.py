"""Who is calling, as IAM has checked it, and which part of the platform may call what."""

from __future__ import annotations

import base64
import importlib
import json

import pytest

from functions.manifest import MANIFEST, Trigger
from shared.callers import Part, ServiceAccounts
from shared.errors import Forbidden, Unauthenticated, Unavailable
from shared.http import Api
from shared.id_tokens import CHECKED, caller_of, unsigned_token
from shared.identity import IamIdentity

QUEUE = "queue@example.iam.gserviceaccount.com"


@pytest.fixture(autouse=True)
def on_cloud_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "lifecycle")


def bearer(email: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {unsigned_token(email, 'https://lifecycle.example')}"}


def test_the_owner_is_whom_iam_let_through() -> None:
    assert IamIdentity().owner(bearer("Ada@Example.com")) == "ada@example.com"


def test_the_header_that_the_front_end_checked_counts_and_not_the_other() -> None:
    headers = {**bearer("mallory@example.com"), "X-Serverless-Authorization": bearer("ada@example.com")["Authorization"]}
    assert caller_of(headers).email == "ada@example.com"


def test_without_a_front_end_nobody_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("K_SERVICE")
    with pytest.raises(Unauthenticated, match="Nobody has checked"):
        caller_of(bearer("ada@example.com"))


def test_a_token_with_any_other_signature_was_not_checked() -> None:
    token = unsigned_token("ada@example.com", "https://x").removesuffix(CHECKED) + "c2lnbmVk"
    with pytest.raises(Unauthenticated, match="Nobody has checked"):
        caller_of({"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"sub": "1"}, id="no address"),
        pytest.param({"email": "ada@example.com", "email_verified": False}, id="address not verified"),
        pytest.param({"email": 7}, id="address is a number"),
        pytest.param(["email"], id="claims are a list"),
    ],
)
def test_a_token_that_names_nobody_is_refused(claims: object) -> None:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(Unauthenticated):
        caller_of({"Authorization": f"Bearer e30.{payload}.{CHECKED}"})


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", f"Bearer {CHECKED}", f"Bearer a.b.c.{CHECKED}", f"Bearer x.!.{CHECKED}"]
)
def test_what_is_no_token_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated):
        caller_of({"Authorization": header})


def test_a_part_is_known_by_its_service_account() -> None:
    callers = ServiceAccounts({Part.QUEUE: QUEUE})
    callers.require(Part.QUEUE, bearer(QUEUE))
    ServiceAccounts({Part.QUEUE: QUEUE.upper()}).require(Part.QUEUE, bearer(QUEUE))
    with pytest.raises(Forbidden, match="Only the queue"):
        callers.require(Part.QUEUE, bearer("ada@example.com"))
    with pytest.raises(Forbidden, match="Only the queue"):
        callers.require(Part.QUEUE, bearer(QUEUE.replace("queue", "scheduler")))  # another account of the same project
    with pytest.raises(Unavailable, match="which service account the scheduler has"):
        callers.require(Part.SCHEDULER, bearer(QUEUE))


# Not the sandbox: only functions call it, those whose role says so, and IAM tells them from others. It has nothing to check a token with.
@pytest.mark.parametrize("name", [row.name for row in MANIFEST if row.trigger is not Trigger.PUBLIC and not row.is_container])
def test_every_internal_path_names_its_caller(name: str) -> None:
    api = importlib.import_module(f"functions.{name}.main").api
    assert isinstance(api, Api)
    assert {path: caller for path, caller in api.callers().items() if caller is None} == {}
