"""The day's cap on several documents: who writes which, whose money moves, and what becomes of it at midnight and at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from schemas.mission import Cost
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import Json, JsonMap, Query, Ref, Transaction
from shared.errors import BudgetRefused
from shared.ledger.accounts import Account
from shared.ledger.closing import forget, release
from shared.ledger.day import LOOKED_AT
from shared.ledger.ledger import Ledger, Payer, Reservation
from shared.ledger.records import DAYS, PURSES, DayRecord, PurseRecord, Tranche, purse_ref
from shared.ledger.spending import spent_on
from shared.ledger.tranches import DayCap
from tests.support.clock import START, FrozenClock

T = TypeVar("T")
TODAY = f"{START:%Y-%m-%d}"
CAP = 1_000


class Watched:
    """A transaction that notes which documents are read and written; ``found`` has an entry for each document that a query finds, too."""

    def __init__(self, tx: Transaction, read: list[str], found: list[str], written: list[str]) -> None:
        self._tx, self._read, self._found, self._written = tx, read, found, written

    def get(self, ref: Ref) -> object:
        self._read.append(ref.collection)
        self._found.append(ref.collection)
        return self._tx.get(ref)

    def query(self, query: Query) -> object:
        self._read.append(f"query {query.collection}")
        documents = self._tx.query(query)
        self._found.extend(document.ref.collection for document in documents)
        return documents

    def create(self, ref: Ref, data: JsonMap) -> None:
        self._written.append(ref.collection)
        self._tx.create(ref, data)

    def put(self, ref: Ref, data: JsonMap) -> None:
        self._written.append(ref.collection)
        self._tx.put(ref, data)

    def delete(self, ref: Ref) -> None:
        self._written.append(ref.collection)
        self._tx.delete(ref)


class Town:
    """Missions that spend from one day's cap. ``read``, ``found`` and ``written`` are the collections of the last transaction."""

    def __init__(self, folder: Path) -> None:
        self.clock = FrozenClock()
        self.documents = SqliteDocuments(folder / "ledger.sqlite3")
        self.configure(10 * CAP, 4)
        self.read: list[str] = []
        self.found: list[str] = []
        self.written: list[str] = []

    def configure(self, day_cap: int, shards: int) -> None:
        """Another process, with these settings."""
        self.ledger = Ledger(DayCap(day_cap, shards), self.clock)

    def run(self, work: Callable[[Transaction], T]) -> T:
        def watched(tx: Transaction) -> T:
            self.read, self.found, self.written = [], [], []
            return work(Watched(tx, self.read, self.found, self.written))  # type: ignore[arg-type]  # it hands on what the transaction gives

        return self.documents.transact(watched)

    def begin(self, mission_id: str, account: Account = "ds_star", cap: int = CAP) -> None:
        self.run(lambda tx: self.ledger.begin(tx, Payer(mission_id, account, cap)))

    def reserve(self, mission_id: str, amount: int, account: Account = "ds_star", cap: int = CAP) -> Reservation:
        return self.run(lambda tx: self.ledger.reserve(tx, Payer(mission_id, account, cap), amount))

    def settle(self, mission_id: str, reservation: Reservation, cost: int, account: Account = "ds_star", cap: int = CAP) -> None:
        self.run(lambda tx: self.ledger.settle(tx, Payer(mission_id, account, cap), reservation, cost))

    def buy(self, mission_id: str, amount: int, account: Account = "ds_star", cap: int = CAP) -> None:
        self.settle(mission_id, self.reserve(mission_id, amount, account, cap), amount, account, cap)

    def end(self, mission_id: str) -> None:
        self.run(lambda tx: release(tx, mission_id, at=self.clock.now()))

    def spent(self, day: str = TODAY) -> tuple[int, int]:
        cost: Cost = self.documents.transact(lambda tx: spent_on(tx, day))
        return cost.settled_micro_usd, cost.reserved_micro_usd

    def shards(self, day: str = TODAY) -> list[DayRecord]:
        found = [DayRecord.read(document) for document in self.documents.query(Query(DAYS))]
        return [shard for shard in found if shard.day == day]

    def tranche(self, mission_id: str, account: Account = "ds_star", day: str = TODAY) -> Tranche | None:
        document = self.documents.get(purse_ref(mission_id, account))
        return PurseRecord.read(document).tranches.get(day) if document else None

    def idle(self, mission_id: str, account: Account = "ds_star") -> int:
        tranche = self.tranche(mission_id, account)
        return tranche.idle if tranche else 0

    def midnight(self) -> str:
        self.clock.advance(timedelta(days=1).total_seconds())
        return f"{self.clock.now():%Y-%m-%d}"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.documents.close()


