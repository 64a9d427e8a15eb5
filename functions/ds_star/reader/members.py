"""Questions that set all groups against one that is named: "Which region grew more than the North?"."""

from __future__ import annotations

from functions.ds_star.reader.cells import CellMention
from functions.ds_star.reader.changes import asked_periods, asks_which_moved, first_and_last
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots

_BETWEEN = frozenset({"the", "that", "those", "of", "in", "for", "from"})
_COMPARED = frozenset({"compare_groups", "trend_difference"})


def take_member(sentence: Sentence, slots: Slots, cues: Cues) -> None:
    """Takes the group that stands behind "than" out of the conditions: it is what the other groups are set against.

    Raises ``Refused`` where a comparative ranks the groups against anything else than one of them.
    """
    behind = [c for c in slots.cells if _is_compared_with(sentence, c)]
    if slots.which_time:
        _refuse_other_comparisons(sentence, slots, cues)
    ranked = slots.which or (slots.groups[0] if len(slots.groups) == 1 and not cues.has("count") else None)
    if ranked is None or not (cues.comparative or cues.has("trend_difference")):
        return
    own = [c for c in slots.cells if c.column is ranked]
    if len(behind) != 1 or own != behind:
        _refuse_other_comparisons(sentence, slots, cues)
        return
    cell = behind[0]
    slots.cells.remove(cell)
    slots.groups = [c for c in slots.groups if c is not ranked]
    slots.which, slots.than = ranked, cell
    cues.named = [name for name in cues.named if name not in _COMPARED]
    cues.compared = False
    if any(_grows(sentence, i) for i in cues.at.get("trend_difference", [])) and not cues.has("trend"):
        cues.named.append("trend")


def _is_compared_with(sentence: Sentence, cell: CellMention) -> bool:
    at = cell.start
    while sentence.word(at - 1) in _BETWEEN:
        at -= 1
    return sentence.word(at - 1) == "than" and sentence.word(at - 2) not in {"other", "rather"}


def _grows(sentence: Sentence, at: int) -> bool:
    return sentence.word(at) in {"faster", "slower"} or sentence.words(at, at + 2) in {("more", "quickly"), ("more", "slowly")}


def _refuse_other_comparisons(sentence: Sentence, slots: Slots, cues: Cues) -> None:
    """Refuses "more revenue than the mean" and "than the North and the South": the highest alone would be no answer."""
    than = next((i for i in range(len(sentence)) if sentence.word(i) == "than" and sentence.word(i - 1) not in {"other", "rather"}), None)
    if than is None or sentence.explained.get(than) in {"condition", "time"} or not cues.comparative:
        return
    if asks_which_moved(sentence, slots, cues):
        return
    if slots.which is None and not slots.which_time:
        return
    said = sentence.text[sentence.tokens[than].start :].rstrip(" ?.!")
    name = slots.which.name if slots.which else slots.grain or "period"
    raise Refused(
        "unsuitable",
        f'"{said}" is no single group of "{name}", and only such a group is set against the others; ask for the figures by {name}',
    )


def operation_against(sentence: Sentence, slots: Slots, cues: Cues) -> str:
    """What sets the groups against the one that is named: their figures, or their changes between two times."""
    if not cues.has("trend"):
        return "top_n"
    if asked_periods(sentence, slots, cues) or first_and_last(sentence, slots, cues):
        return "change"
    assert slots.than is not None
    raise Refused(
        "unsuitable",
        f'whose trend is stronger than that of "{slots.than.value}" is not tested group by group; '
        'name the two times, as in "from 2020 to 2023", or ask which one grew the most',
    )
