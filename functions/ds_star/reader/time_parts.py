"""Tables that keep the year and its half, quarter or month in two columns: both together are one column of times."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from functions.ds_star.operation import Filter, TimeParts
from functions.ds_star.reader.cells import CellMention
from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.periods import Period, find_periods
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import GRAINS, Slots
from functions.ds_star.reader.views import Column, View
from shared.language.lexicon import load_lexicon
from shared.language.words import fold

_Part = Literal["half", "quarter", "month"]
_PARTS: tuple[_Part, ...] = ("half", "quarter", "month")
"""The longest first."""
_NAMES = {
    "half": frozenset({"half", "halves", "halfyear"}),
    "quarter": frozenset({"quarter", "quarters", "qtr", "q"}),
    "month": frozenset({"month", "mon", "mth"}),
}
_RECURRING = frozenset({"half", "quarter", "qtr", "month", "semester", "trimester", "term", "season", "week"})
"""Names of columns that tell a part of a year, be it one of the calendar or not."""
_YEARS = frozenset({"year", "years", "yr"})
_FORMS = frozenset({"name", "number", "no", "num", "nr", "abbr", "abbreviation", "short", "long", "label", "text", "of", "the"})
"""Words that say how a part of a time is written, and not which time it is part of."""
_OTHER_TIMES = frozenset({"birth", "born", "fiscal", "financial", "fy"})
"""Months beside a year that are hardly those of this year."""
_FISCAL = frozenset({"fiscal", "financial", "fy"})
"""A year that is none of the calendar: its quarters and months are the table's own, and no times."""
_VALUE = {
    "half": re.compile(r"(?:half|h)?[ .-]?[12]|[12]h|(?:first|second|1st|2nd)(?: half)?"),
    "quarter": re.compile(r"(?:quarter|qtr|q)?[ .-]?[1-4]"),
    "month": re.compile(r"(?:month|m)?[ .-]?(?:0?[1-9]|1[0-2])"),
}
_LAST_FIRST_DAY = {"half": "07-01", "quarter": "10-01", "month": "12-01"}
_ADVERBS = {"quarter": "quarterly", "month": "monthly"}
_PLURALS = {"half": "halves", "quarter": "quarters", "month": "months"}


@dataclass(frozen=True)
class SplitTime:
    """A year and a part of it, and the column that they make. ``columns`` all tell the same part, as do a month's number and its name."""

    part: _Part
    year: Column
    columns: tuple[Column, ...]
    together: Column

    def tells(self, period: Period) -> bool:
        """Whether a period is one that needs the part: no whole year, and nothing that only a shorter part can tell."""
        whole = {"half": period.whole_halves, "quarter": period.whole_quarters, "month": True}[self.part]
        return not period.whole_years and whole


def split_times(view: View) -> tuple[SplitTime, ...]:
    """The times that a table keeps in two columns, if its only time is a year; the longest part first."""
    times = [c for c in view.columns if c.is_time]
    if view.join or len(times) != 1 or not times[0].is_numeric or _FISCAL & set(times[0].words):
        return ()
    found = [(part, _belonging(times[0], part_columns(view, part), part)) for part in _PARTS]
    return tuple(SplitTime(part, times[0], columns, _together(view, times[0], columns[0], part)) for part, columns in found if columns)


def part_columns(view: View, part: _Part) -> tuple[Column, ...]:
    """The columns that hold nothing but quarters, or months, and are called so."""
    return tuple(c for c in view.columns if not c.is_time and _NAMES[part] & set(c.words) and _holds(c, part))


def _holds(column: Column, part: _Part) -> bool:
    names = load_lexicon().months if part == "month" else {}
    values = [fold(v.strip()).removesuffix(".") for v in column.description.values]
    return bool(values) and all(v in names or _VALUE[part].fullmatch(v) for v in values)


