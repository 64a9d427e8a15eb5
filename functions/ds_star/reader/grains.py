"""The words of a question for lengths of periods: "by month", "which half", "the 3 best quarters"."""

from __future__ import annotations

from functions.ds_star.operation import Grain
from functions.ds_star.reader.periods import year_at
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import GRAINS, Slots
from shared.language.lexicon import Hit

_OF_A_YEAR = frozenset(("of", which, "year") for which in ("the", "each", "every", "a", "any"))


def grain_hits(sentence: Sentence) -> tuple[Hit, ...]:
    """Where a length of a period is named; a "half" only where it is one of a year."""
    hits = sentence.lexicon.find(sentence.lexicon.grains, sentence.tokens)
    return tuple(h for h in hits if h.meaning != "half" or _is_of_year(sentence, h))


def grain_of(hit: Hit) -> Grain:
    """The length that a hit names."""
    return next(g for g in GRAINS if g == hit.meaning)


def grain_at(sentence: Sentence, at: int) -> Grain | None:
    """The length of the periods whose name begins at a position: ``half`` of "halves"."""
    return next((grain_of(h) for h in grain_hits(sentence) if h.start == at and not h.text.casefold().endswith("ly")), None)


def refuse_of_the_year(sentence: Sentence, slots: Slots, hit: Hit) -> None:
    """Refuses "which month of the year" of several years: it may be one of them all together, as July is, or one of a single year."""
    several = slots.view.only_year is None and any(c.is_time for c in slots.view.columns)
    in_one = len(slots.times) == 1 and slots.times[0].is_single
    if several and not in_one and sentence.words(hit.end, hit.end + 3) == ("of", "the", "year") and not year_at(sentence, hit.end + 3):
        said = hit.text.casefold()
        raise Refused(
            "ambiguous",
            f'"{said} of the year" may be a {said} of one year or of all years together, and only one of a year is given; '
            f'leave "of the year" out, or name the year',
        )


def _is_of_year(sentence: Sentence, hit: Hit) -> bool:
    """Whether it is no half of the orders, and no "dropped by half"."""
    if sentence.word(hit.end) == "of":
        return bool(year_at(sentence, hit.end + 1)) or sentence.words(hit.end, hit.end + 3) in _OF_A_YEAR
    changes = any(h.meaning == "trend" for h in sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens))
    return not (changes and hit.end - hit.start == 1 and sentence.word(hit.start - 1) == "by")
