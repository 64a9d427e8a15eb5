"""The accounts of a mission."""

from __future__ import annotations

from typing import Literal, get_args

Account = Literal["deep_research", "ds_star", "fusion"]
"""Whose money a call spends: each track has a sub-lease of the mission's cap, and so has fusion."""

ACCOUNTS: tuple[Account, ...] = get_args(Account)
