"""Cues to operations: which ``OperationSpec`` carries out what the slots hold. The question's own word wins; nothing is guessed."""

from __future__ import annotations

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.arithmetic import refuse_arithmetic, refuse_conditions_on_groups
from functions.ds_star.reader.changes import change_specs
from functions.ds_star.reader.counting import count_spec, names_rows
from functions.ds_star.reader.cues import Cues, find_cues
from functions.ds_star.reader.deciding import operation_of
from functions.ds_star.reader.ends import both_ends
from functions.ds_star.reader.filters import columns_about, measure_by_adjective
from functions.ds_star.reader.grains import grain_at, grain_hits, refuse_of_totals
from functions.ds_star.reader.growth import growth_of, name_groups, note_of_ranking
from functions.ds_star.reader.lookups import lookup_specs
from functions.ds_star.reader.members import operation_against, take_member
from functions.ds_star.reader.nested import averages_counts, refuse_nested, refuse_ranges_of_columns
from functions.ds_star.reader.qualifiers import refuse_qualifiers
from functions.ds_star.reader.rankings import how_many, top_specs
from functions.ds_star.reader.ratios import ratio_specs
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.shares import flags_to_values, share_specs
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import (
    AGGREGATES,
    Statistic,
    cell_pair,
    check_additive,
    enough_periods,
    entity_column,
    group_column,
    grouping,
    make_spec,
    measure_columns,
    needs_time,
    only_how_much,
    what_is_measured,
)
from functions.ds_star.reader.time_parts import take_time_parts
from functions.ds_star.reader.units import refuse_other_duration, refuse_other_unit
from functions.ds_star.reader.views import Column, additive

_ORDINALS = frozenset({"second", "third", "fourth", "fifth", "2nd", "3rd", "4th", "5th", "next"})
_OF_ALL_PERIODS: dict[str, str] = {
    "share": "shares are",
    "distribution": "a distribution is",
    "correlation": "a correlation is",
    "compare_groups": "a comparison of groups is",
    "missing_outliers": "missing or unusual values are",
}
"""Operations whose scripts know no periods."""
_UNUSUAL = frozenset({"outlier", "outliers", "anomaly", "anomalies", "unusual", "extreme"})
_IN_ONE = frozenset((place, one) for place in ("in", "of", "for", "within") for one in ("a", "one", "any"))


def choose(sentence: Sentence, slots: Slots) -> tuple[OperationSpec, ...]:
    """The operations that answer the question. Raises ``Refused`` where a slot that an operation needs is empty."""
    refuse_arithmetic(sentence, slots.mentions)
    refuse_conditions_on_groups(sentence, slots.comparisons)
    growth = growth_of(sentence)
    by_adjective = measure_by_adjective(sentence, slots.view) if not slots.measures and growth is None else []
    cues = find_cues(sentence, slots)
    if growth is not None and cues.has("trend"):
        name_groups(sentence, slots)
    if len(by_adjective) > 1 and not slots.measures:
        names = " or ".join(f'"{c.name}"' for c in by_adjective[:3])
        raise Refused("ambiguous", f"the question may mean {names}; name one of them in full")
    if by_adjective and not slots.measures:
        slots.measures = by_adjective
    if cues.superlative_at > 0 and sentence.word(cues.superlative_at - 1) in _ORDINALS:
        raise Refused("unsuitable", f'a single place such as "{sentence.word(cues.superlative_at - 1)}" is not given; ask for the top 5')
    if cues.has("missing_outliers") and cues.has("mean", "median", "sum", "minimum", "maximum", "trend", "correlation"):
        raise Refused("ambiguous", "the question names a calculation and missing or unusual values; ask for one at a time")
    refuse_of_totals(sentence, slots, cues)
    take_member(sentence, slots, cues)
    _one_measure_only(sentence, slots, cues)
    _superlative_of_periods(sentence, slots, cues)
    operation = operation_against(sentence, slots, cues) if slots.than else operation_of(sentence, slots, cues)
    refuse_qualifiers(sentence, slots, cues, operation)
    if operation in ("aggregate", "share"):
        flags_to_values(sentence, slots)
    makers = {
        "missing_outliers": _missing,
        "correlation": _correlation,
        "trend_difference": _trend_difference,
        "trend": _trend,
        "distribution": _distribution,
        "share": share_specs,
        "top_n": top_specs,
        "compare_groups": _compare,
        "change": change_specs,
        "ratio": ratio_specs,
        "lookup": lookup_specs,
    }
    if operation in makers or operation == "aggregate":
        specs = makers.get(operation, _aggregates)(sentence, slots, cues)
        _all_used(slots, specs)
        _told_by_all(slots, specs)
        refuse_other_unit(sentence, [slots.view.by_name[name] for s in specs for name in (s.measure, s.second_measure) if name])
        for spec in specs:
            refuse_other_duration(sentence, slots.view.by_name.get(spec.measure or ""))
        return both_ends(sentence, cues, specs)
    raise Refused("no_operation", "no word of the question says what to calculate (count, sum, mean, share, trend, ...)")


