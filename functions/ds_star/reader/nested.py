"""Questions for a figure of figures: "the average number of orders per month", "the mean of the monthly maximum". They are refused."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from functions.ds_star.operation import OperationName
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.grains import ADVERBS
from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots

_AVERAGES = ("mean", "median")
_FIGURES = frozenset({"average", "mean", "median", "avg", "maximum", "max", "minimum", "min"})
_EXTREMES = ("minimum", "maximum")
_SMALL = frozenset({"of", "the", "all", *ADVERBS})
_RANGES = frozenset({("between", "and"), ("from", "to"), ("from", "until"), ("from", "till"), ("from", "through")})


def refuse_nested(sentence: Sentence, cues: Cues, statistics: Sequence[str]) -> None:
    """Refuses "the mean of the monthly maximum": each of the two by itself would be the answer to another question."""
    if len(statistics) != 2:
        return
    places = sorted((at, name) for name in (*_AVERAGES, *_EXTREMES, "sum") for at in cues.at.get(name, []))
    for (outer, one), (inner, other) in pairwise(places):
        between = sentence.text[sentence.tokens[outer].end : sentence.tokens[inner].start].casefold().split()
        of = "of" in between or (one in _AVERAGES and other in _EXTREMES)
        if one != other and of and set(between) <= _SMALL:
            said = text_of(sentence, outer, inner + 1)
            raise Refused("unsuitable", f'"{said}" is a figure of figures, which is not calculated; ask for one of them at a time')


def averages_counts(sentence: Sentence, cues: Cues, counted: OperationName) -> bool:
    """Whether "the average number of units" asks for the mean of what counts, beside which no sum is wanted.

    Raises ``Refused`` where rows or members would have to be counted first ("the average number of orders per month").
    """
    at = next((i for i in cues.at.get("count", []) if sentence.word(i - 1) in _FIGURES), None)
    on_average = next((i for i in range(len(sentence)) if sentence.words(i, i + 2) == ("on", "average")), None)
    if not cues.has(*_AVERAGES, *_EXTREMES) or (at is None and on_average is None):
        return False
    if counted == "count":
        raise Refused(
            "unsuitable",
            "an average of counts, or the greatest of them, is not calculated; ask for the number itself, by the group or the period",
        )
    return True


def refuse_ranges_of_columns(sentence: Sentence, slots: Slots) -> None:
    """Refuses "between 2015 and 2020" of a table with a column for each year: the two columns are not all that lies between."""
    years = sorted((m for m in slots.mentions if m.column.is_measure and m.column.name.isdigit()), key=lambda m: m.first)
    for before, after in pairwise(years):
        joined = (sentence.word(before.first - 1), *sentence.words(before.end, after.first))
        between = sentence.text[sentence.tokens[before.end - 1].end : sentence.tokens[after.first].start].strip()
        if joined in _RANGES or between in {"-", "–", "—"}:
            said = text_of(sentence, before.first, after.end)
            raise Refused("ambiguous", f'"{said}" may be all columns from one to the other; name each of them')
