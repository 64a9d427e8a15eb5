"""Cues to operations: which ``OperationSpec`` carries out what the slots hold. The question's own word wins; nothing is guessed."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from functions.ds_star.operation import Filter, OperationName, OperationSpec
from functions.ds_star.reader.cells import CellMention
from functions.ds_star.reader.cues import Cues, find_cues
from functions.ds_star.reader.filters import columns_about, parse_number
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import GRAINS, Slots, cell_filter, measure_by_adjective
from functions.ds_star.reader.views import Column, additive
from shared.language.words import stem

Statistic = Literal["count", "sum", "mean", "median", "minimum", "maximum"]
_TRUE = ("yes", "true", "1", "y", "t")
AGGREGATES: tuple[Statistic, ...] = ("mean", "median", "minimum", "maximum", "sum", "count")
_WATER_WORDS = frozenset({"fall", "fell", "fallen"})
_BE = frozenset({"is", "are", "was", "were", "have", "has", "had", "live", "lives", "come", "belong", "earn", "do", "does"})
_SINGLE_RECORD = frozenset({"recorded", "reached", "ever", "single", "measured", "record", "observed", "individual"})
_MOST_COMMON = frozenset((most, common) for most in ("most", "least") for common in ("common", "frequent", "often"))
_ORDINALS = frozenset({"second", "third", "fourth", "fifth", "2nd", "3rd", "4th", "5th", "next"})
_NOT_ROWS = frozenset(
    {
        "column",
        "field",
        "variabl",
        "tabl",
        "file",
        "categori",
        "group",
        "kind",
        "valu",
        "part",
        "level",
        "thing",
        "figur",
        "statist",
        "unit",
        "period",
    }
)
"""Stems of nouns that may stand in a question about data and that are no word for its rows."""
MIN_TREND_POINTS = 8
"""Fewer periods are no trend (reference/extractive.md)."""


def choose(sentence: Sentence, slots: Slots) -> tuple[OperationSpec, ...]:
    """The operations that answer the question. Raises ``Refused`` where a slot that an operation needs is empty."""
    by_adjective = measure_by_adjective(sentence, slots.view) if not slots.measures else []
    cues = find_cues(sentence, slots)
    if len(by_adjective) > 1 and not slots.measures:
        names = " or ".join(f'"{c.name}"' for c in by_adjective[:3])
        raise Refused("ambiguous", f"the question may mean {names}; name one of them in full")
    if by_adjective and not slots.measures:
        slots.measures = by_adjective
    if cues.superlative_at > 0 and sentence.word(cues.superlative_at - 1) in _ORDINALS:
        raise Refused("unsuitable", f'a single place such as "{sentence.word(cues.superlative_at - 1)}" is not given; ask for the top 5')
    if cues.has("missing_outliers") and cues.has("mean", "median", "sum", "minimum", "maximum", "trend", "correlation"):
        raise Refused("ambiguous", "the question names a calculation and missing or unusual values; ask for one at a time")
    _one_measure_only(sentence, slots, cues)
    _superlative_of_periods(sentence, slots, cues)
    operation = _operation(sentence, slots, cues)
    if operation in ("aggregate", "share"):
        _flags_to_values(sentence, slots)
    makers = {
        "missing_outliers": _missing,
        "correlation": _correlation,
        "trend_difference": _trend_difference,
        "trend": _trend,
        "distribution": _distribution,
        "share": _share,
        "top_n": _top,
        "compare_groups": _compare,
    }
    if operation in makers or operation == "aggregate":
        specs = makers.get(operation, _aggregates)(sentence, slots, cues)
        _all_used(slots, specs)
        return specs
    raise Refused("no_operation", "no word of the question says what to calculate (count, sum, mean, share, trend, ...)")


def _one_measure_only(sentence: Sentence, slots: Slots, cues: Cues) -> None:
    """Refuses "the mean price in the wettest month": one measure is asked for where another one is at its end."""
    spoken = sentence.lexicon.adjectives.get(cues.superlative or "")
    about = columns_about(slots.view, spoken, sentence) if spoken else []
    if about and slots.measures and not any(c in slots.measures for c in about):
        raise Refused(
            "ambiguous", f'the question names "{slots.measures[0].name}" and speaks of {spoken} ("{about[0].name}"); ask for one at a time'
        )


def _superlative_of_periods(sentence: Sentence, slots: Slots, cues: Cues) -> None:
    """In "the wettest month" periods are ranked, with or without "which"."""
    after = sentence.word(cues.superlative_at + 1)
    grain = next((g for g in GRAINS if g == after), None)
    if cues.superlative_at < 0 or grain is None or slots.time is None or slots.which_time:
        return
    slots.which_time = slots.periods_asked = True
    slots.grain = grain
    sentence.explain(cues.superlative_at + 1, cues.superlative_at + 2, "period")


def _all_used(slots: Slots, specs: tuple[OperationSpec, ...]) -> None:
    """No column that the question names is left aside: it would be another question. Ids are nouns ("of our customers")."""
    used = {
        n for s in specs for n in (s.measure, s.second_measure, s.entity, s.time, *s.by, *(f.column for f in (*s.filters, *s.share_of)))
    }
    idle = [c for c in (*slots.measures, *slots.groups, *slots.by) if c.name not in used and not _names_rows(c, slots)]
    if idle:
        raise Refused("ambiguous", f'the question names "{idle[0].name}", and not what for; write "by {idle[0].name}" if groups are meant')


def _operation(sentence: Sentence, slots: Slots, cues: Cues) -> str:
    """The one operation that the cues and slots amount to; the more specific wins."""
    grouped = bool(slots.by or slots.groups or _cell_pair(slots))
    aggregate = cues.has(*AGGREGATES)
    if cues.has("trend") and _rain_fell(sentence, slots, cues):
        return "aggregate"
    if cues.has("missing_outliers") or (cues.has("count") and _lacks(sentence, slots)):
        return "missing_outliers"
    if cues.has("correlation"):
        return "correlation"
    if cues.has("trend_difference") and (slots.time or cues.has("trend")):
        return "trend_difference"
    if cues.has("trend"):
        compares = cues.has("compare_groups", "trend_difference") or cues.compared
        return "trend_difference" if grouped and compares else "trend"
    if cues.has("distribution"):
        return "distribution"
    if cues.has("share"):
        return "share"
    if slots.groups and _most_common(sentence):
        return "top_n"
    ranked = slots.which is not None or slots.which_time
    if ranked and (cues.superlative or cues.has("top_n", "maximum", "minimum") or cues.comparative):
        return "top_n"
    if cues.has("compare_groups") or cues.compared or (cues.comparative and _cell_pair(slots)):
        return "compare_groups"
    if cues.has("top_n") or (
        cues.superlative and (slots.by or ((slots.groups or slots.ids) and slots.measures) or _counts_groups(slots, cues))
    ):
        return "top_n"
    if aggregate or cues.superlative:
        return "aggregate"
    if (
        not cues.named
        and (slots.by or slots.periods_asked or slots.times)
        and slots.measures
        and all(additive(m, sentence.lexicon) for m in slots.measures)
    ):
        cues.named.append("sum")  # "monthly revenue": of what adds up, the total is meant
        return "aggregate"
    nothing_else = not (cues.named or slots.measures or slots.groups or slots.ids)
    if nothing_else and (slots.by or slots.periods_asked) and _says_rows(sentence, slots):
        cues.named.append("count")  # "penguins per island"
        return "aggregate"
    return ""


def _lacks(sentence: Sentence, slots: Slots) -> bool:
    """Whether it is "have no sex", "without a recorded age": the column's name stands for a value that is not there."""
    taken = {c.column.name for c in (*slots.cells, *slots.excluded)} | {c.column.name for c in slots.comparisons}
    named = [m for m in slots.mentions if m.column.name not in taken]
    idle = {"a", "an", "any", "the", "known", "recorded", "value", "values", "given", "for"}
    for mention in named:
        before = [w for w in sentence.words(0, mention.first) if w not in idle]
        if before[-1:] == ["without"] or (before[-1:] == ["no"] and before[-2:-1] and before[-2] in {"have", "has", "had", "with"}):
            if mention.column.description.role == "flag":
                continue
            for i in range(mention.first):
                if sentence.word(i) in {"no", "without", "recorded", "known"}:
                    sentence.explain(i, i + 1, "condition")
            return True
    return False


