"""What is stored of money: a purse for each account of a mission, the mission's ledger, and a UTC day's documents (shards).

All amounts are micro-dollars. A purse's writers are its own account and the one that takes its idle part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from schemas.base import Contract, MicroUsd, Stored, Timestamp
from shared.documents import Ref
from shared.ledger.accounts import Account
from shared.missions.chain import Chain, ChainPointer, Tail
from shared.record import Record

PURSES = "purses"
LEDGERS = "ledgers"
DAYS = "days"
Held = Literal["purse", "day"]
"""Where the day's part of a reservation is set aside: in the purse's tranche, or (by an earlier version) in the day's own document."""


class Tranche(Stored):
    """What a purse has drawn of a day's cap: ``settled + reserved <= amount``, or an overrun has widened it."""

    shard: str
    """The id of the day's document that it was drawn from."""
    cap: MicroUsd | None = None
    """The day's cap under which its idle part may be used. Under another one, and with ``None``, the day is looked at first."""
    amount: MicroUsd = 0
    settled: MicroUsd = 0
    reserved: MicroUsd = 0
    closed: bool = False
    """What a settlement leaves goes back at once: the mission has ended, or its shard was short."""

    @property
    def used(self) -> int:
        """What is spent or set aside."""
        return self.settled + self.reserved

    @property
    def idle(self) -> int:
        """What of it is free; less than nothing while an overrun is being recorded."""
        return self.amount - self.used


class PurseRecord(Record):
    """One account's money: ``settled + reserved <= lease``. ``tranches``: of which days' caps it is taken, by day (``2026-03-14``).

    An earlier version set aside in the day's own document: ``reserved`` may hold more than the tranches.
    """

    mission_id: str
    account: Account
    cap: MicroUsd | None = None
    """The mission's cap; ``None`` in what an earlier version stored."""
    lease: MicroUsd = 0
    settled: MicroUsd = 0
    reserved: MicroUsd = 0
    tranches: Mapping[str, Tranche] = {}

    @property
    def ref(self) -> Ref:
        """Where the purse is stored."""
        return purse_ref(self.mission_id, self.account)

    @property
    def used(self) -> int:
        """What is spent or set aside."""
        return self.settled + self.reserved

    @property
    def idle(self) -> int:
        """What of the lease is free."""
        return self.lease - self.used

    def holding(self, day: str, tranche: Tranche | None) -> PurseRecord:
        """The purse with another tranche of the day, or with none."""
        others = {of: held for of, held in self.tranches.items() if of != day}
        return self.model_copy(update={"tranches": others if tranche is None else others | {day: tranche}})


class Overrun(Contract):
    """A call that cost more than was reserved for it."""

    account: Account
    day: str
    reserved: MicroUsd
    cost: MicroUsd
    at: Timestamp


class LedgerRecord(Record):
    """What stops a mission from buying: an overrun, or its end. ``head`` and ``tail``: its audit chain.

    Without either there is no such document.
    """

    mission_id: str
    cap: MicroUsd
    stopped_because: str | None = None
    """Set by the first overrun: the mission buys nothing more."""
    overruns: tuple[Overrun, ...] = ()
    released_at: Timestamp | None = None
    """When the mission ended and gave up what it had not used."""
    head: ChainPointer | None = None
    tail: Tail | None = None

    @property
    def chain(self) -> Chain:
        """The ledger's chain, which may not have begun."""
        return Chain(self.head, self.tail)

    @property
    def ref(self) -> Ref:
        """Where the ledger is stored."""
        return ledger_ref(self.mission_id)


class DayRecord(Record):
    """A shard of a UTC day's cap: its part is ``limit``, of which ``settled`` and ``reserved`` are used.

    ``drawn`` are the tranches, by mission and account; they are part of ``reserved``, and how much of them is spent, the purses know.
    ``settled`` is what purses have spent that gave their tranche back. Over all shards of a day the limits are the cap.

    An earlier version had one document for each day, without ``shard``: it has no ``limit`` until it is first drawn from, no
    ``drawn``, and its own reservations in ``reserved``.
    """

    day: str
    shard: int | None = None
    of: int = 0
    """How many shards the day began with."""
    cap: MicroUsd | None = None
    """The day's cap that the limit is a part of; ``None``: to be divided anew before anything more is drawn."""
    limit: MicroUsd = 0
    settled: MicroUsd = 0
    reserved: MicroUsd = 0
    drawn: Mapping[str, Mapping[Account, MicroUsd]] = {}

    @property
    def ref(self) -> Ref:
        """Where it is stored."""
        return Ref(DAYS, self.day if self.shard is None else shard_id(self.day, self.shard))

    @property
    def used(self) -> int:
        """What is spent, set aside or drawn."""
        return self.settled + self.reserved

    @property
    def free(self) -> int:
        """What can be drawn."""
        return self.limit - self.used

    @property
    def undrawn(self) -> int:
        """What is set aside for no purse: the reservations of an earlier version."""
        return self.reserved - sum(sum(amounts.values()) for amounts in self.drawn.values())

    def tranche(self, mission_id: str, account: Account) -> int:
        """What the purse has drawn."""
        return self.drawn.get(mission_id, {}).get(account, 0)

    def drawing(self, mission_id: str, account: Account, amount: int) -> DayRecord:
        """The shard with another tranche for the purse; nothing: it holds none any more."""
        changed = amount - self.tranche(mission_id, account)
        amounts = {of: held for of, held in self.drawn.get(mission_id, {}).items() if of != account} | ({account: amount} if amount else {})
        others = {of: held for of, held in self.drawn.items() if of != mission_id}
        drawn = others | ({mission_id: amounts} if amounts else {})
        return self.model_copy(update={"drawn": drawn, "reserved": self.reserved + changed})


def purse_ref(mission_id: str, account: Account) -> Ref:
    """Where an account's purse is stored."""
    return Ref(PURSES, f"{mission_id}:{account}")


def ledger_ref(mission_id: str) -> Ref:
    """Where a mission's ledger is stored."""
    return Ref(LEDGERS, mission_id)


def shard_id(day: str, shard: int) -> str:
    """The id of a shard of a day (``2026-03-14``)."""
    return f"{day}:{shard}"
