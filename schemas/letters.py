"""``dead_letter``: what could not be delivered is kept."""

from __future__ import annotations

from schemas.base import Contract


class Kept(Contract):
    """The letter that holds what could not be delivered."""

    name: str
