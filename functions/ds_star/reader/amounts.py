"""A number beside a column's name is a condition: "8 cylinders", "cars with 5 gears", "3 or more children", "in firm 1"."""

from __future__ import annotations

from typing import Literal

from functions.ds_star.operation import Filter
from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.filters import Comparison, parse_number
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.views import MAX_STEPS, Column

_HOLDS = frozenset({"with", "have", "has", "had", "having"})
_PLACES = frozenset({"in", "on", "at", "of", "for", "with", "where"})
_NEGATIONS = frozenset({"not", "never", "don't", "doesn't", "didn't"})
_OTHERWISE = frozenset(
    {"than", "over", "under", "above", "below", "least", "most", "to", "until", "and", "or", "between", "from", "not", "no", "without"}
    | {"about", "around", "nearly", "almost", "approximately", "roughly", "circa", "per", "by", "every", "each"}
    | {"top", "bottom", "first", "last", "best", "worst", "next", "past", "previous", "another", "other"}
)
"""What before a number says that it is no plain amount; the number then stays unexplained, and the question is refused."""
_OPEN: tuple[tuple[Literal[">=", "<="], frozenset[tuple[str, ...]]], ...] = (
    (
        ">=",
        frozenset({("or", "more"), ("or", "above"), ("or", "over"), ("or", "greater"), ("and", "more"), ("and", "up"), ("and", "above")}),
    ),
    ("<=", frozenset({("or", "less"), ("or", "fewer"), ("or", "below"), ("or", "under")})),
)


def find_amounts(sentence: Sentence, mentions: tuple[Mention, ...]) -> tuple[Comparison, ...]:
    """Conditions that a number right beside a numeric column's name states, where nothing else explains the number."""
    found = (_amount(sentence, mention) or _numbered(sentence, mention) for mention in mentions)
    return tuple(amount for amount in found if amount is not None)


def _amount(sentence: Sentence, mention: Mention) -> Comparison | None:
    column, at = _numeric(sentence, mention), mention.first - 1
    if column is None:
        return None
    op, at = _open_before(sentence, at)
    word, before = sentence.word(at), sentence.word(at - 1)
    if not sentence.is_free(at, at + 1) or before in _OTHERWISE or before in sentence.lexicon.superlatives:
        return None
    if at > 0 and sentence.tokens[at - 1].is_number:
        return None
    held = before in _HOLDS
    if held and sentence.word(at - 2) in _NEGATIONS:
        return None
    value = parse_number(word) if word else None
    if value is None and held:
        value = sentence.lexicon.numbers.get(word)
    if value is None or not (held or _few_steps(column)) or not _within(column, value, held=held):
        return None
    end = mention.end
    if op is None:
        op, end = _open_behind(sentence, end)
    return Comparison(column, Filter(column=column.name, op=op or "==", values=(value,)), at, end)


def _numeric(sentence: Sentence, mention: Mention) -> Column | None:
    """The numeric column that is named, where it is one only and no condition speaks of it yet."""
    numeric = [c for c in (mention.column, *mention.rivals) if c.is_measure and c.description.role != "flag"]
    if len(numeric) != 1 or any(sentence.explained.get(p) == "condition" for p in mention.positions):
        return None
    return numeric[0]


def _numbered(sentence: Sentence, mention: Mention) -> Comparison | None:
    """The condition in "on shelf 3", "of firm 1", "in year 70": whole numbers that do not add up may be names."""
    column, at = _numeric(sentence, mention), mention.end
    value = parse_number(sentence.word(at)) if sentence.word(at) else None
    if column is None or not isinstance(value, int) or not sentence.is_free(at, at + 1) or sentence.word(at + 1) in {"or", "to", "and"}:
        return None
    whole = column.description.dtype == "integer" and column.description.additive is not True
    if not whole or sentence.word(mention.first - 1) not in _PLACES or not _within(column, value, held=False):
        return None
    return Comparison(column, Filter(column=column.name, op="==", values=(value,)), mention.first, at + 1)


def _few_steps(column: Column) -> bool:
    """Whether the column takes so few whole values that a number before its name can be nothing but one of them."""
    return column.description.dtype == "integer" and 2 <= column.description.distinct <= MAX_STEPS


def _within(column: Column, value: int | float, *, held: bool) -> bool:
    """Whether the number may be one of the column's; where nothing says that rows hold it ("2010 sales") it has to lie in its range."""
    low, high = column.description.minimum, column.description.maximum
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return held
    return low <= value <= high or (held and not 1500 <= value <= 2200)


def _open_before(sentence: Sentence, at: int) -> tuple[Literal[">=", "<="] | None, int]:
    """(the comparison, where the number stands) in "3 or more children"."""
    for op, phrases in _OPEN:
        if sentence.words(at - 1, at + 1) in phrases and at >= 2:
            return op, at - 2
    return None, at


def _open_behind(sentence: Sentence, end: int) -> tuple[Literal[">=", "<="] | None, int]:
    """(the comparison, where it ends) in "3 children or more"."""
    for op, phrases in _OPEN:
        if sentence.words(end, end + 2) in phrases:
            return op, end + 2
    return None, end
