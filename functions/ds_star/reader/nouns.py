"""A noun that says what kind of figure a column holds, where its name leaves that out: "gas prices" of a column ``gas``."""

from __future__ import annotations

from types import MappingProxyType

from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.views import Column

_WHOLE = 0.95
"""Least score of a name that stands whole in the question; of a part of it ("gas" in ``gas_use``) the noun may say something else."""
_JOINING = frozenset({"of", "from", "by", "for", "in"})
_ADDS_UP = MappingProxyType({"price": False, "speed": False, "rate": False, "amount": True})
"""Whether figures of a kind add up; a column that is known to do otherwise is not of that kind."""
_MONEY = frozenset({"EUR", "USD", "CHF", "GBP", "€", "$", "£", "cents", "ct"})
_SPEED = frozenset({"km/h", "m/s", "mph", "kn", "kt", "knots"})


def explain_quantity_nouns(sentence: Sentence, mentions: tuple[Mention, ...]) -> list[str]:
    """Mark such nouns as understood; gives back what was assumed by it."""
    notes = []
    for mention in mentions:
        if mention.rivals or mention.score < _WHOLE or not mention.column.is_numeric:
            continue
        for at in (mention.end, _before(sentence, mention.first)):
            kind = sentence.lexicon.quantity_nouns.get(sentence.word(at))
            if kind is None or not sentence.is_free(at, at + 1) or not _may_be(mention.column, kind):
                continue
            sentence.explain(at, at + 1, "noun")
            notes.append(f'the column "{mention.column.name}" is taken for the {sentence.tokens[at].text} that the question names')
            break
    return notes


def _before(sentence: Sentence, first: int) -> int:
    """Where the noun stands in "prices of the gas"; outside of the sentence where there is none."""
    at = first - 1
    if sentence.word(at) == "the":
        at -= 1
    return at - 1 if sentence.word(at) in _JOINING else -1


def _may_be(column: Column, kind: str) -> bool:
    """Whether nothing that is known of the column speaks against it: that it adds up, or its unit."""
    adds_up, unit = column.description.additive, column.description.unit
    if adds_up is not None and adds_up != _ADDS_UP[kind]:
        return False
    if unit is None:
        return True
    if kind == "price":
        return unit.split("/")[0].strip() in _MONEY
    if kind == "speed":
        return unit in _SPEED
    return True
