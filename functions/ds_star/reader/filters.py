"""Numbers to conditions on numeric columns: "greater than 5", "older than 60", "income between 2000 and 3000"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from functions.ds_star.operation import Filter
from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.periods import FIRST_YEAR, LAST_YEAR, Period
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.times import SMALL_WORDS
from functions.ds_star.reader.units import in_unit_of
from functions.ds_star.reader.views import Column, View
from schemas.base import Scalar
from shared.language.lexicon import Hit
from shared.language.words import stem

ComparisonOp = Literal["==", "!=", "<", "<=", ">", ">=", "between"]
_HOLDING = frozenset({"with", "had", "has", "have", "having"})
_OPS: tuple[ComparisonOp, ...] = ("==", "!=", "<", "<=", ">", ">=", "between")


@dataclass(frozen=True)
class Comparison:
    """A condition on a numeric column, and the tokens that state it."""

    column: Column
    filter: Filter
    start: int
    end: int


def find_comparisons(
    sentence: Sentence, view: View, mentions: tuple[Mention, ...], periods: Sequence[Period] = ()
) -> tuple[Comparison, ...]:
    """Conditions on numeric columns: the column beside the number, or the one an adjective speaks of ("older than 60").

    A number of several words that name one of the ``periods`` is none: "between 3 and 10 March 2024".
    """
    found: list[Comparison] = []
    dated = {i for p in periods if not p.whole_years for i in range(p.start, p.end)}
    for hit in sentence.find(sentence.lexicon.comparisons, by_stem=False):
        number = _number_at(sentence, hit.end)
        if number is None or hit.end in dated:
            continue
        value, end = number
        second = _number_at(sentence, end + 1) if hit.meaning == "between" and sentence.word(end) in {"and", "to"} else None
        column, start, stop = _column_beside(sentence, view, mentions, hit, second[1] if second else end)
        if column is None or (hit.meaning == "between" and second is None) or hit.meaning == "contains":
            continue
        ends = [(value, hit.end, end), *([(second[0], end + 1, second[1])] if second else [])]
        units = [_unit_words(sentence, start, stop) for _, start, stop in ends]
        values: tuple[Scalar, ...] = tuple(
            in_unit_of(column, number, unit or units[-1], sentence.lexicon) for (number, _, _), unit in zip(ends, units, strict=True)
        )
        if _rather_years(view, column, values):
            continue
        op = next(op for op in _OPS if op == hit.meaning)
        found.append(Comparison(column, Filter(column=column.name, op=op, values=values), start, max(stop, second[1] if second else end)))
    return tuple(found)


def _rather_years(view: View, column: Column, values: tuple[Scalar, ...]) -> bool:
    """Whether numbers that may be years lie outside of the column's own range, in a table with a time: "rain between 2000 and 2010"."""
    low, high = column.description.minimum, column.description.maximum
    if not all(isinstance(v, int) and FIRST_YEAR <= v <= LAST_YEAR for v in values) or column.is_time:
        return False
    inside = (
        isinstance(low, int | float)
        and isinstance(high, int | float)
        and any(low <= float(v) <= high for v in values if isinstance(v, int))
    )
    if not inside or len(values) == 1:
        return not inside and any(c.is_time for c in view.columns)
    return any(_covers(c, values) for c in view.columns if c.is_time)


def _covers(time: Column, years: Sequence[Scalar]) -> bool:
    """Whether the times of a column reach over these years: "sales from 2020 to 2022" are then those of the years."""
    low, high = (str(end)[:4] for end in (time.description.minimum, time.description.maximum))
    return low.isdigit() and high.isdigit() and all(int(low) <= int(str(year)) <= int(high) for year in years)


def _number_at(sentence: Sentence, at: int) -> tuple[int | float, int] | None:
    """The number at a position (a small word may stand before it) and where it ends, its unit included."""
    while sentence.word(at) in {"a", "the", "about", "$", "€", "£"}:
        at += 1
    word = sentence.word(at)
    numbers = sentence.lexicon.numbers
    value = parse_number(word) if word else None
    if value is None:
        value = numbers.get(word)
    if value is None:
        return None
    end = at + 1
    while numbers.get(sentence.word(end), 0) >= 100:
        value *= numbers[sentence.word(end)]
        end += 1
    unit_words = {w for p in sentence.lexicon.units for w in p.words}
    while (
        sentence.word(end) in unit_words
        or _singular(sentence.word(end)) in unit_words
        or sentence.word(end) in {"%", "°", "percent", "degrees", "years", "old"}
    ):
        end += 1
    return value, end


def _singular(word: str) -> str:
    """``kilometre`` for "kilometres"; a word of few letters is no plural."""
    return word.removesuffix("s") if len(word) > 3 else word


