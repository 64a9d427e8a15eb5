"""Questions for the first or the last few: what is ranked, by what, and how many."""

from __future__ import annotations

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.filters import count_at
from functions.ds_star.reader.grains import grain_at, grain_hits
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import Statistic, make_spec, what_is_measured
from functions.ds_star.reader.views import Column

_BIRTH = frozenset({"birth", "births", "birthday", "birthdate", "born", "dob"})


def top_specs(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """The groups, periods or rows at one end."""
    n, descending = how_many(sentence, slots, cues)
    counted = counted_noun(slots, cues)
    slots.ids, slots.groups = ([c for c in found if c is not counted] for found in (slots.ids, slots.groups))
    groups = [*([slots.which] if slots.which else []), *slots.by, *slots.groups, *slots.ids]
    measure_in_by = [c for c in groups if c.is_measure and not c.is_group]
    groups = [c for c in groups if c not in measure_in_by]
    slots.measures += [c for c in measure_in_by if c not in slots.measures]
    _no_first_of_each(sentence, slots, [c for c in groups if not c.is_time])
    time = slots.time if slots.which_time or (slots.periods_asked and not groups) else None
    if time is not None:
        _refuse_births(sentence, time)
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
    column: Column | None
    statistic: Statistic
    if counted is not None:
        column, statistic = None, "count"
    else:
        column, statistic = what_is_measured(sentence, slots, cues)
    spec = make_spec(
        slots,
        "top_n",
        measure=column,
        statistic=statistic,
        by=tuple(dict.fromkeys(c.name for c in groups)),
        time=time,
        entity=counted if counted is not None and counted.description.distinct < slots.view.rows else None,
        n=n,
        descending=descending,
        than=slots.than.value if slots.than else None,
    )
    return (spec,)


def _no_first_of_each(sentence: Sentence, slots: Slots, groups: list[Column]) -> None:
    """Refuses "which region was first in each year": one ranking of all years' regions would tell the first of one year only."""
    each = [m for m in slots.mentions if m.column in slots.by and _lead(sentence, m) in {"per", "each", "every"}]
    if each and any(c not in slots.by for c in groups):
        raise Refused("unsuitable", f"the first of each {each[0].column.name} is not given; name one {each[0].column.name}")
    if not groups or not slots.periods_asked or slots.which_time or slots.grain is None:
        return
    at = [h.start for h in grain_hits(sentence) if h.meaning == slots.grain]
    if any(sentence.word(i - 1) in {"each", "every"} for i in at):
        raise Refused(
            "unsuitable",
            f"the first of each {slots.grain} is not given; name one {slots.grain}, or ask for all by {slots.grain}",
        )


def _lead(sentence: Sentence, mention: Mention) -> str:
    """The word in front of a name."""
    return sentence.word(mention.first - 1)


def _refuse_births(sentence: Sentence, time: Column) -> None:
    """Refuses "which year had the most patients" of a table that knows no other years than those of births."""
    if _BIRTH & set(time.words) and not any(sentence.word(i) in _BIRTH for i in range(len(sentence))):
        raise Refused("ambiguous", f'the times of the table are those of "{time.name}"; name it if they are meant')


def counted_noun(slots: Slots, cues: Cues) -> Column | None:
    """What "which country has the most customers" counts: the members of the one other column that it names."""
    counts = cues.superlative in {"most", "fewest"} or (cues.superlative is None and cues.comparative in {"more", "fewer"})
    nouns = [c for c in (*slots.ids, *slots.groups) if (c is not slots.which and not c.is_numeric) or c.description.role == "id"]
    if not counts or slots.measures or not (slots.which or slots.which_time) or slots.by or len(nouns) != 1:
        return None
    return nouns[0]


def how_many(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[int, bool]:
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
            number = count_at(sentence, near)
            if number is not None and (near > place or sentence.explained.get(near) is None):
                sentence.explain(near, near + 1, "number")
                return number, descending
    for mention in slots.mentions:
        number = count_at(sentence, mention.first - 1)
        if number is not None and sentence.is_free(mention.first - 1, mention.first) and mention.column.is_group:
            sentence.explain(mention.first - 1, mention.first, "number")
            return number, descending
    counted = _periods_counted(sentence, slots)
    if counted is not None:
        return counted, descending
    ranks = any(words[p].startswith("rank") for p in cues.at.get("top_n", []))
    singular = (
        (cues.superlative is not None and cues.superlative not in {"top", "bottom"})
        or cues.comparative is not None
        or cues.has("maximum", "minimum")
    )
    return (100 if ranks else 1 if singular and not ranks else 5), descending


def _periods_counted(sentence: Sentence, slots: Slots) -> int | None:
    """``3`` of "which 3 months" and "the three years with the highest revenue"."""
    for i in range(2, len(sentence)):
        number = count_at(sentence, i - 1)
        asked = sentence.word(i - 2) in {"which", "what"} or (sentence.word(i - 2) == "the" and sentence.word(i + 1) in {"with", "having"})
        if slots.which_time and number is not None and asked and grain_at(sentence, i) == slots.grain:
            sentence.explain(i - 1, i, "number")
            return number
    return None
