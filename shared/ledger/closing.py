"""What becomes of a mission's money when it ends, and when it is deleted."""

from __future__ import annotations

from datetime import datetime

from shared.documents import Transaction
from shared.ledger.accounts import ACCOUNTS
from shared.ledger.book import Book
from shared.ledger.ledger import happened
from shared.ledger.records import LedgerRecord, PurseRecord, ledger_ref
from shared.ledger.told import RELEASED
from shared.ledger.tranches import hand_back


def release(tx: Transaction, mission_id: str, *, at: datetime) -> int:
    """Give back what an ended mission has drawn and not used, and close its ledger; how much of its cap it has not used.

    Reservations stay, to be settled. A second call changes nothing; nor does one for a mission that bought nothing.
    """
    book = Book(tx)
    ledger = book.ledger(mission_id)
    purses = book.purses(mission_id)
    cap = ledger.cap if ledger is not None else next((purse.cap for purse in purses if purse.cap is not None), None)
    if cap is None or (ledger is not None and ledger.released_at is not None):
        return 0
    settled, reserved = sum(p.settled for p in purses), sum(p.reserved for p in purses)
    unused = max(cap - settled - reserved, 0)
    for purse in purses:
        _close(book, purse)
    _return_unclaimed(book, mission_id, purses)
    book.write()
    ledger = ledger or LedgerRecord(mission_id=mission_id, cap=cap)
    chain = happened(tx, ledger, RELEASED, {"settled": settled, "reserved": reserved, "unused": unused}, at)
    tx.put(ledger.ref, ledger.model_copy(update={"released_at": at, "head": chain.head, "tail": chain.tail}).data())
    return unused


def forget(tx: Transaction, mission_id: str) -> None:
    """Remove a mission's money, but for what its days have spent. What is still set aside counts as spent: nobody will settle it."""
    book = Book(tx)
    purses = book.purses(mission_id)
    for purse in purses:
        for day, held in purse.tranches.items():
            spent = held.model_copy(update={"settled": held.used, "reserved": 0})
            hand_back(book, purse.holding(day, spent), day)
    _return_unclaimed(book, mission_id, purses)
    book.write()
    for purse in purses:
        tx.delete(purse.ref)
    tx.delete(ledger_ref(mission_id))


def _close(book: Book, purse: PurseRecord) -> None:
    """Hand the purse's tranches back. A purse of which all is settled is left as it is: nobody spends from it any more."""
    for day in purse.tranches:
        purse = hand_back(book, purse, day)
    open_tranches = {day: held.model_copy(update={"closed": True}) for day, held in purse.tranches.items() if held.reserved}
    if open_tranches:
        book.put(purse.model_copy(update={"tranches": dict(purse.tranches) | open_tranches}))


def _return_unclaimed(book: Book, mission_id: str, purses: list[PurseRecord]) -> None:
    """Hand back what was drawn for accounts that bought nothing on the day."""
    for day, of in {(day, held.shard) for purse in purses for day, held in purse.tranches.items()}:
        shard = book.shard(of)
        claimed = {purse.account for purse in purses if day in purse.tranches and purse.tranches[day].shard == of}
        for account in set(ACCOUNTS) - claimed:
            if shard is not None and shard.tranche(mission_id, account):
                shard = shard.drawing(mission_id, account, 0)
                book.put(shard)