def _belonging(year: Column, columns: Sequence[Column], part: _Part) -> tuple[Column, ...]:
    """Those that tell the year's own part: ``order_month`` beside ``year`` or ``order_year``; none where two differ."""
    of_year = set(year.words) - _YEARS
    called = [frozenset(c.words) - _NAMES[part] - _FORMS - _YEARS for c in columns]
    if len(set(called)) != 1 or (of_year and called[0] - of_year) or called[0] & _OTHER_TIMES:
        return ()
    return tuple(columns)


def _together(view: View, year: Column, column: Column, part: _Part) -> Column:
    about = year.description
    return Column(
        about.model_copy(
            update={
                "name": f"{year.name} and {column.name}",
                "dtype": "date",
                "distinct": min(view.rows, about.distinct * column.description.distinct),
                "minimum": f"{about.minimum}-01-01",
                "maximum": f"{about.maximum}-{_LAST_FIRST_DAY[part]}",
            }
        )
    )


def without_parts(
    sentence: Sentence, view: View, mentions: Sequence[Mention], cells: Sequence[CellMention]
) -> tuple[tuple[Mention, ...], tuple[CellMention, ...]]:
    """The names and values less those that are part of a time with its year: "Q2 2024" is a time, and no value beside a year.

    The 3 of "top 3 months" is no month either.
    """
    kept, values = tuple(mentions), tuple(cells)
    periods = find_periods(sentence)
    for split in split_times(view):
        taken = {i for p in periods if split.tells(p) for i in range(p.start, p.end)}
        kept = tuple(m for m in kept if m.column not in split.columns or not taken & set(m.positions))
        own = [c for c in values if c.column in split.columns]
        counted = {m.first - 1 for m in mentions if m.column in split.columns and _is_ranked(sentence, m)}
        no_values = [c for c in own if taken & set(range(c.start, c.end)) or (c.value.isdigit() and c.start in counted)]
        values = tuple(c for c in values if c not in no_values)
    return kept, values


def take_time_parts(sentence: Sentence, slots: Slots) -> None:
    """Takes a year and its part together where such times are named, or where those of several years would be thrown together.

    Raises ``Refused`` for a part whose year is not said.
    """
    found = split_times(slots.view)
    if not found or slots.time not in (None, found[0].year):
        _note_thrown_together(slots)
        return
    named = [p for t in slots.times for p in (t.period, t.last) if p is not None]
    telling = [s for s in found if all(s.tells(p) or p.whole_years for p in named)] if not all(p.whole_years for p in named) else []
    apart = [s for s in found if _is_kept_apart(sentence, slots, s)]
    asked = [s for s in found if slots.periods_asked and slots.grain in GRAINS[GRAINS.index(s.part) : -1]]
    for split in apart:
        _by_periods(slots, split)
    needed = [*apart, *telling[:1], *asked[:1]]
    if needed:
        slots.time = max(needed, key=lambda s: _PARTS.index(s.part)).together
    else:
        _refuse_lone_part(sentence, slots, found)
        _note_thrown_together(slots)


def _is_kept_apart(sentence: Sentence, slots: Slots, split: SplitTime) -> bool:
    """Whether parts are grouped by that stand for those of several years."""
    adverbial = [m.column for m in slots.mentions if m.column in split.columns and sentence.word(m.start) == _ADVERBS.get(split.part)]
    if adverbial:
        slots.groups = [c for c in slots.groups if c not in adverbial]
        slots.measures = [c for c in slots.measures if c not in adverbial]
        slots.by = list(dict.fromkeys([*slots.by, adverbial[0]]))
    if ranked := [m.column for m in slots.mentions if m.column in split.columns and _is_ranked(sentence, m)]:
        slots.groups = [c for c in slots.groups if c not in ranked]
        slots.which = slots.which or ranked[0]
    grouped = slots.which in split.columns or any(c in split.columns for c in slots.by)
    one_year = len(slots.times) == 1 and slots.times[0].is_single and slots.times[0].negation is None
    return grouped and not _by_year(slots) and not one_year and split.year.description.distinct > 1


