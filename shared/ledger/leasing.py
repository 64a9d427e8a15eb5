"""How an account's lease grows: by what nobody has leased, then by what lies idle with the mission's other accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.ledger.records import LedgerRecord, PurseRecord
from shared.ledger.refusals import over_mission_cap
from shared.models.calls import Account

FIRST_PERCENT: Mapping[Account, int] = {"deep_research": 40, "ds_star": 40, "fusion": 20}
"""Of the cap, leased with an account's first call. Only how seldom accounts meet depends on it, never what is refused."""
NEXT_PERCENT = 10
"""Of the cap, leased when a lease is used up, so that not every call writes the mission's ledger."""


@dataclass(frozen=True, slots=True)
class Leases:
    """A lease that holds what was asked. ``grown`` and ``shrunk`` have to be stored with it."""

    own: PurseRecord
    ledger: LedgerRecord
    grown: bool = False
    shrunk: tuple[PurseRecord, ...] = ()


def lease(ledger: LedgerRecord, own: PurseRecord, asked: int, others: Callable[[], Sequence[PurseRecord]]) -> Leases:
    """The lease of ``own`` widened until ``asked`` fits into its idle part. ``others`` reads the other purses, and only where needed.

    Raises ``BudgetRefused`` exactly where the mission has less than ``asked`` left.
    """
    missing = asked - own.idle
    if missing <= 0:
        return Leases(own, ledger)
    percent = NEXT_PERCENT if own.lease else FIRST_PERCENT[own.account]
    fresh = min(ledger.unleased, max(missing, ledger.cap * percent // 100))
    missing -= fresh
    shrunk = _taken(ledger, own, asked, missing, others()) if missing > 0 else ()
    return Leases(
        own=own.model_copy(update={"lease": own.lease + fresh + max(missing, 0)}),
        ledger=ledger.model_copy(update={"leased": ledger.leased + fresh}),
        grown=fresh > 0,
        shrunk=shrunk,
    )


def _taken(ledger: LedgerRecord, own: PurseRecord, asked: int, missing: int, others: Sequence[PurseRecord]) -> tuple[PurseRecord, ...]:
    """The other purses without ``missing``, from the one that has most to spare."""
    if sum(other.idle for other in others) < missing:
        purses = (own, *others)
        raise over_mission_cap(ledger, asked, settled=sum(p.settled for p in purses), reserved=sum(p.reserved for p in purses))
    shrunk: list[PurseRecord] = []
    for other in sorted(others, key=lambda purse: -purse.idle):
        part = min(other.idle, missing)
        if part > 0:
            shrunk.append(other.model_copy(update={"lease": other.lease - part}))
            missing -= part
    return tuple(shrunk)
