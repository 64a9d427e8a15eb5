"""``advance``, ``complete`` and ``compensate``: how a mission comes to its end. Each may be asked again and then changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from schemas.lifecycle import AdvanceRequest, CompensateRequest, MissionStatusResult
from schemas.messages import ExecutionRef
from schemas.mission import FusionStatus, MissionError, MissionStatus, Track, TrackStatus
from shared.clock import Clock
from shared.crash_points import reached
from shared.documents import DocumentStore, Json
from shared.errors import BadInput, IllegalTransition, Unavailable
from shared.missions.chain import Happening
from shared.missions.dispatching import dispatch_task
from shared.missions.machine import check_fusion, check_mission
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change, Decide, Missions, fence, progress
from shared.queue import TaskQueue
from shared.telemetry.sink import NOWHERE, TelemetrySink

if TYPE_CHECKING:
    from shared.missions.audit import Audit
    from shared.models.access import ModelAccess

_log = logging.getLogger(__name__)


class Ending:
    """Moves missions towards their end, and anchors the audit chains of those that have ended.

    A mission that is over buys nothing more, and no request of it stays open. ``models`` is ``None`` where no mission asks any.
    One that failed for good becomes a dead letter in ``letters``, from which its request can be submitted anew. One that is late goes on
    by a task in ``queue``; without a queue, once the reconciler looks.
    """

    def __init__(
        self,
        missions: Missions,
        audit: Audit,
        clock: Clock,
        models: ModelAccess | None = None,
        telemetry: TelemetrySink = NOWHERE,
        letters: DocumentStore | None = None,
        queue: Callable[[], TaskQueue] | None = None,
    ) -> None:
        self._missions = missions
        self._audit = audit
        self._clock = clock
        self._models = models
        self._telemetry = telemetry
        self._letters = letters
        self._queue = queue

    def advance(self, request: AdvanceRequest) -> MissionStatusResult:
        """Record that both tracks have ended, that one failed for good, or that the mission is given up with them as they are.

        Where no track goes on, what nobody waits for any more is settled: the report that comes next tells what the mission has cost.
        """
        if request.to == "TRACK_FAILED":
            return _result(self._fail_track(request))
        mission = self._give_tracks_up(request) if request.to == "GIVEN_UP" else self._begin_fusion(request)
        self._close_calls(mission)
        return _result(mission)

    def _begin_fusion(self, request: AdvanceRequest) -> MissionRecord:
        def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change | None:
            if mission.status is not MissionStatus.RUNNING:
                return None
            still_open = sorted(name for name, track in tracks.items() if not track.handed_off)
            if still_open:
                raise IllegalTransition(f"Fusion cannot begin: {', '.join(still_open)} has not ended.")
            return Change(mission.model_copy(update={"status": MissionStatus.FUSION}), [Happening("mission.fusing")])

        return self._missions.change(request.mission_id, "lifecycle", decide, caller=request)

    def complete(self, request: ExecutionRef) -> MissionStatusResult:
        """End a mission whose report is published: DONE; CANCELLED where that was asked for; FAILED where neither track got anywhere.

        Where a track was detached at the hard deadline, the mission is DONE and ``late``, and at its next epoch, whose execution takes
        that track on. Asked by that execution, its late work has ended.
        """

        def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change | None:
            if mission.status.terminal:
                return self._late_ended(mission, tracks) if mission.late else None
            if mission.cancel_requested:
                cancelled = MissionError(code="cancelled", message="The mission was cancelled.")
                return self._ended(mission, MissionStatus.CANCELLED, cancelled, tracks)
            failed = [track for track in tracks.values() if track.status is TrackStatus.FAILED]
            if failed and all(track.status in (TrackStatus.FAILED, TrackStatus.SKIPPED) for track in tracks.values()):
                return self._ended(mission, MissionStatus.FAILED, failed[0].error, tracks)
            if not mission.reports:
                raise IllegalTransition("A mission without a report is not done.")
            return self._ended(mission, MissionStatus.DONE, None, tracks)

        mission = self._missions.get(request.mission_id)
        if handed_on(mission, request):
            return self._after(mission)
        fence(mission, request)
        return self._end(mission, request, decide)

    def compensate(self, request: CompensateRequest) -> MissionStatusResult:
        """End a mission that something went wrong with: release what it held and record why. Its reports stay.

        A mission that is only late stays DONE, with the report that it has.
        """

        def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change | None:
            if mission.status.terminal:
                return self._late_ended(mission, tracks, request.error) if mission.late else None
            status = MissionStatus.CANCELLED if mission.cancel_requested else MissionStatus.FAILED
            return self._ended(mission, status, request.error, tracks)

        mission = self._missions.get(request.mission_id)
        fence(mission, request)
        self._keep_letter(mission, request.error)
        return self._end(mission, request, decide)

    def give_up(self, mission_id: str, error: MissionError) -> MissionStatusResult:
        """End a mission from outside of any execution (the reconciler's last word)."""

        def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change | None:
            if mission.status.terminal:
                return self._late_ended(mission, tracks, error) if mission.late else None
            return self._ended(mission, MissionStatus.FAILED, error, tracks)

        before = self._missions.get(mission_id)
        self._keep_letter(before, error)
        self._close_calls(before)
        mission = self._missions.change(mission_id, "lifecycle", decide)
        return self._after(mission)

    def _keep_letter(self, mission: MissionRecord, error: MissionError) -> None:
        """Keep a dead letter of a mission that fails: before it ends, so that one that dies in between leaves both or is asked again."""
        if self._letters is None or mission.status.terminal or mission.cancel_requested:
            return
        from shared.dead_letters import GIVEN_UP, failed_letter, keep  # for a mission that fails alone

        keep(
            self._letters,
            failed_letter(mission.mission_id),
            route=GIVEN_UP,
            payload={"mission_id": mission.mission_id, "epoch": mission.epoch},
            error=error.message,
            deliveries=mission.epoch,
            at=self._clock.now(),
        )

    def _end(self, mission: MissionRecord, request: ExecutionRef, decide: Decide) -> MissionStatusResult:
        self._close_calls(mission)
        mission = self._missions.change(request.mission_id, "lifecycle", decide, caller=request)
        reached("mission.completed")
        return self._after(mission)

    def _after(self, mission: MissionRecord) -> MissionStatusResult:
        if mission.over:
            self._close_all(mission)  # also what a call that nobody waits for sent in between; from here on the ledger is closed
        tracks = self._missions.tracks(mission)
        self._audit.anchor_mission(mission, tracks.values())
        if mission.status.terminal:
            self._tell(mission, tracks)
        if mission.late and mission.dispatched_epoch < mission.epoch:
            self._go_on(mission)
        return _result(mission)

    def _go_on(self, mission: MissionRecord) -> None:
        """Queue the execution that takes a late track on: by the task that the reconciler would make, so that both make one."""
        if self._queue is None:
            return
        try:
            self._queue().enqueue(dispatch_task(mission))
        except Unavailable as error:
            _log.warning("The late track of %s waits for the next reconciliation: %s", mission.mission_id, error)

    def _tell(self, mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> None:
        """The mission's row, and once more those of its slices and requests: a process that died in between may have told none."""
        from shared.telemetry.rows import mission_row, slice_rows  # once in a mission: no instance starts later for it

        slices = [row for track in tracks.values() for row in slice_rows(track)]
        self._telemetry.write([mission_row(mission, self._missions.spent(mission).settled), *slices])
        if self._models is not None:
            self._models.tell_again(mission)

    def _close_calls(self, mission: MissionRecord) -> None:
        """Settle what is still open of a mission whose tracks have all ended, or died.

        A track that was detached keeps its research job, and what is set aside for it, until its late work ends.
        """
        if self._models is None or not mission.request.may_buy:
            return
        if not mission.late and any(track.detached for track in self._missions.tracks(mission).values()):
            self._models.close_calls(mission)
        else:
            self._models.close_mission(mission)

    def _close_all(self, mission: MissionRecord) -> None:
        """Settle all of a mission of which nothing goes on, and stop the research job that it may have left."""
        if self._models is not None:
            self._models.close_mission(mission)

    def _ended(self, mission: MissionRecord, status: MissionStatus, error: MissionError | None, tracks: dict[Track, TrackRecord]) -> Change:
        check_mission(mission.status, status)
        detached = [track for track in tracks.values() if track.detached]
        left = self._given_up(mission, tracks, error) if error is not None else []
        late = status is MissionStatus.DONE and bool(detached)
        fusion = mission.fusion_status
        if fusion is FusionStatus.PENDING:
            check_fusion(fusion, FusionStatus.FAILED)
            fusion = FusionStatus.FAILED
        ended = mission.model_copy(
            update={
                "status": status,
                "fusion_status": fusion,
                "ended_at": self._clock.now(),
                "error": error,
                "admitted": False,
                "late": late,
            }
        )
        detail: dict[str, Json] = {"status": str(status), "reports": len(mission.reports)}
        if error is not None:
            detail["error"] = error.code
        if late:
            # The epoch of the track's next execution begins here: a repeat of this call comes from the one before and ends nothing of it.
            ended = ended.model_copy(
                update={
                    "epoch": mission.epoch + 1,
                    "execution": None,
                    "progress_mark": progress(mission, tracks),
                    "fruitless_epochs": 0,
                }
            )
            detail["late"] = [track.track for track in detached]
        return Change(ended, [Happening(f"mission.{status.lower()}", detail)], tracks=[] if late else [*self._closed(detached), *left])

    def _late_ended(self, mission: MissionRecord, tracks: dict[Track, TrackRecord], error: MissionError | None = None) -> Change:
        """Nothing of the mission goes on any more. What a detached track handed off at the hard deadline stays its result."""
        ended = mission.model_copy(update={"late": False, "admitted": False})
        detail: dict[str, Json] = {"reports": len(mission.reports), "fusion": mission.fusion_status}
        if error is not None:
            detail |= {"error": error.code, "why": error.message[:300]}
        detached = [track for track in tracks.values() if track.detached]
        return Change(ended, [Happening("mission.late_ended", detail)], tracks=self._closed(detached))

    def _closed(self, detached: list[TrackRecord]) -> list[TrackRecord]:
        now = self._clock.now()
        return [t.model_copy(update={"status": TrackStatus.DONE, "lease": None, "updated_at": now}) for t in detached]

    def _give_tracks_up(self, request: AdvanceRequest) -> MissionRecord:
        """Before the last report is made: it is not to say that something still runs."""
        error = request.error or MissionError(code="given_up", message="The mission was given up.")

        def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change | None:
            given_up = [] if mission.status.terminal else self._given_up(mission, tracks, error)
            if not given_up:
                return None
            happenings = [Happening("track.failed", {"track": track.track, "error": error.code}) for track in given_up]
            return Change(mission, happenings, tracks=given_up)

        return self._missions.change(request.mission_id, "lifecycle", decide, caller=request)

    def _given_up(self, mission: MissionRecord, tracks: dict[Track, TrackRecord], error: MissionError) -> list[TrackRecord]:
        """The tracks of a mission that does not go on, which had not ended: they do now."""
        status = TrackStatus.CANCELLED if mission.cancel_requested else TrackStatus.FAILED
        ended = {"status": status, "error": error, "lease": None, "updated_at": self._clock.now()}
        return [track.model_copy(update=ended) for track in tracks.values() if not track.handed_off]

    def _fail_track(self, request: AdvanceRequest) -> MissionRecord:
        track = request.track
        if track is None:
            raise BadInput("TRACK_FAILED has to name the track.")

        def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change | None:
            record = tracks[track]
            if record.status.final:
                return None
            error = request.error or MissionError(code="internal", message="The track's function could not be reached.")
            failed = record.model_copy(
                update={"status": TrackStatus.FAILED, "error": error, "lease": None, "updated_at": self._clock.now()}
            )
            return Change(mission, [Happening("track.failed", {"track": track, "error": error.code})], tracks=[failed])

        return self._missions.change(request.mission_id, "lifecycle", decide, caller=request)


def handed_on(mission: MissionRecord, caller: ExecutionRef) -> bool:
    """Whether the caller's epoch ended the mission but for a late track, whose next execution is not dispatched yet."""
    return mission.late and caller.epoch == mission.dispatched_epoch == mission.epoch - 1


def _result(mission: MissionRecord) -> MissionStatusResult:
    return MissionStatusResult(status=mission.status, reason=mission.error.message if mission.error else "")
