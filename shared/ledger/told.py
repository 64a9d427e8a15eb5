"""Whether a mission's purses hold what its audit chain says was spent when it ended."""

from __future__ import annotations

from schemas.events import AuditEvent
from shared.documents import DocumentStore
from shared.ledger.accounts import ACCOUNTS
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
    purses = [
        PurseRecord.read(document)
        for account in ACCOUNTS
        if (document := documents.get(purse_ref(released.mission_id, account))) is not None
    ]
    ledger = documents.get(ledger_ref(released.mission_id))
    overruns = LedgerRecord.read(ledger).overruns if ledger is not None else ()
    over = sum(overrun.cost - overrun.reserved for overrun in overruns[overruns_before:])
    spent, aside = sum(purse.settled for purse in purses), sum(purse.reserved for purse in purses)
    if settled <= spent and spent + aside <= settled + reserved + over:
        return None
    return f"the mission's purses have {_amounts(spent, aside)}; it ended with {_amounts(settled, reserved)}"


def _amounts(spent: int, aside: int) -> str:
    return f"{dollars(spent)} spent" + (f" and {dollars(aside)} set aside" if aside else "")
