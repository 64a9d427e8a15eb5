"""The words of a question for lengths of periods: "by month", "which half", "the 3 best quarters"."""

from __future__ import annotations

from functions.ds_star.operation import Grain
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.periods import year_at
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import GRAINS, Slots
from functions.ds_star.reader.views import additive
from shared.language.lexicon import Hit

ADVERBS = frozenset({"daily", "weekly", "monthly", "quarterly", "half yearly", "yearly", "annual", "annually"})
_OF_TOTALS = frozenset({"mean", "median", "minimum", "maximum"})
_RECURRING = frozenset({("day", "week"), ("day", "month"), ("week", "month"), ("hour", "day"), ("time", "day")})
_WITHIN_A_DAY = frozenset({"hour", "hours", "hourly", "minute", "minutes"})
_ASKS_FOR_EACH = frozenset({"by", "per", "each", "every", "which", "what"})
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


def refuse_recurring(sentence: Sentence) -> None:
    """Refuses "which day of the week" and "by hour", which the calendar's days, weeks and months are not."""
    for at in range(len(sentence)):
        if sentence.explained.get(at) in ("column", "value"):
            continue
        article = sentence.word(at + 2) in {"the", "a", "each", "every"}
        end = at + 2 + article
        pair = (sentence.word(at).removesuffix("s"), sentence.word(end))
        named = sentence.word(end + 1) in sentence.lexicon.months or year_at(sentence, end + 1)  # "a day of the month March 2024"
        if sentence.word(at + 1) == "of" and pair in _RECURRING and not named:
            raise _not_told(text_of(sentence, at, end + 1))
        lead = sentence.word(at - 1)
        in_a_unit = lead == "per" and any(h.end == at - 1 for h in sentence.lexicon.find(sentence.lexicon.units, sentence.tokens))
        if sentence.word(at) == "hourly" or (sentence.word(at) in _WITHIN_A_DAY and lead in _ASKS_FOR_EACH and not in_a_unit):
            raise _not_told(text_of(sentence, at - (lead in _ASKS_FOR_EACH), at + 1))


def _not_told(said: str) -> Refused:
    return Refused("unsuitable", f'"{said}" is no day, week, month, quarter or year of the calendar, by which alone times are told')


def refuse_of_totals(sentence: Sentence, slots: Slots, cues: Cues) -> None:
    """Refuses "the average monthly revenue": it speaks of the months' totals, which are added up and not averaged from rows."""
    if not slots.measures or not all(additive(m, sentence.lexicon) for m in slots.measures):
        return
    named = {at for statistic in _OF_TOTALS for at in cues.at.get(statistic, [])} | {cues.superlative_at}
    for hit in grain_hits(sentence):
        if hit.text.casefold() in ADVERBS and hit.start and hit.start - 1 in named:
            said, grain = text_of(sentence, hit.start - 1, hit.end), grain_of(hit)
            raise Refused(
                "ambiguous",
                f'"{said}" may speak of the total of each {grain} or of the rows in it; ask for the total by {grain}, '
                f"or which {grain} had the highest or the lowest total",
            )


def _is_of_year(sentence: Sentence, hit: Hit) -> bool:
    """Whether it is no half of the orders, and no "dropped by half"."""
    if sentence.word(hit.end) == "of":
        return bool(year_at(sentence, hit.end + 1)) or sentence.words(hit.end, hit.end + 3) in _OF_A_YEAR
    changes = any(h.meaning == "trend" for h in sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens))
    return not (changes and hit.end - hit.start == 1 and sentence.word(hit.start - 1) == "by")
