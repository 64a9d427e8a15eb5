"""What every operation's spec is made of: measure, statistic, groups, time, entity, and the checks that all of them share."""

from __future__ import annotations

from typing import Literal

from functions.ds_star.operation import Filter, Grain, OperationName, OperationSpec
from functions.ds_star.reader.cells import CellMention
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.growth import growth_of
from functions.ds_star.reader.lacking import figures_of, text_of
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots, several_times
from functions.ds_star.reader.time_parts import time_parts
from functions.ds_star.reader.unexplained import lacking_column, left_over
from functions.ds_star.reader.views import Column, additive
from schemas.mission import ReadingHints
from shared.counted import counted
from shared.language.words import stem

Statistic = Literal["count", "sum", "mean", "median", "minimum", "maximum"]
AGGREGATES: tuple[Statistic, ...] = ("mean", "median", "minimum", "maximum", "sum", "count")
BE = frozenset({"is", "are", "was", "were", "have", "has", "had", "live", "lives", "come", "belong", "earn", "do", "does"})
_SINGLE_RECORD = frozenset({"recorded", "reached", "ever", "single", "measured", "record", "observed", "individual"})
_MOST_COMMON = frozenset((most, common) for most in ("most", "least") for common in ("common", "frequent", "often"))
MIN_TREND_POINTS = 8
"""Fewer periods are no trend."""


def most_common(sentence: Sentence) -> bool:
    """Whether it asks for the value that most rows hold, or fewest: "the most common weather"."""
    found = next((i for i in range(len(sentence)) if sentence.words(i, i + 2) in _MOST_COMMON), None)
    if found is not None:
        sentence.explain(found, found + 2, "superlative")
    return found is not None


def cell_pair(slots: Slots) -> list[CellMention]:
    """Two or more values of one column, which a question sets against each other."""
    for column in slots.cell_columns:
        found = [c for c in slots.cells if c.column is column]
        if len({c.value for c in found}) >= 2:
            return found
    return []


def make_spec(
    slots: Slots,
    operation: OperationName,
    *,
    measure: Column | None = None,
    second: Column | None = None,
    statistic: Statistic | None = None,
    by: tuple[str, ...] = (),
    time: Column | None = None,
    filters: tuple[Filter, ...] | None = None,
    share_of: tuple[Filter, ...] = (),
    entity: Column | None = None,
    periods: tuple[str, ...] = (),
    ranked_by: Literal["difference", "per_cent"] | None = None,
    than: str | None = None,
    moving: bool = False,
    n: int = 5,
    descending: bool = True,
) -> OperationSpec:
    """The spec, with what all operations share: source, join, periods, filters, unit."""
    timed = time or (slots.time if slots.periods_asked and operation not in ("correlation", "compare_groups") else None)
    kept = slots.filters() if filters is None else filters
    own: Statistic = statistic or (operation if operation in AGGREGATES else "mean")
    return OperationSpec(
        operation=operation,
        source=slots.view.source,
        join=slots.view.join,
        measure=measure.name if measure else None,
        second_measure=second.name if second else None,
        statistic=own,
        by=by,
        time=timed.name if timed else None,
        grain=_grain(slots, timed, operation),
        periods=periods,
        ranked_by=ranked_by,
        than=than,
        moving=moving,
        filters=kept,
        share_of=share_of,
        entity=entity.name if entity else None,
        n=n,
        descending=descending,
        unit=measure.description.unit if measure else None,
        time_parts=time_parts(slots.view, timed, (*kept, *share_of), of_years=operation == "top_n"),
    )


def _grain(slots: Slots, time: Column | None, operation: str) -> Grain | None:
    """The asked length of a period; whole years for a column of years. A trend over dates is left to the script where none is asked."""
    if time is None:
        return None
    if slots.grain == "half" and operation in ("trend", "trend_difference"):
        raise Refused("unsuitable", "no trend is fitted to halves of years; ask for it by quarter or by month")
    if time.is_numeric:
        if slots.grain not in (None, "year"):
            lacks = (f'figures of "{slots.measures[0].name}" by {slots.grain}' if slots.measures else f"figures by {slots.grain}",)
            raise Refused("unmatched", f'the column "{time.name}" holds years and cannot tell a {slots.grain}', lacks=lacks)
        return "year"
    if slots.grain is None and operation not in ("trend", "trend_difference"):
        return None
    return slots.grain


def grouping(slots: Slots, *, groups: bool = True, periods: bool = True) -> tuple[str, ...]:
    """The grouping columns: those after "by", "which" ones, and the column of several named values."""
    found = [c.name for c in slots.by]
    if groups and slots.which is not None:
        found.append(slots.which.name)
    pair = cell_pair(slots)
    if groups and periods and pair:
        found.append(pair[0].column.name)
    return tuple(dict.fromkeys(found))


