"""The links of the chain, on real stores: remember, retry, pay, breaker, guard, and what a slice freezes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from functions.lifecycle.reconcile import raise_epoch
from schemas.lifecycle import CompensateRequest
from schemas.mission import MissionError, ModelChoice, Tier, Track
from shared.documents import Query
from shared.errors import ModelUnavailable, StaleEpoch, Unavailable
from shared.ledger.records import LedgerRecord, ledger_ref
from shared.missions.records import MissionRecord, SliceRecord, TrackRecord
from shared.missions.repository import Change
from shared.models.asking import Models
from shared.models.breaker import MAX_FAILURES, RESET_S, published
from shared.models.calls import CallUsage, ModelAnswer, ModelCall
from shared.models.failures import Failure
from shared.models.guard import MAX_ANSWER_BYTES
from shared.models.retry import MAX_TRIES, Retry
from shared.models.rows import RowState
from shared.times import SLICE_LEASE_S
from shared.tracks import SliceContext, SliceOutcome
from tests.support.chain import (
    ASKING,
    AskingTrack,
    ChainHouse,
    answering,
    assert_books_balance,
    failing,
    over_the_bound,
    with_budget,
)
from tests.support.house import Count, CountingTrack, step


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ChainHouse]:
    made = ChainHouse(tmp_path)
    yield made
    made.close()


def flags(house: ChainHouse, mission_id: str) -> tuple[str, ...]:
    return house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR].flags


def states(house: ChainHouse) -> list[RowState]:
    return [row.state for row in house.rows()]


def frozen(house: ChainHouse, mission_id: str) -> SliceRecord:
    """What the slice that was begun last has frozen."""
    found = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR].frozen
    assert found is not None
    return found


def test_an_answer_is_stored_and_paid_and_its_row_says_by_whom_and_for_what(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    track = AskingTrack(house.role, questions=1)
    house.slices.run(track, step(mission_id, 0))
    (row,) = house.rows()
    assert track.heard == {0: ["3"]}
    assert (row.state, row.cost_micro_usd, row.usage) == (RowState.ANSWERED, 180, CallUsage(100, 20))
    assert (row.model, row.answered_by, row.tier, row.prompt_id) == ("openai:model-standard", "the-endpoint", Tier.STANDARD, "test.adder")
    assert row.answer_uri is not None and b"total" in house.artifacts.get(row.answer_uri)
    assert_books_balance(house.documents)


def test_a_slice_that_is_run_again_is_answered_from_the_journal_also_where_an_answer_was_rejected(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    track = AskingTrack(house.role)
    house.endpoint.next.extend([answering('{"sum": 1}'), answering('{"total": 4}'), answering('{"total": 5}'), answering('{"total": 6}')])
    track.fail_with = [Unavailable("the store is down")]
    with pytest.raises(Unavailable):
        house.slices.run(track, step(mission_id, 0))
    first = track.heard[0]
    house.start()
    house.slices.run(track, step(mission_id, 0))
    assert track.heard[0] == first == ["4", "5", "6"]
    assert len(house.endpoint.asked) == 4
    assert states(house) == [RowState.REJECTED, RowState.ANSWERED, RowState.ANSWERED, RowState.ANSWERED]
    assert frozen(house, mission_id).run == 2
    assert_books_balance(house.documents)


def test_another_request_under_a_known_key_is_a_defect_and_buys_nothing(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)

    class Changing(AskingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            assert context.models is not None
            context.models.ask(self._role, {"numbers": [len(self.worked)]})
            return CountingTrack.step(self, context, state)

    track = Changing(house.role)
    track.fail_with = [Unavailable("the store is down")]
    with pytest.raises(Unavailable):
        house.slices.run(track, step(mission_id, 0))
    house.slices.run(track, step(mission_id, 0))
    record = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]
    assert record.error is not None and record.error.code == "journal_mismatch"
    assert len(house.endpoint.asked) == 1


@pytest.mark.parametrize("failure", [Failure.THROTTLED, Failure.OVERLOADED, Failure.UNREACHABLE])
def test_what_costs_nothing_is_tried_again_and_costs_nothing(house: ChainHouse, failure: Failure) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(failing(failure))
    house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    assert [(row.send, row.state, row.cost_micro_usd) for row in house.rows()] == [(1, RowState.FAILED, 0), (2, RowState.ANSWERED, 180)]
    assert_books_balance(house.documents)


def test_what_may_have_cost_is_charged_at_its_bound_and_tried_again_with_its_own_reservation(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(failing(Failure.LOST))
    track = AskingTrack(house.role, questions=1)
    house.slices.run(track, step(mission_id, 0))
    lost, answered = house.rows()
    assert (lost.state, lost.cost_micro_usd) == (RowState.UNKNOWN, lost.bound_micro_usd)
    assert answered.state is RowState.ANSWERED
    assert_books_balance(house.documents)


def test_a_refused_key_is_not_tried_again_and_opens_no_circuit(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.extend([failing(Failure.REFUSED)] * (MAX_FAILURES + 2))
    track = AskingTrack(house.role, questions=MAX_FAILURES + 3)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard[0] == ["model_unavailable"] * (MAX_FAILURES + 2) + ["3"]
    assert house.clock.slept == []
    assert published(house.documents) == []
    assert {"tier_extractive", "model_unavailable"} <= set(flags(house, mission_id))


def test_tries_are_bounded_and_wait_a_random_part_of_a_bound_that_doubles(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.extend([failing(Failure.THROTTLED)] * 9)
    track = AskingTrack(house.role, questions=1)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard[0] == ["model_unavailable"]
    assert len(house.endpoint.asked) == MAX_TRIES
    assert [0 < slept < bound for slept, bound in zip(house.clock.slept, (1, 2, 4), strict=True)] == [True] * 3


def test_a_provider_that_names_a_time_gets_that_time(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(failing(Failure.THROTTLED, retry_after_s=11))
    house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    (slept,) = house.clock.slept
    assert 11 <= slept <= 12


def test_a_wait_that_the_slice_has_no_time_for_is_not_begun(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(failing(Failure.THROTTLED, retry_after_s=600))
    track = AskingTrack(house.role, questions=1)
    house.slices.run(track, step(mission_id, 0))
    assert (track.heard[0], house.clock.slept, len(house.endpoint.asked)) == (["model_unavailable"], [], 1)


@pytest.mark.parametrize(
    ("asked", "told"), [(5_400, " It asks to come back in 5,400 seconds, which is longer than a step may wait."), (2, "")]
)
def test_a_long_time_that_the_provider_named_is_told(house: ChainHouse, asked: float, told: str) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    (call,) = house.endpoint.asked
    house.endpoint.next.append(failing(Failure.THROTTLED, retry_after_s=asked))
    retry = Retry(house.endpoint, clock=house.clock, uniform=lambda: 0.5, time_left=lambda: 1.0)
    with pytest.raises(ModelUnavailable) as failed:
        retry.send(call)
    assert failed.value.message == f"it is throttled{told}"


def test_a_circuit_opens_after_failures_in_a_row_lets_one_try_after_a_time_and_closes(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(with_budget("100"))
    house.endpoint.next.extend([failing(Failure.UNREACHABLE)] * MAX_FAILURES)
    track = AskingTrack(house.role, slices=9, questions=3)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard[0] == ["model_unavailable", "circuit_open", "circuit_open"]
    assert len(house.endpoint.asked) == MAX_FAILURES
    assert len(house.rows()) == MAX_FAILURES, "an open circuit costs no row and no reservation"
    house.slices.run(track, step(mission_id, 1))
    assert track.heard[1] == [], "a slice that begins while the circuit is open asks no model"
    assert frozen(house, mission_id).flags == ("tier_extractive", "model_unavailable")
    (told,) = [event for event in house.audit.events(mission_id) if event.kind == "tier.lowered"]
    assert told.detail == {"seq": 1, "tier": "extractive", "because": ["tier_extractive", "circuit_open"]}
    assert [record.state for record in published(house.documents)] == ["open"]
    house.clock.advance(RESET_S)
    house.endpoint.next.append(failing(Failure.UNREACHABLE))
    house.slices.run(track, step(mission_id, 2))
    assert track.heard[2] == ["circuit_open"] * 3
    assert len(house.endpoint.asked) == MAX_FAILURES + 1, "one try, and it is open again"
    house.clock.advance(RESET_S)
    house.slices.run(track, step(mission_id, 3))
    assert track.heard[3] == ["3"] * 3
    assert [record.state for record in published(house.documents)] == ["closed"]


def test_a_call_that_costs_more_than_its_bound_is_recorded_in_full_and_stops_new_calls(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(over_the_bound)
    track = AskingTrack(house.role, questions=2)
    house.slices.run(track, step(mission_id, 0))
    house.slices.run(track, step(mission_id, 1))
    assert track.heard == {0: ["3", "budget_refused"], 1: []}
    (row,) = house.rows()
    assert row.overrun and row.cost_micro_usd > row.bound_micro_usd
    assert {"budget_overrun", "budget_exhausted", "tier_extractive"} <= set(flags(house, mission_id))
    assert_books_balance(house.documents)


def test_an_answer_without_usage_is_charged_at_its_bound(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(answering(usage=None))
    house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    (row,) = house.rows()
    assert (row.state, row.cost_micro_usd, row.usage) == (RowState.ANSWERED, row.bound_micro_usd, None)


def test_an_empty_purse_is_no_failure_of_the_mission(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(with_budget("0.000001"))
    track = AskingTrack(house.role, slices=1)
    result = house.slices.run(track, step(mission_id, 0))
    assert (result.outcome, track.heard[0], house.endpoint.asked) == ("FINAL", ["budget_refused"] * 3, [])
    assert flags(house, mission_id) == ("tier_extractive", "budget_exhausted")


def test_each_threshold_that_is_passed_steps_the_tier_down_and_a_begun_slice_keeps_its_own(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(with_budget("0.01", 0.1, 0.2))
    house.endpoint.next.extend([answering(usage=CallUsage(1_000, 0)), answering(usage=CallUsage(1_000, 0))])
    track = AskingTrack(house.role, slices=9, questions=1)
    tiers = []
    for seq in range(3):
        house.slices.run(track, step(mission_id, seq))
        tiers.append(frozen(house, mission_id).tier)
    assert [call.model.name for call in house.endpoint.asked] == ["model-standard", "model-economy"]
    assert tiers == [Tier.STANDARD, Tier.ECONOMY, Tier.EXTRACTIVE]
    assert flags(house, mission_id) == ("tier_downgraded", "tier_extractive", "budget_exhausted")


def test_below_a_model_that_the_mission_named_is_only_the_extractive_tier(house: ChainHouse) -> None:
    named = ASKING.model_copy(update={"model": ModelChoice(name="openai:mine", input_usd=Decimal(1), output_usd=Decimal(1))})
    mission_id, _ = house.claimed(with_budget("0.01", 0.1, 0.9, request=named))
    house.endpoint.next.append(answering(usage=CallUsage(1_000, 0)))
    track = AskingTrack(house.role, slices=9, questions=1)
    tiers = []
    for seq in range(2):
        house.slices.run(track, step(mission_id, seq))
        tiers.append(frozen(house, mission_id).tier)
    assert [call.model.name for call in house.endpoint.asked] == ["mine"]
    assert tiers == [Tier.STANDARD, Tier.EXTRACTIVE]


@pytest.mark.parametrize(("key", "told"), [("it is refuse", "refused: [a key]d"), ("it is refused-and-more", "refused: [a key]")])
def test_a_key_that_a_provider_repeats_is_stored_nowhere_nor_the_half_of_one_that_was_cut_off(
    house: ChainHouse, key: str, told: str
) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.secrets.append(key)
    house.endpoint.next.append(failing(Failure.REFUSED))
    house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    (row,) = house.rows()
    assert row.error == told, "the rest of what it said is kept"


def test_a_secret_of_the_installation_does_not_leave(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.secrets.append("0, 1" * 3)
    house.secrets.append("\n 0,\n 1\n")
    track = AskingTrack(house.role, questions=2)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard[0] == ["3", "request_withheld"]
    assert len(house.endpoint.asked) == len(house.rows()) == 1
    assert "request_withheld" in flags(house, mission_id)


def test_an_answer_that_is_too_large_is_rejected_and_stays_paid(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.endpoint.next.append(answering("x" * (MAX_ANSWER_BYTES + 1)))
    track = AskingTrack(house.role, questions=1)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard[0] == ["answer_rejected"]
    assert states(house) == [RowState.REJECTED]


def test_a_run_that_was_overtaken_sends_nothing_more_and_its_late_answer_is_not_charged_twice(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    newer = AskingTrack(house.role)

    def late(call: ModelCall) -> ModelAnswer:
        raise_epoch(house.missions, house.missions.get(mission_id))
        house.slices.run(newer, step(mission_id, 0, epoch=2, execution="x2"))
        return answering('{"total": 99}')(call)

    house.endpoint.next.append(late)
    with pytest.raises(StaleEpoch):
        house.slices.run(AskingTrack(house.role), step(mission_id, 0))
    assert newer.heard[0] == ["3"] * 3
    assert len(house.endpoint.asked) == 4
    assert [(row.send, row.state) for row in house.rows()][:2] == [(1, RowState.UNKNOWN), (2, RowState.ANSWERED)]
    assert_books_balance(house.documents)


def test_a_run_of_an_older_epoch_sends_nothing_although_nobody_has_begun_its_slice_again(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)

    def meanwhile(call: ModelCall) -> ModelAnswer:
        raise_epoch(house.missions, house.missions.get(mission_id))
        return answering()(call)

    house.endpoint.next.append(meanwhile)
    with pytest.raises(StaleEpoch):
        house.slices.run(AskingTrack(house.role), step(mission_id, 0))
    assert states(house) == [RowState.ANSWERED], "what was on its way is kept, nothing follows"


def test_a_run_whose_lease_ran_out_sends_nothing_once_another_has_begun(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    newer = AskingTrack(house.role, questions=1)
    asked_between: list[int] = []

    class Slow(AskingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            assert context.models is not None
            context.models.ask(self._role, {"numbers": [0]})
            house.clock.advance(SLICE_LEASE_S + 1)
            house.slices.run(newer, step(mission_id, 0))
            asked_between.append(len(house.endpoint.asked))
            context.models.ask(self._role, {"numbers": [0, 0]})
            pytest.fail("the lease has passed on")

    with pytest.raises(StaleEpoch):
        house.slices.run(Slow(house.role), step(mission_id, 0))
    assert asked_between == [len(house.endpoint.asked)]


def test_a_fan_out_asks_at_the_same_time_and_every_answer_has_its_own_row(tmp_path: Path) -> None:
    house = ChainHouse(tmp_path, in_order=False)
    mission_id, _ = house.claimed(ASKING)
    house.slices.run(AskingTrack(house.role, questions=12), step(mission_id, 0))
    assert states(house) == [RowState.ANSWERED] * 12
    assert_books_balance(house.documents)
    house.close()


def test_the_end_of_a_mission_settles_what_is_open_and_gives_its_lease_back(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)

    class Killed(BaseException):
        pass

    def die(call: ModelCall) -> ModelAnswer:
        raise Killed

    house.endpoint.next.append(die)
    with pytest.raises(Killed):
        house.slices.run(AskingTrack(house.role), step(mission_id, 0))
    assert states(house) == [RowState.SENT]
    error = MissionError(code="given_up", message="it died")
    house.ending.compensate(CompensateRequest(mission_id=mission_id, epoch=1, execution="x1", error=error))
    assert states(house) == [RowState.UNKNOWN]
    document = house.documents.get(ledger_ref(mission_id))
    assert document is not None
    assert LedgerRecord.read(document).released_at is not None
    assert_books_balance(house.documents)


def test_who_cancelled_pays_for_nothing_more(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)

    def cancel(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change:
        return Change(mission.model_copy(update={"cancel_requested": True}))

    house.missions.change(mission_id, "api", cancel)
    track = AskingTrack(house.role)
    house.slices.run(track, step(mission_id, 0))
    assert (track.heard, house.endpoint.asked) == ({0: []}, [])


def test_a_slice_freezes_its_tier_and_the_other_tracks_offers_with_its_lease_and_a_repeat_gets_the_same(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    house.slices.run(CountingTrack(slices=1), step(mission_id, 0, track=Track.DEEP_RESEARCH))
    other_offers(house, mission_id, "artifact:first")
    seen: list[tuple[str | None, Tier | None]] = []
    writes: list[int] = []

    class Looks(AskingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            seen.append((context.other_handoff_uri, context.models.tier if context.models else None))
            writes.append(len(house.documents.query(Query("slices"))))
            return super().step(context, state)

    track = Looks(house.role, slices=9)
    track.fail_with = [Unavailable("the store is down")]
    with pytest.raises(Unavailable):
        house.slices.run(track, step(mission_id, 0))
    other_offers(house, mission_id, "artifact:another")
    house.start()
    house.slices.run(track, step(mission_id, 0))
    house.slices.run(track, step(mission_id, 1))
    assert seen == [("artifact:first", Tier.STANDARD), ("artifact:first", Tier.STANDARD), ("artifact:another", Tier.STANDARD)]
    assert writes == [0, 0, 0], "no document of its own"
    assert frozen(house, mission_id).handoff_uri == "artifact:another"


def test_a_slice_that_the_version_before_began_keeps_what_it_froze_and_its_old_run_sends_nothing_more(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    old = SliceRecord(
        mission_id=mission_id,
        account="ds_star",
        attempt=1,
        seq=0,
        epoch=1,
        tier=Tier.ECONOMY,
        handoff_uri="artifact:seen-by-the-old-run",
        frozen_at=house.clock.now(),
    )
    house.documents.put(old.ref, old.data())
    track = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR].model_copy(update={"tries": 1})
    house.documents.put(track.ref, {key: value for key, value in track.data().items() if key not in ("frozen", "tail")})
    house.slices.run(AskingTrack(house.role), step(mission_id, 0))
    record = frozen(house, mission_id)
    assert (record.tier, record.handoff_uri, record.run) == (Tier.ECONOMY, "artifact:seen-by-the-old-run", 2)
    assert [call.model.name for call in house.endpoint.asked] == ["model-economy"] * 3
    assert house.documents.get(old.ref) is None, "an instance of the version before would find its run there, and go on"


def test_a_call_of_a_slice_that_is_committed_is_not_sent_any_more(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    kept: list[Models] = []

    class Keeps(AskingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            assert context.models is not None
            kept.append(context.models)
            return super().step(context, state)

    house.slices.run(Keeps(house.role), step(mission_id, 0))
    asked = len(house.endpoint.asked)
    with pytest.raises(StaleEpoch):
        kept[0].ask(house.role, {"numbers": [7]})
    assert len(house.endpoint.asked) == asked


def other_offers(house: ChainHouse, mission_id: str, uri: str) -> None:
    """Let research offer something else."""

    def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change:
        return Change(mission, tracks=[tracks[Track.DEEP_RESEARCH].model_copy(update={"offers_uri": uri})])

    house.missions.change(mission_id, "lifecycle", decide)
