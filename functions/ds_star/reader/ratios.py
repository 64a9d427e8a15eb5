"""Questions for a ratio of two columns: "profit per employee by region", "the ratio of debt to income"."""

from __future__ import annotations

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import grouping, make_spec
from functions.ds_star.reader.views import Column, additive

_ALLOWED = frozenset({"ratio", "mean", "sum", "top_n"})
_PLACES = frozenset({"per", "each", "every", "a", "an", "the", "of"})


def asks_ratio(sentence: Sentence, slots: Slots, cues: Cues) -> bool:
    """Whether the question says "ratio" or "divided by", or sets two measures side by side with "per"."""
    return cues.has("ratio") or (len(slots.measures) == 2 and _per(sentence, slots, slots.measures[1]))


def _per(sentence: Sentence, slots: Slots, column: Column) -> bool:
    """Whether "per" stands right before the column."""
    for mention in slots.mentions:
        if mention.column is column or column in mention.rivals:
            lead = mention.first
            while sentence.word(lead - 1) in _PLACES - {"per"}:
                lead -= 1
            return sentence.word(lead - 1) == "per"
    return False


def ratio_specs(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """The first measure per the second, of totals; the script gives the mean of the rows' own ratios beside it."""
    if len(slots.measures) != 2:
        named = ", ".join(f'"{c.name}"' for c in slots.measures[:4]) or "none"
        raise Refused("unmatched", f"a ratio needs two numeric columns, and the question names {named}")
    other = [name for name in cues.named if name not in _ALLOWED]
    if other:
        raise Refused("unsuitable", f"a ratio is one of totals, and no {other[0].replace('_', ' ')} of ratios is calculated")
    over, under = slots.measures
    if additive(over, sentence.lexicon) is False and additive(under, sentence.lexicon) is True and not cues.has("ratio"):
        raise Refused("unsuitable", f'the values of "{over.name}" do not add up, so there is no total of them per "{under.name}"')
    if cues.superlative and not (slots.which or slots.by or slots.which_time):
        raise Refused("ambiguous", "the question names a ratio and an extreme, and no column whose groups are ranked")
    slots.by += [c for c in slots.groups if c not in slots.by]
    descending = cues.highest and not cues.has("minimum")
    return (make_spec(slots, "ratio", measure=over, second=under, statistic="sum", by=grouping(slots), descending=descending),)
