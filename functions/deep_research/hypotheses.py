"""What a document claims and data could settle: a change over time, a difference between groups, a relation of two measures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from functions.deep_research.assertions import parse_assertion
from functions.deep_research.dates import open_since, period_of
from functions.deep_research.instructions import INSTRUCTION_LIKE
from functions.deep_research.state import CheckedQuote
from shared.reading.sentences import sentences

MAX_HYPOTHESES = 6
_NAME = r"(?:(?!\b(?:is|are|was|were|than|which|that|because)\b)[\w°%’'-]+\s+){0,4}(?!\b(?:is|are|was|were)\b)[\w°%’'-]+"
_COMPARED = re.compile(
    rf"^(?P<measure>{_NAME})\s+(?:is|are|was|were)\s+(?:\w+ly\s+)?(?P<how>higher|lower|larger|smaller|greater|heavier|lighter|longer|shorter|warmer|colder"
    rf"|more common|less common)\s+(?:in|at|for|among|on)\s+(?P<a>{_NAME})\s+than\s+(?:(?:in|at|for|among|on)\s+)?(?P<b>{_NAME})",
    re.IGNORECASE,
)
_RELATED = re.compile(
    rf"^(?P<a>{_NAME})\s+(?:is|are|was|were)\s+(?:\w+ly\s+)?(?:associated|correlated|related|linked)\s+(?:with|to)\s+(?P<b>{_NAME})",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A hypothesis in words, the analysis that would test it, and the quote it comes from (its place among the quotes)."""

    text: str
    analysis: str
    quote: int


def suggest(quotes: Sequence[CheckedQuote]) -> tuple[Suggestion, ...]:
    """At most ``MAX_HYPOTHESES``, each once, in the order of the quotes."""
    found: dict[str, Suggestion] = {}
    for place, quote in enumerate(quotes):
        if INSTRUCTION_LIKE in quote.candidate.flags:
            continue
        for start, end in sentences(quote.candidate.quote):
            suggestion = _from_sentence(quote.candidate.quote[start:end], place)
            if suggestion is not None:
                found.setdefault(suggestion.analysis, suggestion)
    return tuple(found.values())[:MAX_HYPOTHESES]


def _from_sentence(sentence: str, place: int) -> Suggestion | None:
    if compared := _COMPARED.match(sentence):
        measure, first, second = (_bare(compared.group(name)) for name in ("measure", "a", "b"))
        how = compared.group("how").casefold()
        return Suggestion(f"{measure} is {how} for {first} than for {second}", f"compare {measure} between {first} and {second}", place)
    if related := _RELATED.match(sentence):
        first, second = _bare(related.group("a")), _bare(related.group("b"))
        return Suggestion(f"{first} is related to {second}", f"correlation of {first} and {second}", place)
    assertion = parse_assertion(sentence)
    if assertion is None or assertion.measure is None or assertion.direction not in ("up", "down"):
        return None
    change = "increases" if assertion.direction == "up" else "decreases"
    since, period = open_since(sentence), period_of(sentence)
    when = f" since {since}" if since else f" in {period.replace('/', ' to ')}" if period else " over time"
    of = f" of {assertion.entity}" if assertion.entity else ""
    return Suggestion(
        f"{assertion.measure}{of} {change}{when}", f"trend of {assertion.measure}{of}{when if since or period else ''}", place
    )


def _bare(text: str) -> str:
    return _ARTICLE.sub("", text.strip())
