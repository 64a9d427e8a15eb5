"""``reconcile``: no mission is lost, whatever died (invariant 1).

It runs every minute over PENDING, RUNNING and FUSION. A mission that is queued gets its dispatch task again (the same name, so
nothing happens where it still waits). One whose execution has ended without ending it, or whose heartbeat is stale, gets a new
epoch by compare-and-set, which fences the old execution off; after five epochs it is given up, with the reason.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from schemas.mission import MissionError, Track
from schemas.steps import ReconcileResult
from functions.lifecycle.ending import Ending
from shared.clock import Clock
from shared.errors import Unavailable
from shared.executions import ExecutionState, WorkflowExecutions
from shared.missions.chain import Happening
from shared.missions.dispatching import dispatch_task
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import OPEN, Change, Missions, heartbeat
from shared.queue import TaskQueue
from shared.times import HEARTBEAT_STALE_S, MAX_EPOCHS

_BATCH = 500
_log = logging.getLogger(__name__)


class Reconciler:
    """Looks after every open mission."""

    def __init__(self, missions: Missions, queue: TaskQueue, executions: WorkflowExecutions, ending: Ending, clock: Clock) -> None:
        self._missions = missions
        self._queue = queue
        self._executions = executions
        self._ending = ending
        self._clock = clock

    def run(self) -> ReconcileResult:
        """One round over all open missions."""
        restarted: list[str] = []
        failed: list[str] = []
        looked_at = 0
        before: str | None = None
        while batch := self._missions.list(statuses=OPEN, limit=_BATCH, before=before):
            before = batch[-1].mission_id
            for mission in batch:
                looked_at += 1
                if mission.dispatched_epoch < mission.epoch:
                    self._queue.enqueue(dispatch_task(mission))
                elif self._is_dead(mission):
                    (restarted if self._restart(mission) else failed).append(mission.mission_id)
        return ReconcileResult(looked_at=looked_at, restarted=tuple(restarted), failed=tuple(failed))

    def _is_dead(self, mission: MissionRecord) -> bool:
        if mission.execution is not None:
            try:
                state = self._executions.state(mission.execution)
            except Unavailable as error:
                _log.warning("The state of %s is unknown: %s", mission.execution, error)
                state = ExecutionState.UNKNOWN
            if state in (ExecutionState.FAILED, ExecutionState.CANCELLED, ExecutionState.SUCCEEDED):
                return not self._missions.get(mission.mission_id).status.terminal
        stale = timedelta(seconds=HEARTBEAT_STALE_S)
        return self._clock.now() - heartbeat(mission, self._missions.tracks(mission)) > stale

    def _restart(self, mission: MissionRecord) -> bool:
        """Raise the epoch and dispatch again; false where the mission has had its epochs and is given up."""
        if mission.epoch >= MAX_EPOCHS:
            error = MissionError(code="given_up", message=f"{MAX_EPOCHS} executions of the mission died.", remedy="See `kimera inspect` for what happened.")
            self._ending.give_up(mission.mission_id, error)
            return False
        raised = raise_epoch(self._missions, mission)
        if raised.epoch == mission.epoch + 1:
            if mission.execution is not None:
                self._executions.cancel(mission.execution)
            self._queue.enqueue(dispatch_task(raised))
        return True


def raise_epoch(missions: Missions, seen: MissionRecord) -> MissionRecord:
    """Fence the current execution off by a new epoch, unless somebody else did so since ``seen`` was read."""

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change | None:
        if mission.status.terminal or mission.epoch != seen.epoch:
            return None
        raised = mission.model_copy(update={"epoch": mission.epoch + 1, "execution": None})
        return Change(raised, [Happening("mission.restarted", {"epoch": raised.epoch, "fenced": mission.execution})])

    return missions.change(seen.mission_id, "lifecycle", decide)

