"""How many there are, in words that fit the number."""

from __future__ import annotations


def counted(count: int, noun: str, several: str = "") -> str:
    """``1 page``, ``2 pages``; ``several`` where the plural is no noun with an s behind it."""
    return f"{count} {noun if count == 1 else several or f'{noun}s'}"
