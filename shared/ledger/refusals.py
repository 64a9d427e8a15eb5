"""Why there is no money for a call: what was asked, what is left, which cap that is, and what a person can do about it."""

from __future__ import annotations

from shared.errors import BudgetRefused, DayBudgetRefused
from shared.ledger.money import dollars
from shared.ledger.records import LedgerRecord

_FREE = "the extractive tier (--tier extractive) costs nothing"


def over_mission_cap(mission_id: str, cap: int, asked: int, *, settled: int, reserved: int) -> BudgetRefused:
    """The mission's cap does not hold the call."""
    left = max(cap - settled - reserved, 0)
    return BudgetRefused(
        f"A call may cost {dollars(asked)}, and mission {mission_id} has {dollars(left)} left of its cap of {dollars(cap)}"
        f"{_used(settled, reserved)}.",
        remedy=f"Give a mission more with --budget; {_FREE}.",
    )


def over_day_cap(day: str, cap: int, asked: int, *, settled: int, reserved: int) -> DayBudgetRefused:
    """The day's cap, which all missions share, does not hold the call."""
    left = max(cap - settled - reserved, 0)
    return DayBudgetRefused(
        f"A call may cost {dollars(asked)}, and {day} (UTC) has {dollars(left)} left of the day's cap of {dollars(cap)} for all "
        f"missions{_used(settled, reserved)}.",
        remedy=f"Raise KIMERA_DAY_BUDGET_USD (day_budget_usd in kimera.toml), or wait for the next day in UTC; {_FREE}.",
    )


def stopped(ledger: LedgerRecord) -> BudgetRefused:
    """An overrun has stopped the mission's calls."""
    return BudgetRefused(
        f"Mission {ledger.mission_id} buys no more answers: {ledger.stopped_because}",
        remedy=f"Compare the model's prices with the provider's (`kimera models`; --price sets them); {_FREE}. "
        f"`kimera costs --mission {ledger.mission_id}` shows what was paid.",
    )


def released(ledger: LedgerRecord) -> BudgetRefused:
    """The mission has ended, and its money went back."""
    return BudgetRefused(f"Mission {ledger.mission_id} has ended; it buys no more answers.", remedy="Ask in a new mission.")


def _used(settled: int, reserved: int) -> str:
    parts = [f"{dollars(settled)} spent"] if settled else []
    parts += [f"{dollars(reserved)} set aside for calls under way"] if reserved else []
    return f" ({', '.join(parts)})" if parts else ""
