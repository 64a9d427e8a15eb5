"""Questions for one cell: "what was inflation in 1980?". No calculation is named, so none is made up."""

from __future__ import annotations

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import make_spec, only_how_much
from functions.ds_star.reader.views import Column, additive

_YES_OR_NO = frozenset(
    {"is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "can", "could", "would", "should", "isn't", "aren't", "wasn't"}
)


def asks_yes_or_no(sentence: Sentence) -> bool:
    """Whether the question is answered by yes or no, and not by a figure."""
    return sentence.word(0) in _YES_OR_NO


def is_lookup(sentence: Sentence, slots: Slots, cues: Cues) -> bool:
    """Whether it names one measure and what tells its row, and nothing that says what to calculate.

    "How much" asks for a total only of what adds up: "how much does the Volvo weigh" looks up. So does "how many people were
    employed in June 2009", where whole numbers are all that is known of the column.
    """
    if cues.named and not (len(slots.measures) == 1 and _of_one_cell(sentence, slots.measures[0], cues)):
        return False
    told = bool(slots.cells or slots.times or any(c.filter.op == "==" for c in slots.comparisons))
    measured = {c.column.name for c in slots.comparisons} | {c.column.name for c in slots.cells}
    return (
        told
        and len(slots.measures) == 1
        and slots.measures[0].name not in measured
        and not (slots.by or slots.groups or slots.which or slots.periods_asked)
        and not (cues.superlative or cues.comparative or cues.compared or slots.excluded or any(t.negation for t in slots.times))
        and not asks_yes_or_no(sentence)
    )


def _of_one_cell(sentence: Sentence, measure: Column, cues: Cues) -> bool:
    """Whether "how much" or "how many" speaks of the number that stands in the measure, and not of a total or of rows."""
    adds_up = additive(measure, sentence.lexicon)
    if cues.named == ["sum"] and only_how_much(sentence):
        return adds_up is False
    how_many = [i for i in range(len(sentence)) if sentence.words(i, i + 2) == ("how", "many")]
    return cues.named == ["count"] and bool(how_many) and adds_up is None and measure.description.dtype == "integer"


def lookup_specs(_: Sentence, slots: Slots, __: Cues) -> tuple[OperationSpec, ...]:
    """The value of the measure where the conditions hold; the script shows every row that fits, and refuses many."""
    return (make_spec(slots, "lookup", measure=slots.measures[0]),)
