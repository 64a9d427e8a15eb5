"""The Gemini Deep Research agent as a research provider: its job, its money, and what of its report holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.drills.standin.faults import Fault
from infra.local.drills.standin.remote import Look, RemoteStandIn
from schemas.mission import Deadlines, TrackStatus
from schemas.steps import CANCELLED, HARD_DEADLINE
from shared.missions.records import MissionRecord
from shared.missions.repository import Change
from shared.models.rows import RowState
from shared.sandbox import CodeSandbox
from tests.support.chain import rows
from tests.support.pages import SmallWeb
from tests.support.remote_research import FIGURE, INVENTED, PRICE_MICRO_USD, REASON, RemoteHouse, asked, report, site
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
CEILING = 5_000_000


@pytest.fixture
def remote() -> Iterator[RemoteStandIn]:
    with RemoteStandIn() as running:
        yield running


@pytest.fixture
def web() -> Iterator[SmallWeb]:
    with SmallWeb() as running:
        running.names["gone.example"] = ["10.0.0.9"]
        yield running


@pytest.fixture
def house(tmp_path: Path, remote: RemoteStandIn, web: SmallWeb, sandbox: CodeSandbox) -> Iterator[RemoteHouse]:
    made = RemoteHouse(tmp_path, remote, web, sandbox)
    yield made
    made.models.close()
    made.graph.close()
    made.close()


def test_what_stands_in_a_cited_page_is_quoted_and_the_rest_stays_the_providers_word(
    house: RemoteHouse, remote: RemoteStandIn, web: SmallWeb
) -> None:
    remote.looks += [Look("queued"), Look(), report(*site(web))]
    house.submit(asked())
    package = house.to_the_end()

    by_text = {claim.text: claim for claim in package.claims}
    assert by_text[FIGURE].support == by_text[REASON].support == "verbatim"
    assert by_text[INVENTED].support == "unchecked" and by_text[INVENTED].confidence == 0
    sources = {source.id: source for source in package.sources}
    evidence = {item.id: item for item in package.evidence}
    assert {sources[evidence[i].source_id].kind for i in by_text[FIGURE].evidence_ids} == {"web"}
    assert {sources[evidence[i].source_id].kind for i in by_text[INVENTED].evidence_ids} == {"provider_report"}
    page = next(source for source in package.sources if source.kind == "web" and source.uri.endswith("/figures"))
    assert page.title == "Ferry figures" and len(page.sha256) == 64
    for item in package.evidence:
        text = house.artifacts.get(sources[item.source_id].text_uri).decode()
        assert text[item.start : item.end] == item.quote
    (lost,) = [said for said in package.limitations if said.startswith("Reported by the provider, not verified")]
    assert "Fares" in lost and "no public address" in lost
    assert ("gone.example", "/fares") not in web.asked

    assert house.job().state is RowState.ANSWERED and house.job().cost_micro_usd == PRICE_MICRO_USD
    state = house.missions.state(house.missions.get(house.mission_id))
    assert (state.cost_so_far.settled_micro_usd, state.cost_so_far.reserved_micro_usd) == (PRICE_MICRO_USD, 0)
    assert len(remote.begun) == 1 and remote.cancelled == [] and remote.refused == []
    assert any("Gemini Deep Research" in waiting for waiting in house.waited)


def test_unverified_statements_reach_no_summary(house: RemoteHouse, remote: RemoteStandIn, web: SmallWeb) -> None:
    from functions.fusion.service import Fusion, FusionInputs
    from schemas.fusion import TrackHandoff

    remote.looks.append(report(*site(web)))
    house.submit(asked())
    package = house.to_the_end()
    inputs = FusionInputs(
        mission_id=house.mission_id,
        request=asked(),
        mode="final",
        version=1,
        research=package,
        research_handoff=TrackHandoff(status=TrackStatus.DONE),
        analysis_handoff=TrackHandoff(status=TrackStatus.SKIPPED),
        created_at=house.clock.now(),
    )
    outcome = Fusion(house.artifacts).fuse(inputs).outcome
    summary = " ".join([*outcome.answer, *(claim.text for claim in outcome.executive_summary)])
    assert "412,000" in summary and "electric" not in summary
    assert "provider_report" in outcome.flags


@pytest.mark.parametrize(
    ("look", "state", "cost"),
    [
        (Look("failed", error="it broke", tokens=(10_000, 0)), RowState.ANSWERED, 20_000),
        (Look("failed"), RowState.ANSWERED, CEILING),
        (Look("cancelled"), RowState.ANSWERED, CEILING),
        (Look("incomplete"), RowState.ANSWERED, CEILING),
        (Look("budget_exceeded", tokens=(1_000_000, 0)), RowState.ANSWERED, 2_000_000),
        (Look("completed"), RowState.ANSWERED, CEILING),
        (Look("requires_action"), RowState.UNKNOWN, CEILING),
        (Look("requires_continuation"), RowState.UNKNOWN, CEILING),
    ],
)
def test_a_job_that_brings_no_report_is_settled_and_the_track_goes_on(
    house: RemoteHouse, remote: RemoteStandIn, look: Look, state: RowState, cost: int
) -> None:
    remote.looks.append(look)
    house.submit(asked())
    package = house.to_the_end()
    assert (house.job().state, house.job().cost_micro_usd) == (state, cost)
    assert "remote_research_failed" in house.research().flags
    assert any(look.status in said or "it waits" in said for said in package.limitations), package.limitations
    assert (remote.cancelled == ["job-1"]) == look.status.startswith("requires")
    assert {answer.status for answer in package.answers} == {"not_answered"}


@pytest.mark.parametrize("status", ["incomplete", "budget_exceeded"])
def test_a_report_that_is_not_whole_is_used_and_said_to_be_so(
    house: RemoteHouse, remote: RemoteStandIn, web: SmallWeb, status: str
) -> None:
    remote.looks.append(report(*site(web), status=status))
    house.submit(asked())
    package = house.to_the_end()
    assert FIGURE in {claim.text for claim in package.claims if claim.support == "verbatim"}
    assert "remote_research_partial" in house.research().flags
    assert any(status in said for said in package.limitations)


def test_a_job_that_goes_on_past_its_time_is_cancelled_and_charged_at_its_bound(house: RemoteHouse, remote: RemoteStandIn) -> None:
    house.submit(asked())
    house.to_the_end()
    assert remote.cancelled == ["job-1"]
    assert (house.job().state, house.job().cost_micro_usd) == (RowState.UNKNOWN, CEILING)
    assert "past its time" in house.job().error


def test_a_job_that_is_unknown_for_a_moment_goes_on(house: RemoteHouse, remote: RemoteStandIn, web: SmallWeb) -> None:
    remote.looks.append(report(*site(web)))
    house.submit(asked())
    house.slice()
    remote.faults.extend([Fault.NO_SUCH_MODEL, Fault.SERVER_ERROR, Fault.THROTTLED, Fault.NO_SUCH_MODEL])
    house.to_the_end()
    assert house.job().state is RowState.ANSWERED and remote.cancelled == []


def test_a_job_that_stays_unknown_is_given_up(house: RemoteHouse, remote: RemoteStandIn) -> None:
    house.submit(asked())
    house.slice()
    remote.faults.extend([Fault.NO_SUCH_MODEL] * 40)
    house.to_the_end(most=20)
    assert (house.job().state, house.job().cost_micro_usd) == (RowState.UNKNOWN, CEILING)
    assert "does not know" in house.job().error


def test_without_the_money_for_its_ceiling_nothing_is_begun(house: RemoteHouse, remote: RemoteStandIn) -> None:
    house.submit(asked(cap="1"))
    package = house.to_the_end()
    assert remote.begun == [] and house.rows() == []
    assert {"remote_research_failed", "budget_exhausted"} <= set(house.research().flags)
    assert any("Gemini Deep Research agent" in said for said in package.limitations)


def test_a_provider_that_is_busy_is_asked_again_and_then_gone_on_without(house: RemoteHouse, remote: RemoteStandIn) -> None:
    remote.faults.extend([Fault.THROTTLED, Fault.UNAVAILABLE, Fault.THROTTLED])
    house.submit(asked())
    house.to_the_end()
    assert remote.begun == []
    assert [row.state for row in house.rows()] == [RowState.FAILED] * 3 and sum(row.cost_micro_usd for row in house.rows()) == 0


def test_a_request_that_was_lost_is_charged_and_not_repeated(house: RemoteHouse, remote: RemoteStandIn) -> None:
    remote.faults.append(Fault.CUT)
    house.submit(asked())
    house.to_the_end()
    assert (house.job().state, house.job().cost_micro_usd) == (RowState.UNKNOWN, CEILING)
    assert remote.begun == []


def test_a_cancelled_mission_stops_its_job(house: RemoteHouse, remote: RemoteStandIn) -> None:
    remote.cancelled_as = Look("cancelled", tokens=(50_000, 0))
    house.submit(asked())
    house.slice()
    house.slice()
    house.missions.change(house.mission_id, "api", lambda mission, _: _cancelling(mission))
    assert house.slice(CANCELLED).outcome == "FINAL"
    assert remote.cancelled == ["job-1"]
    assert (house.job().state, house.job().cost_micro_usd) == (RowState.ANSWERED, 100_000)


def test_at_the_hard_deadline_the_job_works_on_and_keeps_its_reservation(house: RemoteHouse, remote: RemoteStandIn, web: SmallWeb) -> None:
    house.submit(asked(deadlines=Deadlines(soft_s=10, hard_s=20, late_s=3_600)))
    house.slice()
    assert house.slice(HARD_DEADLINE).track_status is TrackStatus.DELAYED
    assert house.job().state is RowState.SENT and remote.cancelled == []
    state = house.missions.state(house.missions.get(house.mission_id))
    assert state.cost_so_far.reserved_micro_usd == CEILING


def test_at_the_hard_deadline_without_a_late_one_the_job_is_stopped(house: RemoteHouse, remote: RemoteStandIn) -> None:
    house.submit(asked(deadlines=Deadlines(soft_s=10, hard_s=20, late_s=20)))
    house.slice()
    assert house.slice(HARD_DEADLINE).track_status is TrackStatus.DONE
    assert remote.cancelled == ["job-1"] and house.job().state is RowState.UNKNOWN


def test_the_end_of_a_mission_stops_a_job_that_its_slices_left(house: RemoteHouse, remote: RemoteStandIn) -> None:
    from schemas.mission import MissionError

    house.submit(asked())
    house.slice()
    house.ending.give_up(house.mission_id, MissionError(code="given_up", message="its executions died"))
    assert remote.cancelled == ["job-1"] and house.job().state is RowState.UNKNOWN
    assert all(row.state is not RowState.SENT for row in rows(house.documents))


def _cancelling(mission: MissionRecord) -> Change:
    return Change(mission.model_copy(update={"cancel_requested": True}))
