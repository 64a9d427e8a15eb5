"""Questions for a share: which part of the rows, of which whole."""

from __future__ import annotations

from itertools import pairwise

from functions.ds_star.operation import Filter, OperationSpec
from functions.ds_star.reader.cells import CellMention, cell_filter
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import BE, Statistic, grouping, make_spec
from functions.ds_star.reader.views import additive

_TRUE = ("yes", "true", "1", "y", "t")


def share_specs(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[OperationSpec, ...]:
    """The share of rows that hold what is named; of a measure that adds up, the share of its sum."""
    marked, comparison = _shared_part(sentence, slots, cues)
    by = grouping(slots, periods=True)
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
    return (make_spec(slots, "share", measure=measure, statistic=statistic, by=by, filters=filters, share_of=part),)


def _shared_part(sentence: Sentence, slots: Slots, cues: Cues) -> tuple[list[CellMention], Filter | None]:
    """(the values, or the condition) whose share is asked; other conditions only narrow the rows."""
    cells = slots.cells
    if slots.comparisons and (
        not cells or any(sentence.word(i) in BE or sentence.word(i) in {"with", "whose"} for i in range(len(sentence)))
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
    if any(sentence.word(i) in BE for i in range(after, cell.start)):
        return True
    before = cell.start - 1
    while sentence.word(before) in {"the", "a", "an"}:
        before -= 1
    return sentence.word(before) not in {"in", "for", "from", "at", "of", "among", "with", "within", "on", "by"}


def flags_to_values(sentence: Sentence, slots: Slots) -> None:
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
