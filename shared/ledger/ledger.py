"""``Ledger``: money is set aside before a request is sent, and settled with its answer, inside the caller's transaction.

``reserve``, ``settle`` and ``release`` read, then write: the caller does its own reads before and its own writes after, and calls one of
them in a transaction. Nothing here is remembered between calls, so a callback that runs again decides anew from what is stored then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.clock import Clock
from shared.documents import Transaction
from shared.errors import Conflict
from shared.ledger import refusals
from shared.ledger.leasing import lease
from shared.ledger.money import dollars
from shared.ledger.records import ACCOUNTS, DayRecord, LedgerRecord, Overrun, PurseRecord, day_ref, ledger_ref, purse_ref
from shared.missions.chain import Happening, append
from shared.missions.records import Chain
from shared.models.calls import Account
from shared.telemetry.context import current_trace_id

WRITER = "ledger"
"""The writer of the ledger's audit chain: overruns, and what was given back."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays: an account of a mission, and the mission's cap."""

    mission_id: str
    account: Account
    cap_micro_usd: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for one request. ``day`` is the UTC day (``2026-03-14``) whose cap it counts against, also when it is settled."""

    micro_usd: int
    day: str


class Ledger:
    """Keeps settled + reserved within the mission's cap and the day's. Which answer a settlement is for, its caller's journal knows."""

    def __init__(self, day_cap_micro_usd: int, clock: Clock) -> None:
        self._day_cap = day_cap_micro_usd
        self._clock = clock

    def reserve(self, tx: Transaction, payer: Payer, micro_usd: int) -> Reservation:
        """Set money aside for a request that costs at most ``micro_usd``.

        Raises ``BudgetRefused`` where the mission or the day has less than that left, after an overrun, and when the mission has ended;
        ``Conflict`` where the mission's ledger was opened with another cap.
        """
        _check_amount(micro_usd)
        ledger = _ledger(tx, payer)
        own = _purse(tx, payer.mission_id, payer.account)
        day = _day(tx, f"{self._clock.now():%Y-%m-%d}")
        if ledger.stopped_because is not None:
            raise refusals.stopped(ledger)
        if ledger.released_at is not None:
            raise refusals.released(ledger)
        leases = lease(ledger, own, micro_usd, lambda: [_purse(tx, payer.mission_id, a) for a in ACCOUNTS if a != payer.account])
        if micro_usd > max(self._day_cap - day.used, 0):
            raise refusals.over_day_cap(day, self._day_cap, micro_usd)
        if micro_usd:
            for purse in (leases.own.model_copy(update={"reserved": own.reserved + micro_usd}), *leases.shrunk):
                tx.put(purse.ref, purse.data())
            if leases.grown:
                tx.put(leases.ledger.ref, leases.ledger.data())
            tx.put(day.ref, day.model_copy(update={"reserved": day.reserved + micro_usd}).data())
        return Reservation(micro_usd, day.day)

    def settle(self, tx: Transaction, payer: Payer, reservation: Reservation, cost_micro_usd: int) -> bool:
        """Turn a reservation into what the request cost; what is left of it is free again. True for an overrun.

        An overrun (a cost above the reservation) is recorded in full, also above the caps, goes into the audit chain, and stops the
        mission's new calls. To be called once for a reservation, together with the change of its journal row; ``Conflict`` where the
        account or the day has less than that set aside.
        """
        _check_amount(cost_micro_usd)
        own = _purse(tx, payer.mission_id, payer.account)
        day = _day(tx, reservation.day)
        if reservation.micro_usd > min(own.reserved, day.reserved):
            raise Conflict(
                f"A reservation of {dollars(reservation.micro_usd)} was settled before: {payer.account} of mission {payer.mission_id} has "
                f"{dollars(own.reserved)} set aside, and {day.day} has {dollars(day.reserved)}."
            )
        overrun = cost_micro_usd > reservation.micro_usd
        ledger = _ledger(tx, payer) if overrun else None
        own = own.model_copy(update={"settled": own.settled + cost_micro_usd, "reserved": own.reserved - reservation.micro_usd})
        changed = {"settled": day.settled + cost_micro_usd, "reserved": day.reserved - reservation.micro_usd}
        if ledger is not None:
            own = self._overran(tx, ledger, own, reservation, cost_micro_usd)
        if reservation.micro_usd or cost_micro_usd:
            tx.put(own.ref, own.data())
            tx.put(day.ref, day.model_copy(update=changed).data())
        return overrun

    def _overran(self, tx: Transaction, ledger: LedgerRecord, own: PurseRecord, reservation: Reservation, cost: int) -> PurseRecord:
        """Record an overrun in the mission's ledger; the purse, its lease widened to what it really spent."""
        at = self._clock.now()
        overrun = Overrun(account=own.account, day=reservation.day, reserved=reservation.micro_usd, cost=cost, at=at)
        bound = dollars(reservation.micro_usd)
        why = f"a call of {own.account} cost {dollars(cost)}, more than the {bound} that it could cost by its prices."
        beyond = max(-own.idle, 0)
        detail: dict[str, str | int] = {"account": own.account, "day": reservation.day, "reserved": reservation.micro_usd, "cost": cost}
        chain = _happened(tx, ledger, "budget.overrun", detail, at)
        changed = {
            "leased": ledger.leased + beyond,
            "stopped_because": ledger.stopped_because or why,
            "overruns": (*ledger.overruns, overrun),
            "head": chain.head,
            "tail": chain.tail,
        }
        tx.put(ledger.ref, ledger.model_copy(update=changed).data())
        return own.model_copy(update={"lease": own.lease + beyond})


