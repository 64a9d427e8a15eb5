"""How an account's part of the mission's cap grows: by what no account has leased, then by what lies idle with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.errors import Conflict
from shared.ledger.accounts import Account
from shared.ledger.book import Book
from shared.ledger.money import dollars
from shared.ledger.records import PurseRecord
from shared.ledger.refusals import over_mission_cap

FIRST_PERCENT: Mapping[Account, int] = {"deep_research": 40, "ds_star": 40, "fusion": 20}
"""Of the cap, leased with an account's first call. Only how seldom accounts meet depends on it, never what is refused."""
NEXT_PERCENT = 10
"""Of the cap, leased when a lease is used up, so that not every call reads the other purses."""


def leased(book: Book, own: PurseRecord, asked: int, cap: int) -> PurseRecord:
    """``own`` with a lease that has ``asked`` idle. The other purses are looked at only where it has to grow.

    Raises ``BudgetRefused`` exactly where the mission has less than ``asked`` left.
    """
    missing = asked - own.idle
    if missing <= 0:
        return own
    others = [purse for purse in book.purses(own.mission_id) if purse.account != own.account]
    for purse in others:
        check_cap(purse, cap)
    unleased = max(cap - own.lease - sum(purse.lease for purse in others), 0)
    percent = NEXT_PERCENT if own.lease else FIRST_PERCENT[own.account]
    fresh = min(unleased, max(missing, cap * percent // 100))
    missing = max(missing - fresh, 0)
    if missing > sum(other.idle for other in others):
        purses = (own, *others)
        settled, reserved = sum(p.settled for p in purses), sum(p.reserved for p in purses)
        raise over_mission_cap(own.mission_id, cap, asked, settled=settled, reserved=reserved)
    _take(book, others, missing)
    return own.model_copy(update={"lease": own.lease + fresh + missing})


def check_cap(purse: PurseRecord, cap: int) -> None:
    """Raise ``Conflict`` where the purse was opened under another cap of its mission."""
    if purse.cap is not None and purse.cap != cap:
        raise Conflict(f"The purses of mission {purse.mission_id} were opened with a cap of {dollars(purse.cap)}, not {dollars(cap)}.")


def _take(book: Book, others: Sequence[PurseRecord], missing: int) -> None:
    """Shrink the other leases by ``missing``, that with most to spare first."""
    for other in sorted(others, key=lambda purse: -purse.idle):
        part = min(other.idle, missing)
        if part > 0:
            book.put(other.model_copy(update={"lease": other.lease - part}))
            missing -= part