def _one_measure_only(sentence: Sentence, slots: Slots, cues: Cues) -> None:
    """Refuses "the mean price in the wettest month": one measure is asked for where another one is at its end."""
    spoken = sentence.lexicon.adjectives.get(cues.superlative or "") if growth_of(sentence) is None else None
    about = columns_about(slots.view, spoken, sentence) if spoken else []
    if about and slots.measures and not any(c in slots.measures for c in about):
        raise Refused(
            "ambiguous", f'the question names "{slots.measures[0].name}" and speaks of {spoken} ("{about[0].name}"); ask for one at a time'
        )


def _superlative_of_periods(sentence: Sentence, slots: Slots, cues: Cues) -> None:
    """In "the wettest month" periods are ranked, with or without "which"."""
    place = _ranked_grain(sentence, slots, cues.superlative_at) if cues.superlative_at >= 0 else None
    if place is None or slots.time is None or slots.which_time:
        return
    slots.which_time = slots.periods_asked = True
    slots.grain = grain_at(sentence, place)
    if slots.time.is_numeric and slots.grain != "year":
        take_time_parts(sentence, slots)  # "the best half" of a table that keeps the year and its quarter
    sentence.explain(place, place + 1, "period")


def _ranked_grain(sentence: Sentence, slots: Slots, superlative: int) -> int | None:
    """Where the periods stand that a superlative ranks: "the 3 wettest months", "the year with the highest revenue".

    In "the highest revenue in a year" what adds up is that of the year; the highest price in a year is one price.
    """
    at = superlative + 1
    at += sentence.word(at).isdigit() or sentence.word(at) in sentence.lexicon.numbers
    if grain_at(sentence, at):
        return at
    at = superlative - 1 - (sentence.word(superlative - 1) == "the")
    named = next((h.start for h in grain_hits(sentence) if h.end == at), None)
    if sentence.word(at) in {"with", "having"} and named is not None:
        return named
    if not slots.measures or not all(additive(m, sentence.lexicon) for m in slots.measures):
        return None
    for i in range(superlative + 1, len(sentence)):
        one = i - 1 - (sentence.word(i - 1) in {"single", "calendar"})
        if grain_at(sentence, i) and sentence.words(one - 1, one + 1) in _IN_ONE:
            return i
    return None


def _all_used(slots: Slots, specs: tuple[OperationSpec, ...]) -> None:
    """No column that the question names is left aside: it would be another question. Ids are nouns ("of our customers")."""
    used = {
        n for s in specs for n in (s.measure, s.second_measure, s.entity, s.time, *s.by, *(f.column for f in (*s.filters, *s.share_of)))
    }
    idle = [c for c in slots.measures if c.name not in used]
    idle += [c for c in (*slots.groups, *slots.by) if c.name not in used and not names_rows(c, slots)]
    if idle:
        raise Refused("ambiguous", f'the question names "{idle[0].name}", and not what for; write "by {idle[0].name}" if groups are meant')


def _told_by_all(slots: Slots, specs: tuple[OperationSpec, ...]) -> None:
    """An answer for all periods or groups together would be one to another question, where each was asked for."""
    one = next((s.operation for s in specs if s.operation in _OF_ALL_PERIODS), None)
    if slots.periods_asked and one is not None:
        raise Refused("unsuitable", f"{_OF_ALL_PERIODS[one]} not told by periods; ask for one period alone")
    for by in (s.by for s in specs if s.operation == "share" and len(s.by) > 1):
        raise Refused("ambiguous", f"shares are told by one column at a time, and the question names {' and '.join(by[:3])}")