def _most_common(sentence: Sentence) -> bool:
    """Whether it asks for the value that most rows hold, or fewest: "the most common weather"."""
    found = next((i for i in range(len(sentence)) if sentence.words(i, i + 2) in _MOST_COMMON), None)
    if found is not None:
        sentence.explain(found, found + 2, "superlative")
    return found is not None


def _rain_fell(sentence: Sentence, slots: Slots, cues: Cues) -> bool:
    """Whether it is "How much rain fell": the verb says that it rained, not that there was less of it."""
    only = all(sentence.word(i) in _WATER_WORDS for i in cues.at["trend"])
    much = next((i for i in range(len(sentence)) if sentence.words(i, i + 2) == ("how", "much")), None)
    asks_amount = (much is not None and sentence.word(much + 2) not in _BE | {"did", "does"}) or (much is None and cues.has("sum"))
    return only and asks_amount and any(additive(m, sentence.lexicon) for m in slots.measures)


def _counts_groups(slots: Slots, cues: Cues) -> bool:
    return bool(slots.groups) and cues.has("count") and cues.superlative is not None


def _cell_pair(slots: Slots) -> list[CellMention]:
    """Two or more values of one column, which a question sets against each other."""
    for column in slots.cell_columns:
        found = [c for c in slots.cells if c.column is column]
        if len({c.value for c in found}) >= 2:
            return found
    return []


