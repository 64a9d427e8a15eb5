"""How the conditions of a question belong together: all hold at once, periods of one kind are united, and anything else is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.negations import says_of_event
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.times import TimeCondition

_OR = frozenset({"or", "nor"})
_JOINING = frozenset({"and", "or", "nor", "plus", "both", "either", "also", "well", "as", "then"}) | frozenset(
    {"in", "from", "of", "for", "at", "on", "with", "the", "a", "an", "year", "years", "during", "is", "are", "was", "were", "who", "that"}
)
"""Words between two conditions that say nothing but how they are joined."""


@dataclass(frozen=True)
class _Part:
    """The tokens of one condition."""

    start: int
    end: int
    column: str
    negated: bool
    is_value: bool


def check_conditions(sentence: Sentence, slots: Slots, specs: Sequence[OperationSpec]) -> None:
    """Refuses what conditions that all hold at once do not express; notes where several periods are taken together."""
    parts = _parts(slots)
    for before, after in pairwise(parts):
        between = {sentence.word(i) for i in range(before.end, after.start) if sentence.explained.get(i) != "column"}
        if between <= _JOINING:
            _check_pair(sentence, before, after, between)
    _check_values(sentence, slots, specs[0].operation)
    if specs[0].operation != "change":
        _check_times(sentence, slots)
    if any(s.operation == "count" and s.entity for s in specs):
        _check_members(sentence, slots)


def _parts(slots: Slots) -> list[_Part]:
    found = [_Part(c.start, c.end, c.column.name, False, True) for c in slots.cells]
    found += [_Part(c.start, c.end, c.column.name, True, True) for c in slots.excluded]
    found += [_Part(c.start, c.end, c.column.name, False, False) for c in slots.comparisons]
    if slots.time is not None:
        found += [_Part(t.start, t.end, slots.time.name, t.negation is not None, t.is_single) for t in slots.times]
    return sorted(found, key=lambda p: (p.start, p.end))


def _check_pair(sentence: Sentence, before: _Part, after: _Part, between: set[str]) -> None:
    said = text_of(sentence, before.start, after.end)
    alike = before.column == after.column and before.negated == after.negated
    if _OR & between and not (alike and ((before.is_value and after.is_value) or before.negated)):
        raise Refused("ambiguous", f'"{said}" names two conditions of which one is enough, which is not done; ask for each apart')
    negated_only_first = before.negated and not after.negated and bool({"and", "plus"} & between)
    if negated_only_first or (before.negated and after.negated and "and" in between and not (before.is_value and after.is_value)):
        raise Refused("ambiguous", f'it is not clear how much of "{said}" is left out; repeat the "not" beside all that is meant by it')


def _check_values(sentence: Sentence, slots: Slots, operation: str) -> None:
    """Refuses values whose pairing is lost, since conditions hold for all at once.

    "North East" may be neither, and of "laptops in the North and phones in the South" all four together would be more than these two.
    """
    cells = sorted(slots.cells, key=lambda c: c.start)
    for a, b in pairwise(cells):
        between = sentence.text[sentence.tokens[a.end - 1].end : sentence.tokens[b.start].start] if a.end == b.start else ","
        if a.column is b.column and a.value != b.value and between in {" ", "-"} and operation != "compare_groups":
            said = text_of(sentence, a.start, b.end)
            raise Refused("ambiguous", f'"{said}" may be two values or a third one; write "and" between the two, or quote the name')
    for a, b, c, d in zip(cells, cells[1:], cells[2:], cells[3:], strict=False):
        crossed = a.column is c.column and b.column is d.column and a.column is not b.column
        if crossed and a.value != c.value and b.value != d.value:
            said = text_of(sentence, a.start, d.end)
            raise Refused("ambiguous", f'"{said}" names two pairs of values, and conditions hold for all at once; ask for each pair apart')


def _check_times(sentence: Sentence, slots: Slots) -> None:
    """Several periods are one stretch with two ends, or single ones that are joined by a word."""
    for between in slots.times:
        if between.last is not None and (between.period.is_beginning or between.last.is_beginning):
            said = text_of(sentence, between.period.start, between.last.end)
            raise Refused("ambiguous", f'"{said}" may be two periods or one with two ends; ask for one of them at a time')
    kept = [t for t in slots.times if t.negation is None]
    if len(kept) < 2:
        return
    said = text_of(sentence, kept[0].start, kept[-1].end)
    if sorted(_end_of(t) for t in kept) == ["lower", "upper"]:
        return
    joined = all(_are_joined(sentence, a, b) for a, b in pairwise(kept))
    apart = all(a.period.last < b.period.first for a, b in pairwise(sorted(kept, key=lambda t: t.period.first)))
    if not (joined and apart and all(t.is_single for t in kept)):
        raise Refused("ambiguous", f'it is not clear how the periods of "{said}" belong together; ask for one of them at a time')
    if not slots.periods_asked:
        slots.notes.append(f"the periods are taken together; ask by {_grain(kept)} for each of them")


def _end_of(condition: TimeCondition) -> str:
    return {"since": "lower", "after": "lower", "until": "upper", "before": "upper"}.get(condition.kind, "period")


def _are_joined(sentence: Sentence, before: TimeCondition, after: TimeCondition) -> bool:
    words = set(sentence.words(before.end, after.start))
    comma = bool({",", "/"} & set(sentence.text[sentence.tokens[before.end - 1].end : sentence.tokens[after.start].start]))
    return words <= _JOINING and (comma or bool({"and", "or", "plus"} & words) or {"as", "well"} <= words)


def _grain(times: Sequence[TimeCondition]) -> str:
    """The length of the shortest of them."""
    if any(t.period.first == t.period.last for t in times):
        return "day"
    if any(t.period.is_month for t in times):
        return "month"
    if any(t.period.quarter for t in times):
        return "quarter"
    if any(t.period.half for t in times):
        return "half"
    return "year"


def _check_members(sentence: Sentence, slots: Slots) -> None:
    """Refuses "how many customers did not order in March": those who ordered at another time may have ordered in March as well."""
    negations = [t.negation for t in slots.times if t.negation and t.negation.of_verb]
    negations += [n for n in slots.negations.values() if says_of_event(sentence, n)]
    if negations:
        said = text_of(sentence, negations[0].start, negations[0].end)
        raise Refused(
            "unsuitable", f'"{said}" asks for members without any such row, and only rows and the members that have them are counted'
        )
