"""Words to columns: exact > stem > lexicon > fuzzy, and fuzzy only word by word.

Whole-string fuzzy scores mislead ("participation" resembles ``station`` more than "temperature" resembles ``temp_mean_c``), so
a column is scored by how much of its name's words stand together in the question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.views import Column, View
from shared.language.lexicon import load_lexicon
from shared.language.words import fold

FUZZY_FROM = 0.88
"""Least Damerau-Levenshtein similarity of two words."""
TOO_CLOSE = 0.1
"""Two columns whose scores are nearer than this are both named, and neither is taken."""
_ENOUGH = 0.3
_QUOTED, _EXACT, _STEM, _SYNONYM, _ABBREVIATION = 2.0, 1.0, 0.95, 0.9, 0.88
_SHORTEST_FUZZY = 5
_SHORTEST_ABBREVIATION = 4
_SHORTEST_BESIDE = 3
"""An abbreviation beside another word of the same name may be shorter: "life expectancy" for ``lifeExp``."""
_GLUE = frozenset({"of", "the", "in", "per", "a", "an", "to", "for", "and"})


@dataclass(frozen=True)
class Mention:
    """A column that the question names at ``positions``. ``rivals`` fit as well: then only its place in the question can tell."""

    column: Column
    positions: tuple[int, ...]
    soft: tuple[int, ...]
    """Positions that belong to the name but may as well be a cue ("mean" in ``temp_mean_c``)."""
    score: float
    rivals: tuple[Column, ...] = ()

    @property
    def start(self) -> int:
        return min(self.positions)

    @property
    def end(self) -> int:
        return max((*self.positions, *self.soft)) + 1

    @property
    def first(self) -> int:
        """Where the name begins, soft words included."""
        return min((*self.positions, *self.soft))


def find_mentions(sentence: Sentence, view: View) -> tuple[Mention, ...]:
    """The columns of ``view`` that the question names, in its order; each word serves one column (or rivals) only."""
    found = [mention for column in view.columns for mention in _mentions_of(column, sentence)]
    found.sort(key=lambda m: (m.score < _QUOTED, -len(m.positions), -m.score, m.start, m.column.name))
    taken: set[int] = set()
    kept: list[Mention] = []
    for mention in found:
        if taken & set(mention.positions):
            continue
        close = {
            other.column.name: other.column
            for other in found
            if other.column is not mention.column
            and other.positions == mention.positions
            and other.score > mention.score - TOO_CLOSE
            and not (mention.score >= _STEM and other.score <= _SYNONYM)  # a column that bears the very word is the one
        }
        kept.append(Mention(mention.column, mention.positions, mention.soft, mention.score, tuple(close.values())))
        taken |= set(mention.positions)
    return tuple(sorted(kept, key=lambda m: m.start))


def _mentions_of(column: Column, sentence: Sentence) -> Iterator[Mention]:
    """Every place where the question may name this column."""
    for start, end, name in sentence.quoted:
        if fold(name.strip()) == fold(column.name.strip()):
            yield Mention(column, tuple(range(start, end)), (), _QUOTED)
    if not column.words:
        return
    total = sum(column.weights)
    seen: set[tuple[int, ...]] = set()
    for anchor in range(len(sentence)):
        matched = _aligned(column, sentence, anchor)
        positions = tuple(sorted(p for p, (j, _) in matched.items() if column.weights[j] == 1.0))
        if not positions or positions in seen:
            continue
        seen.add(positions)
        score = sum(column.weights[j] * similar for j, similar in matched.values()) / total
        if score >= _ENOUGH:
            soft = tuple(sorted(p for p, (j, _) in matched.items() if column.weights[j] != 1.0))
            if soft and _is_literal(sentence, positions, soft):
                positions, soft = tuple(sorted({*positions, *soft})), ()
            yield Mention(column, positions, soft, score)


def _aligned(column: Column, sentence: Sentence, anchor: int) -> dict[int, tuple[int, float]]:
    """Token positions around ``anchor`` that stand for words of the column's name: position -> (word's index, similarity)."""
    free = set(range(len(column.words)))
    matched: dict[int, tuple[int, float]] = {}

    def take(position: int) -> bool:
        shortest = _SHORTEST_BESIDE if matched else _SHORTEST_ABBREVIATION
        best, negative = max(((_similarity(sentence, position, column, j, shortest), -j) for j in free), default=(0.0, 0))
        if best > 0:
            matched[position] = (-negative, best)
            free.discard(-negative)
        return best > 0

    if not take(anchor):
        return {}
    for step in (1, -1):
        position, gap = anchor + step, 0
        while free and 0 <= position < len(sentence) and gap < 3:
            if take(position):
                gap = 0
            elif sentence.word(position) in _GLUE:
                gap += 1
            else:
                break
            position += step
    return matched


def _similarity(sentence: Sentence, position: int, column: Column, index: int, shortest: int) -> float:
    """How well the token at ``position`` stands for a word of the column's name; 0 where it does not.

    ``shortest`` is the least length of an abbreviation.
    """
    token, name_word = sentence.tokens[position], column.words[index]
    if token.folded == name_word:
        common = token.folded in sentence.lexicon.stopwords and len(column.words) == 1 and token.text != column.name
        return 0.0 if common else _EXACT
    if token.folded in sentence.lexicon.stopwords or token.is_number or not name_word[0].isalpha() or not token.folded[0].isalpha():
        return 0.0
    if sentence.stems[position] == column.stems[index]:
        return _STEM
    if frozenset((sentence.stems[position], column.stems[index])) in _synonym_pairs(sentence.lexicon.language):
        return _SYNONYM
    if token.folded in sentence.lexicon.steering:
        return 0.0
    if len(name_word) >= shortest and len(token.folded) > len(name_word) + 1 and token.folded.startswith(name_word):
        return _ABBREVIATION
    stem = sentence.stems[position]
    if len(stem) >= _SHORTEST_ABBREVIATION and len(name_word) - len(stem) in (1, 2) and name_word.startswith(stem):
        return _ABBREVIATION
    return fuzzy(token.folded, name_word)


def fuzzy(word: str, other: str) -> float:
    """The similarity of two words if it is at least ``FUZZY_FROM``, kept a little below a synonym's; else 0.

    Numbers are no spelling: ``item1701`` is another column than ``item1702``.
    """
    from rapidfuzz.distance import DamerauLevenshtein

    if min(len(word), len(other)) < _SHORTEST_FUZZY or any(c.isdigit() for c in word + other):
        return 0.0
    found = float(DamerauLevenshtein.normalized_similarity(word, other))
    return found * _SYNONYM if found >= FUZZY_FROM else 0.0


@lru_cache(maxsize=4)
def _synonym_pairs(language: str) -> frozenset[frozenset[str]]:
    """The stems that mean the same in a column's name, pairwise."""
    groups = load_lexicon(language).column_synonyms
    return frozenset(frozenset((a[0], b[0])) for group in groups for a in group for b in group if len(a) == len(b) == 1 and a != b)


def _is_literal(sentence: Sentence, positions: tuple[int, ...], soft: tuple[int, ...]) -> bool:
    """Whether the name stands in the question as one word (``temp_mean_c``): then none of its parts is a cue."""
    every = sorted({*positions, *soft})
    if every != list(range(every[0], every[-1] + 1)):
        return False
    return not any(c.isspace() for c in sentence.text[sentence.tokens[every[0]].start : sentence.tokens[every[-1]].end])
