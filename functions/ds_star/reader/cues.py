"""The cues of a question: which operations its words name, its superlative and its comparative."""

from __future__ import annotations

from dataclasses import dataclass, field

from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots


@dataclass
class Cues:
    """The operations that the question's words name, and its superlative."""

    named: list[str]
    at: dict[str, list[int]]
    superlative: str | None = None
    superlative_at: int = -1
    highest: bool = True
    further: list[int] = field(default_factory=list)
    """Where more superlatives stand: the "lowest" of "the highest and lowest price"."""
    compared: bool = False
    """Whether a comparative stands with "than"."""
    comparative: str | None = None

    def has(self, *names: str) -> bool:
        return any(name in self.named for name in names)


def find_cues(sentence: Sentence, slots: Slots) -> Cues:
    """The cues outside of names and conditions. A word that is part of a name counts only if no other word is a cue."""
    found = sentence.find(sentence.lexicon.operations, free=False)
    hits = tuple(h for h in found if all(sentence.explained.get(i) in (None, "grouping") for i in range(h.start, h.end)))
    firm = [h for h in hits if not set(range(h.start, h.end)) & slots.soft]
    cues = Cues([], {})
    _superlative(sentence, cues)
    used = firm or ([] if cues.superlative else list(hits))
    if not used and not cues.superlative:
        every = sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens)
        used = [h for h in every if h.end - h.start == 1 and sentence.explained.get(h.start) == "column"]
    for hit in used:
        if hit.text.casefold() == "different" and sentence.word(hit.start - 1) in {"many", "of", "all", "the"}:
            continue  # "how many different species": no comparison
        if cues.superlative_at in range(hit.start, hit.end) and hit.meaning != "top_n":
            continue
        if hit.meaning not in cues.named:
            cues.named.append(hit.meaning)
        cues.at.setdefault(hit.meaning, []).append(hit.start)
    for hit in hits:
        sentence.explain(hit.start, hit.end, "cue")
    _comparative(sentence, cues)
    return cues


def _superlative(sentence: Sentence, cues: Cues) -> None:
    for i, token in enumerate(sentence.tokens):
        named = sentence.explained.get(i)
        if token.folded in sentence.lexicon.superlatives and named in (None, "adjective") and token.folded not in {"maximum", "minimum"}:
            if token.folded == "most" and sentence.word(i - 1) == "at":
                continue
            if token.folded == "least" and sentence.word(i - 1) == "at":
                continue
            if cues.superlative is None:
                cues.superlative, cues.superlative_at = token.folded, i
                cues.highest = sentence.lexicon.superlatives[token.folded]
            else:
                cues.further.append(i)
            sentence.explain(i, i + 1, "superlative")


def _comparative(sentence: Sentence, cues: Cues) -> None:
    words = [t.folded for t in sentence.tokens]
    for i, word in enumerate(words):
        if word in sentence.lexicon.comparatives and sentence.explained.get(i) in (None, "cue", "adjective"):
            cues.comparative = cues.comparative or word
            cues.compared = cues.compared or "than" in words[i:]
            cues.highest = cues.highest if cues.superlative else sentence.lexicon.comparatives[word] == "up"
            sentence.explain(i, i + 1, "comparative")
