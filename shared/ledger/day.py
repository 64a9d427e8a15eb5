"""``Day``: all of a UTC day's documents in one transaction, and the purses that hold tranches of it: what is free, and how it moves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from shared.ledger.accounts import ACCOUNTS, Account
from shared.ledger.book import Book
from shared.ledger.records import DayRecord, PurseRecord, Tranche

LOOKED_AT = 10
"""Missions whose purses are looked at together for what lies idle."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A tranche as its shard has it. Its purse may not know of it yet: then nothing of it is used."""

    shard: str
    mission_id: str
    account: Account
    amount: int
    purse: PurseRecord | None

    def tranche(self, day: str) -> Tranche:
        """What the purse has made of it."""
        if self.purse is not None and self.is_known(day):
            return self.purse.tranches[day]
        return Tranche(shard=self.shard, amount=self.amount)

    def is_known(self, day: str) -> bool:
        """Whether its purse knows of it."""
        held = self.purse.tranches.get(day) if self.purse is not None else None
        return held is not None and held.shard == self.shard


class Day:
    """A day's shards. Those that nothing was drawn from yet are not stored: they have the part of the cap that the day began with."""

    def __init__(self, book: Book, day: str, cap: int, shards: int) -> None:
        """``cap`` and ``shards`` as they are configured now; a day that has begun keeps its number of shards."""
        self._book = book
        self._day = day
        self._cap = cap
        stored = book.shards(day)
        self._of = next((shard.of for shard in stored if shard.shard is not None), 0 if stored else shards)
        self.divided = all(shard.cap == cap for shard in stored)
        """Whether the limits are parts of the configured cap; else ``divide`` comes before any draw."""
        untouched = [DayRecord(day=day, shard=n, of=self._of, cap=cap, limit=part(cap, self._of, n)) for n in range(self._of)]
        self._shards = {shard.ref.id: shard for shard in (*untouched, *stored)}

    @property
    def free(self) -> int:
        """What can be drawn from the shards, all of them together."""
        return sum(shard.free for shard in self._shards.values())

    def home(self, shard: str) -> DayRecord:
        """The shard with this id: the one document of a day that an earlier version began; else one with nothing, that has to take."""
        if shard in self._shards:
            return self._shards[shard]
        if self._of == 0:
            return next(iter(self._shards.values()))
        return DayRecord(day=self._day, shard=int(shard.rpartition(":")[2]), of=self._of, cap=self._cap)

    def settled_and_reserved(self) -> tuple[int, int]:
        """What is really spent and set aside on the day; reads the purses that hold tranches."""
        tranches = [holding.tranche(self._day) for holding in self._holdings()]
        settled = sum(shard.settled for shard in self._shards.values()) + sum(tranche.settled for tranche in tranches)
        reserved = sum(shard.undrawn for shard in self._shards.values()) + sum(tranche.reserved for tranche in tranches)
        return settled, reserved

    def recall(self, wanted: int, *, sparing: tuple[str, Account] | None = None) -> None:
        """Give ``wanted`` or more of what lies idle in tranches back to their shards, or all there is; the purse ``sparing`` keeps its own.

        The missions that have drawn most are looked at first, a few at a time, so that it reads no more than it needs: whatever changes
        while it reads, makes it read again. All that lies idle with those goes back, so that who comes next finds it in the shards.
        """
        drawn = {m: sum(amounts.values()) for shard in self._shards.values() for m, amounts in shard.drawn.items()}
        missions = sorted(drawn, key=lambda m: (-drawn[m], m))
        for at in range(0, len(missions), LOOKED_AT):
            if wanted <= 0:
                return
            for holding in self._holdings(missions[at : at + LOOKED_AT]):
                if (holding.mission_id, holding.account) != sparing:
                    wanted -= self._give_back(holding)

    def divide(self) -> None:
        """Call all idle money back and divide what the cap has left among the shards.

        Where the day is over its cap, every draw and every tranche has to look here first, until it no longer is.
        """
        left = self._cap - sum(self.settled_and_reserved())
        cap = self._cap if left >= 0 else None
        for holding in self._holdings():
            tranche = holding.tranche(self._day)
            self._resize(holding, tranche.model_copy(update={"amount": tranche.used, "cap": cap}))
        parts = self._of or 1
        for n, shard in enumerate(sorted(self._shards.values(), key=lambda shard: -1 if shard.shard is None else shard.shard)):
            limit = shard.used + (part(max(left, 0), parts, n) if n < parts else 0)
            self._put(shard.model_copy(update={"limit": limit, "cap": cap}))

    def move(self, amount: int, shard: DayRecord) -> DayRecord:
        """``shard`` with ``amount`` free, taken from the others where it has less: from the richest, and half of what that has."""
        missing = amount - shard.free
        for other in sorted(self._shards.values(), key=lambda other: -other.free):
            if missing <= 0:
                break
            if other.ref != shard.ref and other.free > 0:
                taken = min(other.free, max(missing, other.free // 2))
                self._put(other.model_copy(update={"limit": other.limit - taken}))
                shard = shard.model_copy(update={"limit": shard.limit + taken})
                missing -= taken
        self._put(shard)
        return shard

    def level(self) -> None:
        """Let no shard have less than nothing free, where the others have it."""
        for shard in list(self._shards.values()):
            if shard.free < 0:
                self.move(0, shard)

    def _holdings(self, missions: Collection[str] | None = None) -> Iterator[Holding]:
        """The tranches of these missions, with their purses; without ``missions`` all tranches of the day."""
        shards = list(self._shards.values())
        wanted = missions if missions is not None else {mission_id for shard in shards for mission_id in shard.drawn}
        self._book.look_up(wanted)
        for shard in shards:
            for mission_id, amounts in shard.drawn.items():
                for account in ACCOUNTS:
                    if mission_id in wanted and account in amounts:
                        yield Holding(shard.ref.id, mission_id, account, amounts[account], self._book.purse(mission_id, account))

    def _give_back(self, holding: Holding) -> int:
        """Take what lies idle of the tranche, and with it a tranche of which all is settled; how much was idle."""
        tranche = holding.tranche(self._day)
        if tranche.idle <= 0:
            return 0
        if tranche.reserved:
            self._resize(holding, tranche.model_copy(update={"amount": tranche.used, "closed": True}))
            return tranche.idle
        gone = self._shards[holding.shard].drawing(holding.mission_id, holding.account, 0)
        self._put(gone.model_copy(update={"settled": gone.settled + tranche.settled}))
        if holding.purse is not None and holding.is_known(self._day):
            self._book.put(holding.purse.holding(self._day, None))
        return tranche.idle

    def _resize(self, holding: Holding, tranche: Tranche) -> None:
        if holding.purse is not None and holding.is_known(self._day):
            self._book.put(holding.purse.holding(self._day, tranche))
        self._put(self._shards[holding.shard].drawing(holding.mission_id, holding.account, tranche.amount))

    def _put(self, shard: DayRecord) -> None:
        self._shards[shard.ref.id] = shard
        self._book.put(shard)


def part(amount: int, of: int, n: int) -> int:
    """The ``n``-th of ``of`` parts of an amount; together they are the amount."""
    return amount // of + (n < amount % of)
