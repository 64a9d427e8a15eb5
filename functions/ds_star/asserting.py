"""What a worded finding asserts, in a form that fusion can compare: figure and unit by code, names by the model where recorded words bear
them out.

What the recorded values' own names and rows, or the columns that were read, do not say stays unknown, and is then never compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from schemas.analysis import Value
from schemas.assertion import Assertion, Statistic
from schemas.base import Contract
from shared.language.lexicon import content_stems
from shared.language.words import words

_ISO = re.compile(r"\d{4}(?:-\d\d){0,2}(?:/\d{4}(?:-\d\d){0,2})?")
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_SAID_BY: Mapping[Statistic, frozenset[str]] = {
    "count": frozenset({"count", "counts", "number", "n", "rows"}),
    "sum": frozenset({"sum", "total", "totals"}),
    "mean": frozenset({"mean", "means", "average", "averages", "avg"}),
    "median": frozenset({"median", "medians"}),
    "share": frozenset({"share", "shares", "percentage", "percent", "proportion", "fraction", "%"}),
    "minimum": frozenset({"minimum", "min", "lowest", "smallest", "least", "earliest"}),
    "maximum": frozenset({"maximum", "max", "highest", "largest", "greatest", "latest"}),
    "difference": frozenset({"difference", "differences", "diff", "change", "changes", "gap"}),
    "ratio": frozenset({"ratio", "ratios"}),
    "trend": frozenset({"trend", "trends", "slope", "slopes"}),
    "correlation": frozenset({"correlation", "correlations", "pearson", "spearman", "r"}),
    "rate": frozenset({"rate", "rates"}),
}
"""Words in a value's name that say which statistic it is. What none of them says (a standard deviation) is not known."""


class About(Contract):
    """What a finding is about, in words of the values that it cites and of the columns; empty for what they do not say."""

    measure: str = Field(default="", max_length=120)
    entity: str = Field(default="", max_length=120)
    statistic: Statistic = "unknown"
    period: str = Field(default="", max_length=30)
    population: str = Field(default="", max_length=120)


def assertion_of(about: About | None, cited: Sequence[Value], columns: Iterable[str]) -> Assertion | None:
    """The assertion of a sentence that cites these values; ``None`` where no recorded word says what was measured."""
    if about is None:
        return None
    rows = [text for value in cited for text in (value.name, value.filters or "")]
    measure = _borne_out(about.measure, [*rows, *columns])
    if measure is None:
        return None
    figures = [value for value in cited if isinstance(value.value, int | float) and not isinstance(value.value, bool)]
    figure = figures[0] if len(figures) == len(cited) == 1 else None
    return Assertion(
        entity=_borne_out(about.entity, rows),
        measure=measure,
        statistic=about.statistic if _is_said(about.statistic, cited) else "unknown",
        comparator="=" if figure is not None else "unknown",
        value=float(figure.value) if figure is not None and figure.value is not None else None,
        unit=figure.unit if figure is not None else None,
        period=_period(about.period, rows),
        population=_borne_out(about.population, rows),
        modality="observed",
    )


def _borne_out(name: str, texts: Iterable[str]) -> str | None:
    """The name, if each of its telling words stands in one of the texts."""
    own = set(content_stems(name))
    said = {stem for text in texts for stem in content_stems(text)}
    return " ".join(name.split()) if own and own <= said else None


def _is_said(statistic: Statistic, cited: Sequence[Value]) -> bool:
    """Whether the name of every value that is cited has a word for it."""
    said_by = _SAID_BY.get(statistic, frozenset[str]())
    return all(said_by & set(words(value.name)) for value in cited)


def _period(stated: str, rows: Sequence[str]) -> str | None:
    """The period, if it is ISO 8601 and its years stand with the values."""
    text = stated.strip()
    years = {year for row in rows for year in _YEAR.findall(row)}
    return text if _ISO.fullmatch(text) and set(_YEAR.findall(text)) <= years else None
