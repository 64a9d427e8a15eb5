"""A track that is late at the hard deadline goes on behind the ended mission, and what it then finds upgrades the report."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from cli.main import main
from infra.local.access import stored
from infra.local.functions import INTERNAL_ROOT, internal_app
from infra.local.platform import OneMission, Platform
from schemas.mission import Deadlines, FusionStatus, MissionInput, MissionRequest, MissionStatus, Track, TrackStatus
from shared.adapters.document_queue import TASKS
from shared.documents import Ref
from shared.inputs import store_input
from shared.missions.dispatching import dispatch_task
from shared.missions.records import MissionRecord
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.clock import ShiftedClock
from tests.support.forked import Ended, kimera
from tests.support.waiting import until_ended, until_over

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

DEADLINES = Deadlines(soft_s=100, hard_s=200, late_s=3_600)
QUESTION = "What is the mean temp by station? How was the temperature measured?"


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def late_mission(settings: Settings, clock: ShiftedClock, tmp_path: Path, deadlines: Deadlines = DEADLINES) -> MissionRecord:
    """A mission that is DONE, with tracks that the hard deadline met before they had found anything.

    It ran on a platform that came up for its result alone: its late work waits for the next one.
    """
    only = OneMission()
    with Platform(settings, command="test", clock=clock, only=only) as platform:
        mission_id = begun_mission(platform, clock, tmp_path, QUESTION, deadlines, only)
        clock.advance(deadlines.hard_s)
        return until_ended(platform, mission_id)


def begun_mission(
    platform: Platform,
    clock: ShiftedClock,
    tmp_path: Path,
    question: str,
    deadlines: Deadlines = DEADLINES,
    only: OneMission | None = None,
) -> str:
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
    if only is not None:
        platform.attend_to(mission_id)
    while platform.runtime.missions.get(mission_id).started_at is None:
        clock.sleep(0.002)
    return mission_id


def kinds(platform: Platform, mission: MissionRecord) -> Counter[str]:
    return Counter(event.kind for event in platform.runtime.audit.events(mission.mission_id))


def test_what_a_late_track_finds_upgrades_the_report_at_once(
    settings: Settings, clock: ShiftedClock, tmp_path: Path, bubblewrap: Path
) -> None:
    """Nobody but the mission's own end says that the track goes on: 50 seconds are enough, and the reconciler is away."""
    short = Deadlines(soft_s=100, hard_s=200, late_s=250)
    with Platform(settings, command="test", clock=clock, functions=without_reconciler) as platform:
        mission_id = begun_mission(platform, clock, tmp_path, QUESTION, short)
        clock.advance(short.hard_s)
        upgraded = until_over(platform, mission_id)
        assert (upgraded.status, upgraded.fusion_status, upgraded.epoch) == (MissionStatus.DONE, FusionStatus.UPGRADED, 2)
        assert [report.kind for report in upgraded.reports][-2:] == ["final", "upgrade"]
        assert {t.status for t in platform.runtime.missions.tracks(upgraded).values()} == {TrackStatus.DONE}
        before, after = (platform.runtime.artifacts.get(report.markdown_uri).decode() for report in upgraded.reports[-2:])
        assert "platinum resistance" in after and "had not ended by the hard deadline" not in after
        assert "had not ended by the hard deadline" in before
        events = platform.runtime.audit.events(mission_id)
        slices = Counter((event.writer, event.detail["seq"]) for event in events if event.kind == "slice.committed")
        assert set(slices.values()) == {1}, "a finished slice was repeated"
        told = kinds(platform, upgraded)
        assert told["mission.done"] == told["mission.late_ended"] == 1 and "mission.restarted" not in told
        assert platform.runtime.audit.verify(mission_id).breaks == ()


def test_a_platform_for_one_result_leaves_the_late_work_to_the_next(
    settings: Settings, clock: ShiftedClock, tmp_path: Path, bubblewrap: Path
) -> None:
    mission = late_mission(settings, clock, tmp_path)
    assert (mission.status, mission.fusion_status, mission.late) == (MissionStatus.DONE, FusionStatus.FINAL, True)
    assert (mission.epoch, mission.execution) == (2, None), "nothing of it was begun"
    with stored(settings) as runtime:
        detached = runtime.missions.tracks(mission)[Track.DS_STAR]
        assert (detached.status, detached.closed_because) == (TrackStatus.DELAYED, "hard deadline")
    with Platform(settings, command="test", clock=clock) as platform:
        upgraded = until_over(platform, mission.mission_id)
    assert (upgraded.fusion_status, upgraded.epoch) == (FusionStatus.UPGRADED, 2)


def test_repeated_orders_to_go_on_and_to_upgrade_do_nothing_more(
    settings: Settings, clock: ShiftedClock, tmp_path: Path, bubblewrap: Path
) -> None:
    mission = late_mission(settings, clock, tmp_path)
    with Platform(settings, command="test", clock=clock) as platform:
        upgraded = until_over(platform, mission.mission_id)
        task = dispatch_task(upgraded)
        assert task == dispatch_task(mission)
        again = platform.client.post(f"{INTERNAL_ROOT}/{task.route}", json=task.payload).json()
        assert not again["started"]
        order = {"mission_id": mission.mission_id, "epoch": upgraded.epoch, "execution": upgraded.execution, "mode": "upgrade"}
        answer = platform.client.post(f"{INTERNAL_ROOT}/fusion/fuse", json=order).json()
        assert (answer["published"], answer["version"]) == (False, upgraded.reports[-1].version)
        assert platform.runtime.missions.get(mission.mission_id) == upgraded


