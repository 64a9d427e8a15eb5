"""What a claim asserts, in a form that code can compare: read by code, or filled in by a model and believed as far as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from functions.deep_research.assertions import parse_assertion
from functions.deep_research.dates import period_of
from functions.deep_research.numerals import Quantity, quantities
from functions.deep_research.state import ModelClaim
from schemas.assertion import Assertion, Comparator, Modality, Statistic
from schemas.base import Contract
from shared.knowledge.terms import index_terms
from shared.language.numbers import numerals
from shared.reading.sentences import sentences

_PERIOD = re.compile(r"\d{4}(?:-\d\d){0,2}(?:/\d{4}(?:-\d\d){0,2})?")
_WITHOUT_FIGURE: frozenset[Comparator] = frozenset({"increases", "decreases", "differs", "no_difference"})


class StatedAssertion(Contract):
    """An assertion as a model fills it in; figures as the claim writes them, empty text for what it does not say."""

    entity: str = Field(default="", max_length=120)
    measure: str = Field(default="", max_length=120)
    statistic: Statistic = "unknown"
    comparator: Comparator = "unknown"
    value: str = Field(default="", max_length=40)
    low: str = Field(default="", max_length=40)
    high: str = Field(default="", max_length=40)
    unit: str = Field(default="", max_length=40)
    period: str = Field(default="", max_length=30)
    population: str = Field(default="", max_length=120)
    direction: Literal["up", "down", "none", "unknown"] = "unknown"
    modality: Modality = "unknown"


def plain_assertion(text: str) -> Assertion | None:
    """What a text asserts, if exactly one of its sentences plainly asserts something."""
    found = [parse_assertion(text[start:end]) for start, end in sentences(text)]
    plain = [assertion for assertion in found if assertion is not None]
    return plain[0] if len(plain) == 1 else None


def filled(stated: StatedAssertion, claim: ModelClaim) -> Assertion | None:
    """The assertion, with figures as the claim states them.

    Names have to be words of the claim, its quotes or their headings; a part that is not stays unknown. A figure that the claim does
    not state, or a measure that nothing speaks of, leaves no assertion at all.
    """
    around = [claim.text, *(q.quote for q in claim.quotes), *(h for q in claim.quotes for h in q.heading_path)]
    measure = _spoken_of(stated.measure, around)
    if measure is None:
        return None
    figures = quantities(claim.text)
    named = [_figure(text, figures) for text in (stated.value, stated.low, stated.high)]
    if any(text.strip() and figure is None for text, figure in zip((stated.value, stated.low, stated.high), named, strict=True)):
        return None
    value, low, high = named
    if (low is None) != (high is None) or (low and high and (value or low.value > high.value)):
        return None
    figure = value or high
    if figure is None and stated.comparator not in _WITHOUT_FIGURE:
        return None
    return Assertion(
        entity=_spoken_of(stated.entity, around),
        measure=measure,
        statistic=stated.statistic,
        comparator=stated.comparator,
        value=value.value if value else None,
        low=low.value if low else None,
        high=high.value if high else None,
        unit=_unit(figure, stated.unit, around) if figure else None,
        digits=max(-12, min(15, figure.digits)) if figure else None,
        period=period_of(claim.text) or _period(stated.period, around),
        population=_spoken_of(stated.population, around),
        direction=stated.direction,
        modality=stated.modality,
    )


def _spoken_of(name: str, around: Iterable[str]) -> str | None:
    """The name, if each of its words stands in one of the texts."""
    words = {w for text in around for language in ("en", "de") for w in index_terms(text, language)}
    plain = " ".join(name.split())
    own = index_terms(plain, "en")
    return plain if own and all(w in words for w in own) else None


def _figure(text: str, figures: Iterable[Quantity]) -> Quantity | None:
    """The figure of the claim that the text names."""
    named = {float(reading) for numeral in numerals(text) for reading in numeral.readings}
    return next((f for f in figures if f.value in named or -f.value in named), None)


def _unit(figure: Quantity, stated: str, around: Iterable[str]) -> str | None:
    unit = figure.unit or (stated.strip() if any(stated.strip() in text for text in around) else "") or None
    return f"{unit}/{figure.per}" if unit and figure.per else unit


def _period(stated: str, around: Iterable[str]) -> str | None:
    """The period, if it is ISO 8601 and its years stand in one of the texts."""
    text = stated.strip()
    years = set(re.findall(r"\d{4}", text))
    return text if _PERIOD.fullmatch(text) and any(all(year in other for year in years) for other in around) else None