# --- one maker per operation ---------------------------------------------------------------------------------------


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
    if "mean" in statistics and "sum" in statistics and _only_how_much(sentence):
        statistics.remove("sum")  # "how much does a penguin weigh on average"
    by = _by(slots)
    specs: list[OperationSpec] = []
    for statistic in statistics:
        if statistic == "count":
            specs.append(_count(sentence, slots, by))
            continue
        for column in _measures(slots, sentence):
            _check_additive(statistic, column, sentence)
            specs.append(_spec(slots, statistic, measure=column, by=by))
    return tuple(specs)


def _only_how_much(sentence: Sentence) -> bool:
    """Whether nothing but "how much" speaks of a sum."""
    sums = [h for h in sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens) if h.meaning == "sum"]
    return all(h.text.casefold() == "how much" for h in sums)


def _count(sentence: Sentence, slots: Slots, by: tuple[str, ...]) -> OperationSpec:
    """How many: the sum of a column that counts, else the distinct members of a named column, else the rows."""
    if any(h.end - h.start == 1 and sentence.word(h.start - 1) == "many" for h in sentence.find(sentence.lexicon.grains, free=False)):
        raise Refused("unsuitable", "it counts periods, and only rows, members and sums are counted; ask for a count by period")
    noun = next((h.end for h in sentence.find(sentence.lexicon.operations, free=False) if h.meaning == "count"), len(sentence))
    while sentence.word(noun) in {"different", "the", "distinct", "unique"}:
        noun += 1
    if noun < len(sentence) and sentence.stems[noun] in _NOT_ROWS and sentence.explained.get(noun) is None and not slots.measures:
        raise Refused("unmatched", f'"{sentence.tokens[noun].text}" is no word for the rows or members of this table')
    counted = [m for m in slots.measures if additive(m, sentence.lexicon)]
    if len(slots.measures) == 1 and _counts_values(sentence, slots):
        return _spec(slots, "count", measure=slots.measures[0], by=by)
    if slots.measures and not counted:
        raise Refused(
            "unsuitable",
            f'"{slots.measures[0].name}" holds measurements, which are not counted; ask for its mean, or for the number of rows',
        )
    if counted:
        return _spec(slots, "sum", measure=counted[0], by=by)
    members = [
        c
        for c in (*slots.ids, *slots.groups, *([slots.which] if slots.which else []))
        if c.name not in by and _is_counted(sentence, slots, c)
    ]
    if members and not _names_rows(members[0], slots):
        return _spec(slots, "count", by=by, entity=members[0])
    return _spec(slots, "count", by=by)


