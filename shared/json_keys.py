"""JSON that came from outside: a key that one object has twice is refused, where JSON would take its last value without a word."""

from __future__ import annotations

import json

from shared.documents import Json

_SHOWN_CHARS = 80


class RepeatedKey(ValueError):
    """One object has ``key`` twice."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key[:_SHOWN_CHARS]!r} is written twice")
        self.key = key


def loads_json(raw: bytes) -> Json:
    """The value in ``raw``; ``ValueError`` for what is no JSON, ``RepeatedKey`` among them."""
    found: Json = json.loads(raw, object_pairs_hook=_once)
    return found


def require_unique(raw: bytes) -> None:
    """Raise ``RepeatedKey`` where an object of ``raw``, which has to be JSON, has a key twice."""
    json.loads(raw, object_pairs_hook=_once, parse_int=str)  # as text: Python converts no number of more than 4,300 digits


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RepeatedKey(key)
            seen.add(key)
    return found
