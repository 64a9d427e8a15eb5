"""How who works says what it is at, for those who watch: see ``shared/missions/activity.py``."""

from __future__ import annotations

from collections.abc import Callable

Doing = Callable[[str], None]
"""Takes in a few words what is done from now on; nothing in particular where they are empty."""


def unheard(_: str) -> None:
    """Nobody watches."""
