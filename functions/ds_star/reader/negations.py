"""Negations: which of them turns a condition round, and the refusal where one explains nothing in the reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from shared.language.lexicon import Hit

_NOT = frozenset({"not", "never", "neither"})
_COPULAS = frozenset({"is", "are", "was", "were", "be", "being", "isn't", "aren't", "wasn't", "weren't"})
_FROM = frozenset({"from", "in", "of"})
_SWEEPING = frozenset({"all", "every", "everything", "everyone", "any", "anything", "each", "everywhere"})
"""Words in front of "but" that make it an exception: "all years but 2021"."""


@dataclass(frozen=True)
class Negation:
    """The tokens of a negation. ``of_verb``: "did not order", and no "except"."""

    start: int
    end: int
    of_verb: bool


def is_not(word: str) -> bool:
    """Whether a single word negates the verb or what follows it."""
    return word in _NOT or word.endswith("n't")


def negation_before(sentence: Sentence, at: int, *, calls_rows: Callable[[str], bool] = lambda _: False) -> Negation | None:
    """The negation whose condition begins at ``at``; only words that change nothing may stand between ("not placed in March").

    Behind "except" and the like the rows may be named as well: "excluding orders placed in March".
    """
    end, noun = at, False
    while end > 0:
        excluding = _excluding(sentence, end)
        if excluding is not None:
            return None if noun and sentence.words(excluding, end) == ("without",) else Negation(excluding, end, of_verb=False)
        word = sentence.word(end - 1)
        if is_not(word):
            return None if noun else Negation(end - 1, end, of_verb=True)
        if word == "but" and not noun and _SWEEPING & set(sentence.words(0, end - 1)):
            return Negation(end - 1, end, of_verb=False)
        if calls_rows(word):
            noun = True
        elif word not in sentence.lexicon.between_negated:
            return None
        end -= 1
    return None


def _excluding(sentence: Sentence, end: int) -> int | None:
    """Where a phrase such as "other than" begins that ends at ``end``; ``None`` where there is none, or it explains something else."""
    for phrase in sentence.lexicon.negations:
        start = end - len(phrase.words)
        if phrase.meaning == "excluding" and start >= 0 and sentence.words(start, end) == phrase.words and sentence.is_free(start, end):
            return start
    return None


def says_of_event(sentence: Sentence, negation: Negation) -> bool:
    """Whether it denies that something happened ("did not buy"), rather than a quality ("are not from Bern")."""
    if sentence.explained.get(negation.start - 1) == "column":
        return False  # "customers not in Bern"
    before = negation.start - 1
    if sentence.word(before) in _FROM:
        before -= 1  # "are from neither Bern nor Chur"
    return negation.of_verb and not ({sentence.word(negation.start), sentence.word(before)} & _COPULAS)


def no_negation_left(sentence: Sentence, soft: set[int]) -> None:
    """Refuses a question with a negation that explains nothing in its reading: what is read would be another question, or the opposite."""
    hits = sentence.lexicon.find(sentence.lexicon.negations, sentence.tokens, by_stem=False)
    idle = {i for h in hits if _is_idle(sentence, h) for i in range(h.start, h.end)}
    found = {i for h in hits if _unread(sentence, soft, h.start) for i in range(h.start, h.end)}
    found |= {i for i, token in enumerate(sentence.tokens) if token.folded.endswith("n't") and _unread(sentence, soft, i)}
    left = sorted(found - idle)
    if not left:
        return
    end = left[0] + 1
    while end in left:
        end += 1
    shown = sentence.text[sentence.tokens[left[0]].start : sentence.tokens[end - 1].end]
    raise Refused(
        "ambiguous",
        f'the question says "{shown}", and it is not clear what that leaves out; say it beside a value or a period, '
        'as in "not in 2021" or "except North", and ask for the rest apart',
    )


def _unread(sentence: Sentence, soft: set[int], at: int) -> bool:
    return at not in sentence.explained and at not in soft


def _is_idle(sentence: Sentence, hit: Hit) -> bool:
    """Whether it is "whether or not", or "or not" that ends the question."""
    return hit.meaning == "idle" and (sentence.word(hit.start) != "or" or hit.end == len(sentence))
