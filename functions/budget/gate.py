"""How a track goes on, decided from the mission's flags, its deadlines and the other track."""

from __future__ import annotations

from datetime import datetime

from schemas.gate import GateRequest, GateResult
from schemas.mission import FusionStatus, Track
from schemas.steps import CANCELLED, HARD_DEADLINE, LATE_DEADLINE
from shared.clock import Clock
from shared.missions.deadlines import late_deadline, past_hard_deadline, past_soft_deadline
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Missions, fence


class Gate:
    """Reads, decides, writes nothing: asking twice gives the same answer for the same state."""

    def __init__(self, missions: Missions, clock: Clock) -> None:
        self._missions = missions
        self._clock = clock

    def ask(self, request: GateRequest) -> GateResult:
        """How the track of ``request`` goes on. Raises ``StaleEpoch`` for an execution that does not own the mission."""
        mission = self._missions.get(request.mission_id)
        fence(mission, request)
        return decide(mission, self._missions.tracks(mission), request.track, self._clock.now())


def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord], asking: Track, now: datetime) -> GateResult:
    """The decision by itself, without I/O. A stop comes before a partial report, and a partial report is asked for once."""
    if mission.over:
        return GateResult(action="stop", reason=f"the mission is {mission.status}")
    if mission.cancel_requested:
        return GateResult(action="stop", reason=CANCELLED)
    if mission.late:
        past = now >= late_deadline(mission)
        return GateResult(action="stop", reason=LATE_DEADLINE) if past else GateResult(action="continue")
    if not tracks[asking].handed_off and past_hard_deadline(mission, now):
        return GateResult(action="stop", reason=HARD_DEADLINE)
    one_final = any(t.handed_off and t.handoff_uri for t in tracks.values())
    one_open = any(not t.handed_off for t in tracks.values())
    if mission.fusion_status is FusionStatus.PENDING and one_final and one_open and past_soft_deadline(mission, now):
        return GateResult(action="fuse_partial", reason="one track is done, the other is past its soft deadline")
    return GateResult(action="continue")
