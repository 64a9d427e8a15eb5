"""Questions for a share: which part of the rows, of which whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from functions.ds_star.operation import Filter, OperationSpec
from functions.ds_star.reader.cells import CellMention, cell_filter
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.negations import Negation, says_of_event
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import BE, Statistic, grouping, make_spec
from functions.ds_star.reader.times import TimeCondition, filters_on
from functions.ds_star.reader.views import Column, additive

_HAPPENS = frozenset(
    {"did", "placed", "made", "sold", "bought", "ordered", "paid", "came", "come", "comes", "fell", "fall", "happened", "occurred", "dated"}
)
"""Verbs, beside those of being, behind which stands what is said of the rows."""
_OWNS = frozenset({"did", "do", "does", "have", "has", "had"})
_TRUE = ("yes", "true", "1", "y", "t")


@dataclass
class _Part:
    """What the share counts: values, values that are left out, times, or a condition on a number. All else narrows the rows."""

    cells: list[CellMention] = field(default_factory=list)
    excluded: list[CellMention] = field(default_factory=list)
    times: list[TimeCondition] = field(default_factory=list)
    comparison: Filter | None = None

    def filters(self, slots: Slots) -> tuple[Filter, ...]:
        """The conditions that a counted row meets."""
        columns = {c.column.name: c.column for c in self.cells}.values()
        found = [cell_filter(column, [c for c in self.cells if c.column is column]) for column in columns]
        found += [cell_filter(c.column, [c], negative=True) for c in self.excluded]
        found += [*([self.comparison] if self.comparison else []), *(filters_on(slots.time, self.times) if slots.time else ())]
        return tuple(f for f in found if f is not None)


def share_specs(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """The share of rows, or of the members that the question names, that are as it says; of a measure that adds up, of its sum."""
    if cues.compared:
        raise Refused(
            "unsuitable", "how many per cent one group has more than another is not given; ask for the difference between the two"
        )
    shared = _shared_part(sentence, slots, cues)
    part = shared.filters(slots)
    member = _counted_member(sentence, slots, cues) if part else None
    slots.groups = [c for c in slots.groups if c is not member]
    by = tuple(name for name in grouping(slots, periods=True) if name not in {c.column.name for c in shared.cells})
    adds_up = {m.name: additive(m, sentence.lexicon) for m in slots.measures}
    measure = next((m for m in slots.measures if adds_up[m.name] or (adds_up[m.name] is None and cues.has("sum"))), None)
    if slots.measures and measure is None:
        raise Refused(
            "unsuitable", f'the values of "{slots.measures[0].name}" do not add up, so there is no share of them; ask for a mean instead'
        )
    if member is not None and (by or any(n.of_verb and says_of_event(sentence, n) for n in _negations(slots, shared))):
        raise Refused(
            "unsuitable", f'a share of different "{member.name}" is given for all of them and of what they are; ask for a share of the rows'
        )
    if not part and not by and slots.groups:
        by = tuple(c.name for c in slots.groups[:1])
    if not part and not by:
        raise Refused("unmatched", "the question asks for a share, and names no value or group whose share it is")
    kept = next((c for c in slots.comparisons if c.filter == shared.comparison), None)
    filters = slots.filters(without=[*shared.cells, *shared.excluded], without_comparison=kept, without_times=True)
    others = [t for t in slots.times if t not in shared.times]
    filters += filters_on(slots.time, others) if slots.time else ()
    if len(shared.times) == 1:
        slots.times = others  # it is no condition on the rows, and stands beside no other one
    statistic: Statistic = "sum" if measure else "count"
    entity = member if measure is None else None
    return (make_spec(slots, "share", measure=measure, statistic=statistic, by=by, filters=filters, share_of=part, entity=entity),)


def _negations(slots: Slots, shared: _Part) -> list[Negation]:
    return [n for t in shared.times if (n := t.negation)] + [slots.negations[c] for c in shared.excluded if c in slots.negations]


def _counted_member(sentence: Sentence, slots: Slots, cues: Cues) -> Column | None:
    """Who "What share of customers" counts, where rows repeat them: each counts once."""
    at = min(cues.at.get("share", [0]))
    for mention in slots.mentions:
        column = mention.column
        said = set(sentence.words(at, mention.first)) - {"of", "the", "our", "all", "different", "share", "percentage", "what", "percent"}
        named = column in slots.ids or column in slots.groups
        if named and at < mention.first and len(said) <= 1 and column.description.role in ("id", "category", "text"):
            return column if column.description.distinct < slots.view.rows else None
    return None


def _shared_part(sentence: Sentence, slots: Slots, cues: Cues) -> _Part:
    """What is said of the rows behind the verb ("orders from Bern were in March"); without a verb, the values; else the times."""
    if slots.comparisons and (
        not slots.cells or any(sentence.word(i) in BE or sentence.word(i) in {"with", "whose"} for i in range(len(sentence)))
    ):
        return _Part(comparison=slots.comparisons[-1].filter)
    at = min(cues.at.get("share", [0]))
    verb = next((i for i in range(at, len(sentence)) if _is_verb(sentence, i)), -1)
    if verb >= 0 and grouping(slots) and (sentence.word(verb) in _OWNS or sentence.word(verb).endswith("n't")):
        verb = -1  # "what share did each region have in 2024"
    said = _Part(
        [c for c in slots.cells if 0 <= verb < c.start],
        [c for c in slots.excluded if 0 <= verb < c.start],
        [t for t in slots.times if 0 <= verb < t.start],
    )
    if said.excluded and not said.cells:
        return _Part(excluded=said.excluded, times=_joined(sentence, said.excluded[-1], said.times))
    if said.times and not said.cells:
        return _Part(times=said.times)
    if slots.cells:
        cells = _shared_cells(sentence, slots.cells, at)
        return _Part(cells, times=_joined(sentence, cells[-1], said.times))
    if slots.excluded:
        return _Part(excluded=slots.excluded)
    only = not (slots.by or slots.groups or slots.which or slots.periods_asked)
    return _Part(times=slots.times if only else [])


def _is_verb(sentence: Sentence, at: int) -> bool:
    word = sentence.word(at)
    return (word in BE | _HAPPENS or word.endswith("n't")) and sentence.explained.get(at) not in ("value", "column")


def _joined(sentence: Sentence, cell: CellMention, times: list[TimeCondition]) -> list[TimeCondition]:
    """The times that "and" or "but" joins to what is shared; a time that only follows it narrows the rows."""
    found = [t for t in times if t.start >= cell.end and {"and", "but"} & set(sentence.words(cell.end, t.start))]
    before = [t for t in times if t.end <= cell.start and not BE & set(sentence.words(t.end, cell.start))]
    if before:
        said = sentence.text[sentence.tokens[before[0].start].start : sentence.tokens[cell.end - 1].end]
        raise Refused(
            "ambiguous", f'it is not clear whether "{said}" is what is counted or what it is counted of; write "of the ones in ..." first'
        )
    return found


def _shared_cells(sentence: Sentence, cells: list[CellMention], at: int) -> list[CellMention]:
    """The values whose share is asked; other values only narrow the rows."""
    behind = [c for c in cells if c.start > at] or cells
    subject = [c for i, c in enumerate(behind) if all(_adjacent(b, n) for b, n in pairwise(behind[: i + 1]))]
    subject += [c for c in behind if c.column is behind[0].column and c not in subject]
    predicate = [c for c in behind if c not in subject and _is_predicate(sentence, subject[0].end, c)]
    return predicate or subject


def _adjacent(first: CellMention, second: CellMention) -> bool:
    """Whether it is "female smokers": both say which rows are counted. A word that only resembles the name ("men smoke") is a verb."""
    return first.end == second.start and second.score >= 0.9 and first.column is not second.column


def _is_predicate(sentence: Sentence, after: int, cell: CellMention) -> bool:
    """Whether a value is said of the others ("women who smoke", "women are in group A"), rather than where they are ("women in Bern")."""
    if any(sentence.word(i) in BE for i in range(after, cell.start)):
        return True
    before = cell.start - 1
    while sentence.word(before) in {"the", "a", "an"}:
        before -= 1
    return sentence.word(before) not in {"in", "for", "from", "at", "of", "among", "with", "within", "on", "by"}


def flags_to_values(sentence: Sentence, slots: Slots) -> None:
    """In "How many smokers" the name of a yes-or-no column stands for its "yes", with "non" in front for its "no".

    In "where smoker is not yes" it stands for nothing: its value is named.
    """
    named = [c.column for c in (*slots.cells, *slots.excluded)]
    for column in [c for c in slots.groups if c.description.role == "flag"]:
        true = next((v for v in column.description.values if v.casefold() in _TRUE), None)
        mention = next((m for m in slots.mentions if m.column is column), None)
        if true is None or mention is None:
            continue
        slots.groups.remove(column)
        if column in named:
            continue
        negated = sentence.word(mention.first - 1) in {"non", "not", "no", "without"}
        if negated:
            sentence.explain(mention.first - 1, mention.first, "condition")
        cell = CellMention(column, true, mention.first, mention.end, mention.score)
        (slots.excluded if negated else slots.cells).append(cell)
    slots.cells.sort(key=lambda c: c.start)
