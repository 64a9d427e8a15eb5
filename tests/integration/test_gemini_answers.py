"""Gemini, or a proxy before it, that answers what is none of its protocol, or refuses a key in its own way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import JsonValue, SecretStr

from shared.models.credentials import ModelEndpoints
from shared.models.failures import Failure, RequestFailed
from shared.models.provider import ProviderLink
from tests.integration.test_model_provider import call
from tests.integration.test_own_endpoint import Endpoint


@pytest.fixture
def gemini() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


def refused(gemini: Endpoint) -> RequestFailed:
    """How a request fails."""
    link = ProviderLink(ModelEndpoints(google_api_key=SecretStr("local"), google_base_url=gemini.url.removesuffix("/v1")), timeout_s=5)
    with pytest.raises(RequestFailed) as failed:
        link.send(call("google"))
    link.close()
    return failed.value


@pytest.mark.parametrize(
    "body", [{"candidates": 7}, {"candidates": [{"content": 5}]}, {"candidates": [], "usageMetadata": {"promptTokenCount": "x"}}]
)
def test_an_answer_that_is_none_of_the_protocol_s_is_lost_and_no_defect(gemini: Endpoint, body: JsonValue) -> None:
    gemini.answers(200, body)
    failed = refused(gemini)
    assert failed.failure is Failure.LOST, "it may have been worked on"
    assert failed.message.startswith("google:some-model sent an answer that cannot be read: ")


def test_a_key_that_gemini_refuses_with_400_is_a_refused_key(gemini: Endpoint) -> None:
    said = "API key not valid. Please pass a valid API key."
    gemini.answers(400, {"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}})
    failed = refused(gemini)
    assert (failed.failure, failed.message) == (Failure.KEY_REFUSED, f"google:some-model: 400: {said}")
    assert failed.remedy.startswith("Check the key")


def test_what_went_wrong_is_told_once(gemini: Endpoint) -> None:
    gemini.answers(200, '{"candidates": [{"con')
    failed = refused(gemini)
    assert (failed.failure, failed.message.count("Unterminated string")) == (Failure.LOST, 1)
