"""Invariant 4: caps hold at every instant, whatever accounts, missions, days and threads do; and what is free is never refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import DocumentStore, Transaction
from shared.errors import BudgetRefused
from shared.ledger.accounts import ACCOUNTS, Account
from shared.ledger.ledger import Ledger, Payer, Reservation
from shared.ledger.records import PurseRecord, purse_ref
from shared.ledger.spending import spent_on
from shared.ledger.tranches import DayCap
from tests.support.clock import START, FrozenClock
from tests.support.ledger_model import LedgerMachine
from tests.support.runs_twice import RunsTwice

TODAY = f"{START:%Y-%m-%d}"
MISSIONS = ("m_1", "m_2")


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[SqliteDocuments]:
    store = SqliteDocuments(tmp_path / "ledger.sqlite3")
    yield store
    store.close()


@pytest.mark.parametrize("twice", [False, True], ids=["once", "every-callback-runs-twice"])
def test_any_order_of_calls_leaves_what_sums_say(documents: SqliteDocuments, twice: bool) -> None:
    store: DocumentStore = RunsTwice(documents) if twice else documents
    limits = settings(max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: LedgerMachine(store), settings=limits)  # type: ignore[arg-type]  # any callable that makes one


CALLS = st.lists(
    st.tuples(st.sampled_from(MISSIONS), st.sampled_from(ACCOUNTS), st.integers(1, 60), st.integers(0, 100)), min_size=4, max_size=24
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rounds=st.lists(CALLS, min_size=1, max_size=3),
    cap=st.integers(50, 250),
    day_cap=st.integers(50, 400),
    shards=st.sampled_from([1, 2, 5]),
)
def test_threads_never_pass_a_cap_and_refuse_only_what_is_not_free(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[str, Account, int, int]]], cap: int, day_cap: int, shards: int
) -> None:
    documents = SqliteDocuments(tmp_path_factory.mktemp("ledger") / "ledger.sqlite3")
    ledger = Ledger(DayCap(day_cap, shards), FrozenClock())
    watch = _Watch(documents, cap, day_cap)
    with watch, ThreadPoolExecutor(6) as pool:
        for calls in rounds:

            def reserve(call: tuple[str, Account, int, int]) -> Reservation | None:
                mission_id, account, bound, _ = call
                try:
                    return documents.transact(lambda tx: ledger.reserve(tx, Payer(mission_id, account, cap), bound))
                except BudgetRefused:
                    return None

            reservations = list(pool.map(reserve, calls))
            # Within a round money only becomes less: what was refused must be more than what is left at its end.
            missions, day = documents.transact(used)
            for (mission_id, _, bound, _), reservation in zip(calls, reservations, strict=True):
                free = min(cap - missions[mission_id], day_cap - day)
                assert reservation is not None or bound > free, "refused while money is free"

            def settle(of: tuple[tuple[str, Account, int, int], Reservation | None]) -> int:
                (mission_id, account, bound, share), reservation = of
                if reservation is None:
                    return 0
                cost = bound * share // 100
                assert not documents.transact(lambda tx: ledger.settle(tx, Payer(mission_id, account, cap), reservation, cost))
                return cost

            before = sum(missions.values()) - sum(r.micro_usd for r in reservations if r)
            paid = sum(pool.map(settle, zip(calls, reservations, strict=True)))
            missions, day = documents.transact(used)
            assert sum(missions.values()) == day == before + paid
    documents.close()
    assert watch.broken == []


class _Watch:
    """A thread that looks at one consistent moment after the other and keeps those in which a cap did not hold."""

    def __init__(self, documents: DocumentStore, cap: int, day_cap: int) -> None:
        self._documents = documents
        self._caps = (cap, day_cap)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.broken: list[str] = []

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        cap, day_cap = self._caps
        while not self._over.is_set():
            missions, day = self._documents.transact(used)
            if max(missions.values()) > cap or day > day_cap or sum(missions.values()) != day:
                self.broken.append(f"{missions} of {cap}, {day} of {day_cap}")


def used(tx: Transaction) -> tuple[dict[str, int], int]:
    """What each mission, and the day, has spent and set aside, at one moment."""
    missions = {mission_id: sum(p.used for p in _purses(tx, mission_id)) for mission_id in MISSIONS}
    day = spent_on(tx, TODAY)
    return missions, day.settled_micro_usd + day.reserved_micro_usd


def _purses(tx: Transaction, mission_id: str) -> Sequence[PurseRecord]:
    found = [tx.get(purse_ref(mission_id, account)) for account in ACCOUNTS]
    return [PurseRecord.read(document) for document in found if document is not None]