def _is_ranked(sentence: Sentence, mention: Mention) -> bool:
    """Whether it is "the best months" or "which 3 months": periods that are ranked."""
    before = sentence.word(mention.first - 1)
    counted = before.isdigit() or before in sentence.lexicon.numbers
    return sentence.word(mention.start).endswith("s") and (counted or before in sentence.lexicon.superlatives)


def _by_year(slots: Slots) -> bool:
    return slots.periods_asked and slots.grain in (None, "year")


def _by_periods(slots: Slots, split: SplitTime) -> None:
    """Makes the groups of a part periods."""
    slots.by = [c for c in slots.by if c not in split.columns]
    slots.which_time = slots.which_time or slots.which in split.columns
    slots.which = None if slots.which in split.columns else slots.which
    slots.grain, slots.periods_asked = split.part, True
    slots.notes.append(f'the {_PLURALS[split.part]} of different years are kept apart, by "{split.year.name}"')


def _refuse_lone_part(sentence: Sentence, slots: Slots, found: Sequence[SplitTime]) -> None:
    """Refuses "in Q2" of a table with several years, as it is refused of one with dates."""
    for split in found:
        lone = [c for c in (*slots.cells, *slots.excluded) if c.column in split.columns]
        if not lone or slots.times or _by_year(slots) or split.year.description.distinct < 2:
            continue
        said = text_of(sentence, lone[0].start, lone[0].end)
        example = said if said[0].isalpha() else _called(split.part, int(re.sub(r"\D", "", said)))
        shown = said if said[0].isalpha() else f"{split.part} {said}"
        year = split.year.description.maximum
        raise Refused("ambiguous", f'"{shown}" needs its year right behind it; write it so, as in "{example} {year}"')


def _called(part: _Part, number: int) -> str:
    return calendar.month_name[number] if part == "month" else f"{part[0].upper()}{number}"


def _note_thrown_together(slots: Slots) -> None:
    """Says that months of several years count as one, where nothing in the question or beside the month tells their year.

    In "the revenue of March since 2022" those of all these years are meant, and a reader may want each of them.
    """
    if slots.view.only_year is not None or _in_one_year(slots) or _by_year(slots):
        return
    which = "all years that are asked for" if slots.times else "all years"
    used = [*slots.by, slots.which, *slots.groups, *slots.cell_columns, *(c.column for c in slots.excluded)]
    timed = any(c.is_time for c in slots.view.columns)
    for column in [c for c in _recurring(slots.view, timed=timed) if c in used and slots.view.rows > c.description.distinct]:
        if timed:
            slots.notes.append(f'the rows of one "{column.name}" are those of {which} together; ask by year for each of them')
        else:
            slots.notes.append(f'nothing in the table tells which year a row of a "{column.name}" is of; those of all years count together')


def _in_one_year(slots: Slots) -> bool:
    """Whether the question names one year, or times within one."""
    years = {y for t in slots.times for p in (t.period, t.last or t.period) for y in p.years}
    return len(years) == 1 and all(t.kind in ("in", "between") and not t.negation for t in slots.times)


def _recurring(view: View, *, timed: bool) -> list[Column]:
    """The columns whose values come again each year; beside a time also those that are only called so."""
    found = [c for part in _PARTS for c in part_columns(view, part)]
    called = [c for c in view.columns if timed and not c.is_time and c.words and c.words[-1] in _RECURRING]
    return [*found, *(c for c in called if c not in found)]


def time_parts(view: View, time: Column | None, conditions: Sequence[Filter], *, of_years: bool = False) -> TimeParts | None:
    """The two columns, where a spec uses the one that they make; ``of_years``, where they tell whether its years are whole."""
    conditioned = {c.column for c in conditions}
    used = {*([time.name] if time else []), *conditioned}
    for split in split_times(view):
        tells_wholes = of_years and time is split.year and not conditioned & {c.name for c in split.columns}
        if split.together.name in used or tells_wholes:
            return TimeParts(year=split.year.name, part=split.columns[0].name, grain=split.part)
    return None
