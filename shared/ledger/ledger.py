"""``Ledger``: money is set aside before a request is sent, and settled with its answer, inside the caller's transaction.

``begin``, ``reserve`` and ``settle`` read, then write: the caller does its own reads before and its own writes after, and calls one of
them in a transaction. Nothing here is remembered between calls, so a callback that runs again decides anew from what is stored then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.clock import Clock
from shared.documents import Transaction
from shared.errors import Conflict
from shared.ledger import refusals
from shared.ledger.accounts import Account
from shared.ledger.book import Book
from shared.ledger.day import Day
from shared.ledger.leasing import check_cap, leased
from shared.ledger.money import dollars
from shared.ledger.records import DayRecord, Held, LedgerRecord, Overrun, PurseRecord, Tranche
from shared.ledger.told import OVERRUN
from shared.ledger.tranches import DayCap, cover, foresee, hand_back, level, provide
from shared.missions.chain import Chain, Happening, append
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
    held: Held = "purse"


class Ledger:
    """Keeps settled + reserved within the mission's cap and the day's. Which answer a settlement is for, its caller's journal knows."""

    def __init__(self, day_cap: DayCap, clock: Clock) -> None:
        self._cap = day_cap
        self._clock = clock

    def begin(self, tx: Transaction, payer: Payer) -> None:
        """Draw the mission's first tranches of today, where that is easy, so that its calls need not: it refuses nothing."""
        book = Book(tx)
        own = _purse(book, payer)
        today = self._today
        if today in own.tranches:
            return
        drawn = foresee(book, own, today, cap=self._cap, mission_cap=payer.cap_micro_usd)
        if drawn is not None:
            book.put(_back_from_finished_days(book, drawn, today))
            book.write()

    def exhausted(self, tx: Transaction, payer: Payer) -> bool:
        """Whether today's cap is spent to the last: no call can be paid. Reads the whole day only where the mission finds nothing."""
        book, today = Book(tx), self._today
        held = _purse(book, payer).tranches.get(today)
        if held is not None and held.cap == self._cap.micro_usd and held.idle > 0:
            return False
        shard = book.shard(held.shard if held is not None else self._cap.shard_of(today, payer.mission_id))
        if shard is not None and shard.cap == self._cap.micro_usd and shard.free > 0:
            return False
        settled, _ = Day(book, today, self._cap.micro_usd, self._cap.shards).settled_and_reserved()
        return settled >= self._cap.micro_usd

    def reserve(self, tx: Transaction, payer: Payer, micro_usd: int) -> Reservation:
        """Set money aside for a request that costs at most ``micro_usd``.

        Raises ``BudgetRefused`` where the mission or the day has less than that left, after an overrun, and when the mission has ended;
        ``Conflict`` where the mission's money was opened with another cap.
        """
        _check_amount(micro_usd)
        book, today = Book(tx), self._today
        ledger = _ledger(book, payer)
        if ledger.stopped_because is not None:
            raise refusals.stopped(ledger)
        if ledger.released_at is not None:
            raise refusals.released(ledger)
        own = _purse(book, payer)
        if micro_usd:
            own = leased(book, own, micro_usd, payer.cap_micro_usd)
            first = today not in own.tranches
            own = provide(book, own, today, micro_usd, cap=self._cap, mission_cap=payer.cap_micro_usd)
            if first:
                own = _back_from_finished_days(book, own, today)
            held = own.tranches[today]
            own = own.holding(today, held.model_copy(update={"reserved": held.reserved + micro_usd}))
            book.put(own.model_copy(update={"reserved": own.reserved + micro_usd}))
            book.write()
        return Reservation(micro_usd, today)

    def settle(self, tx: Transaction, payer: Payer, reservation: Reservation, cost_micro_usd: int) -> bool:
        """Turn a reservation into what the request cost; what is left of it is free again. True for an overrun.

        An overrun (a cost above the reservation) is recorded in full, also above the caps, goes into the audit chain, and stops the
        mission's new calls. To be called once for a reservation, together with the change of its journal row; ``Conflict`` where the
        account or the day has less than that set aside.
        """
        _check_amount(cost_micro_usd)
        book, overrun = Book(tx), cost_micro_usd > reservation.micro_usd
        own = _purse(book, payer)
        if reservation.micro_usd > own.reserved:
            raise _settled_before(payer, reservation, own.reserved)
        ledger = _ledger(book, payer) if overrun else None
        own = own.model_copy(update={"settled": own.settled + cost_micro_usd, "reserved": own.reserved - reservation.micro_usd})
        own = own.model_copy(update={"lease": max(own.lease, own.used)})
        if reservation.micro_usd or cost_micro_usd:
            match reservation.held:
                case "purse":
                    own = self._settle_tranche(book, own, payer, reservation, cost_micro_usd)
                case "day":
                    self._settle_day(book, payer, reservation, cost_micro_usd)
            book.put(own)
            book.write()
        if ledger is not None:
            self._overran(tx, ledger, payer, reservation, cost_micro_usd)
        return overrun

    def _settle_tranche(self, book: Book, own: PurseRecord, payer: Payer, reservation: Reservation, cost: int) -> PurseRecord:
        day = reservation.day
        held = own.tranches.get(day) or Tranche(shard=self._cap.shard_of(day, own.mission_id))
        if reservation.micro_usd > held.reserved:
            raise _settled_before(payer, reservation, held.reserved)
        settled = {"settled": held.settled + cost, "reserved": held.reserved - reservation.micro_usd}
        own = cover(book, own.holding(day, held.model_copy(update=settled)), day, cap=self._cap)
        return hand_back(book, own, day) if held.closed else own

    def _settle_day(self, book: Book, payer: Payer, reservation: Reservation, cost: int) -> None:
        """What an earlier version set aside in the day's own document, is settled there."""
        day = book.shard(reservation.day) or DayRecord(day=reservation.day)
        if reservation.micro_usd > day.undrawn:
            raise _settled_before(payer, reservation, day.undrawn)
        settled = {"settled": day.settled + cost, "reserved": day.reserved - reservation.micro_usd}
        book.put(day.model_copy(update=settled))
        if cost > reservation.micro_usd:
            level(book, reservation.day, cap=self._cap)

    def _overran(self, tx: Transaction, ledger: LedgerRecord, payer: Payer, reservation: Reservation, cost: int) -> None:
        """Record an overrun in the mission's ledger."""
        at, account = self._clock.now(), payer.account
        overrun = Overrun(account=account, day=reservation.day, reserved=reservation.micro_usd, cost=cost, at=at)
        bound = dollars(reservation.micro_usd)
        why = f"a call of {account} cost {dollars(cost)}, more than the {bound} that it could cost by its prices."
        detail: dict[str, str | int] = {"account": account, "day": reservation.day, "reserved": reservation.micro_usd, "cost": cost}
        chain = happened(tx, ledger, OVERRUN, detail, at)
        changed = {
            "stopped_because": ledger.stopped_because or why,
            "overruns": (*ledger.overruns, overrun),
            "head": chain.head,
            "tail": chain.tail,
        }
        tx.put(ledger.ref, ledger.model_copy(update=changed).data())

    @property
    def _today(self) -> str:
        return f"{self._clock.now():%Y-%m-%d}"


