"""Periods of a question to conditions on time: "since 2010", "between 2000 and 2010", "in March 2015"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from functions.ds_star.operation import Filter
from functions.ds_star.reader.negations import Negation, negation_before
from functions.ds_star.reader.periods import Period, is_short_year, year_at
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.views import Column
from schemas.base import Scalar

SMALL_WORDS = frozenset(
    {"the", "year", "years", "end", "of", "beginning", "start", "a", "about", "is", "are", "was", "were", "with", "and", "that", "than"}
)
_Bound = Literal["<", "<=", ">", ">="]
_OPPOSITE: MappingProxyType[_Bound, _Bound] = MappingProxyType({"<": ">=", "<=": ">", ">": "<=", ">=": "<"})


@dataclass(frozen=True)
class TimeCondition:
    """When: ``after`` and ``before`` exclude the period they name, ``since`` and ``until`` include it."""

    kind: Literal["since", "after", "until", "before", "between", "in"]
    period: Period
    last: Period | None
    start: int
    end: int
    negation: Negation | None = None
    """What turns it round: the rows of any other time are meant, never those without a time."""

    @property
    def is_single(self) -> bool:
        """Whether it is one year, month or day: "in 2021"."""
        return self.kind == "in" and self.period.shown[0] == self.period.shown[1]

    def filter_on(self, column: Column) -> Filter | None:
        """The condition on ``column``; ``None`` where its values are years and the condition is finer."""
        first, last = self.period, self.last or self.period
        if column.is_numeric:
            if not first.whole_years or not last.whole_years or not _holds_years(column):
                return None
            return self._as_filter(column.name, (first.years[0], first.years[1]), (last.years[0], last.years[1]))
        return self._as_filter(column.name, first.shown, last.shown)

    def _as_filter(self, name: str, first: tuple[Scalar, Scalar], last: tuple[Scalar, Scalar]) -> Filter:
        """``first`` and ``last`` are the ends of the periods, in words that the script takes for the whole period."""
        if self.kind in ("since", "after"):
            op: _Bound
            op, end = (">=", first[0]) if self.kind == "since" else (">", first[1])
        elif self.kind in ("until", "before"):
            op, end = ("<=", first[1]) if self.kind == "until" else ("<", first[0])
        else:
            ends = (first[0], last[1])
            if ends[0] == ends[1]:
                return Filter(column=name, op="!=" if self.negation else "==", values=ends[:1])
            return Filter(column=name, op="outside" if self.negation else "between", values=ends)
        return Filter(column=name, op=_OPPOSITE[op] if self.negation else op, values=(end,))


def filters_on(column: Column, times: Sequence[TimeCondition]) -> tuple[Filter, ...]:
    """The conditions on ``column``, which all hold at once; single periods that are kept are united."""
    united = [f for t in times if t.is_single and not t.negation and (f := t.filter_on(column)) is not None]
    found = [f for t in times if (not t.is_single or t.negation) and (f := t.filter_on(column)) is not None]
    if len(united) > 1:
        united = [Filter(column=column.name, op="in", values=tuple(dict.fromkeys(v for f in united for v in f.values)))]
    return (*united, *found)


def _holds_years(column: Column) -> bool:
    low = column.description.minimum
    return isinstance(low, int | float) and 1000 <= low <= 3000


def find_time_conditions(
    sentence: Sentence, named: Sequence[Period], calls_rows: Callable[[str], bool] = lambda _: False
) -> tuple[TimeCondition, ...]:
    """What the question says about when by the periods it has ``named``; what negates a period is marked as understood.

    ``calls_rows`` tells the words that mean the table's rows: "excluding orders in March 2024".
    """
    periods = [p for p in named if sentence.is_free(p.start, p.end)]
    found: list[TimeCondition] = []
    i = 0
    while i < len(periods):
        period = periods[i]
        kind, start = _kind_before(sentence, period)
        negation = _negation(sentence, kind, start, calls_rows)
        if negation is None and found and found[-1].negation and _goes_on(sentence, found[-1].end, start):
            negation = found[-1].negation
            sentence.explain(found[-1].end, start, "negation")
        following = periods[i + 1] if i + 1 < len(periods) else None
        if following and kind in ("between", "since", "in", "after") and _joins(sentence, period.end, following.start, kind):
            found.append(TimeCondition("between", period, following, start, following.end, negation))
            i += 2
            continue
        plain: Literal["since", "after", "until", "before", "in"] = "in" if kind == "between" else kind
        found.append(TimeCondition(plain, period, None, start, period.end, negation))
        i += 1
    return tuple(found)


def _negation(sentence: Sentence, kind: str, start: int, calls_rows: Callable[[str], bool]) -> Negation | None:
    """What turns round the condition that begins at ``start``; "not until 2022" is refused, since it may mean from then on."""
    if sentence.word(start - 1) == "no" and sentence.word(start) in {"later", "earlier"}:
        found: Negation | None = Negation(start - 1, start, of_verb=False)
    else:
        found = negation_before(sentence, start, calls_rows=calls_rows)
    if found is None:
        return None
    said = sentence.text[sentence.tokens[found.start].start : sentence.tokens[start].end]
    if kind == "until":
        raise Refused("ambiguous", f'"{said} ..." may mean from then on or after it; write "since" or "after"')
    sentence.explain(found.start, found.end, "negation")
    return found


def _goes_on(sentence: Sentence, end: int, start: int) -> bool:
    """Whether only "and", "or" or commas stand between two periods, so that what negates the first negates the second."""
    return set(sentence.words(end, start)) <= {"and", "or", "nor"}


def _joins(sentence: Sentence, start: int, end: int, kind: str) -> bool:
    """Whether what stands between two periods makes them the ends of one."""
    joining = sentence.text[sentence.tokens[start - 1].end : sentence.tokens[end].start].strip().casefold() if end > start - 1 else ""
    words = set(sentence.words(start, end)) - {"the", "year"}
    if joining in {"-", "–", "—"}:
        return True
    return (words <= {"to", "until", "till", "through"} and bool(words)) or (words == {"and"} and kind == "between")


def _kind_before(sentence: Sentence, period: Period) -> tuple[Literal["since", "after", "until", "before", "between", "in"], int]:
    """The time word in front of a period and where it begins."""
    position = at = period.start
    while position > 0 and sentence.word(position - 1) in SMALL_WORDS - {"and", "than"}:
        position -= 1
    time = sentence.lexicon.time
    if any(p.words == sentence.words(at - 2, at) for p in sentence.lexicon.negations if p.meaning == "excluding"):
        return "in", at  # "apart from 2021"
    kinds: tuple[tuple[str, Literal["since", "after", "until", "before", "between", "in"]], ...] = (
        ("strict_after", "after"),
        ("strict_before", "before"),
        ("between", "between"),
        ("since", "since"),
        ("until", "until"),
        ("in", "in"),
    )
    for key, kind in kinds:
        for phrase in time[key]:
            size = len(phrase.words)
            for end in {position, at}:
                if sentence.words(end - size, end) == phrase.words and end - size >= 0:
                    if phrase.words == ("from",) and not _to_follows(sentence, period.end):
                        return _from(sentence, period), end - size
                    return kind, end - size
    return "in", at


def _from(sentence: Sentence, period: Period) -> Literal["since"]:
    """Whether "from 2004" says "from 2004 on"; alone it may as well mean "in 2004", and is refused."""
    if sentence.word(period.end) in {"on", "onward", "onwards", "forward", "forwards"}:
        sentence.explain(period.end, period.end + 1, "time")
        return "since"
    shown = sentence.text[sentence.tokens[period.start].start : sentence.tokens[period.end - 1].end]
    raise Refused("ambiguous", f'"from {shown}" may mean "in {shown}" or "since {shown}"; write the one that is meant')


def _to_follows(sentence: Sentence, end: int) -> bool:
    return bool({"to", "until", "till", "through"} & set(sentence.words(end, end + 3))) or sentence.text[
        sentence.tokens[end - 1].end :
    ].lstrip()[:1] in set("-–—")


def notes_of_years(sentence: Sentence, times: Sequence[TimeCondition]) -> list[str]:
    """Which year is meant where the question leaves it out."""
    periods = [p for t in times for p in (t.period, *([t.last] if t.last else []))]
    lone = [p for p in periods if not p.whole_years and p.end - p.start == 1 and year_at(sentence, p.start)]
    if lone:  # "Q1 2023 vs 2024"
        return [f'"{sentence.word(p.start)}" is taken for {" to ".join(dict.fromkeys(p.shown))}' for p in lone]
    if any(p.first[:4] in w for p in periods for w in (t.folded for t in sentence.tokens)):
        return []
    said = [(sentence.text[sentence.tokens[p.start].start : sentence.tokens[p.end - 1].end], p) for p in periods]
    short = [(text, p) for text, p in said if any(is_short_year(sentence, i) for i in range(p.start, p.end))]
    if short:
        return [f'"{text}" is taken for {p.shown[0]}' for text, p in short]
    return [f'"{text}" is taken for {p.shown[0]}: the data hold no other year than {p.first[:4]}' for text, p in said]
