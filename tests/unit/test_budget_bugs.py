"""The budget bugs that public trackers of other systems report, each as the test that would have found it here; on a real store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest

from functions.lifecycle.reconcile import raise_epoch
from schemas.lifecycle import CompensateRequest
from schemas.mission import Cost, MissionError, ModelChoice
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import DocumentStore, Query, Transaction
from shared.errors import BudgetRefused, Unavailable
from shared.ledger.accounts import ACCOUNTS
from shared.ledger.closing import release
from shared.ledger.ledger import Ledger, Payer, Reservation
from shared.ledger.records import PURSES, PurseRecord
from shared.ledger.spending import spent_on
from shared.ledger.tranches import DayCap
from shared.models.calls import CallKey, ModelCall, ModelSpec, Price, RenderedPrompt
from shared.models.catalog import load_catalog
from shared.models.rows import RowState
from tests.support.chain import ASKING, AskingTrack, ChainHouse, assert_books_balance
from tests.support.clock import START, FrozenClock
from tests.support.house import step

T = TypeVar("T")
USD = 1_000_000
TODAY = f"{START:%Y-%m-%d}"
DEFAULT_CAP, DEFAULT_DAY_CAP = USD, 10 * USD


class Replica:
    """One process of a platform: a ledger with its own connection to the store that all share."""

    def __init__(self, path: Path, *, day_cap: int = DEFAULT_DAY_CAP) -> None:
        self.clock = FrozenClock()
        self.documents = SqliteDocuments(path)
        self.ledger = Ledger(DayCap(day_cap, 4), self.clock)

    def reserve(self, payer: Payer, amount: int, *, meanwhile: Callable[[], object] = lambda: None) -> Reservation:
        """A reservation; ``meanwhile`` happens between its decision and its commit."""

        def work(tx: Transaction) -> Reservation:
            reservation = self.ledger.reserve(tx, payer, amount)
            meanwhile()
            return reservation

        return self.documents.transact(work)

    def settle(self, payer: Payer, reservation: Reservation, cost: int) -> None:
        self.documents.transact(lambda tx: self.ledger.settle(tx, payer, reservation, cost))

    def spent(self) -> Cost:
        return self.documents.transact(lambda tx: spent_on(tx, TODAY))


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Callable[..., Replica]]:
    made: list[Replica] = []

    def make(*, day_cap: int = DEFAULT_DAY_CAP) -> Replica:
        made.append(Replica(tmp_path / "shared.sqlite3", day_cap=day_cap))
        return made[-1]

    yield make
    for replica in made:
        replica.documents.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ChainHouse]:
    made = ChainHouse(tmp_path)
    yield made
    made.close()


def all_at_once(count: int, reserve: Callable[[int, Callable[[], object]], Reservation]) -> int:
    """How many of ``count`` reservations are granted that have all decided before the first of them commits."""
    decided = threading.Barrier(count)

    def one(n: int) -> bool:
        waited = threading.Event()

        def meanwhile() -> None:
            if not waited.is_set():  # a decision that is made again, after contention, waits for nobody
                waited.set()
                decided.wait(timeout=30)

        try:
            reserve(n, meanwhile)
        except BudgetRefused:
            if not waited.is_set():
                decided.abort()
            return False
        return True

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(one, range(count)))


@pytest.mark.parametrize("missions", [1, 8])
def test_check_then_act_eight_concurrent_first_requests_do_not_pass_a_default_cap(replicas: Callable[..., Replica], missions: int) -> None:
    """Elsewhere all eight were admitted, since each had looked before any had written. Here: one mission, and the day of eight."""
    replica = replicas()
    bound, cap = (190_000, DEFAULT_CAP) if missions == 1 else (1_900_000, 2 * USD)

    def reserve(n: int, meanwhile: Callable[[], object]) -> Reservation:
        return replica.reserve(Payer(f"m_{n % missions}", ACCOUNTS[n % len(ACCOUNTS)], cap), bound, meanwhile=meanwhile)

    assert all_at_once(8, reserve) == 5, "as many as fit, and not one fewer"
    assert replica.spent().reserved_micro_usd == 5 * bound


def test_check_then_act_one_of_five_calls_of_300_000_tokens_fits_into_45_cents(replicas: Callable[..., Replica]) -> None:
    """Elsewhere four of the five were admitted."""
    call = ModelCall(
        key=CallKey("m_1", "deep_research", 1, 0, "reader", 1),
        model=ModelSpec("openai", "big", Price(Decimal("0.75"), Decimal("3.75")), max_output_tokens=8_192),
        prompt=RenderedPrompt("reader", 1, "0" * 64, "", "x" * 300_000),
        output_name="Answer",
        output_schema={},
        max_output_tokens=8_192,
    )
    assert 225_000 < call.bound_micro_usd < 450_000
    replica, spender = replicas(), Payer("m_1", "deep_research", 450_000)
    assert all_at_once(5, lambda _, meanwhile: replica.reserve(spender, call.bound_micro_usd, meanwhile=meanwhile)) == 1


def test_an_unknown_price_is_no_free_call(house: ChainHouse) -> None:
    """Elsewhere a model without a price meant that nothing was reserved, and the request was sent."""
    house.catalog = load_catalog
    house.start()
    mission_id, _ = house.claimed(ASKING.model_copy(update={"model": ModelChoice(name="openai:nobody-knows-its-price")}))
    track = AskingTrack(house.role)
    house.slices.run(track, step(mission_id, 0))
    assert (house.endpoint.asked, house.rows()) == ([], [])
    assert set(track.heard[0]) == {"budget_refused"}


def test_headroom_that_others_reserve_and_do_not_use_blocks_nobody(replicas: Callable[..., Replica]) -> None:
    """Elsewhere calls were blocked at a budget of $2,000 with $0.144 spent. Here a mission, and a day, give the last cent of it."""
    cap = 2_000 * USD
    replica = replicas(day_cap=cap)
    for account in ACCOUNTS:
        payer = Payer("m_1", account, cap)
        replica.settle(payer, replica.reserve(payer, 24_000), 24_000)
        other = Payer(f"m_{account}", account, cap)
        replica.settle(other, replica.reserve(other, 24_000), 24_000)
    assert replica.spent().settled_micro_usd == 144_000
    replica.reserve(Payer("m_1", "fusion", cap), cap - 144_000)
    with pytest.raises(BudgetRefused):
        replica.reserve(Payer("m_1", "fusion", cap), 1)


def test_leaked_reservations_of_calls_that_failed_refuse_nobody(replicas: Callable[..., Replica]) -> None:
    """Elsewhere what failed calls had reserved was never given back, until every call was refused."""
    replica = replicas(day_cap=USD)
    for n in range(100):
        payer = Payer("m_1", ACCOUNTS[n % len(ACCOUNTS)], USD)
        replica.settle(payer, replica.reserve(payer, USD), 0)
    assert replica.reserve(Payer("m_1", "fusion", USD), USD).micro_usd == USD


@pytest.mark.parametrize("ended", [True, False], ids=["that-ended", "that-died"])
def test_leaked_tranches_of_missions_refuse_nobody(replicas: Callable[..., Replica], ended: bool) -> None:
    """The same for what missions have drawn of the day, whether they gave it back or nobody has heard of them again."""
    replica = replicas(day_cap=USD)
    for n in range(30):
        payer = Payer(f"m_{n}", "ds_star", USD)
        replica.documents.transact(lambda tx, payer=payer: replica.ledger.begin(tx, payer))  # type: ignore[misc]  # bound at once
        replica.settle(payer, replica.reserve(payer, 20_000), 10_000)
        if ended:
            replica.documents.transact(lambda tx, n=n: release(tx, f"m_{n}", at=replica.clock.now()))  # type: ignore[misc]  # bound at once
    assert replica.reserve(Payer("m_x", "fusion", USD), USD - 300_000).micro_usd == 700_000


class FailsAt:
    """A store that is down for the ``nth`` transaction from now on."""

    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner
        self.fails_when: Callable[[], bool] = lambda: False

    def transact(self, work: Callable[[Transaction], T]) -> T:
        if self.fails_when():
            raise Unavailable("the store is down")
        return self._inner.transact(work)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def test_an_error_while_a_call_is_reconciled_loses_no_spend(house: ChainHouse) -> None:
    """Elsewhere an error between the answer and its booking left the call free: its cost was in no sum."""
    store = FailsAt(house.documents)
    house.documents = store  # type: ignore[assignment]  # it hands everything on
    house.start()
    mission_id, _ = house.claimed(ASKING)
    fail_once = iter([True])
    store.fails_when = lambda: bool(house.endpoint.asked) and next(fail_once, False)
    with pytest.raises(Unavailable):
        house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    (sent,) = house.rows()
    assert sent.state is RowState.SENT
    purses = [PurseRecord.read(document) for document in house.documents.query(Query(PURSES))]
    assert sum(purse.reserved for purse in purses) == sent.bound_micro_usd > 180
    house.start()
    house.clock.advance(600)
    track = AskingTrack(house.role, questions=1)
    house.slices.run(track, step(mission_id, 0))
    (row,) = house.rows()
    assert (row.state, row.cost_micro_usd, len(house.endpoint.asked), track.heard) == (RowState.ANSWERED, 180, 1, {0: ["3"]})
    assert_books_balance(house.documents)


def test_a_call_that_nobody_reconciles_is_charged_when_its_mission_is_given_up(house: ChainHouse) -> None:
    """The same where no slice runs again: the mission's end settles it, at the answer that was stored."""
    store = FailsAt(house.documents)
    house.documents = store  # type: ignore[assignment]  # it hands everything on
    house.start()
    mission_id, _ = house.claimed(ASKING)
    fail_once = iter([True])
    store.fails_when = lambda: bool(house.endpoint.asked) and next(fail_once, False)
    with pytest.raises(Unavailable):
        house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    mission = raise_epoch(house.missions, house.missions.get(mission_id), anew=True)
    error = MissionError(code="given_up", message="nothing works")
    house.ending.compensate(CompensateRequest(mission_id=mission_id, epoch=mission.epoch, error=error))
    assert house.missions.spent(house.missions.get(mission_id)).settled == {"ds_star": 180}
    assert_books_balance(house.documents)


def test_no_replica_decides_by_a_stale_counter(replicas: Callable[..., Replica]) -> None:
    """Elsewhere each process counted by itself, and together they spent the cap once for each of them."""
    first, second = replicas(), replicas()
    for n in range(8):
        (first, second)[n % 2].reserve(Payer("m_1", "ds_star", DEFAULT_CAP), 120_000)
    for replica in (first, second):
        assert replica.spent().reserved_micro_usd == 960_000
        with pytest.raises(BudgetRefused, match=r"has \$0.04 left of its cap"):
            replica.reserve(Payer("m_1", "ds_star", DEFAULT_CAP), 40_001)
    second.reserve(Payer("m_1", "deep_research", DEFAULT_CAP), 40_000)
    with pytest.raises(BudgetRefused):
        first.reserve(Payer("m_1", "ds_star", DEFAULT_CAP), 1)