def group_column(slots: Slots) -> Column:
    """The one column whose groups are compared."""
    pair = cell_pair(slots)
    candidates = list(
        dict.fromkeys([*(c.name for c in slots.by), *([slots.which.name] if slots.which else []), *([pair[0].column.name] if pair else [])])
    )
    if not candidates:
        candidates = [c.name for c in slots.groups]
    if not candidates and len(slots.cells) == 1:
        candidates = [slots.cells[0].column.name]
    if not candidates:
        raise Refused("unmatched", "the question compares groups, and names no column that holds groups")
    if len(candidates) > 1:
        raise Refused("ambiguous", f"the groups may be those of {' or '.join(candidates[:3])}; use --by to name one")
    column = slots.view.by_name[candidates[0]]
    if column.description.role == "id" and not column.description.values:
        raise Refused("unsuitable", f'"{column.name}" is an id: every row would be a group of its own')
    if column.description.distinct < 2:
        raise Refused("too_few", f'"{column.name}" holds one group only')
    if len(slots.cells) == 1 and slots.cells[0].column is column:
        raise Refused("unmatched", f'the question names one group of "{column.name}" only; name the other one too')
    return column


def measure_columns(slots: Slots, sentence: Sentence) -> list[Column]:
    """The measures, never an id or a text; the only one of the table where the question names none at all."""
    if slots.measures:
        return slots.measures
    if slots.ids:
        raise Refused("unsuitable", f'"{slots.ids[0].name}" is an id, and ids are no measures')
    coded = [c for c in slots.groups if c.is_numeric]
    if coded:
        return coded
    if slots.groups:
        raise Refused("unsuitable", _no_numbers(slots))
    measures = [c for c in slots.view.columns if c.is_measure and c.description.role == "measure"]
    unexplained = [
        t
        for i, t in enumerate(sentence.tokens)
        if i not in sentence.explained and t.folded not in sentence.lexicon.stopwords | sentence.lexicon.neutral
    ]
    growth = growth_of(sentence)
    spoken = next(
        (
            sentence.lexicon.adjectives[t.folded]
            for i, t in enumerate(sentence.tokens)
            if t.folded in sentence.lexicon.adjectives and not (growth and growth.at == i)
        ),
        None,
    )
    if spoken is not None:
        reason = f"the question speaks of {spoken}, and no column of this table is called so"
        raise Refused("unmatched", reason, lacks=(f'figures of "{spoken}"',))
    if len(measures) == 1 and not unexplained:
        what = " for what changes" if growth else ""
        slots.notes.append(f'"{measures[0].name}" is taken{what}: it is the only measure of the table')
        return measures
    if growth and len(measures) > 1:
        raise Refused(
            "ambiguous", f"the question does not say what changes; name {' or '.join(chr(34) + m.name + chr(34) for m in measures[:3])}"
        )
    if len(measures) > 1 and slots.times and not unexplained:
        raise Refused(
            "ambiguous",
            f"the question does not say what is asked for; name {' or '.join(chr(34) + m.name + chr(34) for m in measures[:3])}",
        )
    if slots.comparisons:
        condition = slots.comparisons[0]
        said = text_of(sentence, condition.start, condition.end)
        reason = (
            f'"{said}" is a condition on single rows, and the question names no other number; ask for "{condition.column.name}" by groups'
        )
        raise Refused("unmatched", reason)
    lacks = lacking_column(sentence, left_over(sentence, slots, ReadingHints()))
    raise Refused("unmatched", "no word of the question names a numeric column", lacks=lacks)


def _no_numbers(slots: Slots) -> str:
    """Why the column that is named holds no numbers, with the cells that stand in the way where most of the others are numbers."""
    name = slots.groups[0].name
    lead = f"`{name}` is read as text: "
    known = next((w.removeprefix(lead) for w in slots.view.warnings if w.startswith(lead)), None)
    return f'"{name}" is read as text: {known}; correct such cells and ask again' if known else f'"{name}" holds names, not numbers'


