"""A part of a question that leans on the part before it: "and what is its median?", "how many of them ...?", "and which the lowest?"."""

from __future__ import annotations

from functions.ds_star.operation import Filter, OperationSpec
from functions.ds_star.reader.filters import columns_about
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.saying import conditions
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.views import View

_SPEAKS_BACK = frozenset({"it", "its", "they", "them", "their", "theirs", "these", "those"})
_ONLY_AN_END = frozenset({"which", "what", "one", "ones", "of", "them", "has", "had", "have", "is", "was", "are", "were", "the", "and"})
_EXISTS = frozenset({"are", "is", "were", "was", "be", "been"})
"""In "how many rows are there" the last word is no place."""
_OVER_TIME = frozenset({"trend", "trend_difference", "change"})
_ENDS = {"minimum": "maximum", "maximum": "minimum"}


def speaks_back(sentence: Sentence) -> str | None:
    """The pronoun that stands for something said before; never part of a name or a value."""
    said = (t.folded.removesuffix("'s") for i, t in enumerate(sentence.tokens) if sentence.explained.get(i) not in ("column", "value"))
    found = next((word for word in said if word in _SPEAKS_BACK), None)
    words = [t.folded for t in sentence.tokens if t.folded[0].isalnum()]
    return found or ("there" if words[-1:] == ["there"] and not set(words[-2:-1]) & _EXISTS else None)


def other_end(sentence: Sentence, view: View, before: OperationSpec | None) -> OperationSpec | None:
    """The ranking before from the end that "and which the lowest?" names, where the part says nothing else."""
    if before is None or before.source != view.source or before.join != view.join or before.than is not None:
        return None
    words = [t.folded for t in sentence.tokens if t.folded[0].isalnum()]
    ends = [w for w in words if w in sentence.lexicon.superlatives]
    if len(ends) != 1 or not set(words) <= _ONLY_AN_END | set(ends):
        return None
    spoken = sentence.lexicon.adjectives.get(ends[0])
    if spoken is not None and before.measure not in {c.name for c in columns_about(view, spoken, sentence)}:
        return None
    highest = sentence.lexicon.superlatives[ends[0]]
    if before.operation == "top_n":
        return before.model_copy(update={"descending": highest, "n": 1})
    if before.operation in _ENDS:
        end = "maximum" if highest else "minimum"
        return before.model_copy(update={"operation": end, "statistic": end})
    return None


def lean(sentence: Sentence, slots: Slots, specs: tuple[OperationSpec, ...], before: OperationSpec | None) -> tuple[OperationSpec, ...]:
    """The operations, of the rows that the part before spoke of where this one leans on it.

    Raises ``Refused`` where it may speak of one group of those before: an answer of all rows would be one to another question.
    """
    if before is None or before.source != slots.view.source:
        return specs
    said = speaks_back(sentence)
    bare = not slots.mentions and not slots.cells and not slots.from_hints and specs[0].operation != "count"
    if said is None and not bare:
        return specs
    subject = f'"{said}" may speak of' if said else "it may be asked of"
    return tuple(_of_the_same(spec, slots, before, subject) for spec in specs)


def _of_the_same(spec: OperationSpec, slots: Slots, before: OperationSpec, subject: str) -> OperationSpec:
    groups = [*before.by, *([before.time] if before.operation == "top_n" and before.time and before.time not in before.by else [])]
    told = {*spec.by, *(f.column for f in spec.filters), *([spec.time] if spec.time else [])}
    if set(groups) - told:
        which = f"the {_named(groups)} that came first" if before.operation == "top_n" or before.ranked_by else f"each {_named(groups)}"
        raise Refused("ambiguous", f"{subject} {which}, or of all rows; write the name of what is meant")
    if before.join is not None and spec.join != before.join:
        raise Refused("ambiguous", f"{subject} the rows of the part before; write here too which ones are meant")
    lost = tuple(f for f in before.filters if not _told(f, spec, before))
    if not lost:
        return spec
    slots.notes.append(f"calculated for the rows that the part before speaks of, where {conditions(lost)}")
    return spec.model_copy(update={"filters": (*spec.filters, *lost), "time_parts": spec.time_parts or before.time_parts})


def _told(condition: Filter, spec: OperationSpec, before: OperationSpec) -> bool:
    """Whether the part says itself what it means of that column; what is asked over time is not asked of one period."""
    if spec.operation in _OVER_TIME and condition.column in (spec.time, before.time):
        return True
    return any(f.column == condition.column for f in (*spec.filters, *spec.share_of))


def _named(columns: list[str]) -> str:
    return " and ".join(dict.fromkeys(columns))
