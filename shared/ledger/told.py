"""Whether a mission's purses hold what its audit chain says was spent when it ended, and its journal tells of just that."""

from __future__ import annotations

from collections import Counter

from schemas.events import AuditEvent
from shared.documents import DocumentStore, Transaction
from shared.ledger.accounts import ACCOUNTS
from shared.ledger.attribution import calls_of_mission
from shared.ledger.money import dollars
from shared.ledger.records import LedgerRecord, PurseRecord, ledger_ref, purse_ref

OVERRUN = "budget.overrun"
RELEASED = "budget.released"
"""The event of a mission's ledger when it is closed: what was ``settled`` by then, and ``reserved`` for requests still open."""


def spent_otherwise(documents: DocumentStore, released: AuditEvent, *, overruns_before: int) -> str | None:
    """What the purses hold otherwise than the event ``RELEASED`` says; ``None`` where they may hold just that.

    Nothing is set aside after it. What was may still be settled, for no more than that, but for what overruns were recorded since: after
    the first ``overruns_before``, by the order of the chain, since the clocks of instances differ.
    """
    settled, reserved = (int(str(released.detail.get(name))) for name in ("settled", "reserved"))
    purses = _purses(documents, released.mission_id)
    ledger = documents.get(ledger_ref(released.mission_id))
    overruns = LedgerRecord.read(ledger).overruns if ledger is not None else ()
    over = sum(overrun.cost - overrun.reserved for overrun in overruns[overruns_before:])
    spent, aside = sum(purse.settled for purse in purses), sum(purse.reserved for purse in purses)
    if settled <= spent and spent + aside <= settled + reserved + over:
        return None
    return f"the mission's purses have {_amounts(spent, aside)}; it ended with {_amounts(settled, reserved)}"


def paid_otherwise(documents: DocumentStore, mission_id: str) -> str | None:
    """What the requests in the mission's journal cost an account, where that is not what its purse has spent: the two move together."""

    def both(tx: Transaction) -> tuple[Counter[str], Counter[str]]:
        paid, spent = Counter[str](), Counter[str]()
        for call in calls_of_mission(tx, mission_id):
            paid[call.names["track"]] += call.cost
        for purse in _purses(tx, mission_id):
            spent[purse.account] = purse.settled
        return paid, spent

    paid, spent = documents.transact(both)
    for account in sorted(paid | spent):
        if paid[account] != spent[account]:
            return f"the requests of {account} cost {dollars(paid[account])} by the journal; its purse has {dollars(spent[account])} spent"
    return None


def _purses(documents: DocumentStore | Transaction, mission_id: str) -> list[PurseRecord]:
    found = [documents.get(purse_ref(mission_id, account)) for account in ACCOUNTS]
    return [PurseRecord.read(document) for document in found if document is not None]


def _amounts(spent: int, aside: int) -> str:
    return f"{dollars(spent)} spent" + (f" and {dollars(aside)} set aside" if aside else "")
