"""The remote agent and the web searches over real HTTP to a server that speaks their protocols: what comes back, and how each fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pydantic import SecretStr

from infra.local.drills.standin.faults import Fault
from infra.local.drills.standin.remote import KEY, Cites, Found, Look, RemoteStandIn
from shared.adapters.gemini_research import GeminiResearchAgent
from shared.adapters.web_searches import SearchLink
from shared.models.calls import CallKey, CallUsage, ModelCall, RenderedPrompt
from shared.models.catalog import load_catalog
from shared.models.credentials import ModelEndpoints
from shared.models.failures import Failure, RequestFailed
from shared.web.agent import JobGone, JobStatus, ReportCitation
from shared.web.search import SearchHit, SearchHits

DAY = date(2026, 11, 26)
FAULTS = [
    (Fault.THROTTLED, Failure.THROTTLED),
    (Fault.UNAVAILABLE, Failure.OVERLOADED),
    (Fault.SERVER_ERROR, Failure.LOST),
    (Fault.CUT, Failure.LOST),
    (Fault.STALL, Failure.LOST),
    (Fault.MALFORMED, Failure.LOST),
    (Fault.BAD_KEY, Failure.REFUSED),
]


@pytest.fixture
def remote() -> Iterator[RemoteStandIn]:
    with RemoteStandIn() as running:
        yield running


def endpoints(url: str, *, key: str | None = KEY) -> ModelEndpoints:
    secret = SecretStr(key) if key is not None else None
    return ModelEndpoints(_env_file=None, google_api_key=secret, google_base_url=url, brave_api_key=secret, brave_base_url=url)


@pytest.fixture
def agent(remote: RemoteStandIn) -> Iterator[GeminiResearchAgent]:
    made = GeminiResearchAgent(endpoints(remote.url), timeout_s=2)
    yield made
    made.close()


def test_a_job_is_begun_in_the_background_and_its_report_comes_with_citations_and_usage(
    remote: RemoteStandIn, agent: GeminiResearchAgent
) -> None:
    text = "Größe zählt: the ferries carried 412,000 passengers. More is known."
    remote.looks.append(Look())
    remote.looks.append(
        Look("completed", text, [Cites("the ferries carried 412,000 passengers.", "https://a.example/", "A")], (9_000, 700), 300, 4)
    )
    job = agent.start("deep-research-preview-04-2026", "Research.", "How many?")
    assert remote.begun[0]["agent"] == "deep-research-preview-04-2026" and "How many?" in remote.begun[0]["input"]
    assert agent.state(job).report.status is JobStatus.IN_PROGRESS and agent.state(job).report.status is JobStatus.COMPLETED
    done = agent.state(job)
    start = text.index("the ferries")
    assert done.report.text == text
    assert done.report.citations == (ReportCitation(start=start, end=start + 39, url="https://a.example/", title="A"),)
    assert done.usage == CallUsage(9_000, 1_000, fees=4)


@pytest.mark.parametrize("status", [status.value for status in JobStatus])
def test_every_status_is_known(remote: RemoteStandIn, agent: GeminiResearchAgent, status: str) -> None:
    remote.looks.append(Look(status, error="why"))
    found = agent.state("job-1")
    assert (found.report.status, found.report.error, found.usage) == (status, "why", None)


def test_a_status_of_a_later_day_is_taken_for_work_in_progress(remote: RemoteStandIn, agent: GeminiResearchAgent) -> None:
    remote.looks.append(Look("contemplating"))
    assert agent.state("job-1").report.status is JobStatus.IN_PROGRESS


@pytest.mark.parametrize(("fault", "failure"), FAULTS)
def test_a_job_that_is_not_begun_says_whether_it_can_have_cost_anything_and_is_not_begun_twice(
    remote: RemoteStandIn, agent: GeminiResearchAgent, fault: Fault, failure: Failure
) -> None:
    remote.faults.append(fault)
    with pytest.raises(RequestFailed) as failed:
        agent.start("deep-research-preview-04-2026", "Research.", "How many?")
    assert failed.value.failure is failure, failed.value.message
    assert remote.begun == [], "the SDK tried again by itself"
    if fault is Fault.THROTTLED:
        assert failed.value.retry_after_s == 3


def test_a_job_that_is_not_known_is_gone(remote: RemoteStandIn, agent: GeminiResearchAgent) -> None:
    for look in (agent.state, agent.cancel):
        remote.faults.append(Fault.NO_SUCH_MODEL)
        with pytest.raises(JobGone):
            look("job-1")


def test_nobody_listening_costs_nothing() -> None:
    with RemoteStandIn() as gone:
        url = gone.url
    with pytest.raises(RequestFailed) as failed:
        GeminiResearchAgent(endpoints(url), timeout_s=2).start("deep-research-preview-04-2026", "Research.", "How many?")
    assert failed.value.failure is Failure.UNREACHABLE


def call(provider: str) -> ModelCall:
    prompt = RenderedPrompt("web.search", 1, "0" * 64, "Search.", "ferry passengers 2023")
    return ModelCall(
        CallKey("m_1", "deep_research", 1, 0, "web_search", 0), load_catalog().search(provider, on=DAY), prompt, "SearchHits", {}, 500
    )


@pytest.mark.parametrize(("provider", "fees"), [("gemini", 2), ("brave", 1)])
def test_a_search_finds_pages_and_says_what_it_took(remote: RemoteStandIn, provider: str, fees: int) -> None:
    remote.finds += [Found("https://b.example/", "B"), Found("https://a.example/", "A", "412,000 passengers")]
    answer = SearchLink(endpoints(remote.url)).send(call(provider))
    hits = SearchHits.model_validate_json(answer.text).hits
    assert set(hits) == {
        SearchHit(url="https://a.example/", title="A", snippet="412,000 passengers"),
        SearchHit(url="https://b.example/", title="B"),
    }
    assert remote.queries == ["ferry passengers 2023"]
    assert answer.usage is not None and answer.usage.fees == fees, "empty queries of the search tool are not charged"
    cost = answer.usage.cost_micro_usd(call(provider).model.price)
    assert cost == {"gemini": 28_000 + 36 + 100, "brave": 5_000}[provider]
    assert cost <= call(provider).bound_micro_usd


@pytest.mark.parametrize("provider", ["gemini", "brave"])
@pytest.mark.parametrize(("fault", "failure"), [*FAULTS, (Fault.NO_SUCH_MODEL, Failure.REFUSED)])
def test_a_search_that_fails_says_whether_it_can_have_cost_anything(
    remote: RemoteStandIn, provider: str, fault: Fault, failure: Failure
) -> None:
    remote.faults.append(fault)
    with pytest.raises(RequestFailed) as failed:
        SearchLink(endpoints(remote.url), timeout_s=0.5).send(call(provider))
    assert failed.value.failure is failure, failed.value.message
    assert failed.value.retry_after_s == (3 if fault is Fault.THROTTLED else None)
    assert KEY not in failed.value.message


@pytest.mark.parametrize("provider", ["gemini", "brave"])
def test_a_search_is_waited_for_no_longer_than_it_is_of_use(remote: RemoteStandIn, provider: str) -> None:
    remote.faults.append(Fault.STALL)
    with pytest.raises(RequestFailed) as failed:
        SearchLink(endpoints(remote.url), timeout_s=600).send(replace(call(provider), within_s=0.5))
    assert failed.value.failure is Failure.CUT_OFF


@pytest.mark.parametrize("provider", ["gemini", "brave"])
def test_without_a_key_nothing_is_sent(remote: RemoteStandIn, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "BRAVE_API_KEY", "BRAVE_SEARCH_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RequestFailed) as failed:
        SearchLink(endpoints(remote.url, key=None)).send(call(provider))
    assert failed.value.failure is Failure.REFUSED and "_API_KEY" in failed.value.remedy
    assert remote.queries == []


@pytest.mark.parametrize("provider", ["gemini", "brave"])
def test_a_key_that_no_request_can_carry_is_told_before_anything_is_sent(remote: RemoteStandIn, provider: str) -> None:
    at = endpoints(remote.url, key="schl\u00fcssel")
    with pytest.raises(RequestFailed) as failed:
        SearchLink(at).send(call(provider))
    with pytest.raises(RequestFailed) as no_job:
        GeminiResearchAgent(at).start("an-agent", "", "What is known?")
    assert failed.value.failure is no_job.value.failure is Failure.KEY_REFUSED


def test_a_job_is_bound_by_its_ceiling_and_paid_by_its_tokens_and_searches() -> None:
    agent = load_catalog().agent("gemini", on=DAY)
    prompt = RenderedPrompt("deep_research.agent", 1, "0" * 64, "Research.", "How many?")
    job = ModelCall(CallKey("m_1", "deep_research", 1, 0, "research_agent", 0), agent, prompt, "ResearchReport", {}, 8_192)
    assert job.bound_micro_usd == 5_000_000
    used = CallUsage(100_000, 10_000, 50_000, fees=30)
    assert used.cost_micro_usd(agent.price) == 50_000 * 2 + 10_000 + 10_000 * 12 + 420_000
    assert agent.price.call_usd == Decimal("0.014")