def what_is_measured(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[Column | None, Statistic]:
    """The measure and how it is aggregated: by the question's own word, else sums add up and the rest is averaged; rows are counted."""
    named: list[Statistic] = [s for s in AGGREGATES if cues.has(s) and not (s in ("maximum", "minimum") and not slots.measures)]
    if cues.has("count") and not any(s in named for s in ("mean", "median")):
        counts = sentence.find(sentence.lexicon.operations, free=False)
        sales_are_rows(sentence, slots, next((h.end for h in counts if h.meaning == "count"), len(sentence)))
        counted = next((m for m in slots.measures if additive(m, sentence.lexicon)), None)
        return (counted, "sum") if counted else (None, "count")
    counts_rows = (
        most_common(sentence)
        or cues.superlative in {"most", "fewest", "least", "largest", "biggest", "smallest"}
        or cues.comparative in {"more", "fewer"}
    )
    if not slots.measures and not slots.ids and counts_rows and (says_rows(sentence, slots) or most_common(sentence)):
        return None, "count"
    column = measure_columns(slots, sentence)[0]
    if len(slots.measures) > 1:
        raise Refused(
            "ambiguous", f"the question names several measures ({', '.join(c.name for c in slots.measures)}); ask for one at a time"
        )
    if named == ["sum"] and not additive(column, sentence.lexicon) and only_how_much(sentence):
        named = []  # "how much more do directors earn": the amount of one of them
    statistic: Statistic = next((s for s in named if s != "count"), "mean")
    if not named:
        if cues.superlative and sentence.word(cues.superlative_at + 1) in {"single", "individual"}:
            statistic = "maximum" if cues.highest else "minimum"
        elif additive(column, sentence.lexicon):
            statistic = "sum"
        elif cues.superlative and _SINGLE_RECORD & {t.folded for t in sentence.tokens}:
            statistic = "maximum" if cues.highest else "minimum"
    check_additive(statistic, column, sentence)
    return column, statistic


def sales_are_rows(sentence: Sentence, slots: Slots, noun: int) -> None:
    """Takes "how many sales" for the rows of a table of sales, and not for a column of money; refused where no table is called so."""
    named = [m.column for m in slots.mentions if m.first in (noun, noun - 2) and sentence.word(m.first) == "sales"]
    money = next((c for c in named if "sales" not in c.words and c in slots.measures), None)
    if money is None:
        return
    if not slots.view.calls_its_rows("sales"):
        raise Refused(
            "ambiguous",
            f'"how many sales" may mean the rows or "{money.name}"; ask for the number of rows, or for the total of "{money.name}"',
        )
    slots.measures.remove(money)
    slots.notes.append("each row is taken for one sale")


def only_how_much(sentence: Sentence) -> bool:
    """Whether nothing but "how much" speaks of a sum."""
    sums = [h for h in sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens) if h.meaning == "sum"]
    return all(h.text.casefold() == "how much" for h in sums)


def says_rows(sentence: Sentence, slots: Slots) -> bool:
    """Whether the question speaks of the rows themselves, by the lexicon's words or the file's own name."""
    rows = {stem(w) for w in sentence.lexicon.row_words} | slots.view.name_words
    return any(s in rows and i not in slots.soft and sentence.explained.get(i) != "column" for i, s in enumerate(sentence.stems))


def check_additive(statistic: str, column: Column, sentence: Sentence) -> None:
    """Refuse a sum of what does not add up, and "how much" of what may be meant as a sum or for each."""
    if statistic != "sum":
        return
    if additive(column, sentence.lexicon) is None and only_how_much(sentence):
        raise Refused("ambiguous", f'"how much" may mean the total or the mean of "{column.name}"; say which')
    if additive(column, sentence.lexicon) is False:
        raise Refused(
            "unsuitable", f'the values of "{column.name}" do not add up to anything; ask for the mean, the minimum or the maximum'
        )


def needs_time(sentence: Sentence, slots: Slots) -> Column:
    """The column of times; refused where there is none, or where several may be meant."""
    if slots.time is None:
        several = [c for c in slots.view.columns if c.is_time]
        if several:
            raise several_times(several)
        lacks = (figures_of(sentence, slots.mentions, slots.measures, "over time"),)
        raise Refused("unmatched", "a trend needs a column with dates or years, and this table has none", lacks=lacks)
    return slots.time


def enough_periods(slots: Slots, time: Column) -> None:
    """Fewer distinct times than a trend needs are refused before anything runs; the script checks the periods themselves."""
    if 0 < time.description.distinct < MIN_TREND_POINTS:
        times = counted(time.description.distinct, "different time")
        raise Refused("too_few", f'"{time.name}" holds {times}; a trend needs at least {MIN_TREND_POINTS}')
    if slots.view.rows < MIN_TREND_POINTS:
        raise Refused("too_few", f"{slots.view.label} has {counted(slots.view.rows, 'row')}; a trend needs at least {MIN_TREND_POINTS}")


def entity_column(slots: Slots, group: Column) -> Column | None:
    """The unit that the question names itself ("patients", "private schools"); else the script finds what the rows repeat."""
    behind = {m.column.name for m in slots.mentions for c in slots.cells if c.column is group and m.first == c.end}
    named = [c for c in slots.groups if c.name in behind] + slots.ids
    repeated = [c for c in named if c is not group and c.description.distinct < slots.view.rows]
    return repeated[0] if repeated else None
