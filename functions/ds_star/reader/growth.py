"""Superlatives of change: "grew fastest", "the largest decrease", "the three fastest growing products", "rank by growth"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots

RankedBy = Literal["difference", "per_cent"]
PER_CENT = frozenset({"percent", "percentage", "pct", "%"})
DOWN = frozenset(
    """
    decrease decreases decreased decreasing decline declines declined declining fall falls fell fallen falling drop drops dropped dropping
    shrink shrinks shrank shrunk shrinking lose loses lost losing worsen worsened downward
    """.split()
)
UP = frozenset(
    """
    increase increases increased increasing grow grows grew grown growing rise rises rose risen rising improve improves improved improving
    upward
    """.split()
)
_LESS = frozenset({"less", "slower", "slowly", "fewer"})
_FAST = frozenset({"faster", "slower", "quickly", "slowly"})
_ADVERBS = frozenset({"fastest", "slowest", "most", "least"})
_MANNER = PER_CENT | {"absolute", "upward", "downward"}
_LISTS = frozenset({"top", "bottom", "rank", "ranks", "ranking"})


@dataclass(frozen=True)
class Growth:
    """A superlative that speaks of a change ("grew fastest", "the largest increase"), and what it ranks the changes by."""

    at: int
    ranked_by: RankedBy
    down: bool
    """Whether the change is one downward: "fell the most"."""


def growth_of(sentence: Sentence) -> Growth | None:
    """What ranks changes: by per cent where it says so or how fast something grew, by the difference for "the largest increase"."""
    hits = sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens)
    changes = {h.start for h in hits if h.meaning == "trend" and h.end - h.start == 1}
    words = {t.folded for t in sentence.tokens}
    for i, token in enumerate(sentence.tokens):
        if token.folded not in sentence.lexicon.superlatives and token.folded not in _LISTS:
            continue
        before, after = i - 1, i + 1
        while sentence.word(before) in {"the", "by", "its", "their"} or sentence.explained.get(before) == "column":
            before -= 1
        while sentence.word(after) in _MANNER or sentence.explained.get(after) == "column":
            after += 1
        as_adverb = token.folded in _ADVERBS and before in changes
        listed = _listed_by(sentence, i, changes) if token.folded in _LISTS else None
        change = before if as_adverb else after if after in changes else listed
        if change is not None:
            fast = as_adverb or token.folded in {"fastest", "slowest"}
            relative = bool(words & PER_CENT) or (fast and "absolute" not in words)
            down = bool({sentence.word(change), sentence.word(change - 1)} & DOWN)
            return Growth(i, "per_cent" if relative else "difference", down)
    return None


def _listed_by(sentence: Sentence, at: int, changes: set[int]) -> int | None:
    """The change that a list is made by: "the top 3 products by revenue growth", "rank the regions by decline"."""
    for change in sorted(c for c in changes if c > at):
        before = change - 1
        while sentence.word(before) in _MANNER | {"its", "their"} or sentence.explained.get(before) == "column":
            before -= 1
        if sentence.word(before) in {"by", "in"}:
            return change
    return None


def name_groups(sentence: Sentence, slots: Slots) -> None:
    """Takes the groups that a change is said of ("the fastest growing region") for those that are ranked; "in absolute terms" is read."""
    if slots.which is None and not slots.by and len(slots.groups) == 1 and not any(c.column in slots.groups for c in slots.cells):
        slots.which = slots.groups.pop()
    for i, token in enumerate(sentence.tokens):
        if token.folded in {"absolute", "upward", "downward"} or sentence.words(i - 1, i + 1) == ("absolute", "terms"):
            sentence.explain(i, i + 1, "cue")


def note_of_ranking(slots: Slots, ranked_by: RankedBy) -> None:
    """Says what the changes are ranked by, and what they are not."""
    how, other = ("per cent", "their difference") if ranked_by == "per_cent" else ("their difference", "per cent")
    slots.notes.append(f"the changes are ranked by {how}, and not by {other}")


def beside_a_member(sentence: Sentence) -> tuple[RankedBy, bool, bool]:
    """How changes are set against that of one group: what ranks them, whether the lower ones are asked for, whether they move that way.

    What "grew more" has to rise, what "declined more" has to fall; what "grew less" may do either.
    """
    words = {t.folded for t in sentence.tokens}
    relative = bool(words & (PER_CENT | _FAST)) and "absolute" not in words
    return "per_cent" if relative else "difference", bool(words & DOWN) != bool(words & _LESS), not words & _LESS
