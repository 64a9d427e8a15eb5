"""``MissionState``: where a mission stands, computed from its documents when it is read, so that nothing contends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from schemas.mission import MissionState, Track, TrackState, TrackStatus
from shared.ledger.spending import Spending
from shared.missions.deadlines import late_deadline, past_soft_deadline
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.screening import request_flags


def mission_state(
    mission: MissionRecord, tracks: dict[Track, TrackRecord], spent: Spending, doing: Mapping[Track, str], *, now: datetime
) -> MissionState:
    """The state as the API shows it. A running track past its soft deadline reads as DELAYED, as a detached one does.

    ``doing``: what the slices at work are at, where they have said.
    """
    return MissionState(
        mission_id=mission.mission_id,
        session_id=mission.request.session_id,
        owner=mission.owner,
        knowledge_space=mission.request.knowledge_space,
        question=mission.request.question,
        status=mission.status,
        track_status={name: _track_state(mission, track, doing.get(name, ""), now) for name, track in tracks.items()},
        fusion_status=mission.fusion_status,
        cost_so_far=spent.total,
        tier=mission.tier,
        epoch=mission.epoch,
        execution=mission.execution,
        flags=mission_flags(mission, tracks, spent),
        reports=mission.reports,
        cancel_requested=mission.cancel_requested,
        late_until=late_deadline(mission) if mission.late else None,
        error=mission.error,
        created_at=mission.created_at,
        started_at=mission.started_at,
        ended_at=mission.ended_at,
        updated_at=max([mission.updated_at, *(t.updated_at for t in tracks.values())]),
    )


def mission_flags(mission: MissionRecord, tracks: Mapping[Track, TrackRecord], spent: Spending) -> tuple[str, ...]:
    """What has to be said of the mission so far: of its request, its reports, its tracks and its money."""
    of_tracks = (flag for track in tracks.values() for flag in track.flags)
    return tuple(dict.fromkeys([*request_flags(mission.request), *mission.flags, *of_tracks, *spent.flags]))


def _track_state(mission: MissionRecord, track: TrackRecord, doing: str, now: datetime) -> TrackState:
    status = track.status
    if status is TrackStatus.RUNNING and past_soft_deadline(mission, now):
        status = TrackStatus.DELAYED
    return TrackState(
        status=status,
        attempt=track.attempt,
        next_seq=track.next_seq,
        waiting_for=None if doing else track.waiting_for,
        progress=doing or track.progress,
        handoff_uri=track.handoff_uri,
        error=track.error,
    )
