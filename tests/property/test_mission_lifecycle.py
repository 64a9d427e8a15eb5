"""Invariants 1, 2 and 9 under any order of calls, repeats, deaths and clock jumps: the control plane as a state machine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.budget.gate import decide
from functions.lifecycle.dispatch import claim, dispatch
from functions.lifecycle.ending import Ending
from functions.lifecycle.reconcile import Reconciler
from schemas.lifecycle import AdvanceRequest, ClaimRequest, CompensateRequest, DispatchRequest, ReconcileRequest
from schemas.messages import ExecutionRef
from schemas.mission import MissionError, MissionStatus, Track
from shared.errors import Busy, Conflict, StaleEpoch
from shared.executions import ExecutionState
from shared.missions.machine import MISSION_ARROWS
from shared.missions.records import MissionRecord
from tests.support.house import REQUEST, CountingTrack, House, publish_report, step

TRACKS = st.sampled_from(list(Track))


class Lifecycle(RuleBasedStateMachine):
    """One mission; several executions of it, of which any may be dead, late or repeated. It begins as new, or about to end."""

    @initialize(closed=st.sampled_from([None, "hard deadline", "cancelled"]))
    def submit(self, closed: str | None) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.house = House(self.folder)
        self.mission_id = self.house.missions.create(REQUEST, owner="ann", idempotency_key="k")[0].mission_id
        self.ending = Ending(self.house.missions, self.house.audit, self.house.clock, queue=lambda: self.house.queue)
        self.reconciler = Reconciler(self.house.missions, self.house.queue, self.house.executions, self.ending, self.house.clock)
        self.logic = {track: CountingTrack(slices=2) for track in Track}
        self.commits: dict[tuple[Track, int], int] = {}
        self.last = MissionStatus.PENDING
        self.done_by = 0
        if closed is not None:
            self.go_to_the_end(closed)

    def go_to_the_end(self, closed: str) -> None:
        """Let the first execution close both tracks and publish the report: few orders of calls would get there by chance."""
        self.deliver_a_dispatch(1)
        (caller,) = self.callers()
        claim(self.house.missions, self.house.clock, ClaimRequest(**caller.model_dump()))
        for track in Track:
            self.house.slices.run(self.logic[track], step(self.mission_id, 0, close=closed, track=track))
            self.commits[track, 0] = 1
        self.ending.advance(AdvanceRequest(**caller.model_dump(), to="FUSION"))
        publish_report(self.house, self.mission_id, "final")

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.house.close()
            shutil.rmtree(self.folder)

    @property
    def mission(self) -> MissionRecord:
        return self.house.missions.get(self.mission_id)

    def callers(self) -> list[ExecutionRef]:
        return [
            ExecutionRef(mission_id=self.mission_id, epoch=int(str(argument["epoch"])), execution=f"x{n + 1}")
            for n, argument in enumerate(self.house.executions.started)
        ]

    @rule()
    def repeat_the_submission(self) -> None:
        again, created = self.house.missions.create(REQUEST, owner="ann", idempotency_key="k")
        assert (again.mission_id, created) == (self.mission_id, False)

    @rule(epoch=st.integers(1, 4))
    def deliver_a_dispatch(self, epoch: int) -> None:
        before = len(self.house.executions.started)
        try:
            dispatch(self.house.missions, self.house.executions, DispatchRequest(mission_id=self.mission_id, epoch=epoch), max_running=1)
        except Busy:
            return
        epochs = [argument["epoch"] for argument in self.house.executions.started]
        assert len(epochs) == len(set(epochs)), "an epoch has one execution"
        assert len(self.house.executions.started) <= before + 1

    @precondition(lambda self: self.house.executions.started)
    @rule(data=st.data())
    def claim_the_mission(self, data: st.DataObject) -> None:
        caller = data.draw(st.sampled_from(self.callers()))
        result = claim(self.house.missions, self.house.clock, ClaimRequest(**caller.model_dump()))
        assert result.run == (caller.epoch == self.mission.epoch and not self.mission.over)

    @precondition(lambda self: self.house.executions.started)
    @rule(data=st.data(), track=TRACKS, seq=st.integers(0, 3), close=st.sampled_from([None, None, "hard deadline"]))
    def do_a_slice(self, data: st.DataObject, track: Track, seq: int, close: str | None) -> None:
        caller = data.draw(st.sampled_from(self.callers()))
        before = self.house.missions.tracks(self.mission)[track]
        try:
            self.house.slices.run(
                self.logic[track], step(self.mission_id, seq, epoch=caller.epoch, execution=caller.execution, close=close, track=track)
            )
        except (Conflict, StaleEpoch):
            assert self.house.missions.tracks(self.mission)[track] == before
            return
        after = self.house.missions.tracks(self.mission)[track]
        assert after.next_seq in (before.next_seq, before.next_seq + 1)
        if after.next_seq > before.next_seq:
            assert caller.epoch == self.mission.epoch
            self.commits[track, seq] = self.commits.get((track, seq), 0) + 1
            assert self.commits[track, seq] == 1, "a slice is committed once"

    @precondition(lambda self: self.mission.status is MissionStatus.FUSION and not self.mission.reports)
    @rule()
    def publish(self) -> None:
        publish_report(self.house, self.mission_id, "final")

    @precondition(lambda self: self.house.queue.tasks)
    @rule()
    def deliver_what_is_queued(self) -> None:
        for task in self.house.queue.tasks.values():
            self.deliver_a_dispatch(int(str(task.payload["epoch"])))

    @precondition(lambda self: self.house.executions.started)
    @rule(data=st.data(), what=st.sampled_from(["advance", "complete", "compensate", "fail"]), track=TRACKS)
    def go_on(self, data: st.DataObject, what: str, track: Track) -> None:
        self.call_of(data.draw(st.sampled_from(self.callers())).model_dump(), what, track)

    @precondition(lambda self: self.mission.reports and self.mission.execution)
    @rule()
    def its_own_execution_completes_it(self) -> None:
        self.call_of({"mission_id": self.mission_id, "epoch": self.mission.epoch, "execution": self.mission.execution}, "complete")

    def call_of(self, caller: dict[str, Any], what: str, track: Track = Track.DS_STAR) -> None:
        error = MissionError(code="workflow_failed", message="it broke")
        before = self.mission
        try:
            if what == "advance":
                self.ending.advance(AdvanceRequest(**caller, to="FUSION"))
            elif what == "complete":
                self.ending.complete(ExecutionRef(**caller))
            elif what == "compensate":
                self.ending.compensate(CompensateRequest(**caller, error=error))
            else:
                self.ending.advance(AdvanceRequest(**caller, to="TRACK_FAILED", track=track, error=error))
        except Conflict:
            assert self.mission == before
        now = self.mission
        if now.status is MissionStatus.DONE and before.status is not MissionStatus.DONE:
            self.done_by = before.epoch
            assert now.late == (f"dispatch-{self.mission_id}-{before.epoch + 1}" in self.house.queue.tasks)
        if before.late and not now.late:
            assert caller["epoch"] > self.done_by, "whoever ended the mission ends none of its late work"

    @rule()
    def ask_the_gate(self) -> None:
        mission = self.mission
        answers = [decide(mission, self.house.missions.tracks(mission), track, self.house.clock.now()) for track in Track]
        if mission.over:
            assert {a.action for a in answers} == {"stop"}

    @precondition(lambda self: self.house.executions.started)
    @rule(data=st.data())
    def an_execution_dies(self, data: st.DataObject) -> None:
        caller = data.draw(st.sampled_from(self.callers()))
        self.house.executions.states[caller.execution] = ExecutionState.FAILED

    @rule(seconds=st.sampled_from([1, 200, 4_000]))
    def time_passes(self, seconds: int) -> None:
        self.house.clock.advance(seconds)

    @rule(none_alive=st.booleans())
    def reconcile(self, none_alive: bool) -> None:
        epoch = self.mission.epoch
        self.reconciler.run(ReconcileRequest(none_alive=none_alive))
        assert self.mission.epoch in (epoch, epoch + 1)

    @invariant()
    def transitions_are_legal(self) -> None:
        if not hasattr(self, "house"):
            return
        now = self.mission.status
        assert now is self.last or now in MISSION_ARROWS[self.last] or _reachable(self.last, now)
        assert not (self.last.terminal and now is not self.last)
        self.last = now

    @invariant()
    def the_audit_chain_verifies(self) -> None:
        if hasattr(self, "house"):
            assert self.house.audit.verify(self.mission_id).breaks == ()

    @invariant()
    def an_end_has_a_reason(self) -> None:
        if hasattr(self, "house") and self.mission.status in (MissionStatus.FAILED, MissionStatus.CANCELLED):
            assert self.mission.error is not None and self.mission.error.message


def _reachable(old: MissionStatus, new: MissionStatus) -> bool:
    return any(new in MISSION_ARROWS[middle] for middle in MISSION_ARROWS[old])


Lifecycle.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLifecycle = Lifecycle.TestCase


def test_whatever_dies_the_reconciler_brings_every_mission_to_an_end(tmp_path: Path) -> None:
    """Invariant 1: executions that always die, at any point, still end in FAILED with the reason after a bounded number of rounds."""
    house = House(tmp_path)
    mission_id = house.missions.create(REQUEST, owner="ann", idempotency_key=None)[0].mission_id
    reconciler = Reconciler(house.missions, house.queue, house.executions, Ending(house.missions, house.audit, house.clock), house.clock)
    for _ in range(20):
        mission = house.missions.get(mission_id)
        if mission.status.terminal:
            break
        dispatch(house.missions, house.executions, DispatchRequest(mission_id=mission_id, epoch=mission.epoch), max_running=1)
        house.executions.states[f"x{len(house.executions.started)}"] = ExecutionState.FAILED
        house.clock.advance(400)
        reconciler.run(ReconcileRequest())
    ended = house.missions.get(mission_id)
    assert ended.status is MissionStatus.FAILED
    assert ended.error is not None and "without finishing" in ended.error.message
    assert house.executions.started[-1]["compensate_because"] is not None, "the last execution had only to fuse what there was"
    house.close()
