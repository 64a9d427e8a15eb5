"""Times that a question leaves open: relative to today, of a fiscal year, or without a year. They are refused with what to write."""

from __future__ import annotations

import re

from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.periods import lone_part
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import GRAINS, Slots
from functions.ds_star.reader.times import TimeCondition
from shared.language.lexicon import Phrase

_RELATIVE = frozenset({"this", "last", "previous", "current", "past", "recent", "latest", "preceding"})
_SOME = frozenset({"few", "couple", "of", "several", "full", "complete", "calendar", "whole", "most", "recent"})
_PERIODS = frozenset({*GRAINS, "period", "time"}) - {"half"}
_FISCAL = re.compile(r"([qh][1-4])?fy(\d{2}|\d{4})?([qh][1-4])?")
_EXAMPLES = {"quarter": '"Q2 2024"', "month": '"March 2024"', "week": '"5 March 2024"', "day": '"5 March 2024"'}


def refuse_unsure_times(sentence: Sentence, slots: Slots) -> None:
    """Refuses a month without a year, and "last year": a reading that leaves them out would be about another time."""
    _refuse_fiscal(sentence)
    _refuse_relative(sentence, slots)
    _refuse_open_ends(sentence, slots)
    lone = lone_part(sentence, {i for t in slots.times for i in range(t.start, t.end)})
    if lone is not None and not any(c.is_time for c in slots.view.columns):
        raise Refused("unmatched", f'"{lone}" matches no column and no value of {slots.view.label}')
    if lone is not None:
        raise Refused("ambiguous", f'"{lone}" needs its year right behind it; write it so, as in "{lone} 2020"')


def _refuse_fiscal(sentence: Sentence) -> None:
    """Refuses "FY24" and "fiscal 2024": when such a year begins stands nowhere."""
    for i, token in enumerate(sentence.tokens):
        financial = token.folded == "financial" and sentence.word(i + 1).startswith(
            ("year", "quarter", "half", "q1", "q2", "q3", "q4", "h1", "h2")
        )
        if i not in sentence.explained and (token.folded == "fiscal" or financial or _FISCAL.fullmatch(token.folded)):
            raise Refused(
                "ambiguous",
                f'"{token.text}" speaks of a fiscal year, which is no calendar year, and nothing says when it begins; '
                'write the months, as in "from July 2023 to June 2024", or the data\'s own name for it',
            )


def _refuse_relative(sentence: Sentence, slots: Slots) -> None:
    """Refuses "last quarter", "the past 3 months", "year to date": what they mean depends on the day of asking."""
    over_time = bool(sentence.find(_trends(sentence), free=False))
    for i in range(len(sentence)):
        if sentence.word(i) not in _RELATIVE or i in sentence.explained:
            continue
        end, counted = i + 1, False
        while sentence.word(end) in _SOME or (sentence.tokens[end : end + 1] and _is_number(sentence, end)):
            counted = counted or _is_number(sentence, end) or sentence.word(end) in {"few", "couple", "several"}
            end += 1
        said = sentence.word(end).removesuffix("'s")
        grain = said.removesuffix("s")
        if grain not in _PERIODS or (said != grain and over_time and not counted):
            continue
        raise _depends(sentence, i, end + 1, grain)
    if slots.time is None:
        return
    for hit in sentence.lexicon.find(sentence.lexicon.time["relative"], sentence.tokens, by_stem=False):
        if any(i not in sentence.explained for i in range(hit.start, hit.end)):
            raise _depends(sentence, hit.start, hit.end, "")


def _refuse_open_ends(sentence: Sentence, slots: Slots) -> None:
    """Refuses "the week of 5 March 2024", "by Q2 2024" and "Q2 2024 to date": which stretch is meant stands nowhere."""
    for condition in slots.times:
        _refuse_counted_from(sentence, condition)
    if len(slots.times) == 1 and slots.times[0].kind == "in" and sentence.word(slots.times[0].start - 1) == "to":
        at = slots.times[0].start - 1
        if not any(w.startswith(("compar", "relativ", "close", "equal", "similar")) for w in sentence.words(0, at)):
            shown = text_of(sentence, at, slots.times[0].end)
            raise Refused("ambiguous", f'"{shown}" has no beginning; write "until", or "from ... to ..."')
    for period in [p for t in slots.times for p in (t.period, t.last) if p is not None]:
        shown = sentence.text[sentence.tokens[period.start].start : sentence.tokens[period.end - 1].end]
        if sentence.words(period.end, period.end + 2) == ("to", "date"):
            raise Refused("ambiguous", f'"{shown} to date" depends on the day of asking; write "since {shown}"')
        if sentence.word(period.start - 1) == "by":
            raise Refused("ambiguous", f'"by {shown}" may mean "in {shown}" or "until {shown}"; write the one that is meant')
        at = period.start - 1
        while sentence.word(at) in {"of", "the", "ending", "starting", "beginning", "from", "on", "in"}:
            at -= 1
        grain = sentence.word(at)
        if grain not in {"week", "month", "quarter"} or at in sentence.explained or at == period.start - 1:
            continue
        if sentence.word(at - 1) == "same" and not period.whole_years:
            continue  # "Q1 2023 vs the same quarter of 2024"
        if not (grain == "month" and period.is_month):
            said = sentence.text[sentence.tokens[at].start : sentence.tokens[period.end - 1].end]
            raise Refused("ambiguous", f'"{said}" does not say which days are meant; write the first and the last of them')


def _refuse_counted_from(sentence: Sentence, condition: TimeCondition) -> None:
    """Refuses "the year before 2021" and "two years after 2019", which are single periods, and not all before or after."""
    at = condition.start - 1
    grain = sentence.word(at)
    lead = sentence.word(at - 1)
    single = grain in _PERIODS and lead in {"the", "a", "one"}
    counted = grain.removesuffix("s") in _PERIODS and bool(sentence.tokens[max(at - 1, 0) : at]) and _is_number(sentence, at - 1)
    if (
        condition.kind in ("before", "after")
        and sentence.explained.get(at) not in ("column", "value")
        and (single or counted)
        and grain not in {"time", "period"}
    ):
        said = text_of(sentence, at - 1, condition.end)
        raise Refused("ambiguous", f'"{said}" does not name the time itself, which may begin or end there; write it, as in "in 2020"')


def _trends(sentence: Sentence) -> tuple[Phrase, ...]:
    return tuple(p for p in sentence.lexicon.operations if p.meaning == "trend")


def _is_number(sentence: Sentence, at: int) -> bool:
    return sentence.word(at).isdigit() or sentence.word(at) in sentence.lexicon.numbers


def _depends(sentence: Sentence, start: int, end: int, grain: str) -> Refused:
    said = sentence.text[sentence.tokens[start].start : sentence.tokens[end - 1].end]
    such = _EXAMPLES.get(grain, '"2020"')
    return Refused("ambiguous", f'"{said}" depends on the day of asking; write the time itself, such as {such} or "since 2020"')
