"""Whether a sentence gives one thing's figure to another: "South earned {v3}", where v3 was recorded for North.

Told by the names alone, so conservatively: a sentence that names both, or none, or is recorded for none, is left to who checks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.language.words import words

_SLOT = re.compile(r"\{(\w+)\}")
_PARTS = re.compile(r";|\b(?:while|whereas|but)\b", re.IGNORECASE)
"""Each part of a sentence speaks of its own things; "and" and a comma also stand within a list of them."""
_NO_NAMES = frozenset({"other", "others", "all", "total", "none", "unknown", "yes", "no", "true", "false", "mean", "year", "month"})
_SHORTEST = 3
"""Letters of a name: "IN" and "OR" are states and words."""

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """The names that the material has for things of one kind: for each column, the values of its cells."""

    kinds: tuple[frozenset[Name], ...]

    @classmethod
    def of(cls, columns: Iterable[Iterable[str]]) -> Kinds:
        """From the values of each column; what is no name (a figure, a word like "other") is left out."""
        kinds = (frozenset(name for value in values if _is_name(name := words(value))) for values in columns)
        return cls(tuple(kind for kind in kinds if len(kind) > 1))

    def mistaken(self, sentence: str, recorded_for: Mapping[str, str]) -> bool:
        """Whether a slot of ``sentence`` holds a figure that was recorded for another thing of the same kind than it names.

        ``recorded_for``: what was said of each slot's figure when it was recorded.
        """
        whole = words(_SLOT.sub(" ", sentence))
        for part in _PARTS.split(sentence):
            own = words(_SLOT.sub(" ", part))
            for slot in _SLOT.findall(part):
                source = words(recorded_for.get(slot, ""))
                if any(_other(kind, own, whole, source) for kind in self.kinds):
                    return True
        return False


def _other(kind: frozenset[Name], part: Name, whole: Name, source: Name) -> bool:
    meant = _named(kind, source)
    said = (_named(kind, part) or _named(kind, whole)) if meant else set()
    return bool(said) and not said & meant


def _named(kind: frozenset[Name], text: Name) -> set[Name]:
    return {name for name in kind if any(text[i : i + len(name)] == name for i in range(len(text) - len(name) + 1))}


def _is_name(name: Name) -> bool:
    return sum(c.isalpha() for word in name for c in word) >= _SHORTEST and not (len(name) == 1 and name[0] in _NO_NAMES)
