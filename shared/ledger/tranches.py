"""How a purse gets its tranche of a day's cap: from its mission's shard, from the other shards, then from what lies idle with others.

    its own tranche   writes nothing of the day
    its shard         one more document: a tranche is drawn that lasts for many calls
    other shards      the day is read: limits move to the shard that is short
    other purses      the purses that hold tranches are read too; what they do not use goes back to their shards

Where a shard is short, a call draws what it needs and no more, and what its settlement leaves goes back at once: so the last of a day's
money lies in the shards, where everybody finds it, and not in as many purses as there are missions.

Only after all that is a call refused. All of it happens in the transaction of the reservation. The day's first call makes its shard; the
others are made as they are needed, each with the part of the cap that the day began with.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from shared.ledger.accounts import ACCOUNTS, Account
from shared.ledger.book import Book
from shared.ledger.day import Day
from shared.ledger.records import DayRecord, PurseRecord, Tranche, shard_id
from shared.ledger.refusals import over_day_cap

FIRST_PERCENT: Mapping[Account, int] = {"deep_research": 20, "ds_star": 20, "fusion": 10}
"""Of the mission's cap, drawn for all of its accounts at once, where the shard has that much."""
NEXT_PERCENT = 10
"""Of the mission's cap, drawn when a tranche is used up, so that few calls write a shard."""
SHORT_BELOW = 4
"""Such draws: a shard that has less is short."""


@dataclass(frozen=True, slots=True)
class DayCap:
    """What all missions together may spend on a UTC day, and on how many documents it is divided."""

    micro_usd: int
    shards: int

    def shard_of(self, day: str, mission_id: str) -> str:
        """The id of the mission's own shard; the same in every process."""
        return shard_id(day, zlib.crc32(mission_id.encode()) % self.shards)


def provide(book: Book, own: PurseRecord, day: str, asked: int, *, cap: DayCap, mission_cap: int) -> PurseRecord:
    """``own`` with a tranche of the day that has ``asked`` idle; the day's documents that have to change are put into the book.

    Raises ``BudgetRefused`` exactly where the day has less than ``asked`` left.
    """
    held = own.tranches.get(day)
    if held is not None and held.cap == cap.micro_usd and held.idle >= asked:
        return own
    step = mission_cap * NEXT_PERCENT // 100
    home = held.shard if held is not None else cap.shard_of(day, own.mission_id)
    shard = book.shard(home)
    if shard is not None and shard.cap == cap.micro_usd:
        own = _adopted(shard, own, day)
        missing = asked - own.tranches[day].idle
        if missing <= 0:
            return own
        if missing <= shard.free:
            return _drawn(book, shard, own, day, missing, step=step)
    return _from_anywhere(book, own, day, asked, home, cap=cap, step=step)


