"""The ledger keeps its promises on every ``DocumentStore``: the same sums, the same refusals, under contention too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from shared.documents import DocumentStore
from shared.errors import BudgetRefused
from shared.ledger.accounts import ACCOUNTS
from shared.ledger.ledger import Ledger, Payer, Reservation
from shared.ledger.records import PurseRecord, purse_ref
from shared.ledger.spending import spent_on
from shared.ledger.tranches import DayCap
from tests.support.clock import START, FrozenClock
from tests.support.ledger_model import LedgerMachine
from tests.support.runs_twice import RunsTwice

CAP = 1_000


def test_any_order_of_calls_leaves_what_sums_say(documents: DocumentStore, request: pytest.FixtureRequest) -> None:
    cloud = "firestore" in request.node.name
    limits = settings(max_examples=2 if cloud else 20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: LedgerMachine(documents), settings=limits)  # type: ignore[arg-type]  # any callable that makes one


def test_first_calls_of_all_accounts_at_once_fill_the_cap_and_no_more(documents: DocumentStore) -> None:
    assert isinstance(documents, RunsTwice)
    store, ledger = documents.inner, Ledger(DayCap(10 * CAP, 4), FrozenClock())

    def first(n: int) -> Reservation | None:
        payer = Payer("m_1", ACCOUNTS[n % len(ACCOUNTS)], CAP)
        try:
            return store.transact(lambda tx: ledger.reserve(tx, payer, 300))
        except BudgetRefused:
            return None

    with ThreadPoolExecutor(4) as pool:
        granted = [reservation for reservation in pool.map(first, range(4)) if reservation]
    assert len(granted) == 3
    purses = [PurseRecord.read(found) for a in ACCOUNTS if (found := store.get(purse_ref("m_1", a)))]
    day = store.transact(lambda tx: spent_on(tx, f"{START:%Y-%m-%d}"))
    assert sum(purse.reserved for purse in purses) == day.reserved_micro_usd == 900
    assert sum(purse.lease for purse in purses) <= CAP


def test_missions_at_once_fill_the_days_cap_and_no_more(documents: DocumentStore) -> None:
    """At the day's edge shards take from shards and purses from purses, at the same time: the last cent is spent once."""
    assert isinstance(documents, RunsTwice)
    store, ledger = documents.inner, Ledger(DayCap(640, 3), FrozenClock())
    payers = [Payer(f"m_{n}", ACCOUNTS[n % len(ACCOUNTS)], CAP) for n in range(6)]

    def reserve(payer: Payer, amount: int) -> Reservation | None:
        try:
            return store.transact(lambda tx: ledger.reserve(tx, payer, amount))
        except BudgetRefused:
            return None

    small = [reserve(payer, 10) for payer in payers]
    assert all(small), "each has drawn a tranche, of which most lies idle"
    with ThreadPoolExecutor(4) as pool:
        granted = [reservation for reservation in pool.map(lambda payer: reserve(payer, 120), payers) if reservation]
    day = store.transact(lambda tx: spent_on(tx, f"{START:%Y-%m-%d}"))
    assert (len(granted), day.reserved_micro_usd) == (4, 6 * 10 + 4 * 120)
