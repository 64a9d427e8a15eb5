"""What the gate answers: stop, a partial report, or go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.budget.gate import decide
from schemas.mission import FusionStatus, MissionStatus, Tier, Track, TrackStatus
from shared.missions.deadlines import needs_gate
from shared.missions.records import MissionRecord, TrackRecord
from tests.support.clock import START
from tests.support.house import REQUEST


def mission(**changes: object) -> MissionRecord:
    base = MissionRecord(
        mission_id="m_1",
        owner="ann",
        request=REQUEST,
        tier=Tier.EXTRACTIVE,
        status=MissionStatus.RUNNING,
        created_at=START,
        started_at=START,
        updated_at=START,
    )
    return base.model_copy(update=changes)


def tracks(research: TrackStatus, analysis: TrackStatus) -> dict[Track, TrackRecord]:
    def record(track: Track, status: TrackStatus) -> TrackRecord:
        handoff = "artifact:h" if status is TrackStatus.DONE else None
        return TrackRecord(mission_id="m_1", track=track, attempt=1, status=status, handoff_uri=handoff, updated_at=START)

    return {Track.DEEP_RESEARCH: record(Track.DEEP_RESEARCH, research), Track.DS_STAR: record(Track.DS_STAR, analysis)}


RUNNING, DONE = TrackStatus.RUNNING, TrackStatus.DONE
EARLY, SOFT, HARD = START + timedelta(seconds=10), START + timedelta(seconds=301), START + timedelta(seconds=1801)


@pytest.mark.parametrize("asking", list(Track))
def test_two_running_tracks_go_on(asking: Track) -> None:
    assert decide(mission(), tracks(RUNNING, RUNNING), asking, EARLY).action == "continue"


@pytest.mark.parametrize("asking", list(Track))
def test_a_partial_report_is_wanted_when_one_is_done_and_the_other_late_whichever_asks(asking: Track) -> None:
    assert decide(mission(), tracks(RUNNING, DONE), asking, SOFT).action == "fuse_partial"
    assert decide(mission(), tracks(DONE, RUNNING), asking, SOFT).action == "fuse_partial"


def test_a_partial_report_is_asked_for_once_and_not_before_the_soft_deadline() -> None:
    assert decide(mission(), tracks(RUNNING, DONE), Track.DEEP_RESEARCH, EARLY).action == "continue"
    published = mission(fusion_status=FusionStatus.PARTIAL)
    assert decide(published, tracks(RUNNING, DONE), Track.DEEP_RESEARCH, SOFT).action == "continue"


def test_no_partial_report_when_both_are_done_or_neither() -> None:
    assert decide(mission(), tracks(DONE, DONE), Track.DS_STAR, SOFT).action == "continue"
    assert decide(mission(), tracks(RUNNING, RUNNING), Track.DS_STAR, SOFT).action == "continue"
    assert decide(mission(), tracks(TrackStatus.FAILED, RUNNING), Track.DS_STAR, SOFT).action == "continue"


def test_the_hard_deadline_stops_what_still_runs() -> None:
    stop = decide(mission(fusion_status=FusionStatus.PARTIAL), tracks(RUNNING, DONE), Track.DEEP_RESEARCH, HARD)
    assert (stop.action, stop.reason) == ("stop", "hard deadline")


def test_a_cancel_stops_both() -> None:
    for asking in Track:
        assert decide(mission(cancel_requested=True), tracks(RUNNING, RUNNING), asking, EARLY).reason == "cancelled"


def test_a_mission_that_has_ended_stops_whoever_asks() -> None:
    assert decide(mission(status=MissionStatus.FAILED), tracks(RUNNING, RUNNING), Track.DS_STAR, EARLY).action == "stop"


LATE = START + timedelta(seconds=7_201)


def test_a_late_mission_lets_its_track_go_on_until_the_late_deadline() -> None:
    late = mission(status=MissionStatus.DONE, fusion_status=FusionStatus.FINAL, late=True)
    assert decide(late, tracks(TrackStatus.DELAYED, DONE), Track.DEEP_RESEARCH, HARD).action == "continue"
    stopped = decide(late, tracks(TrackStatus.DELAYED, DONE), Track.DEEP_RESEARCH, LATE)
    assert (stopped.action, stopped.reason) == ("stop", "late deadline")


def test_a_detached_track_is_not_closed_again_while_the_other_one_is_closed() -> None:
    assert (
        decide(mission(fusion_status=FusionStatus.PARTIAL), tracks(TrackStatus.DELAYED, RUNNING), Track.DEEP_RESEARCH, HARD).action
        == "continue"
    )
    assert decide(mission(), tracks(TrackStatus.DELAYED, RUNNING), Track.DS_STAR, HARD).action == "stop"


@given(
    status=st.sampled_from(MissionStatus),
    cancel=st.booleans(),
    late=st.booleans(),
    fusion=st.sampled_from(FusionStatus),
    research=st.sampled_from(TrackStatus),
    analysis=st.sampled_from(TrackStatus),
    after_s=st.integers(0, 20_000),
    asking=st.sampled_from(Track),
)
def test_where_no_gate_is_needed_it_would_let_the_track_go_on(
    status: MissionStatus,
    cancel: bool,
    late: bool,
    fusion: FusionStatus,
    research: TrackStatus,
    analysis: TrackStatus,
    after_s: int,
    asking: Track,
) -> None:
    stands = mission(status=status, cancel_requested=cancel, late=late, fusion_status=fusion)
    now = START + timedelta(seconds=after_s)
    if not needs_gate(stands, now):
        assert decide(stands, tracks(research, analysis), asking, now).action == "continue"


def test_no_gate_is_needed_until_a_flag_is_set_or_a_deadline_has_passed() -> None:
    assert not needs_gate(mission(), EARLY)
    assert needs_gate(mission(), SOFT)
    assert needs_gate(mission(cancel_requested=True), EARLY)
    assert needs_gate(mission(late=True), EARLY)