def _aggregates(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """count, sum, mean, median, minimum, maximum: one spec for each statistic and measure that is named."""
    statistics: list[Statistic] = [s for s in AGGREGATES if cues.has(s)]
    if cues.superlative and not statistics:
        statistics = ["maximum" if cues.highest else "minimum"]
    if statistics == ["sum", "count"] or statistics == ["count", "sum"]:
        statistics = ["count"]
    if len(statistics) > 1 and cues.superlative:
        raise Refused("ambiguous", "the question names two calculations; ask for one at a time")
    if cues.superlative and statistics[0] in ("mean", "median", "sum"):
        raise Refused("unmatched", f"the question ranks {statistics[0]}s, and no column of this table is named whose groups are ranked")
    if "mean" in statistics and "sum" in statistics and only_how_much(sentence):
        statistics.remove("sum")  # "how much does a penguin weigh on average"
    refuse_nested(sentence, cues, statistics)
    refuse_ranges_of_columns(sentence, slots)
    if slots.by_measures and len(slots.measures) > 1:
        name = slots.by_measures[0].name
        raise Refused(
            "unsuitable", f'"{name}" takes too many values to make groups; ask for the correlation with "{name}", or for a range of it'
        )
    by = grouping(slots)
    specs: list[OperationSpec] = []
    for statistic in statistics:
        if statistic == "count":
            counted = count_spec(sentence, slots, by)
            if not averages_counts(sentence, cues, counted.operation):
                specs.append(counted)
            continue
        for column in measure_columns(slots, sentence):
            check_additive(statistic, column, sentence)
            specs.append(make_spec(slots, statistic, measure=column, by=by))
    return tuple(specs)


def _missing(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """Of the column that is named, or of all; by groups, only what is missing, and of one column."""
    by = grouping(slots)
    named = [*slots.measures, *slots.groups, *slots.ids, *([slots.time] if slots.time and _is_mentioned(slots, slots.time) else [])]
    named = [c for c in named if c.name not in by]
    if by and any(_UNUSUAL & set(sentence.words(at, at + 1)) for at in cues.at.get("missing_outliers", ())):
        raise Refused("unsuitable", "unusual values are not told by groups; ask for those of all rows, or within one group")
    if by and not named:
        raise Refused("unmatched", "missing values are told by groups for one column, and the question names none")
    return (make_spec(slots, "missing_outliers", measure=named[0] if named else None, by=by, descending=cues.highest),)


def _is_mentioned(slots: Slots, column: Column) -> bool:
    return any(m.column is column for m in slots.mentions)


def _correlation(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """Two measures; a measure and groups are compared; time and a measure are a trend."""
    numeric = list(slots.measures)
    if len(numeric) < 2:
        numeric += [c for c in slots.groups if c.is_numeric and c not in numeric]
    if len(numeric) > 2:
        raise Refused("ambiguous", f"the question names {len(numeric)} measures ({', '.join(c.name for c in numeric)}); name two of them")
    if len(numeric) == 2:
        return (make_spec(slots, "correlation", measure=numeric[0], second=numeric[1], by=grouping(slots, groups=False)),)
    if slots.ids:
        raise Refused("unsuitable", f'"{slots.ids[0].name}" is an id, and ids are no measures')
    if slots.groups or slots.by or cell_pair(slots):
        return _compare(sentence, slots, cues)
    if len(numeric) == 1 and slots.time and _is_mentioned(slots, slots.time):
        return _trend(sentence, slots, cues)
    raise Refused(
        "unmatched",
        "a correlation needs two numeric columns, and the question names " + (f'"{numeric[0].name}" only' if numeric else "none"),
    )


def _distribution(sentence: Sentence, slots: Slots, _: Cues) -> tuple[OperationSpec, ...]:
    measures = slots.measures or [c for c in slots.groups if c.name not in grouping(slots)]
    column = measures[0] if measures else measure_columns(slots, sentence)[0]
    by = tuple(name for name in grouping(slots) if name != column.name)
    return (make_spec(slots, "distribution", measure=column, by=by),)


def _trend(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    time = needs_time(sentence, slots)
    slots.by += [c for c in slots.groups if c not in slots.by]
    growth = growth_of(sentence)
    by = grouping(slots)
    if slots.which_time or (growth is not None and cues.superlative and not by):
        raise Refused(
            "unsuitable", "the periods between which the change was greatest are not told; ask for the figure by month or by year"
        )
    if growth is None or not by:
        column, statistic = what_is_measured(sentence, slots, cues)
        enough_periods(slots, time)
        return (make_spec(slots, "trend", measure=column, statistic=statistic, by=by[:1], time=time),)
    if len(by) > 1:
        raise Refused("ambiguous", f"growth is ranked by one column at a time, and the question names {' and '.join(by[:3])}")
    n, highest = how_many(sentence, slots, cues)
    cues.superlative = None  # it ranks the trends, and not the values
    column, statistic = what_is_measured(sentence, slots, cues)
    enough_periods(slots, time)
    note_of_ranking(slots, growth.ranked_by)
    return (
        make_spec(
            slots,
            "trend",
            measure=column,
            statistic=statistic,
            by=by,
            time=time,
            ranked_by=growth.ranked_by,
            n=n,
            descending=highest != growth.down,
        ),
    )


def _trend_difference(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    time = needs_time(sentence, slots)
    group = group_column(slots)
    column, statistic = what_is_measured(sentence, slots, cues)
    enough_periods(slots, time)
    return (
        make_spec(
            slots,
            "trend_difference",
            measure=column,
            statistic=statistic,
            by=(group.name,),
            time=time,
            entity=entity_column(slots, group),
        ),
    )


def _compare(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """A measure between groups; two groups of values without a measure are compared by their counts."""
    if not slots.measures and len(slots.groups) + len(slots.by) >= 2:
        first, second = [*slots.groups, *slots.by][:2]
        return (make_spec(slots, "compare_groups", measure=first, by=(second.name,)),)
    group = group_column(slots)
    if not slots.measures and slots.groups and slots.groups[0] is not group:
        return (make_spec(slots, "compare_groups", measure=slots.groups[0], by=(group.name,)),)
    column, statistic = what_is_measured(sentence, slots, cues)
    if column is None:
        raise Refused("unmatched", "the question names no measure to compare")
    if statistic == "sum":
        statistic = "sum" if cues.has("sum", "count") else "mean"
    return (make_spec(slots, "compare_groups", measure=column, statistic=statistic, by=(group.name,), entity=entity_column(slots, group)),)
