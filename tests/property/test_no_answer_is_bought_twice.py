"""Invariant 3: any sequence of kills, failures, retries, late answers and repeated slices buys no stored answer again.

Every SENT without an answer is charged at its bound exactly once, and the ledger's sum is the sum of the rows' costs to the micro-dollar.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from functions.lifecycle.reconcile import raise_epoch
from schemas.lifecycle import CompensateRequest
from schemas.mission import MissionError, Track
from shared.artifacts import SCHEME
from shared.errors import Conflict, Unavailable
from shared.models import pay
from shared.models.calls import ModelAnswer, ModelCall
from shared.models.failures import Failure
from shared.models.rows import RowState
from tests.support.chain import AskingTrack, Behaviour, ChainHouse, answering, assert_books_balance, failing, over_the_bound, with_budget
from tests.support.house import step

POINTS = ("model.sent", "model.received", "model.stored", "model.answered")
FAILURES = {f"it is {failure}": failing(failure) for failure in Failure}
ANSWERS = {
    "answers": answering(),
    "answers what does not fit": answering('{"sum": 3}'),
    "answers without usage": answering(usage=None),
}
SLICES = 4


class Killed(BaseException):
    """The process is gone: nothing of ours runs any more."""


class Purchases(RuleBasedStateMachine):
    """One track of one mission that asks models; its process may die anywhere, and so may any of its requests."""

    @initialize()
    def submit(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.house = ChainHouse(self.folder)
        self.house.endpoint.before = self.not_answered_before
        self.mission_id, _ = self.house.claimed(with_budget("1", 0.9))
        self.epoch = 1
        self.bought_again: list[str] = []
        self.settled: dict[str, tuple[str, int]] = {}

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        error = MissionError(code="given_up", message="the test has ended")
        self.house.ending.compensate(CompensateRequest(mission_id=self.mission_id, epoch=self.epoch, error=error))
        assert not [row for row in self.house.rows() if row.state is RowState.SENT], "a request of an ended mission is open"
        assert_books_balance(self.house.documents)
        self.house.close()
        shutil.rmtree(self.folder)

    def not_answered_before(self, call: ModelCall) -> None:
        """What the provider sees: it is never asked for what lies in the artifact store already."""
        key = call.key
        folder = f"missions/{key.mission_id}/answers/{key.account}/{key.attempt}/{key.seq}/{key.role}/"
        stored = [a.uri for a in self.house.artifacts.list(folder) if a.uri.startswith(f"{SCHEME}{folder}{key.ordinal}-")]
        if stored:
            self.bought_again.append(str(key))  # an exception here would be taken for a defect of the track

    def run_slice(self, *, killed_at: str | None = None, hit: int = 1, store_fails: bool = False) -> None:
        """The next slice, in a process that dies at a point."""
        seq = self.house.missions.tracks(self.house.missions.get(self.mission_id))[Track.DS_STAR].next_seq
        track = AskingTrack(self.house.role, slices=SLICES)
        if store_fails:
            track.fail_with = [Unavailable("the store is down")]
        hits = 0

        def reached(point: str, of: str = "") -> None:
            nonlocal hits
            hits += point == killed_at
            if point == killed_at and hits == hit:
                raise Killed

        with mock.patch.object(pay, "reached", reached):
            try:
                self.house.slices.run(track, step(self.mission_id, seq, epoch=self.epoch, execution=f"x{self.epoch}"))
            except (Killed, Conflict, Unavailable):
                return

    @rule(behaviours=st.lists(st.sampled_from([*ANSWERS, *FAILURES, "costs more than its bound"]), max_size=6))
    def what_comes_from_the_provider(self, behaviours: list[str]) -> None:
        known: dict[str, Behaviour] = {**ANSWERS, **FAILURES, "costs more than its bound": over_the_bound}
        self.house.endpoint.next.extend(known[name] for name in behaviours)

    @rule()
    def do_the_next_slice(self) -> None:
        self.run_slice()

    @rule()
    def the_store_is_down_at_the_end_of_a_slice(self) -> None:
        self.run_slice(store_fails=True)

    @rule(point=st.sampled_from(POINTS), hit=st.integers(1, 5))
    def die_and_come_back_in_a_new_epoch(self, point: str, hit: int) -> None:
        self.run_slice(killed_at=point, hit=hit)
        self.next_epoch()

    @rule()
    def a_newer_execution_overtakes_a_request_on_its_way(self) -> None:
        def late(call: ModelCall) -> ModelAnswer:
            self.next_epoch()
            self.run_slice()
            return answering('{"total": 99}')(call)

        self.house.endpoint.next.appendleft(late)
        self.run_slice()

    @rule(seconds=st.sampled_from([30, 100, 300, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.house.clock.advance(seconds)

    def next_epoch(self) -> None:
        mission = raise_epoch(self.house.missions, self.house.missions.get(self.mission_id), anew=True)
        self.epoch = mission.epoch
        self.house.start()

    @invariant()
    def the_books_balance(self) -> None:
        if hasattr(self, "house"):
            assert_books_balance(self.house.documents)

    @invariant()
    def no_stored_answer_was_bought_again(self) -> None:
        if hasattr(self, "house"):
            assert self.bought_again == []

    @invariant()
    def no_track_failed(self) -> None:
        if hasattr(self, "house"):
            track = self.house.missions.tracks(self.house.missions.get(self.mission_id))[Track.DS_STAR]
            assert track.error is None

    @invariant()
    def what_is_settled_stays_settled(self) -> None:
        if not hasattr(self, "house"):
            return
        for row in self.house.rows():
            if row.state is not RowState.SENT:
                paid = (row.answer_uri or "", row.cost_micro_usd)
                assert self.settled.setdefault(row.ref.id, paid) == paid


Purchases.TestCase.settings = settings(max_examples=15, stateful_step_count=10, deadline=None)
TestPurchases = Purchases.TestCase
