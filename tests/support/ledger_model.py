"""Invariant 4 as a state machine: a ledger on any store beside an oracle that only adds up. Used by the property and the contract tests."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.documents import DocumentStore
from shared.errors import BudgetRefused
from shared.ledger.ledger import Ledger, Payer, Reservation, release
from shared.ledger.records import ACCOUNTS, DayRecord, LedgerRecord, PurseRecord, day_ref, ledger_ref, purse_ref
from shared.models.calls import Account
from tests.support.clock import FrozenClock

_runs = itertools.count(1)
CAPS = (100, 1_000)
DAY_CAP = 1_300
AMOUNTS = st.one_of(st.integers(0, 40), st.integers(0, 1_400), st.just(100), st.just(1_000))


@dataclass(frozen=True)
class Open:
    """A reservation that is not settled."""

    payer: Payer
    reservation: Reservation


class LedgerMachine(RuleBasedStateMachine):
    """Two missions, three accounts each, on days that pass. What is free, the oracle knows from sums alone."""

    def __init__(self, documents: DocumentStore) -> None:
        super().__init__()
        self.documents = documents
        self.clock = FrozenClock()
        # A store lives longer than one run of the machine: each has missions and days of its own.
        run = next(_runs)
        self.clock.advance(timedelta(days=1_000 * run).total_seconds())
        self.ledger = Ledger(DAY_CAP, self.clock)
        self.caps = {f"m{run}_{n}": cap for n, cap in enumerate(CAPS)}
        self.open: list[Open] = []
        self.settled: defaultdict[tuple[str, Account], int] = defaultdict(int)
        self.settled_on: defaultdict[str, int] = defaultdict(int)
        self.excess: defaultdict[str, int] = defaultdict(int)
        """What overruns cost beyond their reservations, by mission and by day."""
        self.stopped: set[str] = set()
        self.ended: set[str] = set()

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

    @rule(n=st.integers(0, 1), account=st.sampled_from(ACCOUNTS), amount=AMOUNTS)
    def reserve(self, n: int, account: Account, amount: int) -> None:
        payer = self.payer(n, account)
        left = min(payer.cap_micro_usd - self.used(payer.mission_id), DAY_CAP - self.used_on(self.today))
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
            for of in (payer.mission_id, reservation.day):
                self.excess[of] += cost - reservation.micro_usd

    @rule()
    def a_day_passes(self) -> None:
        self.clock.advance(timedelta(days=1).total_seconds())

    @rule(n=st.integers(0, 1))
    def end(self, n: int) -> None:
        mission_id = list(self.caps)[n]
        known = self.documents.get(ledger_ref(mission_id)) is not None
        unused = self.documents.transact(lambda tx: release(tx, mission_id, at=self.clock.now()))
        fresh = known and mission_id not in self.ended
        assert unused == (max(self.caps[mission_id] - self.used(mission_id), 0) if fresh else 0)
        if known:
            self.ended.add(mission_id)

    @invariant()
    def every_document_holds_what_the_oracle_holds(self) -> None:
        for mission_id, cap in self.caps.items():
            purses = [self._purse(mission_id, account) for account in ACCOUNTS]
            assert {p.account: p.settled for p in purses} == {a: self.settled[mission_id, a] for a in ACCOUNTS}
            assert sum(p.used for p in purses) == self.used(mission_id) <= cap + self.excess[mission_id]
            assert all(p.lease >= p.used and p.reserved >= 0 for p in purses)
            ledger = self.documents.get(ledger_ref(mission_id))
            if ledger is not None:
                record = LedgerRecord.read(ledger)
                assert (record.stopped_because is not None, len(record.overruns) > 0) == (mission_id in self.stopped,) * 2
                assert sum(p.lease for p in purses) <= cap + self.excess[mission_id]
                assert mission_id in self.ended or sum(p.lease for p in purses) == record.leased
        for day in {self.today, *self.settled_on}:
            found = self.documents.get(day_ref(day))
            used = DayRecord.read(found).used if found else 0
            assert used == self.used_on(day) <= DAY_CAP + self.excess[day]

    def _purse(self, mission_id: str, account: Account) -> PurseRecord:
        document = self.documents.get(purse_ref(mission_id, account))
        return PurseRecord.read(document) if document else PurseRecord(mission_id=mission_id, account=account)
