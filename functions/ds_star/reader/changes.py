"""Questions for a change between two periods that they name: "how did sales change from 2019 to 2021?"."""

from __future__ import annotations

from dataclasses import replace

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.growth import DOWN, PER_CENT, UP, beside_a_member, growth_of, note_of_ranking
from functions.ds_star.reader.lacking import beyond, figures_of, when
from functions.ds_star.reader.lookups import asks_yes_or_no
from functions.ds_star.reader.rankings import counted_noun, how_many
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.shared_parts import SAME_PART
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import MIN_TREND_POINTS, Statistic, cell_pair, grouping, make_spec, only_how_much, what_is_measured
from functions.ds_star.reader.times import TimeCondition
from functions.ds_star.reader.views import Column

_OF_ALL_PERIODS = frozenset(
    {("trend",), ("trends",), ("slope",), ("over", "time"), ("rate", "of", "change"), ("time", "series"), ("steadily",), ("gradually",)}
)
"""Words that ask for the way between two periods, and not for its ends."""
_COUNT: Statistic = "count"
_HOW_MANY = frozenset({("how", "many"), ("how", "much"), ("by", "what")})


def asked_periods(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[str, str] | None:
    """The two periods that a change is asked between, in ISO 8601; ``None`` where it is no question for a change.

    A yes-or-no question ("did sales rise from 2000 to 2019?") asks for a trend, where the years between are enough for one.
    """
    named = _two_periods(sentence, slots.times)
    if named is not None and _one_than_the_other(sentence, slots, cues):
        return named[0].period.iso, named[1].period.iso
    if named is None or slots.time is None or slots.periods_asked or not cues.has("trend", "compare_groups"):
        return None
    if cues.has("trend_difference", "correlation", "distribution", "missing_outliers", "ratio"):
        return None
    if cues.has("share") and not _in_per_cent(sentence, cues):
        return None
    first, last = named
    if cues.has("trend"):
        if any(sentence.words(i, i + len(phrase)) == phrase for phrase in _OF_ALL_PERIODS for i in range(len(sentence))):
            return None
        if asks_yes_or_no(sentence) and not _too_short_for_a_trend(slots.time, last.period.years[0] - first.period.years[0]):
            return None
    elif asks_yes_or_no(sentence) or slots.by or slots.groups or slots.which or cell_pair(slots):
        return None  # groups are compared, within these years
    return first.period.iso, last.period.iso


def first_and_last(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[str, str] | None:
    """The first and the last time of the table, for "which region grew fastest" where there are too few of them for a trend."""
    if slots.time is None or slots.times or slots.periods_asked or not cues.has("trend"):
        return None
    if growth_of(sentence) is None and slots.than is None:
        return None
    if cues.has("trend_difference", "correlation", "distribution", "missing_outliers", "ratio") or not grouping(slots):
        return None
    if cues.has("share") and not _in_per_cent(sentence, cues):
        return None
    about = slots.time.description
    if not 2 <= about.distinct < MIN_TREND_POINTS or not slots.view.whole or about.minimum is None or about.maximum is None:
        return None
    return str(about.minimum)[:10].removesuffix(".0"), str(about.maximum)[:10].removesuffix(".0")


def _in_per_cent(sentence: Sentence, cues: Cues) -> bool:
    """Whether "per cent" says how the change is told ("by how many percent did sales rise", "percentage change"), and asks for no share."""
    if not cues.has("trend"):
        return False
    for start in cues.at["share"]:
        at = start + 1 if sentence.word(start) == "what" else start
        asked = sentence.words(at - 2, at) in _HOW_MANY or sentence.word(at - 1) in {"in", "by"}
        asked = asked and sentence.word(at + 1) not in {"of", "point", "points"}
        if sentence.word(at) not in PER_CENT or not (asked or at + 1 in cues.at["trend"]):
            return False
    return True


def _too_short_for_a_trend(time: Column, years: int) -> bool:
    """Whether a column of years, at its usual step, holds fewer of them than a trend needs."""
    low, high = time.description.minimum, time.description.maximum
    if not time.is_numeric or not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    step = max(1.0, (high - low) / max(1, time.description.distinct - 1))
    return years / step + 1 < MIN_TREND_POINTS


def _two_periods(sentence: Sentence, times: list[TimeCondition]) -> tuple[TimeCondition, TimeCondition] | None:
    """The ends of "from 2019 to 2021", or the two of "in 2021 and 2019", the earlier one first; each a single period."""
    if any(t.negation for t in times):
        return None
    if len(times) == 1 and times[0].kind == "between" and times[0].last is not None:
        found = times[0], replace(times[0], period=times[0].last)
    elif len(times) == 2 and all(t.kind == "in" for t in times) and _set_against(sentence, times[0].end, times[1].start):
        found = times[0], times[1]
    else:
        return None
    first, last = sorted(found, key=lambda t: t.period.first)
    single = all(t.period.shown[0] == t.period.shown[1] for t in found)
    alike = first.period.first[4:] == last.period.first[4:] and first.period.last[4:7] == last.period.last[4:7]
    beginnings = alike and first.period.is_beginning and last.period.is_beginning
    return (first, last) if (single or beginnings) and first.period.shown != last.period.shown else None


def _one_than_the_other(sentence: Sentence, slots: Slots, cues: Cues) -> bool:
    """Whether one period is set against the other by a comparative: "Was revenue higher in Q2 2024 than in Q2 2023?"."""
    if len(slots.times) != 2 or cues.comparative is None or slots.time is None or len(cues.named) > 1:
        return False
    alone = not (slots.periods_asked or slots.by or slots.groups or cell_pair(slots) or (slots.which and cues.superlative))
    return alone and "than" in sentence.words(slots.times[0].end, slots.times[1].start)


def asks_which_moved(sentence: Sentence, slots: Slots, cues: Cues) -> bool:
    """Whether groups that changed in one direction are asked for: "Which regions had more in 2024 than in 2023?", "Which regions fell?"."""
    if slots.which is None or _two_periods(sentence, slots.times) is None:
        return False
    return _one_than_the_other(sentence, slots, cues) or _which_went(sentence, slots, cues) is not None


def _which_went(sentence: Sentence, slots: Slots, cues: Cues) -> bool | None:
    """Whether "which regions grew" asks for those that rise, or ``False`` for those that fall; ``None`` where it is no such question."""
    words = {t.folded for t in sentence.tokens}
    one_way = bool(words & UP) != bool(words & DOWN)
    ranked = cues.superlative or cues.comparative or slots.than or growth_of(sentence) or cues.has("top_n", "maximum", "minimum")
    return bool(words & UP) if one_way and cues.has("trend") and not ranked else None


def _set_against(sentence: Sentence, start: int, end: int) -> bool:
    """Whether only "and", "with", "to" or "versus" stands between two periods."""
    joining = set(sentence.words(start, end))
    if "than" in joining:
        joining -= set(sentence.lexicon.comparatives)
    if "same" in joining:
        joining -= SAME_PART  # "versus the same period of 2024"
    return joining <= {"and", "with", "to", "in", "than", "against", "versus", "vs", "compared", "compare", "the"} and bool(
        joining - {"in", "the"}
    )


def change_specs(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """The measure in one period against the other, by the question's own statistic; of groups where it names them."""
    asked = asked_periods(sentence, slots, cues)
    periods = asked or first_and_last(sentence, slots, cues)
    if periods is None or slots.time is None:
        raise Refused("unmatched", "a change needs two periods")
    if asked is None:
        slots.notes.append(f'the change from the first to the last "{slots.time.name}" is taken: there are too few of them for a trend')
    _both_held(sentence, slots, slots.time)
    if cues.has("sum") and only_how_much(sentence):
        cues.named.remove("sum")  # "how much did the price rise"
    if cues.superlative and not grouping(slots):
        raise Refused("ambiguous", "the question names a change and an extreme; ask for one at a time")
    slots.by += [c for c in slots.groups if c not in slots.by]
    by = grouping(slots)
    if len(by) > 1:
        raise Refused("ambiguous", f"a change is given by one column at a time, and the question names {' and '.join(by[:3])}")
    ranked = cues.superlative
    moving = asks_which_moved(sentence, slots, cues)
    if growth_of(sentence) or moving:
        how_many(sentence, slots, cues)  # "the three fastest growing", "which 2 regions had more": all are given in order
    superlative, cues.superlative = cues.superlative, None  # it ranks the changes, and not the values
    column, statistic = (None, _COUNT) if _counts_rows(slots, cues) else what_is_measured(sentence, slots, cues)
    many = [m.column for m in slots.mentions if sentence.words(m.first - 2, m.first) == ("how", "many")]
    if cues.has("trend") and any(c in (*slots.groups, *slots.by) for c in many):
        raise Refused("unsuitable", "groups that change are not counted; ask which of them rose or fell")
    cues.superlative = superlative
    words = {t.folded for t in sentence.tokens}
    growth = growth_of(sentence) if by else None
    down = growth.down if growth else bool(DOWN & words)
    descending = not down if ranked is None or cues.highest else down
    ranked_by = growth.ranked_by if growth else "per_cent" if PER_CENT & words else "difference"
    is_ranked = bool(by) and (ranked is not None or growth is not None)
    if moving:
        up = _which_went(sentence, slots, cues)
        descending = cues.highest == (slots.times[0].period.first > slots.times[-1].period.first) if up is None else up
        ranked_by, is_ranked = "difference", True
    if slots.than is not None:
        ranked_by, lower, moving = beside_a_member(sentence)
        descending, is_ranked = not lower, True
    if is_ranked and not moving:
        note_of_ranking(slots, ranked_by)
    for condition in slots.times:
        sentence.explain(condition.start, condition.end, "time")
    return (
        make_spec(
            slots,
            "change",
            measure=column,
            statistic=statistic,
            by=by,
            time=slots.time,
            filters=slots.filters(without_times=True),
            periods=periods,
            descending=descending,
            ranked_by=ranked_by if is_ranked else None,
            than=slots.than.value if slots.than else None,
            moving=moving,
        ),
    )


def _counts_rows(slots: Slots, cues: Cues) -> bool:
    """Whether "more orders" counts the rows, since each row is an order."""
    noun = counted_noun(slots, cues)
    return noun is not None and noun in slots.ids and noun.description.distinct == slots.view.rows and not slots.view.join


def _both_held(sentence: Sentence, slots: Slots, time: Column) -> None:
    """Refuses a change from or to a period that no row is about."""
    for condition in _two_periods(sentence, slots.times) or ():
        single = replace(condition, kind="in", last=None)
        if slots.view.whole and (end := beyond(single, time)) is not None:
            asked = when(sentence, single)
            reason = f'"{time.name}" of {slots.view.label} {end}; asked are figures {asked}'
            raise Refused("too_few", reason, lacks=(figures_of(sentence, slots.mentions, slots.measures, asked),))