def _is_counted(sentence: Sentence, slots: Slots, column: Column) -> bool:
    """Whether "how many" speaks of the column, and not of rows that have it or lack it ("how many penguins have no sex")."""
    places = [m.first for m in slots.mentions if m.column is column or column in m.rivals]
    between = [sentence.words(0, place) for place in places]
    return not any(
        {"have", "has", "had", "having", "with", "without", "no", "lack", "lacks", "lacking"} & set(said[-3:]) for said in between
    )


def _counts_values(sentence: Sentence, slots: Slots) -> bool:
    """Whether it is "how many observations of co2": the rows that hold a value."""
    first = min((m.first for m in slots.mentions if m.column is slots.measures[0]), default=0)
    before = [w for w in sentence.words(0, first) if w not in {"the", "there", "are"}]
    return len(before) >= 2 and before[-1] in {"of", "for", "with"} and before[-2] in sentence.lexicon.row_words | {"values", "readings"}


def _names_rows(column: Column, slots: Slots) -> bool:
    """Whether each row is one member of the column, so that rows are counted."""
    return column.description.distinct == slots.view.rows and not slots.view.join


def _missing(_: Sentence, slots: Slots, __: Cues) -> tuple[OperationSpec, ...]:
    named = [*slots.measures, *slots.groups, *slots.ids, *([slots.time] if slots.time and _is_mentioned(slots, slots.time) else [])]
    return (_spec(slots, "missing_outliers", measure=named[0] if named else None, by=_by(slots)),)


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
        return (_spec(slots, "correlation", measure=numeric[0], second=numeric[1], by=_by(slots, groups=False)),)
    if slots.ids:
        raise Refused("unsuitable", f'"{slots.ids[0].name}" is an id, and ids are no measures')
    if slots.groups or slots.by or _cell_pair(slots):
        return _compare(sentence, slots, cues)
    if len(numeric) == 1 and slots.time and _is_mentioned(slots, slots.time):
        return _trend(sentence, slots, cues)
    raise Refused(
        "unmatched",
        "a correlation needs two numeric columns, and the question names " + (f'"{numeric[0].name}" only' if numeric else "none"),
    )


def _distribution(sentence: Sentence, slots: Slots, _: Cues) -> tuple[OperationSpec, ...]:
    measures = slots.measures or [c for c in slots.groups if c.name not in _by(slots)]
    column = measures[0] if measures else _measures(slots, sentence)[0]
    by = tuple(name for name in _by(slots) if name != column.name)
    return (_spec(slots, "distribution", measure=column, by=by),)


