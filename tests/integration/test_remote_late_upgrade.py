"""A mission whose remote job outlasts it: DONE with what there is, then upgraded by what the job brings, on the whole platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from functions.lifecycle.ending import Ending
from infra.local.drills.standin.remote import RemoteStandIn
from infra.local.platform import Platform
from schemas.mission import Deadlines, FusionStatus, MissionError, MissionInput, MissionRequest, MissionStatus, Track, TrackStatus
from shared.inputs import store_input
from shared.missions.records import MissionRecord
from shared.models.rows import RowState
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.chain import rows
from tests.support.clock import ShiftedClock
from tests.support.pages import SmallWeb
from tests.support.remote_research import PRICE_MICRO_USD, asked, report, site
from tests.support.waiting import until, until_ended, until_over

pytestmark = pytest.mark.slow
DEADLINES = Deadlines(soft_s=100, hard_s=200, late_s=3_600)
CEILING = 5_000_000


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


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
def platform(
    tmp_path: Path, clock: ShiftedClock, remote: RemoteStandIn, web: SmallWeb, bubblewrap: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    for name, value in remote.environment().items():
        monkeypatch.setenv(name, value)
    with Platform(Settings(home=tmp_path / "home"), command="test", clock=clock) as running:
        running.runtime.pages = web.fetch()
        yield running


def past_its_hard_deadline(platform: Platform, clock: ShiftedClock, remote: RemoteStandIn, tmp_path: Path) -> MissionRecord:
    """A mission with a file, DONE while its remote job works on."""
    table = tmp_path / "ferries.csv"
    table.write_text("year,boats\n" + "".join(f"{year},{year - 1990}\n" for year in range(2000, 2024)))
    uri = store_input(platform.runtime.artifacts, owner="local", name=table.name, source=table).uri
    given = MissionInput(uri=uri, kind="data", name=table.name)
    request: MissionRequest = asked(deadlines=DEADLINES).model_copy(update={"inputs": (given,)})
    with httpx.Client(transport=httpx.WSGITransport(app=platform.public), base_url="http://localhost") as client:
        answer = client.post("/missions", content=request.model_dump_json(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
    mission_id = str(answer.json()["mission_id"])
    while not remote.looked_at:
        clock.sleep(0.01)
    clock.advance(DEADLINES.hard_s)
    return until_ended(platform, mission_id)


def test_what_the_job_brings_late_upgrades_the_report(
    platform: Platform, clock: ShiftedClock, remote: RemoteStandIn, web: SmallWeb, tmp_path: Path
) -> None:
    mission = past_its_hard_deadline(platform, clock, remote, tmp_path)
    assert (mission.status, mission.late) == (MissionStatus.DONE, True)
    assert platform.runtime.missions.tracks(mission)[Track.DEEP_RESEARCH].status is TrackStatus.DELAYED
    assert platform.runtime.missions.state(mission).cost_so_far.reserved_micro_usd == CEILING

    remote.looks.append(report(*site(web)))
    upgraded = until_over(platform, mission.mission_id)
    assert (upgraded.status, upgraded.fusion_status) == (MissionStatus.DONE, FusionStatus.UPGRADED)
    before, after = (platform.runtime.artifacts.get(r.markdown_uri).decode() for r in upgraded.reports[-2:])
    assert "412,000" in after and "412,000" not in before
    assert f"//pages.example:{web.port}/figures" in after
    cost = platform.runtime.missions.state(upgraded).cost_so_far
    assert (cost.settled_micro_usd, cost.reserved_micro_usd) == (PRICE_MICRO_USD, 0)
    assert len(remote.begun) == 1 and remote.cancelled == []
    assert platform.runtime.audit.verify(mission.mission_id).breaks == ()


def test_past_the_late_deadline_the_job_is_cancelled_and_settled(
    platform: Platform, clock: ShiftedClock, remote: RemoteStandIn, tmp_path: Path
) -> None:
    mission = past_its_hard_deadline(platform, clock, remote, tmp_path)
    clock.advance(DEADLINES.late_s)
    over = until_over(platform, mission.mission_id)
    assert over.status is MissionStatus.DONE
    assert remote.cancelled == ["job-1"]
    (row,) = [row for row in rows(platform.runtime.documents) if row.role == "research_agent"]
    assert (row.state, row.cost_micro_usd) == (RowState.UNKNOWN, CEILING)
    assert platform.runtime.missions.state(over).cost_so_far.reserved_micro_usd == 0


def test_whoever_ends_a_mission_without_the_key_has_its_job_stopped_by_who_holds_it(
    platform: Platform, clock: ShiftedClock, remote: RemoteStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission = past_its_hard_deadline(platform, clock, remote, tmp_path)
    for name in remote.environment():
        monkeypatch.delenv(name)
    lifecycle = Runtime(platform.runtime.settings.model_copy(update={"deep_research_url": "http://127.0.0.1:9"}), clock=clock)
    try:
        Ending(lifecycle.missions, lifecycle.audit, clock, lifecycle.models).give_up(
            mission.mission_id, MissionError(code="given_up", message="Nothing goes on.")
        )
    finally:
        lifecycle.close()
    (row,) = [row for row in rows(platform.runtime.documents) if row.role == "research_agent"]
    assert (row.state, row.cost_micro_usd) == (RowState.UNKNOWN, CEILING)
    until(lambda: remote.cancelled)
    assert remote.cancelled == ["job-1"]


def test_a_mission_that_is_cancelled_stops_its_job(platform: Platform, clock: ShiftedClock, remote: RemoteStandIn) -> None:
    with httpx.Client(transport=httpx.WSGITransport(app=platform.public), base_url="http://localhost") as client:
        body = asked(deadlines=DEADLINES).model_dump_json()
        mission_id = str(client.post("/missions", content=body, headers={"Content-Type": "application/json"}).json()["mission_id"])
        while not remote.looked_at:
            clock.sleep(0.01)
        client.post(f"/missions/{mission_id}/cancel")
    assert until_ended(platform, mission_id).status is MissionStatus.CANCELLED
    assert remote.cancelled == ["job-1"]
    assert platform.runtime.missions.state(platform.runtime.missions.get(mission_id)).cost_so_far.reserved_micro_usd == 0
