"""``dispatch`` (target of the queue) and ``claim``: a mission gets one execution for each epoch, and no more than N run at once."""

from __future__ import annotations

from schemas.lifecycle import ClaimedTrack, ClaimRequest, ClaimResult, DispatchRequest, DispatchResult
from schemas.mission import MissionStatus, Track
from shared.clock import Clock
from shared.counted import counted
from shared.crash_points import reached
from shared.documents import JsonMap
from shared.errors import Busy, NotFound, StaleEpoch, Unavailable
from shared.executions import WorkflowExecutions
from shared.missions.chain import Happening
from shared.missions.machine import check_mission
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change, Missions

_FULL_RETRY_S = 1.0


def dispatch(missions: Missions, executions: WorkflowExecutions, request: DispatchRequest, *, max_running: int) -> DispatchResult:
    """Start the mission's execution for this epoch, once.

    Raises ``Busy`` while ``max_running`` missions run, and ``Unavailable`` where the service did not say that it started: then the next
    delivery starts it again. Had it started all the same, two executions of one epoch run, and ``claim`` lets one of them go on.
    """
    try:
        mission = missions.get(request.mission_id)
    except NotFound:
        return DispatchResult(started=False, reason="the mission was deleted while its task waited")
    if mission.over:
        return DispatchResult(started=False, reason=f"the mission is {mission.status}")
    if request.epoch != mission.epoch or mission.dispatched_epoch >= request.epoch:
        return DispatchResult(started=False, execution=mission.execution, reason="this epoch was dispatched before")
    if not mission.admitted and missions.admitted(max_running) >= max_running:
        raise Busy(
            f"{counted(max_running, 'mission is', 'missions are')} running; {mission.mission_id} waits for its turn.",
            retry_after_s=_FULL_RETRY_S,
        )
    if not _mark(missions, request):
        return DispatchResult(started=False, reason="another delivery dispatched this epoch")
    reached("dispatch.recorded")
    argument: JsonMap = {
        "mission_id": mission.mission_id,
        "epoch": request.epoch,
        "traceparent": mission.traceparent,
        "compensate_because": mission.compensate_because,
    }
    try:
        execution = executions.start(argument, {"mission_id": mission.mission_id, "epoch": str(request.epoch)})
    except Unavailable as error:
        _take_back(missions, request, error, admitted=mission.admitted)
        raise
    return DispatchResult(started=True, execution=execution)


def _mark(missions: Missions, request: DispatchRequest) -> bool:
    """Record that this call starts the epoch's execution; false where another call did."""
    won = False

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change | None:
        nonlocal won
        won = not mission.over and mission.epoch == request.epoch and mission.dispatched_epoch < request.epoch
        if not won:
            return None
        marked = mission.model_copy(update={"dispatched_epoch": request.epoch, "admitted": True})
        return Change(marked, [Happening("mission.dispatched", {"epoch": request.epoch})])

    missions.change(request.mission_id, "lifecycle", decide)
    return won


def _take_back(missions: Missions, request: DispatchRequest, error: Unavailable, *, admitted: bool) -> None:
    """Leave the epoch to the next delivery, unless its execution has claimed the mission: then only the answer was lost."""

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change | None:
        if mission.over or mission.dispatched_epoch != request.epoch or mission.execution is not None:
            return None
        marked = mission.model_copy(update={"dispatched_epoch": request.epoch - 1, "admitted": admitted})
        return Change(marked, [Happening("mission.not_dispatched", {"epoch": request.epoch, "because": error.message})])

    missions.change(request.mission_id, "lifecycle", decide)


def claim(missions: Missions, clock: Clock, request: ClaimRequest) -> ClaimResult:
    """Make the caller the mission's execution. ``run`` is false for one that came too late; the same pair may ask again."""

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change | None:
        if mission.over or mission.execution == request.execution:
            return None
        changes: dict[str, object] = {"execution": request.execution, "dispatched_epoch": request.epoch, "admitted": True}
        if mission.status is MissionStatus.PENDING:
            check_mission(mission.status, MissionStatus.RUNNING)
            changes |= {"status": MissionStatus.RUNNING, "started_at": clock.now()}
        happening = Happening("mission.claimed", {"epoch": request.epoch, "execution": request.execution})
        return Change(mission.model_copy(update=changes), [happening])  # a track that has not begun needs no document

    try:
        mission = missions.change(request.mission_id, "lifecycle", decide, caller=request)
    except StaleEpoch as stale:
        return ClaimResult(run=False, status=missions.get(request.mission_id).status, tracks={}, reason=stale.message)
    reached("mission.claimed")
    tracks = {
        name: ClaimedTrack(
            enabled=mission.request.tracks.options(name).enabled,
            attempt=track.attempt,
            seq=track.next_seq,
            final=track.status.final or (track.detached and not mission.late),
        )
        for name, track in missions.tracks(mission).items()
    }
    return ClaimResult(
        run=not mission.over, status=mission.status, tracks=tracks, report="upgrade" if mission.status is MissionStatus.DONE else "final"
    )
