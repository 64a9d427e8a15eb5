"""Invariant 4 as a state machine: a ledger on any store beside an oracle that only adds up. Used by the property and the contract tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.mission import Cost
from shared.documents import DocumentStore, Query, Transaction, Where
from shared.errors import BudgetRefused
from shared.ledger.accounts import ACCOUNTS, Account
from shared.ledger.closing import forget, release
from shared.ledger.day import part
from shared.ledger.ledger import Ledger, Payer, Reservation
from shared.ledger.records import DAYS, LEDGERS, PURSES, DayRecord, LedgerRecord, PurseRecord, ledger_ref, purse_ref
from shared.ledger.spending import spent_on
from shared.ledger.tranches import DayCap
from shared.missions.chain import EVENTS
from tests.support.clock import FrozenClock

T = TypeVar("T")

CAPS = (100, 1_000, 700)
DAY_CAPS = (1_300, 0, 350, 1_299, 5_000)
SHARDS = (3, 1, 8)
AMOUNTS = st.one_of(st.integers(0, 40), st.integers(0, 1_400), st.just(100), st.just(1_000))


@dataclass(frozen=True)
class Open:
    """A reservation that is not settled."""

    payer: Payer
    reservation: Reservation


class Crash(Exception):
    """The process is gone before its commit."""


class LedgerMachine(RuleBasedStateMachine):
    """Three missions of three accounts each, on days that pass, under a day's cap that changes, in processes that die.

    What is free, the oracle knows from sums alone: a call is refused exactly where the mission's cap or the day's has less than it asks.
    """

    def __init__(self, documents: DocumentStore) -> None:
        super().__init__()
        self.documents = documents
        self.clock = FrozenClock()
        # A store lives longer than one run of the machine. Another run has the same ids, since they decide which shard is whose.
        for collection in (PURSES, LEDGERS, DAYS, EVENTS):
            for document in documents.query(Query(collection)):
                documents.delete(document.ref)
        self.day_cap, self.shards = DAY_CAPS[0], SHARDS[0]
        self.ledger = self.process()
        self.caps = {f"m_{n}": cap for n, cap in enumerate(CAPS)}
        self.open: list[Open] = []
        self.settled: defaultdict[tuple[str, Account], int] = defaultdict(int)
        self.settled_on: defaultdict[str, int] = defaultdict(int)
        self.excess: defaultdict[str, int] = defaultdict(int)
        """What overruns cost beyond their reservations, by mission."""
        self.stopped: set[str] = set()
        self.ended: set[str] = set()
        self.deleted: set[str] = set()

    def process(self) -> Ledger:
        """A ledger that remembers nothing, as a new process has it."""
        return Ledger(DayCap(self.day_cap, self.shards), self.clock)

    @property
    def today(self) -> str:
        return f"{self.clock.now():%Y-%m-%d}"

    def used(self, mission_id: str) -> int:
        settled = sum(self.settled[mission_id, account] for account in ACCOUNTS)
        return settled + sum(o.reservation.micro_usd for o in self.open if o.payer.mission_id == mission_id)

    def used_on(self, day: str) -> int:
        return self.settled_on[day] + sum(o.reservation.micro_usd for o in self.open if o.reservation.day == day)

    def payer(self, n: int, account: Account) -> Payer:
        mission_id = list(self.caps)[n]
        return Payer(mission_id, account, self.caps[mission_id])

    @rule(n=st.integers(0, 2), account=st.sampled_from(ACCOUNTS))
    def a_slice_begins(self, n: int, account: Account) -> None:
        payer = self.payer(n, account)
        if payer.mission_id not in self.ended:
            self.documents.transact(lambda tx: self.ledger.begin(tx, payer))
        if payer.mission_id not in self.deleted:
            spent = self.documents.transact(lambda tx: self.ledger.exhausted(tx, payer))
            assert spent == (self.settled_on[self.today] >= self.day_cap)

    @rule(n=st.integers(0, 2), account=st.sampled_from(ACCOUNTS), amount=AMOUNTS)
    def reserve(self, n: int, account: Account, amount: int) -> None:
        payer = self.payer(n, account)
        if payer.mission_id in self.deleted:
            return
        left = min(payer.cap_micro_usd - self.used(payer.mission_id), self.day_cap - self.used_on(self.today))
        lives = payer.mission_id not in self.stopped | self.ended
        if not lives or amount > max(left, 0):
            with pytest.raises(BudgetRefused):
                self.documents.transact(lambda tx: self.ledger.reserve(tx, payer, amount))
            return
        reservation = self.documents.transact(lambda tx: self.ledger.reserve(tx, payer, amount))  # never refused while money is free
        assert reservation == Reservation(amount, self.today)
        self.open.append(Open(payer, reservation))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.integers(0, 100))
    def settle(self, data: st.DataObject, share: int) -> None:
        at = data.draw(st.integers(0, len(self.open) - 1))
        self._settle(at, self.open[at].reservation.micro_usd * share // 100)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), beyond=st.integers(1, 2_000))
    def overrun(self, data: st.DataObject, beyond: int) -> None:
        at = data.draw(st.integers(0, len(self.open) - 1))
        self._settle(at, self.open[at].reservation.micro_usd + beyond)

    def _settle(self, at: int, cost: int) -> None:
        settled = self.open.pop(at)
        payer, reservation = settled.payer, settled.reservation
        overran = self.documents.transact(lambda tx: self.ledger.settle(tx, payer, reservation, cost))
        assert overran == (cost > reservation.micro_usd)
        self.settled[payer.mission_id, payer.account] += cost
        self.settled_on[reservation.day] += cost
        if overran:
            self.stopped.add(payer.mission_id)
            self.excess[payer.mission_id] += cost - reservation.micro_usd

    @rule(n=st.integers(0, 2), account=st.sampled_from(ACCOUNTS), amount=AMOUNTS)
    def die_before_a_commit(self, n: int, account: Account, amount: int) -> None:
        """Nothing of it is stored, and a new process goes on."""
        payer = self.payer(n, account)

        def cut(tx: Transaction) -> None:
            try:
                self.ledger.reserve(tx, payer, amount)
            finally:
                raise Crash

        self._dies(cut)
        if self.open:
            last = self.open[-1]
            self._dies(lambda tx: _then_crash(lambda: self.ledger.settle(tx, last.payer, last.reservation, 0)))
        self.ledger = self.process()

    def _dies(self, work: Callable[[Transaction], None]) -> None:
        with pytest.raises(Crash):
            self.documents.transact(work)

    @rule(cap=st.sampled_from(DAY_CAPS), shards=st.sampled_from(SHARDS))
    def the_platform_is_configured_anew(self, cap: int, shards: int) -> None:
        self.day_cap, self.shards = cap, shards
        self.ledger = self.process()

    @rule()
    def a_day_passes(self) -> None:
        self.clock.advance(timedelta(days=1).total_seconds())

    @rule(n=st.integers(0, 2))
    def end(self, n: int) -> None:
        mission_id = list(self.caps)[n]
        known = self._bought(mission_id)
        unused = self.documents.transact(lambda tx: release(tx, mission_id, at=self.clock.now()))
        fresh = known and mission_id not in self.ended
        assert unused == (max(self.caps[mission_id] - self.used(mission_id), 0) if fresh else 0)
        if known:
            self.ended.add(mission_id)

    def _bought(self, mission_id: str) -> bool:
        return mission_id not in self.deleted and (
            self.documents.get(ledger_ref(mission_id)) is not None
            or any(self.documents.get(purse_ref(mission_id, account)) is not None for account in ACCOUNTS)
        )

    @precondition(lambda self: self.ended - self.deleted)
    @rule()
    def delete(self) -> None:
        """What is still set aside can be settled by nobody any more: it counts as spent."""
        mission_id = min(self.ended - self.deleted)
        self.documents.transact(lambda tx: forget(tx, mission_id))
        for left in [o for o in self.open if o.payer.mission_id == mission_id]:
            self.open.remove(left)
            self.settled_on[left.reservation.day] += left.reservation.micro_usd
        for account in ACCOUNTS:
            self.settled.pop((mission_id, account), None)
        self.deleted.add(mission_id)

    @rule()
    def the_processes_die_and_what_they_sent_is_settled_at_its_bound(self) -> None:
        """After everything is settled nothing stays reserved."""
        self.ledger = self.process()
        while self.open:
            self._settle(0, self.open[0].reservation.micro_usd)
        assert all(purse.reserved == 0 for mission_id in self.caps for purse in self.purses(mission_id))
        assert all(self.spent_on(day).reserved_micro_usd == 0 for day in self.days())

    @invariant()
    def every_document_holds_what_the_oracle_holds(self) -> None:
        for mission_id, cap in self.caps.items():
            purses = self.purses(mission_id)
            assert {p.account: p.settled for p in purses} == {a: self.settled[mission_id, a] for a in ACCOUNTS}
            assert sum(p.used for p in purses) == self.used(mission_id) <= cap + self.excess[mission_id]
            assert all(p.lease >= p.used and p.reserved >= 0 for p in purses)
            assert sum(p.lease for p in purses) <= cap + self.excess[mission_id]
            ledger = self.documents.get(ledger_ref(mission_id))
            stopped = ledger is not None and LedgerRecord.read(ledger).stopped_because is not None
            assert stopped == (mission_id in self.stopped - self.deleted)
        for day in self.days():
            spent = self.spent_on(day)
            assert spent.settled_micro_usd == self.settled_on[day]
            assert spent.settled_micro_usd + spent.reserved_micro_usd == self.used_on(day)
            self.a_day_is_divided(day)

    def a_day_is_divided(self, day: str) -> None:
        """No shard has given more than it has, every tranche is known to its purse, and an ended mission keeps nothing it does not use."""
        shards = [DayRecord.read(d) for d in self.documents.query(Query(DAYS, (Where("day", "==", day),)))]
        assert len({shard.cap for shard in shards}) <= 1, "the shards are parts of one cap"
        for shard in shards:
            assert shard.free >= 0 and shard.undrawn == 0
            for mission_id, amounts in shard.drawn.items():
                for purse in self.purses(mission_id):
                    held = purse.tranches.get(day)
                    # At a mission's end it goes back, and a purse of which all is settled is left as it is: nobody spends from it.
                    gone = mission_id in self.ended and purse.account not in amounts
                    if held is not None and held.shard == shard.ref.id and not gone:
                        assert held.amount == amounts.get(purse.account, 0) and held.idle >= 0
                        assert held.idle == 0 or mission_id not in self.ended
        if shards and (cap := shards[0].cap) is not None:
            untouched = set(range(shards[0].of)) - {shard.shard for shard in shards}
            assert sum(shard.limit for shard in shards) + sum(part(cap, shards[0].of, n) for n in untouched) == cap

    def days(self) -> set[str]:
        return {self.today, *self.settled_on, *(o.reservation.day for o in self.open)}

    def spent_on(self, day: str) -> Cost:
        return self.documents.transact(lambda tx: spent_on(tx, day))

    def purses(self, mission_id: str) -> list[PurseRecord]:
        found = {account: self.documents.get(purse_ref(mission_id, account)) for account in ACCOUNTS}
        return [PurseRecord.read(d) if d else PurseRecord(mission_id=mission_id, account=a) for a, d in found.items()]


def _then_crash(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        raise Crash
