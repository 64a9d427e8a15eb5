"""The embedded platform as a whole: many missions at once, two executions of one, equal missions, cancel, deadlines, deletion."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from functions.lifecycle.reconcile import raise_epoch
from infra.local.executions import DirectExecutions
from infra.local.platform import OneMission, Platform
from schemas.lifecycle import ReconcileRequest
from schemas.mission import Deadlines, FusionStatus, MissionInput, MissionRequest, MissionStatus, Track, TrackStatus
from schemas.outcome import MissionOutcomePackage
from shared.documents import Query
from shared.errors import DataFolderInUse
from shared.inputs import store_input
from shared.missions.erasing import erase_task
from shared.missions.records import TRACKS
from shared.settings import Settings
from tests.support.command import eventually
from tests.support.waiting import until_ended

QUESTION = "What is the mean temp by station? How was the temperature measured?"


@pytest.fixture
def platform(tmp_path: Path, bubblewrap: Path) -> Iterator[Platform]:
    with Platform(Settings(home=tmp_path / "home"), command="test") as running:
        yield running


def request(platform: Platform, tmp_path: Path, **changes: object) -> MissionRequest:
    """A question about a small table and a small document, both stored as inputs."""
    table = tmp_path / "temp.csv"
    table.write_text("station,temp\n" + "".join(f"{s},{n % 7 + k}\n" for n in range(30) for k, s in enumerate(["Bern", "Basel"])))
    method = tmp_path / "method.md"
    method.write_text("# Method\n\nThe temperature was measured every hour with a platinum resistance thermometer.\n")
    stored = {p.name: store_input(platform.runtime.artifacts, owner="local", name=p.name, source=p) for p in (table, method)}
    inputs = (
        MissionInput(uri=stored["temp.csv"].uri, kind="data", name="temp.csv"),
        MissionInput(uri=stored["method.md"].uri, kind="document", name="method.md"),
    )
    return MissionRequest(question=QUESTION, inputs=inputs).model_copy(update=changes)


def submit(platform: Platform, body: MissionRequest, *, key: str | None = None) -> str:
    """The id of the mission, through the public API."""
    with api(platform) as client:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        answer = client.post("/missions", content=body.model_dump_json(), headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["mission_id"])


def api(platform: Platform) -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app=platform.public), base_url="http://localhost")


def outcome(platform: Platform, mission_id: str) -> MissionOutcomePackage:
    with api(platform) as client:
        return MissionOutcomePackage.model_validate_json(client.get(f"/missions/{mission_id}/report?format=json").content)


def test_a_mission_ends_with_a_report_from_both_tracks(platform: Platform, tmp_path: Path) -> None:
    mission_id = submit(platform, request(platform, tmp_path))
    ended = until_ended(platform, mission_id)
    assert (ended.status, ended.fusion_status, ended.epoch) == (MissionStatus.DONE, FusionStatus.FINAL, 1)
    report = outcome(platform, mission_id)
    origins = {claim.origin for section in report.sections for claim in (*section.findings, *section.passages)}
    assert origins == {"data", "document"}
    assert [section.status for section in report.sections] == ["answered", "answered"]
    with api(platform) as client:
        assert "platinum resistance" in client.get(f"/missions/{mission_id}/report?format=md").text
        html = client.get(f"/missions/{mission_id}/report?format=html")
    assert "default-src 'none'" in html.headers["content-security-policy"] and "<script" not in html.text


def test_the_same_mission_twice_gives_the_same_report_outside_its_provenance(platform: Platform, tmp_path: Path) -> None:
    body = request(platform, tmp_path)
    first, second = submit(platform, body), submit(platform, body)
    for mission_id in (first, second):
        assert until_ended(platform, mission_id).status is MissionStatus.DONE
    one, two = (outcome(platform, m).model_dump(exclude={"provenance"}) for m in (first, second))
    assert one == two
    with api(platform) as client:
        texts = [client.get(f"/missions/{m}/report?format=md").text.partition("## Provenance")[0] for m in (first, second)]
    assert texts[0] == texts[1] and len(texts[0]) > 500


def test_fifty_missions_at_once_all_end_done_and_none_is_run_twice(platform: Platform, tmp_path: Path) -> None:
    body = request(platform, tmp_path, question="How was the temperature measured?")
    ids = [submit(platform, body, key=f"k{n}") for n in range(50)]
    assert [submit(platform, body, key=f"k{n}") for n in range(50)] == ids
    ended = [until_ended(platform, mission_id, seconds=110) for mission_id in ids]
    assert {m.status for m in ended} == {MissionStatus.DONE}
    assert {m.epoch for m in ended} == {1}
    kinds = Counter(event.kind for mission_id in ids for event in platform.runtime.audit.events(mission_id))
    assert kinds["mission.created"] == kinds["mission.claimed"] == kinds["mission.done"] == kinds["report.published"] == 50
    assert platform.runtime.audit.verify().breaks == ()


def test_of_two_executions_the_stale_one_is_fenced_off_and_nothing_is_written_twice(platform: Platform, tmp_path: Path) -> None:
    mission_id = submit(platform, request(platform, tmp_path))
    missions = platform.runtime.missions
    while missions.get(mission_id).execution is None:
        platform.runtime.clock.sleep(0.005)
    seen = missions.get(mission_id)
    raised = raise_epoch(missions, seen)
    assert raised.epoch == 2
    platform.reconcile(ReconcileRequest())  # dispatches the new epoch while the old execution still runs
    ended = until_ended(platform, mission_id)
    assert (ended.status, ended.epoch) == (MissionStatus.DONE, 2)
    assert ended.execution != seen.execution
    events = platform.runtime.audit.events(mission_id)
    slices = Counter((e.writer, e.detail["seq"]) for e in events if e.kind == "slice.committed")
    assert set(slices.values()) == {1}
    assert Counter(e.kind for e in events)["report.published"] == 1
    assert platform.runtime.audit.verify(mission_id).breaks == ()


def test_a_cancel_keeps_what_there_is(platform: Platform, tmp_path: Path) -> None:
    mission_id = submit(platform, request(platform, tmp_path))
    with api(platform) as client:
        assert client.post(f"/missions/{mission_id}/cancel").status_code == 200
    ended = until_ended(platform, mission_id)
    assert ended.status is MissionStatus.CANCELLED
    assert ended.error is not None and ended.error.code == "cancelled"
    assert ended.reports, "the partial result stays"


def test_past_the_hard_deadline_the_tracks_are_closed_with_what_they_have(platform: Platform, tmp_path: Path) -> None:
    body = request(platform, tmp_path, deadlines=Deadlines(soft_s=1, hard_s=1, late_s=1))
    mission_id = submit(platform, body)
    ended = until_ended(platform, mission_id)
    assert ended.status is MissionStatus.DONE
    tracks = platform.runtime.missions.tracks(ended)
    assert {track.status for track in tracks.values()} <= {TrackStatus.DONE}
    assert tracks[Track.DS_STAR].handoff_uri is not None


def test_a_deleted_mission_leaves_nothing_but_its_audit_chain(platform: Platform, tmp_path: Path) -> None:
    mission_id = submit(platform, request(platform, tmp_path))
    until_ended(platform, mission_id)
    with api(platform) as client:
        removed = client.delete(f"/missions/{mission_id}")
        assert removed.status_code == 200 and removed.json()["artifacts"] > 5
        assert client.get(f"/missions/{mission_id}").status_code == 404
        assert mission_id not in client.get("/missions").text
    assert list(platform.runtime.artifacts.list(f"missions/{mission_id}/")) == []
    assert platform.runtime.documents.query(Query(TRACKS)) == []
    assert [e.kind for e in platform.runtime.audit.events(mission_id)][-1] == "mission.deleted"
    assert platform.runtime.audit.verify(mission_id).breaks == ()


def test_a_second_platform_on_the_same_folder_is_refused_and_named(platform: Platform) -> None:
    with pytest.raises(DataFolderInUse, match="`test`"):
        Platform(platform.runtime.settings, command="second").start()


def test_a_track_can_be_left_out(platform: Platform, tmp_path: Path) -> None:
    body = request(platform, tmp_path).model_dump(mode="json")
    body["tracks"]["deep_research"]["enabled"] = False
    mission_id = submit(platform, MissionRequest.model_validate_json(json.dumps(body)))
    ended = until_ended(platform, mission_id)
    assert ended.status is MissionStatus.DONE
    assert platform.runtime.missions.tracks(ended)[Track.DEEP_RESEARCH].status is TrackStatus.SKIPPED


def test_a_platform_for_one_mission_leaves_the_others_where_they_are(tmp_path: Path, bubblewrap: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    only = OneMission()
    with Platform(settings, command="kimera run", only=only) as platform:
        waiting = submit(platform, request(platform, tmp_path), key="other")
        mine = submit(platform, request(platform, tmp_path), key="mine")
        platform.attend_to(mine)
        assert until_ended(platform, mine).status is MissionStatus.DONE
        assert platform.runtime.missions.get(waiting).status is MissionStatus.PENDING
    with Platform(settings, command="kimera serve") as platform:
        ended = until_ended(platform, waiting)
        assert (ended.status, ended.epoch) == (MissionStatus.DONE, 1)


def test_a_platform_for_one_mission_looks_for_what_lies_under_a_deleted_one(tmp_path: Path, bubblewrap: Path) -> None:
    only = OneMission()
    with Platform(Settings(home=tmp_path / "home"), command="kimera run", only=only) as platform:
        artifacts, queue = platform.runtime.artifacts, platform.runtime.queue
        artifacts.put("missions/m_gone/ds_star/1/state.json", b"0" * 100_000)
        platform.attend_to(submit(platform, request(platform, tmp_path), key="mine"))
        queue.enqueue(erase_task("m_gone", owner="ann", spaces=["default"], due=platform.runtime.clock.now()))
        eventually(lambda: [*artifacts.list("missions/m_gone/")] == [], "it is removed")


def test_a_platform_starts_its_executions_in_this_process(platform: Platform, tmp_path: Path) -> None:
    mission_id = submit(platform, request(platform, tmp_path))
    ended = until_ended(platform, mission_id)
    (record,) = platform.workflow.service.of_workflow(platform.workflow.service.parent("mission"))
    assert ended.execution == record.execution.id
    assert dict(record.execution.labels) == {"mission_id": mission_id, "epoch": "1"}
    assert type(platform.runtime.executions) is DirectExecutions