def test_past_the_late_deadline_the_track_ends_with_what_it_handed_off(
    settings: Settings, clock: ShiftedClock, tmp_path: Path, bubblewrap: Path
) -> None:
    mission = late_mission(settings, clock, tmp_path)
    clock.advance(DEADLINES.late_s)
    with Platform(settings, command="test", clock=clock) as platform:
        over = until_over(platform, mission.mission_id)
        assert over.status is MissionStatus.DONE
        tracks = platform.runtime.missions.tracks(over)
        assert {t.status for t in tracks.values()} == {TrackStatus.DONE}
        assert {t.closed_because for t in tracks.values()} <= {"late deadline", None}, "one may end by itself in the slice under way"
        events = platform.runtime.audit.events(mission.mission_id)
        late = Counter(e.writer for e in events if e.kind == "slice.committed" and e.detail["epoch"] == over.epoch)
        assert set(late.values()) <= {1, 2}, "one slice, then the gate says that it is too late"


def test_a_cancel_ends_the_late_work_and_keeps_the_report(
    settings: Settings, clock: ShiftedClock, tmp_path: Path, bubblewrap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission = late_mission(settings, clock, tmp_path)
    monkeypatch.setenv("KIMERA_HOME", str(settings.home))
    monkeypatch.setenv("KIMERA_CLOCK_OFFSET", offset_file(tmp_path))
    assert main(["cancel", mission.mission_id]) == 0
    with stored(settings) as runtime:
        over = runtime.missions.get(mission.mission_id)
    assert over.over
    assert (over.status, over.fusion_status, over.reports) == (MissionStatus.DONE, FusionStatus.FINAL, mission.reports)


def test_without_time_between_the_deadlines_nothing_goes_on(
    settings: Settings, clock: ShiftedClock, tmp_path: Path, bubblewrap: Path
) -> None:
    mission = late_mission(settings, clock, tmp_path, Deadlines(soft_s=100, hard_s=200, late_s=200))
    assert mission.over and mission.epoch == 1
    with stored(settings) as runtime:
        assert {t.status for t in runtime.missions.tracks(mission).values()} == {TrackStatus.DONE}


def test_what_died_between_the_end_and_its_late_work_goes_on(
    settings: Settings, clock: ShiftedClock, tmp_path: Path, bubblewrap: Path
) -> None:
    """The crash window of the first execution: the mission has ended, and nothing is queued for its late track."""
    only = OneMission()
    with Platform(settings, command="test", clock=clock, only=only) as platform:
        mission_id = begun_mission(platform, clock, tmp_path, QUESTION, only=only)
    killed = run_and_kill(settings, mission_id, tmp_path, "mission.completed")
    assert killed.code == -signal.SIGKILL, killed.err[-2000:]
    with stored(settings) as runtime:
        late = runtime.missions.get(mission_id)
        assert late.late and late.dispatched_epoch < late.epoch
        assert runtime.documents.get(Ref(TASKS, dispatch_task(late).name)) is None
    clock.advance(DEADLINES.hard_s)
    with Platform(settings, command="test", clock=clock) as platform:
        over = until_over(platform, mission_id)
        assert platform.runtime.audit.verify().breaks == ()
    assert (over.status, over.fusion_status, over.epoch) == (MissionStatus.DONE, FusionStatus.UPGRADED, late.epoch)


@pytest.mark.parametrize("point", ["slice.leased", "slice.worked:2", "slice.committed:3", "report.stored", "report.published"])
def test_late_work_survives_kill_9(point: str, settings: Settings, clock: ShiftedClock, tmp_path: Path, bubblewrap: Path) -> None:
    """The crash windows of the second execution: it goes on at the next slice, and one upgrade is published."""
    mission = late_mission(settings, clock, tmp_path)
    killed = run_and_kill(settings, mission.mission_id, tmp_path, point)
    assert killed.code == -signal.SIGKILL, f"{point} was not reached: {killed.err[-2000:]}"
    with Platform(settings, command="test", clock=clock) as platform:
        over = until_over(platform, mission.mission_id)
        events = platform.runtime.audit.events(mission.mission_id)
        assert platform.runtime.audit.verify().breaks == ()
    assert (over.status, over.fusion_status) == (MissionStatus.DONE, FusionStatus.UPGRADED)
    assert Counter(report.kind for report in over.reports)["upgrade"] == 1
    slices = Counter((event.writer, event.detail["seq"]) for event in events if event.kind == "slice.committed")
    assert set(slices.values()) == {1}, "a finished slice was repeated"


def run_and_kill(settings: Settings, mission_id: str, tmp_path: Path, point: str) -> Ended:
    """How ``kimera run --resume`` ended that was to die at ``point``, past the hard deadline."""
    environment = {**os.environ, "KIMERA_HOME": str(settings.home), "KIMERA_CRASH_AT": point, "KIMERA_CLOCK_OFFSET": offset_file(tmp_path)}
    return kimera(["run", "--resume", mission_id, "--out", str(tmp_path / "out")], environment, within_s=90)


def offset_file(tmp_path: Path) -> str:
    """For a command whose clock is at the hard deadline, as the test's is then."""
    offset = tmp_path / "offset"
    offset.write_text(str(DEADLINES.hard_s))
    return str(offset)


def without_reconciler(runtime: Runtime) -> WSGIApplication:
    """The internal functions, but for the reconciler after the platform's start."""
    app = internal_app(runtime)
    asked = Counter[str]()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        asked[path] += 1
        if path == "/lifecycle/reconcile" and asked[path] > 1:
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return []
        return app(environ, start_response)

    return answer
