"""Which operation a question asks for: its cues and slots amount to one, or to none. The more specific wins; nothing is guessed."""

from __future__ import annotations

from functions.ds_star.reader.changes import asked_periods, first_and_last
from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.lookups import is_lookup
from functions.ds_star.reader.ratios import asks_ratio
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import AGGREGATES, BE, cell_pair, most_common, says_rows
from functions.ds_star.reader.views import additive

_WATER_WORDS = frozenset({"fall", "fell", "fallen"})


def operation_of(sentence: Sentence, slots: Slots, cues: Cues) -> str:
    """The one operation that the cues and slots amount to; the more specific wins."""
    grouped = bool(slots.by or slots.groups or cell_pair(slots))
    aggregate = cues.has(*AGGREGATES)
    if cues.has("trend") and _rain_fell(sentence, slots, cues):
        return "share" if cues.has("share") else "aggregate"
    if cues.has("missing_outliers") or (cues.has("count") and _lacks(sentence, slots)):
        return "missing_outliers"
    if cues.has("correlation"):
        return "correlation"
    if asked_periods(sentence, slots, cues) or first_and_last(sentence, slots, cues):
        return "change"
    if asks_ratio(sentence, slots, cues):
        return "ratio"
    if cues.has("trend_difference") and (slots.time or cues.has("trend")):
        return "trend_difference"
    if cues.has("trend"):
        compares = cues.has("compare_groups", "trend_difference") or cues.compared
        return "trend_difference" if grouped and compares else "trend"
    plain = next((name for name in ("distribution", "share") if cues.has(name)), None)
    if plain:
        return plain
    if slots.groups and most_common(sentence):
        return "top_n"
    ranked = slots.which is not None or slots.which_time
    if ranked and (cues.superlative or cues.has("top_n", "maximum", "minimum") or cues.comparative):
        return "top_n"
    if cues.has("compare_groups") or cues.compared or (cues.comparative and cell_pair(slots)):
        return "compare_groups"
    if cues.has("top_n") or (
        cues.superlative and (slots.by or ((slots.groups or slots.ids) and slots.measures) or _counts_groups(slots, cues))
    ):
        return "top_n"
    if is_lookup(sentence, slots, cues) and not (slots.times and additive(slots.measures[0], sentence.lexicon)):
        return "lookup"
    if aggregate or cues.superlative:
        return "aggregate"
    return _without_cue(sentence, slots, cues)


def _without_cue(sentence: Sentence, slots: Slots, cues: Cues) -> str:
    """What is meant where no word says what to calculate: the total of what adds up, or the number of rows; else nothing."""
    if (
        not cues.named
        and (slots.by or slots.periods_asked or slots.times)
        and slots.measures
        and all(additive(m, sentence.lexicon) for m in slots.measures)
    ):
        cues.named.append("sum")  # "monthly revenue": of what adds up, the total is meant
        return "aggregate"
    nothing_else = not (cues.named or slots.measures or slots.groups or slots.ids)
    if nothing_else and (slots.by or slots.periods_asked or _holds_amount(slots)) and says_rows(sentence, slots):
        cues.named.append("count")  # "penguins per island", "cars with 8 cylinders"
        return "aggregate"
    return ""


def _holds_amount(slots: Slots) -> bool:
    """Whether the rows are named by an amount that they hold."""
    return any(c.filter.op == "==" for c in slots.comparisons)


def _lacks(sentence: Sentence, slots: Slots) -> bool:
    """Whether it is "have no sex", "without a recorded age": the column's name stands for a value that is not there."""
    taken = {c.column.name for c in (*slots.cells, *slots.excluded)} | {c.column.name for c in slots.comparisons}
    named = [m for m in slots.mentions if m.column.name not in taken]
    idle = {"a", "an", "any", "the", "known", "recorded", "value", "values", "given", "for"}
    for mention in named:
        before = [w for w in sentence.words(0, mention.first) if w not in idle]
        if before[-1:] == ["without"] or (before[-1:] == ["no"] and before[-2:-1] and before[-2] in {"have", "has", "had", "with"}):
            if mention.column.description.role == "flag" or any(slots.view.calls_its_rows(sentence.word(i)) for i in mention.positions):
                continue  # "customers without orders": rows that are not there
            bare = not {"recorded", "known", "value", "values"} & set(sentence.words(0, mention.first))
            if bare and mention.column.is_measure and mention.column.description.minimum == 0:
                name = mention.column.name
                raise Refused("ambiguous", f'no "{name}" may be 0 or a missing value; write "where {name} is 0", or ask for missing values')
            for i in range(mention.first):
                if sentence.word(i) in {"no", "without", "recorded", "known"}:
                    sentence.explain(i, i + 1, "condition")
            return True
    return False


def _rain_fell(sentence: Sentence, slots: Slots, cues: Cues) -> bool:
    """Whether it is "How much rain fell": the verb says that it rained, not that there was less of it."""
    only = all(sentence.word(i) in _WATER_WORDS for i in cues.at["trend"])
    much = next((i for i in range(len(sentence)) if sentence.words(i, i + 2) == ("how", "much")), None)
    asks_amount = (much is not None and sentence.word(much + 2) not in BE | {"did", "does"}) or (much is None and cues.has("sum", "share"))
    return only and asks_amount and any(additive(m, sentence.lexicon) for m in slots.measures)


def _counts_groups(slots: Slots, cues: Cues) -> bool:
    return bool(slots.groups) and cues.has("count") and cues.superlative is not None
