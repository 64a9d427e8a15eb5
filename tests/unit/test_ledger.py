"""The ledger on a real store: what it holds, what it refuses and how it says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.events import AuditEvent
from schemas.mission import Cost
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.errors import BudgetRefused, Conflict, DayBudgetRefused
from shared.ledger.accounts import ACCOUNTS, Account
from shared.ledger.closing import release
from shared.ledger.ledger import Ledger, Payer, Reservation
from shared.ledger.money import dollars
from shared.ledger.records import LedgerRecord, PurseRecord, ledger_ref, purse_ref
from shared.ledger.spending import spent_on
from shared.ledger.told import RELEASED, spent_otherwise
from shared.ledger.tranches import DayCap
from tests.support.clock import START, FrozenClock

USD = 1_000_000
TODAY = f"{START:%Y-%m-%d}"


class Book:
    """A ledger on a store of its own; each method is one transaction."""

    def __init__(self, folder: Path, *, day_cap: int = 10 * USD) -> None:
        self.clock = FrozenClock()
        self.documents = SqliteDocuments(folder / "ledger.sqlite3")
        self.ledger = Ledger(DayCap(day_cap, 4), self.clock)

    def reserve(self, payer: Payer, amount: int) -> Reservation:
        return self.documents.transact(lambda tx: self.ledger.reserve(tx, payer, amount))

    def settle(self, payer: Payer, reservation: Reservation, cost: int) -> bool:
        return self.documents.transact(lambda tx: self.ledger.settle(tx, payer, reservation, cost))

    def release(self, mission_id: str) -> int:
        return self.documents.transact(lambda tx: release(tx, mission_id, at=self.clock.now()))

    def buy(self, payer: Payer, amount: int) -> None:
        self.settle(payer, self.reserve(payer, amount), amount)

    def purse(self, payer: Payer) -> PurseRecord:
        document = self.documents.get(purse_ref(payer.mission_id, payer.account))
        return PurseRecord.read(document) if document else PurseRecord(mission_id=payer.mission_id, account=payer.account)

    def mission(self, mission_id: str) -> LedgerRecord:
        document = self.documents.get(ledger_ref(mission_id))
        assert document is not None
        return LedgerRecord.read(document)

    def told_otherwise(self) -> str | None:
        """What the purses of ``m_1`` hold otherwise than its end told."""
        tail = self.mission("m_1").tail
        assert tail is not None
        events = [AuditEvent.model_validate_json(entry) for entry in tail.entries]
        (at,) = [at for at, event in enumerate(events) if event.kind == RELEASED]
        return spent_otherwise(self.documents, events[at], overruns_before=at)

    def day(self, day: str) -> Cost:
        return self.documents.transact(lambda tx: spent_on(tx, day))


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    opened = Book(tmp_path)
    yield opened
    opened.documents.close()


def payer(account: Account = "ds_star", mission_id: str = "m_1", cap: int = USD) -> Payer:
    return Payer(mission_id, account, cap)


def cost(settled: int = 0, reserved: int = 0) -> Cost:
    return Cost(settled_micro_usd=settled, reserved_micro_usd=reserved)


def test_a_settlement_gives_back_what_the_call_did_not_cost(book: Book) -> None:
    reservation = book.reserve(payer(), 600_000)
    assert reservation == Reservation(600_000, TODAY)
    assert (book.purse(payer()).settled, book.purse(payer()).reserved, book.day(TODAY).reserved_micro_usd) == (0, 600_000, 600_000)
    assert not book.settle(payer(), reservation, 150_000)
    assert (book.purse(payer()).settled, book.purse(payer()).reserved) == (150_000, 0)
    assert book.day(TODAY) == cost(150_000)
    book.reserve(payer(), 850_000)


def test_an_account_that_used_its_lease_up_takes_what_lies_idle_with_the_others(book: Book) -> None:
    cap = 2_000 * USD
    book.ledger = Ledger(DayCap(10_000 * USD, 4), book.clock)
    for account in ACCOUNTS:
        book.buy(payer(account, cap=cap), 48_000)
    assert sum(book.purse(payer(account)).lease for account in ACCOUNTS) == cap, "all of it is leased"
    book.reserve(payer("fusion", cap=cap), cap - 144_000)
    assert [book.purse(payer(account)).idle for account in ACCOUNTS] == [0, 0, 0]
    with pytest.raises(BudgetRefused):
        book.reserve(payer("ds_star", cap=cap), 1)


def test_a_refusal_by_the_mission_says_what_was_asked_what_is_left_and_what_to_do(book: Book) -> None:
    book.buy(payer("deep_research"), 300_000)
    book.reserve(payer("ds_star"), 250_000)
    with pytest.raises(BudgetRefused) as refused:
        book.reserve(payer("fusion"), 450_001)
    assert refused.value.message == (
        "A call may cost $0.450001, and mission m_1 has $0.45 left of its cap of $1.00 ($0.30 spent, $0.25 set aside for calls under way)."
    )
    assert "--budget" in refused.value.remedy and "extractive" in refused.value.remedy
    book.reserve(payer("fusion"), 450_000)


def test_a_refusal_by_the_day_names_the_day_and_its_setting(book: Book) -> None:
    for n in range(10):
        book.buy(payer(mission_id=f"m_{n}"), 990_000)
    with pytest.raises(DayBudgetRefused) as refused:
        book.reserve(payer(mission_id="m_x"), 100_001)
    assert refused.value.message == (
        f"A call may cost $0.100001, and {TODAY} (UTC) has $0.10 left of the day's cap of $10.00 for all missions ($9.90 spent)."
    )
    assert "KIMERA_DAY_BUDGET_USD" in refused.value.remedy
    book.reserve(payer(mission_id="m_x"), 100_000)
    book.clock.advance(timedelta(days=1).total_seconds())
    book.reserve(payer(mission_id="m_y"), USD)


def test_a_settlement_after_midnight_belongs_to_the_day_of_its_reservation(book: Book) -> None:
    reservation = book.reserve(payer(), 400_000)
    book.clock.advance(timedelta(days=1).total_seconds())
    book.settle(payer(), reservation, 300_000)
    assert book.day(TODAY) == cost(300_000)
    assert book.day(f"{book.clock.now():%Y-%m-%d}") == cost()


def test_an_overrun_is_recorded_in_full_and_stops_the_missions_new_calls(book: Book) -> None:
    running = book.reserve(payer("deep_research"), 100_000)
    book.clock.advance(60)
    reservation = book.reserve(payer(), 200_000)
    assert book.settle(payer(), reservation, 1_400_000)
    assert book.purse(payer()).settled == 1_400_000
    assert book.day(TODAY) == cost(1_400_000, 100_000)
    (overrun,) = book.mission("m_1").overruns
    assert (overrun.account, overrun.reserved, overrun.cost, overrun.day) == ("ds_star", 200_000, 1_400_000, TODAY)
    for account in ACCOUNTS:
        with pytest.raises(BudgetRefused, match=r"a call of ds_star cost \$1.40, more than the \$0.20"):
            book.reserve(payer(account), 0)
    assert not book.settle(payer("deep_research"), running, 90_000), "what was under way is still settled"
    book.reserve(payer(mission_id="m_2"), USD)


def test_an_overrun_within_the_cap_stops_new_calls_too(book: Book) -> None:
    assert book.settle(payer(), book.reserve(payer(), 10), 11)
    with pytest.raises(BudgetRefused, match="buys no more answers"):
        book.reserve(payer(), 1)


def test_what_costs_nothing_is_never_refused_for_money(book: Book) -> None:
    penniless = payer(cap=0)
    assert not book.settle(penniless, book.reserve(penniless, 0), 0)
    with pytest.raises(BudgetRefused, match=r"has \$0.00 left of its cap of \$0.00"):
        book.reserve(penniless, 1)


def test_a_call_thought_free_that_cost_something_is_an_overrun(book: Book) -> None:
    assert book.settle(payer(), book.reserve(payer(), 0), 5)
    assert (book.purse(payer()).settled, book.day(TODAY)) == (5, cost(5))


def test_an_ended_mission_gives_up_what_it_did_not_use_and_buys_nothing_more(book: Book) -> None:
    book.buy(payer("ds_star"), 200_000)
    under_way = book.reserve(payer("deep_research"), 50_000)
    assert book.release("m_1") == 750_000
    assert book.release("m_1") == 0
    with pytest.raises(BudgetRefused, match="has ended"):
        book.reserve(payer("fusion"), 1)
    book.settle(payer("deep_research"), under_way, 40_000)
    assert book.day(TODAY) == cost(240_000)


def test_what_purses_hold_after_a_missions_end_is_compared_with_what_was_told_of_it(book: Book) -> None:
    book.buy(payer("ds_star"), 200_000)
    under_way, free = book.reserve(payer("deep_research"), 50_000), book.reserve(payer("fusion"), 0)
    book.clock.advance(1)
    book.release("m_1")
    book.clock.advance(-5)  # the next to settle is an instance whose clock is behind
    assert book.told_otherwise() is None
    with changed(book, payer("ds_star"), settled=199_999):
        assert book.told_otherwise() == (
            "the mission's purses have $0.199999 spent and $0.05 set aside; it ended with $0.20 spent and $0.05 set aside"
        )
    with changed(book, payer("ds_star"), reserved=1):
        assert book.told_otherwise() is not None
    book.settle(payer("deep_research"), under_way, 40_000)
    assert book.told_otherwise() is None
    with changed(book, payer("deep_research"), settled=50_001):
        assert "$0.250001 spent; it ended" in str(book.told_otherwise())
    book.clock.advance(1)
    assert book.settle(payer("fusion"), free, 20_000), "an overrun, behind the end"
    assert book.told_otherwise() is None
    with changed(book, payer("fusion"), settled=30_001):
        assert book.told_otherwise() is not None
    book.documents.delete(purse_ref("m_1", "ds_star"))
    assert "$0.06 spent; it ended" in str(book.told_otherwise())


@contextmanager
def changed(book: Book, whose: Payer, **fields: int) -> Iterator[None]:
    """A purse with other amounts, for a while."""
    purse = book.purse(whose)
    book.documents.put(purse.ref, purse.model_copy(update=fields).data())
    yield
    book.documents.put(purse.ref, purse.data())


def test_a_mission_that_bought_nothing_has_nothing_to_give_up(book: Book) -> None:
    assert book.release("m_1") == 0
    assert book.documents.get(ledger_ref("m_1")) is None


def test_a_reservation_is_not_settled_twice(book: Book) -> None:
    reservation = book.reserve(payer(), 10)
    book.settle(payer(), reservation, 10)
    with pytest.raises(Conflict, match="settled before"):
        book.settle(payer(), reservation, 10)
    assert book.day(TODAY) == cost(10)


def test_a_mission_has_one_cap(book: Book) -> None:
    book.reserve(payer(cap=100), 1)
    with pytest.raises(Conflict, match="opened with a cap"):
        book.reserve(payer(cap=USD), 1)


def test_negative_money_is_a_defect(book: Book) -> None:
    with pytest.raises(ValueError, match="no amount"):
        book.reserve(payer(), -1)
    with pytest.raises(ValueError, match="no amount"):
        book.settle(payer(), Reservation(0, TODAY), -1)


@pytest.mark.parametrize(
    ("micro_usd", "text"), [(0, "$0.00"), (1, "$0.000001"), (4_218, "$0.004218"), (250_000, "$0.25"), (1_234_567_890, "$1,234.56789")]
)
def test_money_is_shown_to_the_last_digit_that_counts(micro_usd: int, text: str) -> None:
    assert dollars(micro_usd) == text