def _back_from_finished_days(book: Book, own: PurseRecord, today: str) -> PurseRecord:
    """``own`` without the tranches of days that have passed, but for what is not settled yet."""
    for day, held in own.tranches.items():
        if day < today and not held.reserved:
            own = hand_back(book, own, day)
    return own


def happened(tx: Transaction, ledger: LedgerRecord, kind: str, detail: dict[str, str | int], at: datetime) -> Chain:
    """The mission's chain of money with one event more."""
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


def _ledger(book: Book, payer: Payer) -> LedgerRecord:
    ledger = book.ledger(payer.mission_id)
    if ledger is None:
        return LedgerRecord(mission_id=payer.mission_id, cap=payer.cap_micro_usd)
    if ledger.cap != payer.cap_micro_usd:
        raise Conflict(
            f"The ledger of mission {payer.mission_id} was opened with a cap of {dollars(ledger.cap)}, not {dollars(payer.cap_micro_usd)}."
        )
    return ledger


def _purse(book: Book, payer: Payer) -> PurseRecord:
    purse = book.purse(payer.mission_id, payer.account)
    if purse is None:
        return PurseRecord(mission_id=payer.mission_id, account=payer.account, cap=payer.cap_micro_usd)
    check_cap(purse, payer.cap_micro_usd)
    return purse.model_copy(update={"cap": payer.cap_micro_usd})


def _settled_before(payer: Payer, reservation: Reservation, aside: int) -> Conflict:
    return Conflict(
        f"A reservation of {dollars(reservation.micro_usd)} was settled before: {payer.account} of mission {payer.mission_id} has "
        f"{dollars(aside)} of {reservation.day} (UTC) set aside."
    )
