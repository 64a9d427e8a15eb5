"""Micro-dollars as a person reads them."""

from __future__ import annotations

from decimal import Decimal

_CENT = Decimal("0.01")


def usd(micro_usd: int) -> Decimal:
    """The amount in US dollars, exact."""
    return Decimal(micro_usd) / 1_000_000


def dollars(micro_usd: int) -> str:
    """``$1.25``, ``$0.004218``: whole cents where there are only cents, else every digit, since a ledger rounds nothing."""
    amount = usd(micro_usd)
    return f"${amount:,.2f}" if amount % _CENT == 0 else f"${amount.normalize():,f}"