def _trend(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    time = _needs_time(slots)
    slots.by += [c for c in slots.groups if c not in slots.by]
    column, statistic = _measured(sentence, slots, cues)
    _enough_periods(slots, time)
    return (_spec(slots, "trend", measure=column, statistic=statistic, by=_by(slots)[:1], time=time),)


def _trend_difference(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    time = _needs_time(slots)
    group = _group(slots)
    column, statistic = _measured(sentence, slots, cues)
    _enough_periods(slots, time)
    return (
        _spec(
            slots,
            "trend_difference",
            measure=column,
            statistic=statistic,
            by=(group.name,),
            time=time,
            entity=_entity(slots, group),
        ),
    )


def _compare(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """A measure between groups; two groups of values without a measure are compared by their counts."""
    if not slots.measures and len(slots.groups) + len(slots.by) >= 2:
        first, second = [*slots.groups, *slots.by][:2]
        return (_spec(slots, "compare_groups", measure=first, by=(second.name,)),)
    group = _group(slots)
    if not slots.measures and slots.groups and slots.groups[0] is not group:
        return (_spec(slots, "compare_groups", measure=slots.groups[0], by=(group.name,)),)
    column, statistic = _measured(sentence, slots, cues)
    if column is None:
        raise Refused("unmatched", "the question names no measure to compare")
    if statistic == "sum":
        statistic = "sum" if cues.has("sum") else "mean"
    return (_spec(slots, "compare_groups", measure=column, statistic=statistic, by=(group.name,), entity=_entity(slots, group)),)


def _top(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """The groups, periods or rows at one end."""
    n, descending = _how_many(sentence, slots, cues)
    groups = [*([slots.which] if slots.which else []), *slots.by, *slots.groups, *slots.ids]
    measure_in_by = [c for c in groups if c.is_measure and not c.is_group]
    groups = [c for c in groups if c not in measure_in_by]
    slots.measures += [c for c in measure_in_by if c not in slots.measures]
    time = slots.time if slots.which_time or (slots.periods_asked and not groups) else None
    if not groups and time is None:
        label = next(
            (
                c
                for c in slots.view.columns
                if c.description.role in ("id", "text", "category") and c.description.distinct == slots.view.rows
            ),
            None,
        )
        if label is None:
            raise Refused("unmatched", "the question ranks something that is no column of this table")
        groups = [label]
    column, statistic = _measured(sentence, slots, cues)
    spec = _spec(
        slots,
        "top_n",
        measure=column,
        statistic=statistic,
        by=tuple(dict.fromkeys(c.name for c in groups)),
        time=time,
        n=n,
        descending=descending,
    )
    return (spec,)


def _how_many(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[int, bool]:
    """("top 5", "three largest", "rank" -> n, from the highest or the lowest)."""
    words = [t.folded for t in sentence.tokens]
    places = (
        [cues.superlative_at]
        if cues.superlative_at >= 0
        else cues.at.get("top_n", []) + cues.at.get("maximum", []) + cues.at.get("minimum", [])
    )
    descending = cues.highest and not cues.has("minimum")
    for place in places:
        if words[place] in sentence.lexicon.superlatives:
            descending = sentence.lexicon.superlatives[words[place]]
        for near in (place + 1, place - 1):
            word = sentence.word(near)
            number = parse_number(word) if word else None
            number = number if number is not None else sentence.lexicon.numbers.get(word)
            if isinstance(number, int) and 1 <= number <= 100 and (near > place or sentence.explained.get(near) is None):
                sentence.explain(near, near + 1, "number")
                return number, descending
    for mention in slots.mentions:
        number = sentence.lexicon.numbers.get(sentence.word(mention.first - 1)) or parse_number(sentence.word(mention.first - 1) or "x")
        if (
            isinstance(number, int)
            and 1 <= number <= 100
            and sentence.is_free(mention.first - 1, mention.first)
            and mention.column.is_group
        ):
            sentence.explain(mention.first - 1, mention.first, "number")
            return number, descending
    ranks = any(words[p].startswith("rank") for p in cues.at.get("top_n", []))
    singular = (
        (cues.superlative is not None and cues.superlative not in {"top", "bottom"})
        or cues.comparative is not None
        or cues.has("maximum", "minimum")
    )
    return (100 if ranks else 1 if singular and not ranks else 5), descending


def _share(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """The share of rows that hold what is named; of a measure that adds up, the share of its sum."""
    marked, comparison = _shared_part(sentence, slots, cues)
    by = _by(slots, periods=True)
    measure = next((m for m in slots.measures if additive(m, sentence.lexicon)), None)
    if slots.measures and measure is None:
        raise Refused(
            "unsuitable", f'the values of "{slots.measures[0].name}" do not add up, so there is no share of them; ask for a mean instead'
        )
    part: tuple[Filter, ...] = ()
    if comparison is not None:
        part = (comparison,)
    elif marked:
        columns = {c.column.name: c.column for c in marked}.values()
        part = tuple(f for column in columns if (f := cell_filter(column, [c for c in marked if c.column is column])) is not None)
    if not part and not by and slots.groups:
        by = tuple(c.name for c in slots.groups[:1])
    if not part and not by:
        raise Refused("unmatched", "the question asks for a share, and names no value or group whose share it is")
    kept = next((c for c in slots.comparisons if c.filter == comparison), None)
    filters = slots.filters(without=marked, without_comparison=kept)
    statistic: Statistic = "sum" if measure else "count"
    return (_spec(slots, "share", measure=measure, statistic=statistic, by=by, filters=filters, share_of=part),)


def _shared_part(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[list[CellMention], Filter | None]:
    """(the values, or the condition) whose share is asked; other conditions only narrow the rows."""
    cells = slots.cells
    if slots.comparisons and (
        not cells or any(sentence.word(i) in _BE or sentence.word(i) in {"with", "whose"} for i in range(len(sentence)))
    ):
        return [], slots.comparisons[-1].filter
    if not cells:
        return [], None
    at = min(cues.at.get("share", [0]))
    behind = [c for c in cells if c.start > at] or cells
    subject = [c for i, c in enumerate(behind) if all(_adjacent(b, n) for b, n in pairwise(behind[: i + 1]))]
    subject += [c for c in behind if c.column is behind[0].column and c not in subject]
    predicate = [c for c in behind if c not in subject and _is_predicate(sentence, subject[0].end, c)]
    return predicate or subject, None


def _adjacent(first: CellMention, second: CellMention) -> bool:
    """Whether it is "female smokers": both say which rows are counted. A word that only resembles the name ("men smoke") is a verb."""
    return first.end == second.start and second.score >= 0.9 and first.column is not second.column


def _is_predicate(sentence: Sentence, after: int, cell: CellMention) -> bool:
    """Whether a value is said of the others ("women who smoke", "women are in group A"), rather than where they are ("women in Bern")."""
    if any(sentence.word(i) in _BE for i in range(after, cell.start)):
        return True
    before = cell.start - 1
    while sentence.word(before) in {"the", "a", "an"}:
        before -= 1
    return sentence.word(before) not in {"in", "for", "from", "at", "of", "among", "with", "within", "on", "by"}


def _flags_to_values(sentence: Sentence, slots: Slots) -> None:
    """In "How many smokers" the name of a yes-or-no column stands for its "yes", with "non" in front for its "no"."""
    for column in [c for c in slots.groups if c.description.role == "flag"]:
        true = next((v for v in column.description.values if v.casefold() in _TRUE), None)
        mention = next((m for m in slots.mentions if m.column is column), None)
        if true is None or mention is None:
            continue
        slots.groups.remove(column)
        negated = sentence.word(mention.first - 1) in {"non", "not", "no", "without"}
        if negated:
            sentence.explain(mention.first - 1, mention.first, "condition")
        cell = CellMention(column, true, mention.first, mention.end, mention.score)
        (slots.excluded if negated else slots.cells).append(cell)
    slots.cells.sort(key=lambda c: c.start)


# --- slots, checked ------------------------------------------------------------------------------------------------


def _spec(
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
    n: int = 5,
    descending: bool = True,
) -> OperationSpec:
    """The spec, with what all operations share: source, join, periods, filters, unit."""
    timed = time or (slots.time if slots.periods_asked and operation not in ("correlation", "compare_groups") else None)
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
        filters=slots.filters() if filters is None else filters,
        share_of=share_of,
        entity=entity.name if entity else None,
        n=n,
        descending=descending,
        unit=measure.description.unit if measure else None,
    )


def _grain(slots: Slots, time: Column | None, operation: str) -> Literal["day", "week", "month", "quarter", "year"] | None:
    """The asked length of a period; whole years for a column of years. A trend over dates is left to the script where none is asked."""
    if time is None:
        return None
    if time.is_numeric:
        if slots.grain not in (None, "year"):
            raise Refused("unmatched", f'the column "{time.name}" holds years and cannot tell a {slots.grain}')
        return "year"
    if slots.grain is None and operation not in ("trend", "trend_difference"):
        return None
    return slots.grain


def _by(slots: Slots, *, groups: bool = True, periods: bool = True) -> tuple[str, ...]:
    """The grouping columns: those after "by", "which" ones, and the column of several named values."""
    found = [c.name for c in slots.by]
    if groups and slots.which is not None:
        found.append(slots.which.name)
    pair = _cell_pair(slots)
    if groups and periods and pair:
        found.append(pair[0].column.name)
    return tuple(dict.fromkeys(found))


def _group(slots: Slots) -> Column:
    """The one column whose groups are compared."""
    pair = _cell_pair(slots)
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


def _measures(slots: Slots, sentence: Sentence) -> list[Column]:
    """The measures, never an id or a text; the only one of the table where the question names none at all."""
    if slots.measures:
        return slots.measures
    if slots.ids:
        raise Refused("unsuitable", f'"{slots.ids[0].name}" is an id, and ids are no measures')
    coded = [c for c in slots.groups if c.is_numeric]
    if coded:
        return coded
    if slots.groups:
        raise Refused("unsuitable", f'"{slots.groups[0].name}" holds names, not numbers')
    measures = [c for c in slots.view.columns if c.is_measure and c.description.role == "measure"]
    unexplained = [
        t
        for i, t in enumerate(sentence.tokens)
        if i not in sentence.explained and t.folded not in sentence.lexicon.stopwords | sentence.lexicon.neutral
    ]
    spoken = next((sentence.lexicon.adjectives[t.folded] for t in sentence.tokens if t.folded in sentence.lexicon.adjectives), None)
    if spoken is not None:
        raise Refused("unmatched", f"the question speaks of {spoken}, and no column of this table is called so")
    if len(measures) == 1 and not unexplained:
        return measures
    raise Refused("unmatched", "no word of the question names a numeric column")


def _measured(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[Column | None, Statistic]:
    """The measure and how it is aggregated: by the question's own word, else sums add up and the rest is averaged; rows are counted."""
    named: list[Statistic] = [s for s in AGGREGATES if cues.has(s) and not (s in ("maximum", "minimum") and not slots.measures)]
    if cues.has("count") and not any(s in named for s in ("mean", "median")):
        counted = next((m for m in slots.measures if additive(m, sentence.lexicon)), None)
        return (counted, "sum") if counted else (None, "count")
    counts_rows = (
        _most_common(sentence)
        or cues.superlative in {"most", "fewest", "least", "largest", "biggest", "smallest"}
        or cues.comparative in {"more", "fewer"}
    )
    if not slots.measures and not slots.ids and counts_rows and (_says_rows(sentence, slots) or _most_common(sentence)):
        return None, "count"
    column = _measures(slots, sentence)[0]
    if len(slots.measures) > 1:
        raise Refused(
            "ambiguous", f"the question names several measures ({', '.join(c.name for c in slots.measures)}); ask for one at a time"
        )
    statistic: Statistic = next((s for s in named if s != "count"), "mean")
    if not named:
        if additive(column, sentence.lexicon):
            statistic = "sum"
        elif cues.superlative and _SINGLE_RECORD & {t.folded for t in sentence.tokens}:
            statistic = "maximum" if cues.highest else "minimum"
    _check_additive(statistic, column, sentence)
    return column, statistic


def _says_rows(sentence: Sentence, slots: Slots) -> bool:
    """Whether the question speaks of the rows themselves, by the lexicon's words or the file's own name."""
    rows = {stem(w) for w in sentence.lexicon.row_words} | slots.view.name_words
    return any(s in rows and i not in slots.soft and sentence.explained.get(i) != "column" for i, s in enumerate(sentence.stems))


def _check_additive(statistic: str, column: Column, sentence: Sentence) -> None:
    if statistic == "sum" and additive(column, sentence.lexicon) is False:
        raise Refused(
            "unsuitable", f'the values of "{column.name}" do not add up to anything; ask for the mean, the minimum or the maximum'
        )


def _needs_time(slots: Slots) -> Column:
    if slots.time is None:
        raise Refused("unmatched", "a trend needs a column with dates or years, and this table has none")
    return slots.time


def _enough_periods(slots: Slots, time: Column) -> None:
    """Fewer distinct times than a trend needs are refused before anything runs; the script checks the periods themselves."""
    if 0 < time.description.distinct < MIN_TREND_POINTS:
        raise Refused(
            "too_few", f'"{time.name}" holds {time.description.distinct} different times; a trend needs at least {MIN_TREND_POINTS}'
        )
    if slots.view.rows < MIN_TREND_POINTS:
        raise Refused("too_few", f"{slots.view.label} has {slots.view.rows} rows; a trend needs at least {MIN_TREND_POINTS}")


def _entity(slots: Slots, group: Column) -> Column | None:
    """The unit that the question names itself ("patients", "private schools"); else the script finds what the rows repeat."""
    behind = {m.column.name for m in slots.mentions for c in slots.cells if c.column is group and m.first == c.end}
    named = [c for c in slots.groups if c.name in behind] + slots.ids
    repeated = [c for c in named if c is not group and c.description.distinct < slots.view.rows]
    return repeated[0] if repeated else None
