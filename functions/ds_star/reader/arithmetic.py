"""Questions for calculations that are not done: with two columns ("units times price"), or for a condition ("a mean price above 3")."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.filters import Comparison
from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence

_SIGNS = frozenset({"times", "multiplied by", "multiplied with", "x", "*", "×", "·", "plus", "+", "minus", "less", "-", "−", "–"})
_QUOTIENTS = frozenset({"over", "/", "÷"})
_STATISTICS = frozenset({"total", "totals", "sum", "mean", "average", "median", "overall", "combined", "cumulative"})
_OF_GROUPS = frozenset({("in", "total"), ("in", "sum"), ("on", "average")})


def refuse_arithmetic(sentence: Sentence, mentions: Sequence[Mention]) -> None:
    """Refuses two measures with a sign between them: each of them by itself would be the answer to another question."""
    measures = sorted((m for m in mentions if m.column.is_measure), key=lambda m: m.first)
    ratio_asked = any(word.startswith("ratio") for word in sentence.words(0, len(sentence)))
    for before, after in pairwise(measures):
        between = sentence.text[sentence.tokens[before.end - 1].end : sentence.tokens[after.first].start]
        sign = " ".join(between.casefold().split()).removesuffix(" the")
        if sign not in _SIGNS | _QUOTIENTS or (sign in _QUOTIENTS and ratio_asked):
            continue
        said = text_of(sentence, before.first, after.end)
        ratio = f', or for the ratio of "{before.column.name}" to "{after.column.name}"' if sign in _QUOTIENTS else ""
        raise Refused("unsuitable", f'"{said}" is calculated of two columns, which is not done; ask for each of them{ratio}')


def refuse_conditions_on_groups(sentence: Sentence, comparisons: Sequence[Comparison]) -> None:
    """Refuses "products with total units above 10" and "more than 10 units in total": a condition holds for single rows."""
    for condition in comparisons:
        before, behind = condition.start - 1, sentence.words(condition.end, condition.end + 2)
        spoken = sentence.word(before) in _STATISTICS and sentence.explained.get(before) != "column"
        if sentence.word(condition.end - 1) == "sales" and "sales" not in condition.column.words:
            said = text_of(sentence, condition.start, condition.end)
            raise Refused("unsuitable", f'"{said}" may be a number of rows, and only single rows are chosen; ask for the number by groups')
        if not (spoken or tuple(behind) in _OF_GROUPS):
            continue
        said = text_of(sentence, condition.start - spoken, condition.end + (0 if spoken else 2))
        instead = f'ask for "{condition.column.name}" by groups, or write "where" before a condition on rows'
        raise Refused("unsuitable", f'"{said}" may be a condition on groups, and only single rows are chosen; {instead}')
