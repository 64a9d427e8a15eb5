"""A track that is late at the hard deadline goes on behind the ended mission, and what it then finds upgrades the report."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.functions import INTERNAL_ROOT
from infra.local.platform import Platform
from schemas.lifecycle import ReconcileRequest
from schemas.mission import Deadlines, FusionStatus, MissionInput, MissionRequest, MissionStatus, Track, TrackStatus
from shared.inputs import store_input
from shared.missions.records import MissionRecord
from shared.settings import Settings
from tests.support.clock import ShiftedClock
from tests.support.forked import kimera
from tests.support.waiting import until_ended, until_over

DEADLINES = Deadlines(soft_s=100, hard_s=200, late_s=3_600)


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def platform(tmp_path: Path, clock: ShiftedClock, bubblewrap: Path) -> Iterator[Platform]:
    with Platform(Settings(home=tmp_path / "home"), command="test", clock=clock) as running:
        yield running


def late_mission(platform: Platform, clock: ShiftedClock, tmp_path: Path, deadlines: Deadlines = DEADLINES) -> MissionRecord:
    """A mission that is DONE, with tracks that the hard deadline met before they had found anything."""
    mission_id = begun_mission(platform, clock, tmp_path, "What is the mean temp by station? How was the temperature measured?", deadlines)
    clock.advance(deadlines.hard_s)
    return until_ended(platform, mission_id)


def begun_mission(platform: Platform, clock: ShiftedClock, tmp_path: Path, question: str, deadlines: Deadlines = DEADLINES) -> str:
    """The id of a mission that has begun to run."""
    table = tmp_path / "temp.csv"
    table.write_text("station,temp\n" + "".join(f"{s},{n % 7 + k}\n" for n in range(30) for k, s in enumerate(["Bern", "Basel"])))
    method = tmp_path / "method.md"
    method.write_text("# Method\n\nThe temperature was measured every hour with a platinum resistance thermometer.\n")
    stored = {p.name: store_input(platform.runtime.artifacts, owner="local", name=p.name, source=p).uri for p in (table, method)}
    inputs = (
        MissionInput(uri=stored["temp.csv"], kind="data", name="temp.csv"),
        MissionInput(uri=stored["method.md"], kind="document", name="method.md"),
    )
    body = MissionRequest(question=question, inputs=inputs, deadlines=deadlines)
    with httpx.Client(transport=httpx.WSGITransport(app=platform.public), base_url="http://localhost") as client:
        answer = client.post("/missions", content=body.model_dump_json(), headers={"Content-Type": "application/json"})
    mission_id = str(answer.json()["mission_id"])
    while platform.runtime.missions.get(mission_id).started_at is None:
        clock.sleep(0.002)
    return mission_id


def kinds(platform: Platform, mission: MissionRecord) -> Counter[str]:
    return Counter(event.kind for event in platform.runtime.audit.events(mission.mission_id))


def test_what_a_late_track_finds_upgrades_the_report(platform: Platform, clock: ShiftedClock, tmp_path: Path) -> None:
    mission = late_mission(platform, clock, tmp_path)
    assert (mission.status, mission.fusion_status, mission.late) == (MissionStatus.DONE, FusionStatus.FINAL, True)
    detached = platform.runtime.missions.tracks(mission)[Track.DS_STAR]
    assert (detached.status, detached.closed_because) == (TrackStatus.DELAYED, "hard deadline")

    platform.reconcile(ReconcileRequest(none_alive=True))
    upgraded = until_over(platform, mission.mission_id)

    assert (upgraded.status, upgraded.fusion_status, upgraded.epoch) == (MissionStatus.DONE, FusionStatus.UPGRADED, 2)
    assert [report.kind for report in upgraded.reports][-2:] == ["final", "upgrade"]
    assert {t.status for t in platform.runtime.missions.tracks(upgraded).values()} == {TrackStatus.DONE}
    before, after = (platform.runtime.artifacts.get(report.markdown_uri).decode() for report in upgraded.reports[-2:])
    assert "platinum resistance" in after and "had not ended by the hard deadline" not in after
    assert "had not ended by the hard deadline" in before
    events = platform.runtime.audit.events(mission.mission_id)
    slices = Counter((event.writer, event.detail["seq"]) for event in events if event.kind == "slice.committed")
    assert set(slices.values()) == {1}, "a finished slice was repeated"
    assert kinds(platform, upgraded)["mission.done"] == kinds(platform, upgraded)["mission.late_ended"] == 1
    assert platform.runtime.audit.verify(mission.mission_id).breaks == ()


def test_a_repeated_order_to_upgrade_publishes_nothing_more(platform: Platform, clock: ShiftedClock, tmp_path: Path) -> None:
    mission = late_mission(platform, clock, tmp_path)
    platform.reconcile(ReconcileRequest(none_alive=True))
    upgraded = until_over(platform, mission.mission_id)
    order = {"mission_id": mission.mission_id, "epoch": upgraded.epoch, "execution": upgraded.execution, "mode": "upgrade"}
    answer = platform.client.post(f"{INTERNAL_ROOT}/fusion/fuse", json=order).json()
    assert (answer["published"], answer["version"]) == (False, upgraded.reports[-1].version)
    assert platform.runtime.missions.get(mission.mission_id).reports == upgraded.reports


def test_past_the_late_deadline_the_track_ends_with_what_it_handed_off(platform: Platform, clock: ShiftedClock, tmp_path: Path) -> None:
    mission = late_mission(platform, clock, tmp_path)
    clock.advance(DEADLINES.late_s)
    platform.reconcile(ReconcileRequest(none_alive=True))
    over = until_over(platform, mission.mission_id)
    assert over.status is MissionStatus.DONE
    tracks = platform.runtime.missions.tracks(over)
    assert {t.status for t in tracks.values()} == {TrackStatus.DONE}
    assert {t.closed_because for t in tracks.values()} <= {"late deadline", None}, "one may end by itself in the slice under way"
    events = platform.runtime.audit.events(mission.mission_id)
    late = Counter(e.writer for e in events if e.kind == "slice.committed" and e.detail["epoch"] == over.epoch)
    assert set(late.values()) <= {1, 2}, "one slice, then the gate says that it is too late"


def test_a_cancel_ends_the_late_work_and_keeps_the_report(platform: Platform, clock: ShiftedClock, tmp_path: Path) -> None:
    mission = late_mission(platform, clock, tmp_path)
    with httpx.Client(transport=httpx.WSGITransport(app=platform.public), base_url="http://localhost") as client:
        assert client.post(f"/missions/{mission.mission_id}/cancel").json()["late_until"] is not None
    platform.reconcile(ReconcileRequest(none_alive=True))
    over = until_over(platform, mission.mission_id)
    assert (over.status, over.fusion_status, over.reports) == (MissionStatus.DONE, FusionStatus.FINAL, mission.reports)


def test_without_time_between_the_deadlines_nothing_goes_on(platform: Platform, clock: ShiftedClock, tmp_path: Path) -> None:
    mission = late_mission(platform, clock, tmp_path, Deadlines(soft_s=100, hard_s=200, late_s=200))
    assert mission.over
    assert {t.status for t in platform.runtime.missions.tracks(mission).values()} == {TrackStatus.DONE}


@pytest.mark.parametrize("point", ["slice.leased", "slice.worked:2", "slice.committed:3", "report.stored", "report.published"])
def test_late_work_survives_kill_9(point: str, tmp_path: Path, bubblewrap: Path) -> None:
    """The crash windows of the second execution: it goes on at the next slice, and one upgrade is published."""
    settings, clock = Settings(home=tmp_path / "home"), ShiftedClock()
    with Platform(settings, command="test", clock=clock) as platform:
        mission = late_mission(platform, clock, tmp_path)
    environment = {**os.environ, "KIMERA_HOME": str(settings.home), "KIMERA_CRASH_AT": point}
    killed = kimera(["run", "--resume", mission.mission_id, "--out", str(tmp_path / "out")], environment, within_s=90)
    assert killed.code == -signal.SIGKILL, f"{point} was not reached: {killed.err[-2000:]}"
    with Platform(settings, command="test") as platform:
        over = until_over(platform, mission.mission_id)
        events = platform.runtime.audit.events(mission.mission_id)
        assert platform.runtime.audit.verify().breaks == ()
    assert (over.status, over.fusion_status) == (MissionStatus.DONE, FusionStatus.UPGRADED)
    assert Counter(report.kind for report in over.reports)["upgrade"] == 1
    slices = Counter((event.writer, event.detail["seq"]) for event in events if event.kind == "slice.committed")
    assert set(slices.values()) == {1}, "a finished slice was repeated"
