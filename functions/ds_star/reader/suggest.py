"""Questions that these files can answer, for someone whose question could not be answered. Each is read before it is offered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from functions.ds_star.reader.views import Column, View, additive
from shared.language.lexicon import Lexicon

MAX_SUGGESTIONS = 3
_PLAIN = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")
_TRIES = 40


def suggestions(
    views: Sequence[View], lexicon: Lexicon, readable: Callable[[str], bool], *, prefer: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Three questions at most that ``readable`` accepts, first those about the columns in ``prefer``."""
    candidates = list(dict.fromkeys(question for view in views if view.join is None for question in _candidates(view, lexicon, prefer)))
    found: list[str] = []
    for question in candidates[:_TRIES]:
        if readable(question):
            found.append(question)
        if len(found) == MAX_SUGGESTIONS:
            break
    return tuple(found)


def _candidates(view: View, lexicon: Lexicon, prefer: frozenset[str]) -> Iterator[str]:
    """Questions of different kinds about the view's most telling columns."""

    def first(columns: list[Column]) -> list[Column]:
        return sorted(columns, key=lambda c: c.name not in prefer)

    measures = first([c for c in view.columns if c.is_measure and c.description.role == "measure"])
    groups = first([c for c in view.columns if c.description.role == "category" and 2 <= c.description.distinct <= 30])
    times = [c for c in view.columns if c.is_time and c.description.distinct >= 8]
    for measure in measures[:1]:
        for group in groups[:1]:
            yield f"What is the mean of {quoted(measure.name)} by {quoted(group.name)}?"
        for time in times[:1]:
            yield f"What is the trend of {quoted(measure.name)} over {quoted(time.name)}?"
        if len(measures) > 1:
            yield f"What is the correlation between {quoted(measure.name)} and {quoted(measures[1].name)}?"
    for group in groups[:2]:
        yield f"How many rows are there by {quoted(group.name)}?"
    for measure in measures[:3]:
        yield f"What is the mean of {quoted(measure.name)}?"
        yield f"What is the distribution of {quoted(measure.name)}?"
        if additive(measure, lexicon):
            yield f"What is the sum of {quoted(measure.name)}?"
    yield "How many rows are there?"
    yield "Which columns have missing values?"
    yield f"How many rows are there in {quoted(view.source.file)}?"


def quoted(name: str) -> str:
    """A column's name as a question may carry it: in quotes unless it is one plain word that cannot be mistaken."""
    return name if _PLAIN.fullmatch(name) and "_" in name else f'"{name}"'
