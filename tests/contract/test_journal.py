"""The journal's transactions on every document store; each callback runs twice, as contention would have it."""

from __future__ import annotations

import random

import pytest

from schemas.mission import Tier
from shared.artifacts import ArtifactStore
from shared.documents import DocumentStore
from shared.errors import BudgetRefused, JournalMismatch, StaleEpoch
from shared.ids import Ids
from shared.ledger.ledger import Ledger, Payer
from shared.ledger.tranches import DayCap
from shared.missions.records import SliceRecord
from shared.missions.repository import Missions
from shared.models.answers import Answers
from shared.models.calls import CallKey, CallUsage, ModelAnswer, ModelCall, ModelSpec, RenderedPrompt
from shared.models.freezing import Freezer
from shared.models.journal import Journal, Terms
from shared.models.orphans import Orphans
from shared.models.rows import RowState
from tests.support.chain import PRICE, assert_books_balance, rows, with_budget
from tests.support.clock import FrozenClock

ANSWER = ModelAnswer('{"total": 3}', CallUsage(100, 20), "the-endpoint", cost_micro_usd=180)


class Desk:
    """A slice that has begun."""

    def __init__(self, documents: DocumentStore, artifacts: ArtifactStore) -> None:
        clock = FrozenClock()
        missions = Missions(documents, clock, Ids(clock, random.Random(7).randbytes))
        self.mission, _ = missions.create(with_budget("0.01"), owner="ann", idempotency_key=None)
        ledger = Ledger(DayCap(10_000_000, 2), clock)
        self.journal = Journal(documents, ledger, clock)
        self.answers = Answers(artifacts)
        self.payer = Payer(self.mission.mission_id, "fusion", 10_000)
        self._freezer = Freezer(documents, clock, ledger=ledger, is_down=lambda tier, mission: False)

    def begin(self) -> tuple[SliceRecord, Terms]:
        frozen = self._freezer.begin_fusion(self.mission.mission_id, 1, self.mission.epoch)
        return frozen, Terms(self.payer, frozen.tier, frozen.run, frozen.epoch)

    def call(self, ordinal: int = 1, *, user: str = "Add 1 and 2.") -> ModelCall:
        return ModelCall(
            key=CallKey(self.mission.mission_id, "fusion", 1, 1, "adder", ordinal),
            model=ModelSpec("openai", "mine", PRICE),
            prompt=RenderedPrompt("test.adder", 1, "0" * 64, "Add.", user),
            output_name="Sum",
            output_schema={"type": "object"},
            max_output_tokens=200,
        )


@pytest.fixture
def desk(documents: DocumentStore, artifacts: ArtifactStore) -> Desk:
    return Desk(documents, artifacts)


def test_a_request_is_stored_with_its_reservation_and_its_answer_with_the_settlement(desk: Desk, documents: DocumentStore) -> None:
    frozen, terms = desk.begin()
    row = desk.journal.send(desk.call(), terms)
    assert (row.state, row.send, row.tier, frozen.tier) == (RowState.SENT, 1, Tier.STANDARD, Tier.STANDARD)
    assert_books_balance(documents)
    paid = desk.journal.answer(row, ANSWER, desk.answers.put(row, ANSWER), payer=desk.payer)
    assert (paid.state, paid.cost_micro_usd) == (RowState.ANSWERED, 180)
    assert_books_balance(documents)
    assert desk.answers.of(paid) == ANSWER
    assert desk.journal.answered(desk.call()) == paid
    assert desk.journal.send(desk.call(), terms) == paid, "an answered call is not sent again"


def test_each_end_of_a_request_is_settled_as_its_state_says_and_once(desk: Desk, documents: DocumentStore) -> None:
    _, terms = desk.begin()
    lost = desk.journal.lose(desk.journal.send(desk.call(1), terms), "timed out", payer=desk.payer)
    failed = desk.journal.fail(desk.journal.send(desk.call(2), terms), "429", payer=desk.payer)
    assert desk.journal.lose(lost, "timed out", payer=desk.payer) == lost
    with pytest.raises(StaleEpoch):
        desk.journal.answer(lost, ANSWER, desk.answers.put(lost, ANSWER), payer=desk.payer)
    assert (lost.cost_micro_usd, failed.cost_micro_usd) == (lost.bound_micro_usd, 0)
    assert [row.send for row in (desk.journal.send(desk.call(1), terms), desk.journal.send(desk.call(2), terms))] == [2, 2]
    assert_books_balance(documents)


def test_a_rejected_answer_stays_paid_and_is_found_again(desk: Desk, documents: DocumentStore) -> None:
    _, terms = desk.begin()
    row = desk.journal.send(desk.call(), terms)
    desk.journal.answer(row, ANSWER, desk.answers.put(row, ANSWER), payer=desk.payer)
    for _ in range(2):
        desk.journal.reject(row_key(desk), "it does not fit")
    found = desk.journal.answered(desk.call())
    assert found is not None and (found.state, found.error, found.cost_micro_usd) == (RowState.REJECTED, "it does not fit", 180)
    assert desk.journal.answers_of_role(row_key(desk)) == 1
    assert desk.journal.usage(row.slice_id).cost_micro_usd == 180
    assert_books_balance(documents)


def test_a_known_key_with_another_request_is_an_error(desk: Desk) -> None:
    _, terms = desk.begin()
    desk.journal.fail(desk.journal.send(desk.call(), terms), "429", payer=desk.payer)
    for ask in (desk.journal.answered, lambda call: desk.journal.send(call, terms)):
        with pytest.raises(JournalMismatch, match=r"test\.adder version 1"):
            ask(desk.call(user="Add 1 and 3."))


def test_a_run_that_was_overtaken_sends_nothing(desk: Desk, documents: DocumentStore) -> None:
    _, before = desk.begin()
    frozen, now = desk.begin()
    assert frozen.run == 2
    with pytest.raises(StaleEpoch):
        desk.journal.send(desk.call(), before)
    desk.journal.send(desk.call(), now)
    assert len(rows(documents)) == 1


def test_a_refusal_leaves_no_row(desk: Desk, documents: DocumentStore) -> None:
    _, terms = desk.begin()
    fits = 10_000 // desk.call().bound_micro_usd
    for ordinal in range(1, fits + 1):
        desk.journal.send(desk.call(ordinal), terms)
    with pytest.raises(BudgetRefused):
        desk.journal.send(desk.call(fits + 1), terms)
    assert [row.state for row in rows(documents)] == [RowState.SENT] * fits
    assert_books_balance(documents)


def test_what_nobody_waits_for_is_settled_once_at_its_bound_or_with_the_answer_that_was_left_behind(
    desk: Desk, documents: DocumentStore
) -> None:
    frozen, terms = desk.begin()
    desk.journal.send(desk.call(1), terms)
    stored = desk.journal.send(desk.call(2), terms)
    desk.answers.put(stored, ANSWER)
    orphans = Orphans(desk.journal, desk.answers)
    assert orphans.close_slice(frozen.slice_id, cap_micro_usd=10_000) == 2
    assert orphans.close_mission(desk.mission.mission_id, cap_micro_usd=10_000) == 0
    assert [row.state for row in rows(documents)] == [RowState.UNKNOWN, RowState.ANSWERED]
    assert_books_balance(documents)


def row_key(desk: Desk) -> CallKey:
    return desk.call().key
