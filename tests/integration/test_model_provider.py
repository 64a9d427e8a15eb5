"""The provider link against a server that speaks both protocols: good answers, modes, and every way to fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Literal

import pytest
from pydantic import SecretStr

from infra.local.drills.standin import Fault, Reply, StandIn
from schemas.base import Contract
from shared.models.calls import CallKey, Correction, ModelCall, ModelSpec, Price, RenderedPrompt
from shared.models.credentials import ModelEndpoints
from shared.models.failures import Failure, RequestFailed
from shared.models.provider import ProviderLink

Provider = Literal["google", "openai"]
PRICE = Price(Decimal(1), Decimal(4))


class Total(Contract):
    """What is asked for."""

    total: int


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture(params=["google", "openai"])
def provider(request: pytest.FixtureRequest) -> Provider:
    chosen: Provider = request.param
    return chosen


@pytest.fixture
def link(standin: StandIn) -> Iterator[ProviderLink]:
    made = ProviderLink(endpoints(standin.url), timeout_s=3)
    yield made
    made.close()


def endpoints(url: str) -> ModelEndpoints:
    key = SecretStr("local")
    return ModelEndpoints(google_api_key=key, google_base_url=url, openai_api_key=key, openai_base_url=f"{url}/v1")


def call(provider: Provider, *corrections: Correction) -> ModelCall:
    return ModelCall(
        key=CallKey("m_1", "ds_star", 1, 0, "adder", 1),
        model=ModelSpec(provider, "some-model", PRICE),
        prompt=RenderedPrompt("test.adder", 1, "0" * 64, "You add.", "1 and 2"),
        output_name="Total",
        output_schema=Total.model_json_schema(),
        max_output_tokens=500,
        corrections=corrections,
    )


def test_an_answer_comes_with_its_usage(standin: StandIn, link: ProviderLink, provider: Provider) -> None:
    standin.answers("Total", Reply({"total": 3}, input_tokens=40, output_tokens=7))
    answer = link.send(call(provider))
    assert Total.model_validate_json(answer.text).total == 3
    assert answer.usage is not None and (answer.usage.input_tokens, answer.usage.output_tokens) == (40, 7)
    (seen,) = standin.seen
    system, *schema = seen.asked.system.split("\n\n")
    assert (system, seen.asked.user, seen.asked.max_output_tokens, seen.asked.mode) == ("You add.", "1 and 2", 500, "native")
    assert bool(schema) == (provider == "openai"), "an endpoint of one's own is told the schema in words, too"


def test_corrections_are_further_turns(standin: StandIn, link: ProviderLink, provider: Provider) -> None:
    standin.answers("Total", Reply({"total": 3}))
    link.send(call(provider, Correction('{"sum": 3}', "total: Field required")))
    assert standin.seen[0].asked.turns == 2


def test_an_endpoint_without_schemas_is_asked_by_a_tool_and_then_in_words(standin: StandIn, link: ProviderLink, provider: Provider) -> None:
    standin.faults.extend([Fault.NO_SCHEMA, Fault.NO_TOOLS])
    standin.answers("Total", Reply({"total": 3}), Reply({"total": 4}))
    for _ in range(2):
        with pytest.raises(RequestFailed) as failed:
            link.send(call(provider))
        assert failed.value.failure is Failure.UNSUPPORTED
    assert '"total"' in link.send(call(provider)).text
    assert '"total"' in link.send(call(provider)).text
    assert [seen.asked.mode for seen in standin.seen] == ["native", "tool", "prompted", "prompted"]


def test_a_tools_answer_is_its_arguments(standin: StandIn, link: ProviderLink, provider: Provider) -> None:
    standin.faults.append(Fault.NO_SCHEMA)
    standin.answers("Total", Reply({"total": 3}))
    with pytest.raises(RequestFailed):
        link.send(call(provider))
    assert Total.model_validate_json(link.send(call(provider)).text).total == 3


def test_a_tools_arguments_that_are_no_json_come_as_they_were_written(standin: StandIn, link: ProviderLink) -> None:
    standin.faults.append(Fault.NO_SCHEMA)
    standin.answers("Total", Reply('Here it is: {"total": 3}'))
    with pytest.raises(RequestFailed):
        link.send(call("openai"))
    assert link.send(call("openai")).text == 'Here it is: {"total": 3}'


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Fault.THROTTLED, Failure.THROTTLED),
        (Fault.UNAVAILABLE, Failure.OVERLOADED),
        (Fault.SERVER_ERROR, Failure.LOST),
        (Fault.CUT, Failure.LOST),
        (Fault.STALL, Failure.LOST),
        (Fault.HALF, Failure.LOST),
        (Fault.MALFORMED, Failure.LOST),
        (Fault.BAD_KEY, Failure.KEY_REFUSED),
        (Fault.NO_SUCH_MODEL, Failure.REFUSED),
    ],
)
def test_what_fails_says_whether_it_can_have_cost_anything(
    standin: StandIn, link: ProviderLink, provider: Provider, fault: Fault, failure: Failure
) -> None:
    standin.faults.append(fault)
    standin.answers("Total", Reply({"total": 3}))
    with pytest.raises(RequestFailed) as failed:
        link.send(call(provider))
    assert failed.value.failure is failure, failed.value.message
    assert f"{provider}:some-model" in failed.value.message
    assert len(standin.seen) == 1, "the SDK retried by itself"
    if fault is Fault.THROTTLED:
        assert failed.value.retry_after_s == 2


def test_an_answer_is_waited_for_no_longer_than_it_is_of_use(standin: StandIn, provider: Provider) -> None:
    patient = ProviderLink(endpoints(standin.url), timeout_s=600)
    standin.faults.append(Fault.STALL)
    with pytest.raises(RequestFailed) as failed:
        patient.send(replace(call(provider), within_s=0.5))
    assert failed.value.failure is Failure.CUT_OFF
    assert "the mission's time is up" in failed.value.message
    standin.answers("Total", Reply({"total": 3}))
    assert '"total"' in patient.send(replace(call(provider), within_s=60)).text
    patient.close()


def test_a_refused_key_that_was_replaced_since_is_worth_another_try(standin: StandIn, provider: Provider) -> None:
    new = endpoints(standin.url).model_copy(update={"google_api_key": SecretStr("new"), "openai_api_key": SecretStr("new")})
    link = ProviderLink(endpoints(standin.url), renewed=lambda: new, timeout_s=3)
    standin.faults.extend([Fault.BAD_KEY, Fault.BAD_KEY])
    standin.answers("Total", Reply({"total": 3}))
    failures = []
    for _ in range(2):
        with pytest.raises(RequestFailed) as failed:
            link.send(call(provider))
        failures.append(failed.value.failure)
    assert failures == [Failure.OLD_KEY, Failure.KEY_REFUSED], "the new one is refused for good"
    assert '"total"' in link.send(call(provider)).text
    link.close()


def test_a_missing_usage_is_unknown_and_not_nothing(standin: StandIn, link: ProviderLink, provider: Provider) -> None:
    standin.answers("Total", (Fault.NO_USAGE, Reply({"total": 3})))
    assert link.send(call(provider)).usage is None


def test_a_usage_above_the_bound_is_told_as_it_is(standin: StandIn, link: ProviderLink, provider: Provider) -> None:
    asked = call(provider)
    standin.answers("Total", (Fault.USAGE_ABOVE, Reply({"total": 3})))
    usage = link.send(asked).usage
    assert usage is not None and usage.cost_micro_usd(PRICE) > asked.bound_micro_usd


@pytest.mark.parametrize(("taken", "given"), [(-500, 20), (500, -1), (0, 0), (10**30, 20), (500, 2_000_000_000)])
def test_a_count_that_can_be_none_is_unknown(standin: StandIn, link: ProviderLink, provider: Provider, taken: int, given: int) -> None:
    standin.answers("Total", Reply({"total": 3}, input_tokens=taken, output_tokens=given))
    answer = link.send(call(provider))
    assert ('"total"' in answer.text, answer.usage) == (True, None)


def test_nobody_listening_costs_nothing(provider: Provider) -> None:
    with StandIn() as gone:
        url = gone.url
    link = ProviderLink(endpoints(url), timeout_s=3)
    with pytest.raises(RequestFailed) as failed:
        link.send(call(provider))
    link.close()
    assert failed.value.failure is Failure.UNREACHABLE


def test_a_key_is_sent_without_the_line_break_of_the_file_that_it_was_taken_from(standin: StandIn, provider: Provider) -> None:
    key = SecretStr(" local\n")
    from_a_file = ModelEndpoints(google_api_key=key, google_base_url=standin.url, openai_api_key=key, openai_base_url=f"{standin.url}/v1")
    from_a_store = endpoints(standin.url).with_keys(lambda name: "local\n", ("gemini-api-key", "openai-api-key"))
    for at in (from_a_file, from_a_store):
        link = ProviderLink(at, timeout_s=3)
        standin.answers("Total", Reply({"total": 3}))
        link.send(call(provider))
        link.close()
    assert [seen.asked.key for seen in standin.seen] == ["local", "local"]
    assert ModelEndpoints(google_api_key=SecretStr(" \n")).google_api_key is None


@pytest.mark.parametrize("key", ["schl\u00fcssel", "two\nlines", "\x00zero"])
def test_a_key_that_no_request_can_carry_is_told_without_the_key_before_anything_is_sent(
    standin: StandIn, provider: Provider, key: str
) -> None:
    at = endpoints(standin.url).model_copy(update={"google_api_key": SecretStr(key), "openai_api_key": SecretStr(key)})
    link = ProviderLink(at, timeout_s=3)
    with pytest.raises(RequestFailed) as failed:
        link.send(call(provider))
    link.close()
    variable = {"google": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}[provider]
    assert failed.value.failure is Failure.KEY_REFUSED and failed.value.failure.unpaid
    assert variable in failed.value.message and key not in failed.value.message
    assert (standin.seen, standin.refused) == ([], [])


def test_without_a_key_nothing_is_sent_and_the_remedy_names_the_variable(
    standin: StandIn, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "KIMERA_VERTEX_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RequestFailed) as failed:
        ProviderLink(ModelEndpoints(_env_file=None)).send(call(provider))
    assert failed.value.failure is Failure.REFUSED
    assert ("GEMINI_API_KEY" if provider == "google" else "OPENAI_API_KEY") in failed.value.remedy


def test_a_request_that_the_service_would_refuse_is_refused_here_too(standin: StandIn, link: ProviderLink, provider: Provider) -> None:
    with pytest.raises(RequestFailed):
        link.send(call(provider))
    assert standin.refused == ["the stand-in has no answer of the type 'Total' left"]


def test_many_threads_share_one_client(standin: StandIn, link: ProviderLink, provider: Provider) -> None:
    from concurrent.futures import ThreadPoolExecutor

    standin.always("Total", lambda asked: Reply({"total": 1}))
    with ThreadPoolExecutor(8) as pool:
        assert {a.text for a in pool.map(lambda _: link.send(call(provider)), range(24))} == {'{"total": 1}'}
