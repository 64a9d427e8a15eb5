"""Questions that name two superlatives: both ends of one ranking are told, and two rankings at once are refused."""

from __future__ import annotations

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence

_BETWEEN = frozenset({"and", "or", "the", "its", "respectively"})


def both_ends(sentence: Sentence, cues: Cues, specs: tuple[OperationSpec, ...]) -> tuple[OperationSpec, ...]:
    """The operations, with those from the other end where the question names both: "the highest and the lowest price"."""
    if cues.superlative is None:
        return specs
    for at in cues.further:
        between = set(sentence.words(cues.superlative_at + 1, at))
        highest = sentence.lexicon.superlatives[sentence.word(at)]
        if highest == cues.highest and "and" not in between:
            continue  # "the top 3 with the highest price"
        mirrored = [_from_the_other_end(spec) for spec in specs]
        ends = [spec for spec in mirrored if spec is not None]
        if len(cues.further) > 1 or highest == cues.highest or not between <= _BETWEEN or len(ends) != len(specs):
            said = f'"{cues.superlative}" and "{sentence.word(at)}"'
            raise Refused("ambiguous", f"the question asks for two things at once ({said}); ask for one at a time")
        return (*specs, *ends)
    return specs


def _from_the_other_end(spec: OperationSpec) -> OperationSpec | None:
    if spec.operation == "top_n" and spec.than is None:
        return spec.model_copy(update={"descending": not spec.descending})
    if spec.operation in ("maximum", "minimum"):
        end = "minimum" if spec.operation == "maximum" else "maximum"
        return spec.model_copy(update={"operation": end, "statistic": end})
    return None