def release(tx: Transaction, mission_id: str, *, at: datetime) -> int:
    """Give up what an ended mission has leased and not used, and close its ledger; how much that was.

    Reservations stay, to be settled. A second call changes nothing; nor does one for a mission that bought nothing.
    """
    document = tx.get(ledger_ref(mission_id))
    if document is None:
        return 0
    ledger = LedgerRecord.read(document)
    if ledger.released_at is not None:
        return 0
    purses = [_purse(tx, mission_id, account) for account in ACCOUNTS]
    settled, reserved = sum(p.settled for p in purses), sum(p.reserved for p in purses)
    unused = max(ledger.cap - settled - reserved, 0)
    chain = _happened(tx, ledger, "budget.released", {"settled": settled, "reserved": reserved, "unused": unused}, at)
    for purse in purses:
        if purse.idle:
            tx.put(purse.ref, purse.model_copy(update={"lease": purse.used}).data())
    closed = {"leased": settled + reserved, "released_at": at, "head": chain.head, "tail": chain.tail}
    tx.put(ledger.ref, ledger.model_copy(update=closed).data())
    return unused


def _happened(tx: Transaction, ledger: LedgerRecord, kind: str, detail: dict[str, str | int], at: datetime) -> Chain:
    return append(
        tx,
        ledger.chain,
        [Happening(kind, detail)],
        mission_id=ledger.mission_id,
        writer=WRITER,
        at=at,
        trace_id=current_trace_id(),
    )


def _check_amount(micro_usd: int) -> None:
    if micro_usd < 0:
        raise ValueError(f"{micro_usd} micro-dollars is no amount of money")


def _ledger(tx: Transaction, payer: Payer) -> LedgerRecord:
    document = tx.get(ledger_ref(payer.mission_id))
    if document is None:
        return LedgerRecord(mission_id=payer.mission_id, cap=payer.cap_micro_usd)
    ledger = LedgerRecord.read(document)
    if ledger.cap != payer.cap_micro_usd:
        raise Conflict(
            f"The ledger of mission {payer.mission_id} was opened with a cap of {dollars(ledger.cap)}, not {dollars(payer.cap_micro_usd)}."
        )
    return ledger


def _purse(tx: Transaction, mission_id: str, account: Account) -> PurseRecord:
    document = tx.get(purse_ref(mission_id, account))
    return PurseRecord.read(document) if document else PurseRecord(mission_id=mission_id, account=account)


def _day(tx: Transaction, day: str) -> DayRecord:
    document = tx.get(day_ref(day))
    return DayRecord.read(document) if document else DayRecord(day=day)
