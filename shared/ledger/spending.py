"""What a mission, or a day, has spent and set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.mission import Cost
from shared.documents import DocumentStore, Query, Transaction, Where
from shared.ledger.accounts import Account
from shared.ledger.book import Book
from shared.ledger.day import Day
from shared.ledger.records import PURSES, LedgerRecord, Overrun, PurseRecord, ledger_ref

OVERRUN_FLAG = "budget_overrun"
"""A call cost more than it could by its prices; the mission bought nothing after it."""


@dataclass(frozen=True, slots=True)
class Spending:
    """A mission's money by account. ``stopped_because``: why it buys nothing more, after an overrun."""

    accounts: Mapping[Account, Cost] = field(default_factory=dict)
    overruns: tuple[Overrun, ...] = ()
    stopped_because: str | None = None

    @property
    def total(self) -> Cost:
        """The sum over the accounts."""
        costs = self.accounts.values()
        return Cost(
            settled_micro_usd=sum(cost.settled_micro_usd for cost in costs),
            reserved_micro_usd=sum(cost.reserved_micro_usd for cost in costs),
        )

    @property
    def settled(self) -> dict[str, int]:
        """What each account that paid for anything has spent, in micro-dollars."""
        return {account: cost.settled_micro_usd for account, cost in sorted(self.accounts.items()) if cost.settled_micro_usd}

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader of the mission has to know about its money."""
        return (OVERRUN_FLAG,) if self.overruns else ()


NOTHING_SPENT = Spending()


def spending(reader: DocumentStore | Transaction, mission_id: str) -> Spending:
    """What the mission has spent by now; nothing for one without a ledger."""
    ledger = reader.get(ledger_ref(mission_id))
    found = reader.query(Query(PURSES, (Where("mission_id", "==", mission_id),)))
    purses = [PurseRecord.read(document) for document in found]
    record = LedgerRecord.read(ledger) if ledger else None
    return Spending(
        accounts={p.account: Cost(settled_micro_usd=p.settled, reserved_micro_usd=p.reserved) for p in purses},
        overruns=record.overruns if record else (),
        stopped_because=record.stopped_because if record else None,
    )


def spent_on(tx: Transaction, day: str) -> Cost:
    """What all missions have spent and set aside on a UTC day, at one moment. What is drawn and not used is neither."""
    settled, reserved = Day(Book(tx), day, cap=0, shards=1).settled_and_reserved()
    return Cost(settled_micro_usd=settled, reserved_micro_usd=reserved)
