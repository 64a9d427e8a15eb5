"""``reconcile``: no mission is lost, whatever died (invariant 1).

It runs every minute over PENDING, RUNNING and FUSION. A mission that is queued gets its dispatch task again (the same name, so
nothing happens where it still waits). One whose execution has ended without ending it, or whose heartbeat is stale, gets a new
epoch by compare-and-set, which fences the old execution off. After five executions in a row that finished nothing, the last
one only compensates: it fuses what there is and records why. If even that dies, the mission is FAILED here.

A mission that is DONE but late (a track was detached at the hard deadline) is looked after in the same way. Its end queued the dispatch
of the execution that takes the track on (``ending.py``); where that got lost, it is queued here.

A mission whose documents are damaged is told in the log and keeps nobody from looking after the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

from functions.lifecycle.ending import Ending
from schemas.lifecycle import ReconcileRequest, ReconcileResult
from schemas.mission import MissionError, Track
from shared.clock import Clock
from shared.errors import Corrupt, Unavailable
from shared.executions import ExecutionState, WorkflowExecutions
from shared.missions.chain import Happening
from shared.missions.dispatching import dispatch_task
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import OPEN, Change, Missions, MissionsPage, heartbeat, progress
from shared.queue import TaskQueue
from shared.times import HEARTBEAT_STALE_S, MAX_EPOCHS

_BATCH = 500
_FRUITLESS = "Too many executions in a row died without finishing a single step."
"""Without their number: a report repeats it, and has no source for one."""
_log = logging.getLogger(__name__)


class Reconciler:
    """Looks after every open mission."""

    def __init__(
        self,
        missions: Missions,
        queue: TaskQueue,
        executions: WorkflowExecutions,
        ending: Ending,
        clock: Clock,
        *,
        stale_s: float = HEARTBEAT_STALE_S,
    ) -> None:
        """``stale_s``: how long a mission that is alive may show no life."""
        self._missions = missions
        self._queue = queue
        self._executions = executions
        self._ending = ending
        self._clock = clock
        self._stale = timedelta(seconds=stale_s)

    def run(self, request: ReconcileRequest) -> ReconcileResult:
        """One round over all open missions, or over one."""
        restarted: list[str] = []
        failed: list[str] = []
        looked_at = 0
        for mission in self._open(request.mission_id):
            looked_at += 1
            try:
                self._look_after(mission, request, restarted, failed)
            except Corrupt as damaged:
                if request.mission_id is not None:
                    raise
                _log.error("%s is not looked after: %s", mission.mission_id, damaged)
        return ReconcileResult(looked_at=looked_at, restarted=tuple(restarted), failed=tuple(failed))

    def _look_after(self, mission: MissionRecord, request: ReconcileRequest, restarted: list[str], failed: list[str]) -> None:
        if mission.dispatched_epoch < mission.epoch:
            self._queue.enqueue(dispatch_task(mission))
        elif request.none_alive or self._is_dead(mission):
            if mission.compensate_because is not None and not request.anew:
                self._ending.give_up(mission.mission_id, MissionError(code="given_up", message=mission.compensate_because))
                failed.append(mission.mission_id)
            elif self._restart(mission, anew=request.anew):
                restarted.append(mission.mission_id)

    def _open(self, mission_id: str | None) -> Iterator[MissionRecord]:
        if mission_id is not None:
            mission = self._missions.get(mission_id)
            if not mission.over:
                yield mission
            return
        yield from self._pages(lambda before: self._missions.page(statuses=OPEN, limit=_BATCH, before=before))
        yield from self._pages(lambda before: self._missions.page(late=True, limit=_BATCH, before=before))

    def _pages(self, page: Callable[[str | None], MissionsPage]) -> Iterator[MissionRecord]:
        """All missions, page after page. What follows a page that is not full is not asked for: it would be looked for among all."""
        before: str | None = None
        while True:
            batch = page(before)
            for mission_id, damaged in batch.damaged.items():
                _log.error("%s is not looked after: %s", mission_id, damaged)
            yield from batch.missions
            if batch.last is None:
                return
            before = batch.last

    def _is_dead(self, mission: MissionRecord) -> bool:
        if mission.execution is not None:
            try:
                state = self._executions.state(mission.execution)
            except Unavailable as error:
                _log.warning("The state of %s is unknown: %s", mission.execution, error)
                state = ExecutionState.UNKNOWN
            if state in (ExecutionState.FAILED, ExecutionState.CANCELLED, ExecutionState.SUCCEEDED):
                current = self._missions.get(mission.mission_id)
                return not current.over and current.execution == mission.execution
        return self._clock.now() - heartbeat(mission, self._missions.tracks(mission)) > self._stale

    def _restart(self, mission: MissionRecord, *, anew: bool) -> bool:
        """Raise the epoch and dispatch again; false where somebody else did."""
        raised = raise_epoch(self._missions, mission, anew=anew)
        if raised.epoch != mission.epoch + 1:
            return False
        self._queue.enqueue(dispatch_task(raised))
        if mission.execution is not None:
            try:
                self._executions.cancel(mission.execution)
            except Unavailable as error:
                _log.warning("%s is fenced off, but could not be cancelled: %s", mission.execution, error)
        return True


def raise_epoch(missions: Missions, seen: MissionRecord, *, anew: bool = False) -> MissionRecord:
    """Fence the current execution off by a new epoch, unless somebody else did so since ``seen`` was read.

    Epochs that finished nothing are counted; after ``MAX_EPOCHS`` of them in a row the next execution only compensates. ``anew``
    starts that count afresh.
    """

    def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change | None:
        if mission.over or mission.epoch != seen.epoch:
            return None
        mark = progress(mission, tracks)
        fruitless = 0 if anew or mark > mission.progress_mark else mission.fruitless_epochs + 1
        why = _FRUITLESS if fruitless >= MAX_EPOCHS else None
        raised = mission.model_copy(
            update={
                "epoch": mission.epoch + 1,
                "execution": None,
                "progress_mark": mark,
                "fruitless_epochs": fruitless,
                "compensate_because": why,
            }
        )
        return Change(
            raised, [Happening("mission.restarted", {"epoch": raised.epoch, "fenced": mission.execution, "fruitless": fruitless})]
        )

    return missions.change(seen.mission_id, "lifecycle", decide)