def elsewhere(town: Town, mission_id: str) -> str:
    """Another mission whose shard is another one."""
    cap = DayCap(1, 4)
    return next(f"m_{n}" for n in range(100) if cap.shard_of(TODAY, f"m_{n}") != cap.shard_of(TODAY, mission_id))


def test_after_a_slice_began_its_calls_write_their_purse_and_nothing_else(town: Town) -> None:
    town.begin("m_1")
    assert sorted(town.written) == ["days", "purses"]
    for account in ("ds_star", "deep_research", "fusion"):
        for _ in range(3):
            reservation = town.reserve("m_1", 20, account)
            assert town.written == ["purses"]
            town.settle("m_1", reservation, 15, account)
            assert (town.read, town.written) == (["purses"], ["purses"])
    assert town.spent() == (135, 0)


def test_an_ordinary_reservation_reads_what_stops_the_mission_and_its_purse(town: Town) -> None:
    town.begin("m_1")
    town.reserve("m_1", 1)
    town.reserve("m_1", 1)
    assert town.read == ["ledgers", "purses"]


def test_a_tranche_that_is_used_up_is_drawn_anew_for_many_calls(town: Town) -> None:
    written = []
    for _ in range(20):
        town.reserve("m_1", 20)
        written.append(sorted(set(town.written)))
    assert written.count(["days", "purses"]) == 4 and written.count(["purses"]) == 16


def test_a_call_that_needs_more_than_a_tranche_gets_it(town: Town) -> None:
    town.reserve("m_1", 900)
    tranche = town.tranche("m_1")
    assert tranche is not None and tranche.amount == 900


