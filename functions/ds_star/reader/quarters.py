"""Tables that keep the year and the quarter in two columns: both together are one column of times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from functions.ds_star.operation import Filter
from functions.ds_star.reader.cells import CellMention
from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.periods import Period, find_periods
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.views import Column, View
from shared.language.words import fold

_NAMES = frozenset({"quarter", "quarters", "qtr", "q"})
_FISCAL = frozenset({"fiscal", "financial", "fy"})
"""A year that is none of the calendar: its quarters are the table's own, and no times."""
_VALUE = re.compile(r"(?:quarter|qtr|q)?[ .-]?[1-4]")


@dataclass(frozen=True)
class Quarters:
    """The two columns, and the one that they make."""

    year: Column
    quarter: Column
    together: Column


def quarters_of(view: View) -> Quarters | None:
    """The columns of a table whose only time is a year beside a quarter from 1 to 4."""
    times = [c for c in view.columns if c.is_time]
    found = [c for c in view.columns if not c.is_time and _NAMES & set(c.words) and _holds_quarters(c)]
    if view.join or len(times) != 1 or len(found) != 1 or not times[0].is_numeric or _FISCAL & set(times[0].words):
        return None
    year, quarter = times[0], found[0]
    about = year.description
    together = about.model_copy(
        update={
            "name": f"{year.name} and {quarter.name}",
            "dtype": "date",
            "distinct": min(view.rows, about.distinct * quarter.description.distinct),
            "minimum": f"{about.minimum}-01-01",
            "maximum": f"{about.maximum}-10-01",
        }
    )
    return Quarters(year, quarter, Column(together))


def _holds_quarters(column: Column) -> bool:
    values = column.description.values
    return bool(values) and all(_VALUE.fullmatch(fold(value.strip())) for value in values)


def without_quarters(
    sentence: Sentence, view: View, mentions: Sequence[Mention], cells: Sequence[CellMention]
) -> tuple[tuple[Mention, ...], tuple[CellMention, ...]]:
    """The names and values less those that are part of a quarter with its year: "Q2 2024" is a time, and no value beside a year."""
    found = quarters_of(view)
    if found is None:
        return tuple(mentions), tuple(cells)
    taken = {i for p in find_periods(sentence) if p.quarter for i in range(p.start, p.end)}
    kept = tuple(m for m in mentions if m.column is not found.quarter or not taken & set(m.positions))
    return kept, tuple(c for c in cells if c.column is not found.quarter or not taken & set(range(c.start, c.end)))


def take_quarters(sentence: Sentence, slots: Slots) -> None:
    """Takes year and quarter together where quarters are named, or where those of several years would be thrown together."""
    found = quarters_of(slots.view)
    if found is None or slots.time not in (None, found.year):
        return
    quarterly = any(m.column is found.quarter and sentence.word(m.start) == "quarterly" for m in slots.mentions)
    grouped = quarterly or found.quarter in slots.by or slots.which is found.quarter
    if quarterly:
        slots.groups = [c for c in slots.groups if c is not found.quarter]
        slots.by = list(dict.fromkeys([*slots.by, found.quarter]))
    by_year = slots.periods_asked and slots.grain in (None, "year")
    one_year = len(slots.times) == 1 and slots.times[0].is_single and slots.times[0].negation is None
    apart = grouped and not by_year and not one_year and found.year.description.distinct > 1
    named = any(p.quarter for t in slots.times for p in _periods(t.period, t.last))
    if apart:
        slots.by = [c for c in slots.by if c is not found.quarter]
        slots.which_time = slots.which_time or slots.which is found.quarter
        slots.which = None if slots.which is found.quarter else slots.which
        slots.grain, slots.periods_asked = "quarter", True
        slots.notes.append(f'the quarters of different years are kept apart, by "{found.year.name}"')
    if apart or named:
        slots.time = found.together
    elif found.quarter in slots.cell_columns and not slots.times and not by_year and found.year.description.distinct > 1:
        slots.notes.append(
            f'the quarter is taken of all years together; write its year behind it, as in "Q2 {found.year.description.maximum}"'
        )


def time_parts(view: View, time: Column | None, conditions: Sequence[Filter]) -> tuple[str, ...]:
    """The two columns, where a spec uses the one that they make."""
    found = quarters_of(view)
    used = {*([time.name] if time else []), *(c.column for c in conditions)}
    return (found.year.name, found.quarter.name) if found and found.together.name in used else ()


def _periods(*periods: Period | None) -> list[Period]:
    return [p for p in periods if p is not None]