def _unit_words(sentence: Sentence, start: int, end: int) -> str:
    """The unit that stands behind a number: what of ``start`` to ``end`` is no number and no filler, as it was written."""
    fillers = {"a", "the", "about", "years", "old"} | set(sentence.lexicon.numbers)
    found = [t for t in sentence.tokens[start:end] if not t.is_number and t.folded not in fillers]
    return sentence.text[found[0].start : found[-1].end] if found else ""


def parse_number(word: str) -> int | float | None:
    """A number as people write it in English: ``1,200``, ``1'200``, ``2.5``, ``-3``."""
    plain = re.sub(r"(?<=\d)[,'’](?=\d{3}(?!\d))", "", word)
    if re.fullmatch(r"[-+]?\d+", plain):
        return int(plain)
    if re.fullmatch(r"[-+]?\d+[.,]\d+", plain):
        return float(plain.replace(",", "."))
    return None


def count_at(sentence: Sentence, at: int) -> int | None:
    """How many the word at a position says, from 1 to 100: ``3`` of "3" or "three"."""
    word = sentence.word(at)
    number = parse_number(word) if word else None
    number = number if number is not None else sentence.lexicon.numbers.get(word)
    return number if isinstance(number, int) and 1 <= number <= 100 else None


def _column_beside(sentence: Sentence, view: View, mentions: tuple[Mention, ...], hit: Hit, end: int) -> tuple[Column | None, int, int]:
    """The column that a comparison speaks of, and the tokens it then covers."""
    numeric = [m for m in mentions if m.column.is_numeric and m.column.description.role != "id"]
    counted = _counted_noun(sentence, numeric, end, several=sentence.word(hit.start - 1) in _HOLDING)
    if counted is not None:
        return counted.column, hit.start, counted.end if counted.first == end else end
    for mention in numeric:
        between = sentence.words(mention.end, hit.start)
        if mention.end <= hit.start and all(w in SMALL_WORDS or w in {"of", "value", "values", "be", "being"} for w in between):
            return mention.column, mention.first, end
    if "old" in sentence.words(hit.end, end):
        ages = columns_about(view, "age", sentence)
        if len(ages) == 1:
            return ages[0], hit.start, end
    adjective = next((sentence.lexicon.adjectives[w] for w in sentence.words(hit.start, hit.end) if w in sentence.lexicon.adjectives), None)
    if adjective:
        fitting = columns_about(view, adjective, sentence)
        if len(fitting) == 1:
            return fitting[0], hit.start, end
    for mention in numeric:
        if mention.start >= end and mention.start - end <= 1:
            return mention.column, hit.start, mention.end
    return None, hit.start, end


def _counted_noun(sentence: Sentence, numeric: Sequence[Mention], end: int, *, several: bool = False) -> Mention | None:
    """The column right behind a number, which the number counts: "sales with more than 10 units".

    None where a comma stands between, or where the column has a number of its own ("age above 60 income below 5").
    """
    following = {h.start: h for h in sentence.find(sentence.lexicon.comparisons, by_stem=False)}
    second = following.get(end + 1) if several and sentence.word(end) in {"and", "but"} else None
    number = _number_at(sentence, second.end) if second else None
    if number is not None:  # "more than 5 and less than 10 units"
        return _counted_noun(sentence, numeric, number[1])
    found = next((m for m in numeric if m.first == end), None)
    if found is None or sentence.text[sentence.tokens[end - 1].end : sentence.tokens[end].start].strip():
        return None
    return None if found.end in following else found


def columns_about(view: View, measure: str, sentence: Sentence) -> list[Column]:
    """The measures whose name speaks of ``measure`` ("temperature" for "warmest"), by the lexicon's synonyms."""
    wanted = {stem(measure)}
    for group in sentence.lexicon.column_synonyms:
        if any(phrase == (stem(measure),) for phrase in group):
            wanted |= {phrase[0] for phrase in group if len(phrase) == 1}
    return [c for c in view.columns if c.is_measure and wanted & {s for s, w in zip(c.stems, c.weights, strict=True) if w == 1.0}]


def measure_by_adjective(sentence: Sentence, view: View) -> list[Column]:
    """The measures that an adjective of the question speaks of ("warmest" -> temperature)."""
    adjectives = sentence.lexicon.adjectives
    free = [i for i, t in enumerate(sentence.tokens) if t.folded in adjectives and i not in sentence.explained]
    spoken = [(i, adjectives[sentence.word(i)]) for i in free]
    for position, measure in spoken:
        found = columns_about(view, measure, sentence)
        if found:
            sentence.explain(position, position + 1, "adjective")
            return found
    return []