def test_the_first_call_of_a_day_makes_one_document_and_not_all_shards(town: Town) -> None:
    town.buy("m_1", 10)
    assert [shard.limit for shard in town.shards()] == [10 * CAP // 4]


def test_a_shard_that_is_short_takes_from_the_others(town: Town) -> None:
    town.reserve("m_1", 2_600, cap=10 * CAP)
    town.reserve("m_1", 7_000, cap=10 * CAP)
    assert town.spent() == (0, 9_600)
    with pytest.raises(BudgetRefused, match=r"has \$0.0004 left"):
        town.reserve("m_1", 401, cap=10 * CAP)
    town.reserve("m_1", 400, cap=10 * CAP)


def test_what_lies_idle_with_another_mission_is_not_refused(town: Town) -> None:
    other = elsewhere(town, "m_1")
    town.configure(4 * CAP, 4)
    town.reserve("m_1", 1)
    town.buy(other, 10)
    assert (town.idle("m_1"), town.idle(other)) == (99, 90)
    town.reserve("m_x", 3_989, cap=4 * CAP)
    assert (town.idle("m_1"), town.idle(other), town.spent()) == (0, 0, (10, 3_990))
    with pytest.raises(BudgetRefused, match=r"has \$0.00 left of the day's cap"):
        town.reserve(other, 1)


def many_with_idle_money(town: Town) -> list[str]:
    """Sixty missions of which each has bought for 10 and holds 90 idle, and a day of which nothing else is left."""
    town.configure(40_000, 4)
    missions = [f"m_{n}" for n in range(60)]
    for mission_id in missions:
        town.buy(mission_id, 10)
    town.buy("m_x", 40_000 - 60 * 100, cap=100 * CAP)
    assert [shard.free for shard in town.shards()] == [0, 0, 0, 0]
    assert {town.idle(mission_id) for mission_id in missions} == {90}
    return missions


def test_a_call_that_needs_what_lies_idle_looks_at_a_few_missions_and_leaves_what_is_over_to_the_next_ones(town: Town) -> None:
    many_with_idle_money(town)
    town.reserve("m_y", 50)
    assert (town.found.count("days"), town.found.count("purses")) == (1 + 4, 3 + LOOKED_AT), "its own and those of ten missions"
    for n in range(10):
        town.buy(f"m_z{n}", 20)
        assert town.found.count("purses") <= 2, "it found its money in the shards"


def test_where_money_is_short_a_call_draws_what_it_needs_and_gives_back_what_it_leaves(town: Town) -> None:
    town.configure(CAP, 4)
    reservation = town.reserve("m_1", 60)
    assert town.idle("m_1") == 0
    town.settle("m_1", reservation, 20)
    assert town.tranche("m_1") is None
    assert [(shard.settled, shard.drawn) for shard in town.shards()] == [(20, {})]


def test_when_the_days_money_is_gone_a_refusal_reads_the_shards_and_no_purse_of_another_mission(town: Town) -> None:
    missions = many_with_idle_money(town)
    left = 60 * 90
    for mission_id in missions:
        town.buy(mission_id, 60)
        left -= 60
    town.buy("m_y", left, cap=100 * CAP)
    assert town.spent() == (40_000, 0)
    for mission_id in ("m_z", missions[0]):
        with pytest.raises(BudgetRefused, match="day's cap"):
            town.reserve(mission_id, 1)
        assert town.found.count("purses") <= 6, "not all sixty"


def test_what_was_drawn_for_accounts_that_never_bought_is_not_refused(town: Town) -> None:
    town.configure(CAP, 1)
    town.begin("m_1")
    town.reserve("m_2", 1_000)
    assert town.spent() == (0, 1_000)
    with pytest.raises(BudgetRefused):
        town.reserve("m_1", 1, "deep_research")


def test_a_day_whose_money_is_short_is_left_to_the_calls(town: Town) -> None:
    town.configure(400, 1)
    town.begin("m_1")
    assert (town.written, town.shards()) == ([], [])


def test_an_ended_mission_gives_its_tranches_back_and_keeps_what_is_under_way(town: Town) -> None:
    town.begin("m_1")
    town.buy("m_1", 30)
    under_way = town.reserve("m_1", 50, "deep_research")
    town.end("m_1")
    (shard,) = town.shards()
    assert (shard.settled, shard.reserved, shard.drawn) == (30, 50, {"m_1": {"deep_research": 50}})
    assert sorted(set(town.written) - {"events"}) == ["days", "ledgers", "purses"]
    town.settle("m_1", under_way, 20, "deep_research")
    (shard,) = town.shards()
    assert (shard.settled, shard.reserved, shard.drawn, town.spent()) == (50, 0, {}, (50, 0))


def test_an_ended_mission_with_nothing_under_way_writes_no_purse(town: Town) -> None:
    town.begin("m_1")
    town.buy("m_1", 30)
    town.end("m_1")
    assert sorted(set(town.written) - {"events"}) == ["days", "ledgers"]
    assert town.shards()[0].drawn == {} and town.spent() == (30, 0)


def test_a_deleted_mission_leaves_what_it_spent_and_what_nobody_will_settle(town: Town) -> None:
    town.buy("m_1", 30)
    town.reserve("m_1", 50)
    town.run(lambda tx: forget(tx, "m_1"))
    assert town.spent() == (80, 0)
    assert town.documents.query(Query(PURSES)) == []


def test_after_midnight_a_reservation_counts_on_its_own_day_and_idle_money_of_the_day_before_goes_back(town: Town) -> None:
    town.buy("m_1", 30)
    open_yesterday = town.reserve("m_1", 40, "deep_research")
    today = town.midnight()
    town.buy("m_1", 5)
    assert (town.tranche("m_1", day=TODAY), town.spent(), town.spent(today)) == (None, (30, 40), (5, 0))
    town.settle("m_1", open_yesterday, 10, "deep_research")
    town.buy("m_1", 1, "deep_research")
    assert (town.spent(), town.spent(today)) == ((40, 0), (6, 0))
    assert [(shard.settled, shard.reserved, shard.drawn) for shard in town.shards()] == [(40, 0, {})]


def test_a_lower_cap_counts_for_money_that_was_drawn_under_the_higher_one(town: Town) -> None:
    town.buy("m_1", 200)
    town.buy("m_2", 10)
    assert town.idle("m_2") == 90
    town.configure(215, 4)
    with pytest.raises(BudgetRefused, match=r"has \$0.000005 left of the day's cap of \$0.000215"):
        town.reserve("m_2", 6)
    town.reserve("m_2", 5)
    town.configure(100, 4)
    with pytest.raises(BudgetRefused, match=r"has \$0.00 left"):
        town.reserve("m_2", 1)
    assert town.spent() == (210, 5)


def test_under_a_lower_cap_no_slice_draws_from_a_shard_that_is_as_good_as_untouched(town: Town) -> None:
    town.buy("m_1", 900)
    town.configure(1_000, 4)
    town.begin(elsewhere(town, "m_1"), cap=400)
    assert town.written == []
    with pytest.raises(BudgetRefused):
        town.reserve("m_x", 101)
    town.reserve("m_x", 100)


def test_a_higher_cap_is_there_for_the_next_call(town: Town) -> None:
    town.configure(100, 4)
    town.buy("m_1", 100)
    town.configure(400, 4)
    town.buy("m_2", 300)
    with pytest.raises(BudgetRefused):
        town.reserve("m_3", 1)


def test_a_cap_that_was_raised_and_lowered_again_lets_no_old_tranche_through(town: Town) -> None:
    town.configure(1_000, 2)
    town.buy("m_1", 100)
    town.buy("m_1", 10)
    assert town.idle("m_1") == 90
    town.configure(3_000, 2)
    town.buy("m_2", 1_000)
    town.configure(1_000, 2)
    with pytest.raises(BudgetRefused, match=r"has \$0.00 left"):
        town.reserve("m_1", 1)


@pytest.mark.parametrize(("before", "after"), [(1, 16), (16, 1), (3, 5)])
def test_another_number_of_shards_loses_nothing(town: Town, before: int, after: int) -> None:
    town.configure(CAP, before)
    for n in range(4):
        town.begin(f"m_{n}", cap=200)
        town.buy(f"m_{n}", 100, cap=200)
    town.configure(CAP, after)
    for n in range(4, 9):
        town.begin(f"m_{n}", "fusion", cap=200)
        town.buy(f"m_{n}", 100, "fusion", cap=200)
    for n in range(4):
        town.buy(f"m_{n}", 20, "deep_research", cap=200)
    assert town.spent() == (980, 0)
    town.buy("m_x", 20)
    with pytest.raises(BudgetRefused):
        town.reserve("m_y", 1)


def test_an_overrun_beyond_the_days_cap_takes_what_others_hold_idle_and_what_they_free_later(town: Town) -> None:
    town.configure(CAP, 2)
    waiting = town.reserve("m_2", 500)
    over = town.reserve("m_1", 400)
    town.settle("m_1", over, 700)
    assert town.spent() == (700, 500)
    with pytest.raises(BudgetRefused, match=r"has \$0.00 left"):
        town.reserve("m_2", 1)
    town.settle("m_2", waiting, 100)
    with pytest.raises(BudgetRefused, match=r"has \$0.0002 left"):
        town.reserve("m_2", 201)
    town.reserve("m_2", 200)
    assert town.spent() == (800, 200)


def before_tranches(town: Town, *, settled: int, reserved: int, **purses: tuple[int, int]) -> None:
    """What the version before stored: one document for the day, purses without tranches, the ledger of each mission with its leases."""
    day: dict[str, Json] = {"schema_version": 1, "day": TODAY, "settled": settled, "reserved": reserved}
    town.documents.put(Ref("days", TODAY), day)
    for mission_id, (spent, aside) in purses.items():
        purse: dict[str, Json] = {"mission_id": mission_id, "account": "ds_star", "lease": 400, "settled": spent, "reserved": aside}
        town.documents.put(Ref("purses", f"{mission_id}:ds_star"), {"schema_version": 1, **purse})
        town.documents.put(Ref("ledgers", mission_id), {"schema_version": 1, "mission_id": mission_id, "cap": CAP, "leased": 400})


def test_a_deployment_in_the_middle_of_a_day_forgets_no_spend_and_refuses_no_free_money(town: Town) -> None:
    before_tranches(town, settled=9_000, reserved=300, m_1=(100, 300))
    town.begin("m_1")
    town.reserve("m_2", 100)
    assert town.spent() == (9_000, 400)
    with pytest.raises(BudgetRefused, match=r"has \$0.0006 left of the day's cap"):
        town.reserve("m_3", 601)
    town.buy("m_3", 500)
    town.settle("m_1", Reservation(300, TODAY, held="day"), 250)
    assert town.spent() == (9_750, 100)
    town.reserve("m_1", 100, "deep_research")
    town.reserve("m_1", 50)
    with pytest.raises(BudgetRefused, match="day's cap"):
        town.reserve("m_4", 1)
    assert [shard.ref.id for shard in town.shards()] == [TODAY], "a day that was begun on one document ends on it"


def test_a_mission_that_an_earlier_version_began_goes_on_within_its_cap(town: Town) -> None:
    before_tranches(town, settled=350, reserved=0, m_1=(350, 0))
    town.reserve("m_1", 600, "deep_research")
    with pytest.raises(BudgetRefused, match=r"has \$0.00005 left of its cap"):
        town.reserve("m_1", 51, "fusion")
    town.reserve("m_1", 50, "fusion")
    town.end("m_1")
    assert town.spent() == (350, 650)


def test_an_earlier_versions_overrun_on_its_day_is_recorded_in_full(town: Town) -> None:
    before_tranches(town, settled=9_000, reserved=300, m_1=(0, 300))
    town.reserve("m_2", 10)
    assert town.idle("m_2") == 90
    town.settle("m_1", Reservation(300, TODAY, held="day"), 1_000)
    assert town.spent() == (10_000, 10)
    with pytest.raises(BudgetRefused, match="day's cap"):
        town.reserve("m_2", 1)


def test_old_and_new_reservations_of_one_purse_are_told_apart(town: Town) -> None:
    before_tranches(town, settled=0, reserved=50, m_1=(0, 50))
    new = town.reserve("m_1", 50)
    assert new.held == "purse"
    town.settle("m_1", new, 10)
    town.settle("m_1", Reservation(50, TODAY, held="day"), 20)
    assert (town.spent(), town.idle("m_1")) == ((30, 0), 90)
