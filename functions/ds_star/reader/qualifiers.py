"""Words that narrow what is asked, and that no condition can hold: "older employees", "when it rained", "every two years". Refused."""

from __future__ import annotations

from functions.ds_star.reader.cues import Cues
from functions.ds_star.reader.filters import count_at
from functions.ds_star.reader.grains import grain_at
from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots

_OF_SIZE = frozenset({"big", "large", "high", "low", "small"})
_SIZES = frozenset({"largest", "biggest", "smallest"})
_OF_ROWS = frozenset({"aggregate", "share", "top_n", "lookup"})
_STATISTICS = ("mean", "median", "minimum", "maximum", "sum")
_NTH = frozenset({"other", "second", "third", "fourth", "fifth"})
_SOME_YEARS = frozenset({"even", "odd", "leap"})
_AT_A_TIME = frozenset({"at", "when", "once", "upon", "before", "after", "until", "till", "since"})


def refuse_qualifiers(sentence: Sentence, slots: Slots, cues: Cues, operation: str) -> None:
    """Refuses what would be left out of the reading, so that its figure would be one of more rows than were asked for."""
    for start, end, why in (
        *_every_other(sentence),
        *_clauses(sentence, cues),
        *_per_time(sentence, slots),
        *_kinds(sentence, slots, cues, operation),
        *_events(sentence, slots, operation),
        *_of_the_largest(sentence, slots, cues),
    ):
        raise Refused("ambiguous", f'"{text_of(sentence, start, end)}" {why}')


def _every_other(sentence: Sentence) -> list[tuple[int, int, str]]:
    """``every two years``, ``in even years``."""
    why = "chooses single periods, and only those that are named are chosen"
    found = []
    for i in range(len(sentence)):
        word, before = sentence.word(i), sentence.word(i - 1)
        if grain_at(sentence, i + 1) is None or i in sentence.explained:
            continue
        if before in {"every", "each"} and (word in _NTH or (count_at(sentence, i) or 0) > 1):
            found.append((i - 1, i + 2, why))
        if word in _SOME_YEARS:
            found.append((i, i + 2, why))
    return found


def _clauses(sentence: Sentence, cues: Cues) -> list[tuple[int, int, str]]:
    """``when it rained``: a condition without a number. "When it was hottest" asks for a time."""
    why = 'is a condition without a value; write it with one, as in "where ... is above 0"'
    places = range(1, len(sentence) - 1) if cues.superlative is None else range(0)
    return [
        (i, min(i + 3, len(sentence)), why)
        for i in places
        if sentence.word(i) in {"when", "while", "whenever"} and sentence.word(i + 1) in {"it", "there"}
    ]


def _per_time(sentence: Sentence, slots: Slots) -> list[tuple[int, int, str]]:
    """``more than 5000 a month``, of a column that does not say for which time its values are."""
    for i in range(1, len(sentence)):
        if sentence.word(i) == "a" and sentence.explained.get(i - 1) == "column" and (grain := grain_at(sentence, i + 1)):
            return [(i - 1, i + 2, f'may be for each {grain}; write "by {grain}" if so')]
    return [
        (c.start, c.end + 2, f'is for each {grain}, and "{c.column.name}" does not say for which time it is; leave "a {grain}" out if so')
        for c in slots.comparisons
        if sentence.word(c.end) == "a" and (grain := grain_at(sentence, c.end + 1)) and not {grain, f"{grain}ly"} & set(c.column.words)
    ]


def _kinds(sentence: Sentence, slots: Slots, cues: Cues, operation: str) -> list[tuple[int, int, str]]:
    """``recent sales``, ``older employees``, ``full-time employees``, ``single women``: rows of a kind that no value tells."""
    if operation not in _OF_ROWS:
        return []
    found = []
    for i in range(len(sentence) - 1):
        word, as_what, following = sentence.word(i), sentence.explained.get(i), sentence.explained.get(i + 1)
        named = following in ("column", "value") or sentence.word(i + 1) in sentence.lexicon.row_words
        named = named or slots.view.calls_its_rows(sentence.word(i + 1))
        of_size = as_what is None and word in _OF_SIZE and sentence.word(i - 1) not in {"how", "so", "as"}
        compared = as_what == "comparative" and not cues.compared and word in sentence.lexicon.adjectives
        if named and (of_size or compared or (as_what is None and word == "recent")):
            found.append((i, i + 2, "does not say where it begins; write a number or a time"))
        if as_what is None and word == "single" and following == "value":
            found.append((i, i + 2, 'may be a kind that no column tells; leave "single" out if it is not'))
        if as_what is None and word in {"full", "part"} and sentence.word(i + 1) == "time" and following is None:
            found.append((i, i + 2, "matches no value of the table"))
        if word == "most" and sentence.word(i + 1) == "recent" and following is None:
            found.append((i, i + 2, "asks for what comes last in time, which is not told; name the time"))
    return found


def _events(sentence: Sentence, slots: Slots, operation: str) -> list[tuple[int, int, str]]:
    """``the average age when hired``: a figure at another time than the one that the column holds."""
    if operation != "aggregate" or slots.periods_asked or slots.times or not slots.measures:
        return []
    found = []
    for mention in slots.mentions:
        lead = mention.first
        while sentence.word(lead - 1) in {"the", "being", "were", "was", "they"}:
            lead -= 1
        if mention.column is slots.time and sentence.word(lead - 1) in _AT_A_TIME:
            why = f'may be a figure at another time than the one that "{slots.measures[0].name}" holds'
            found.append((lead - 1, mention.end, why))
    return found


def _of_the_largest(sentence: Sentence, slots: Slots, cues: Cues) -> list[tuple[int, int, str]]:
    """``the mean salary in the biggest department``: a figure of the group that is first in another one."""
    at = cues.superlative_at
    if cues.superlative not in _SIZES or not cues.has(*_STATISTICS) or sentence.word(at - 1) != "the":
        return []
    group = next((m for m in slots.mentions if m.first == at + 1 and m.column.is_group), None)
    if group is None or sentence.word(at - 2) not in {"in", "of", "for", "at", "from"}:
        return []
    return [(at - 2, group.end, f"does not say what is counted or measured; ask which {group.column.name} it is first, then name it")]
