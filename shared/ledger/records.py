"""What is stored of money: a purse for each account of a mission, the mission's ledger, and one document for each UTC day.

All amounts are micro-dollars. A purse's writers are its own account and the one that takes its idle part.
"""

from __future__ import annotations

from typing import get_args

from schemas.base import Contract, MicroUsd, Timestamp
from shared.documents import Ref
from shared.missions.records import Chain, ChainPointer, Record, Tail
from shared.models.calls import Account

PURSES = "purses"
LEDGERS = "ledgers"
DAYS = "days"
ACCOUNTS: tuple[Account, ...] = get_args(Account)


class PurseRecord(Record):
    """One account's money: ``settled + reserved <= lease``."""

    mission_id: str
    account: Account
    lease: MicroUsd = 0
    settled: MicroUsd = 0
    reserved: MicroUsd = 0

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


class Overrun(Contract):
    """A call that cost more than was reserved for it."""

    account: Account
    day: str
    reserved: MicroUsd
    cost: MicroUsd
    at: Timestamp


class LedgerRecord(Record):
    """A mission's cap and how much of it is leased (``leased`` is the sum of the purses' leases). ``head`` and ``tail``: its audit chain.

    Written when a lease grows, at an overrun and at the end. Two accounts do so at a time: fusion begins when a track has ended.
    """

    mission_id: str
    cap: MicroUsd
    leased: MicroUsd = 0
    stopped_because: str | None = None
    """Set by the first overrun: the mission buys nothing more."""
    overruns: tuple[Overrun, ...] = ()
    released_at: Timestamp | None = None
    """When the mission ended and gave up what it had leased and not used."""
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

    @property
    def unleased(self) -> int:
        """What no account has leased; nothing where overruns have eaten more than the cap."""
        return max(self.cap - self.leased, 0)


class DayRecord(Record):
    """What all missions together have spent and set aside on a UTC day: one document, which every reservation and settlement writes."""

    day: str
    settled: MicroUsd = 0
    reserved: MicroUsd = 0

    @property
    def ref(self) -> Ref:
        """Where the day is stored."""
        return day_ref(self.day)

    @property
    def used(self) -> int:
        """What is spent or set aside."""
        return self.settled + self.reserved


def purse_ref(mission_id: str, account: Account) -> Ref:
    """Where an account's purse is stored."""
    return Ref(PURSES, f"{mission_id}:{account}")


def ledger_ref(mission_id: str) -> Ref:
    """Where a mission's ledger is stored."""
    return Ref(LEDGERS, mission_id)


def day_ref(day: str) -> Ref:
    """Where a day (``2026-03-14``) is stored."""
    return Ref(DAYS, day)