def foresee(book: Book, own: PurseRecord, day: str, *, cap: DayCap, mission_cap: int) -> PurseRecord | None:
    """``own`` with its first tranche of a day, drawn together with those of the mission's other accounts; ``None`` where that is not easy.

    So the calls of a mission find their tranches, and need not write a shard. Nothing is taken from anybody for it.
    """
    home = cap.shard_of(day, own.mission_id)
    shard = book.shard(home)
    if shard is None:
        whole = Day(book, day, cap.micro_usd, cap.shards)
        shard = whole.home(home) if whole.divided else None
    if shard is None or shard.cap != cap.micro_usd or own.mission_id in shard.drawn:
        return None
    wanted = {account: mission_cap * FIRST_PERCENT[account] // 100 for account in ACCOUNTS}
    if sum(wanted.values()) > shard.free or not wanted[own.account]:
        return None
    for account, amount in wanted.items():
        shard = shard.drawing(own.mission_id, account, amount)
    book.put(shard)
    return _adopted(shard, own, day)


def cover(book: Book, own: PurseRecord, day: str, *, cap: DayCap) -> PurseRecord:
    """``own`` after a settlement. What an overrun lacks is taken where it is free; where nothing is, the day is over its cap."""
    held = own.tranches[day]
    if held.idle >= 0:
        return own
    shard = Day(book, day, cap.micro_usd, cap.shards).home(held.shard)
    held = held.model_copy(update={"shard": shard.ref.id, "amount": held.used})
    book.put(own.holding(day, held), shard.drawing(own.mission_id, own.account, held.used))
    level(book, day, cap=cap)
    return book.known(own)


def level(book: Book, day: str, *, cap: DayCap) -> None:
    """Make good for a shard of which more is used than its part: by the other shards, else by what lies idle, else the day is over."""
    whole = Day(book, day, cap.micro_usd, cap.shards)
    if whole.divided and whole.free < 0:
        whole.recall(-whole.free)
    if not whole.divided or whole.free < 0:
        whole.divide()
    whole.level()


def hand_back(book: Book, own: PurseRecord, day: str) -> PurseRecord:
    """``own`` without what its tranche does not use, and without the tranche where all of it is settled. Again, it changes nothing."""
    held = own.tranches[day]
    shard = book.shard(held.shard)
    if shard is None or not shard.tranche(own.mission_id, own.account):
        return own  # it went back before
    if held.reserved:
        book.put(shard.drawing(own.mission_id, own.account, held.used))
        return own.holding(day, held.model_copy(update={"amount": held.used}))
    gone = shard.drawing(own.mission_id, own.account, 0)
    book.put(gone.model_copy(update={"settled": gone.settled + held.settled}))
    return own.holding(day, None)


def _from_anywhere(book: Book, own: PurseRecord, day: str, asked: int, home: str, *, cap: DayCap, step: int) -> PurseRecord:
    """What is missing, from all shards, then from the other purses. Reads the day's documents, and the purses where that is not enough."""
    whole = Day(book, day, cap.micro_usd, cap.shards)
    own = _adopted(whole.home(home), own, day)
    book.put(own)
    missing = asked - own.tranches[day].idle
    if not whole.divided:
        _check_left(whole, day, asked, cap)
        whole.divide()
        own = _adopted(whole.home(home), book.known(own), day)
        missing = asked - own.tranches[day].idle
    elif missing > whole.free:
        whole.recall(missing - whole.free, sparing=(own.mission_id, own.account))
        if missing > whole.free:
            _check_left(whole, day, asked, cap)
    if missing <= 0:
        return own
    shard = whole.move(missing, whole.home(home))
    return _drawn(book, shard, own, day, missing, step=step)


def _check_left(whole: Day, day: str, asked: int, cap: DayCap) -> None:
    """Raise ``BudgetRefused`` where the day has less than ``asked`` left."""
    settled, reserved = whole.settled_and_reserved()
    if asked > cap.micro_usd - settled - reserved:
        raise over_day_cap(day, cap.micro_usd, asked, settled=settled, reserved=reserved)


def _adopted(shard: DayRecord, own: PurseRecord, day: str) -> PurseRecord:
    """``own`` with its tranche as the shard has it: an account's first call finds what was drawn for it."""
    held = own.tranches.get(day) or Tranche(shard=shard.ref.id)
    amount = shard.tranche(own.mission_id, own.account)
    return own.holding(day, held.model_copy(update={"shard": shard.ref.id, "amount": amount, "cap": shard.cap}))


def _drawn(book: Book, shard: DayRecord, own: PurseRecord, day: str, missing: int, *, step: int) -> PurseRecord:
    """``own`` with ``missing`` more, which the shard has, or with a whole ``step`` where that leaves enough for the others."""
    held, short = own.tranches[day], shard.free < SHORT_BELOW * step
    amount = held.amount + (missing if short else max(missing, step))
    book.put(shard.drawing(own.mission_id, own.account, amount))
    return own.holding(day, held.model_copy(update={"amount": amount, "closed": short}))
