"""Periods of a question to conditions on time: "since 2010", "between 2000 and 2010", "in March 2015"."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from functions.ds_star.operation import Filter
from functions.ds_star.reader.negations import Negation, negation_before
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.views import Column
from schemas.base import Scalar

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})(?:-(\d{2}))?(?!\d)")
_DECADE = re.compile(r"(?<!\d)(\d{3}0)s\b")
FIRST_YEAR, LAST_YEAR = 1500, 2200
SMALL_WORDS = frozenset(
    {"the", "year", "years", "end", "of", "beginning", "start", "a", "about", "is", "are", "was", "were", "with", "and", "that", "than"}
)


_WITHIN = frozenset({"of", "in"})
_JOINING_MONTHS = frozenset({"and", "or", "nor", "to", "until", "till", "through"})
_IN_MONTH = frozenset({"in", "during", "since", "before", "after", "until", "of", "for", "every", "each", "by", "from"})
_RELATIVE = frozenset({"this", "last", "previous", "current", "past"})
_ONE_PERIOD = frozenset({"year", "quarter", "month", "week", "day"})
_Bound = Literal["<", "<=", ">", ">="]
_OPPOSITE: MappingProxyType[_Bound, _Bound] = MappingProxyType({"<": ">=", "<=": ">", ">": "<=", ">=": "<"})


@dataclass(frozen=True)
class Period:
    """A stretch of days, as ISO dates, and the tokens that name it."""

    first: str
    last: str
    start: int
    end: int

    @property
    def years(self) -> tuple[int, int]:
        return int(self.first[:4]), int(self.last[:4])

    @property
    def shown(self) -> tuple[str, str]:
        """Its ends, as short as they can be said: ``2010``, ``2010-03`` or a day; both are the same for one year or month."""
        if self.whole_years:
            return self.first[:4], self.last[:4]
        return (self.first[:7], self.first[:7]) if self.first[:7] == self.last[:7] and self.first != self.last else (self.first, self.last)

    @property
    def whole_years(self) -> bool:
        return self.first.endswith("-01-01") and self.last.endswith("-12-31")


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


def find_periods(sentence: Sentence) -> tuple[Period, ...]:
    """The periods the question names, in its order."""
    found: list[Period] = []
    for pattern in (_ISO, _DECADE):
        for match in pattern.finditer(sentence.text):
            span = [i for i, t in enumerate(sentence.tokens) if match.start() <= t.start < match.end()]
            period = _period_of(match, span[0], span[-1] + 1) if span else None
            if period:
                found.append(period)
    covered = {i for p in found for i in range(p.start, p.end)}
    for i, token in enumerate(sentence.tokens):
        if i in covered or not token.folded.isdigit() or len(token.folded) != 4 or not FIRST_YEAR <= int(token.folded) <= LAST_YEAR:
            continue
        period = _with_month(sentence, i)
        found += [period, *_months_before(sentence, period)]
    return tuple(sorted(found, key=lambda p: p.start))


def _period_of(match: re.Match[str], start: int, end: int) -> Period | None:
    year = int(match.group(1))
    if match.re is _DECADE:
        return Period(f"{year:04}-01-01", f"{year + 9:04}-12-31", start, end)
    month = int(match.group(2))
    if not 1 <= month <= 12 or year < 1:
        return None
    last_day = calendar.monthrange(year, month)[1]
    if match.group(3) is None:
        return Period(f"{year:04}-{month:02}-01", f"{year:04}-{month:02}-{last_day:02}", start, end)
    day = int(match.group(3))
    return Period(match.group(), match.group(), start, end) if 1 <= day <= last_day else None


def _with_month(sentence: Sentence, at: int) -> Period:
    """The year at ``at``, narrowed by a month (and a day) in front of it: "5 March 2015", "March 5, 2015"."""
    year = int(sentence.word(at))
    months = sentence.lexicon.months
    at_month = at - 1 if sentence.word(at - 1) in _WITHIN and sentence.word(at - 2) in months else at
    before, earlier = sentence.word(at_month - 1), sentence.word(at_month - 2)
    if before in months:
        month, start, day = months[before], at_month - 1, earlier
    elif earlier in months and before.isdigit():
        month, start, day = months[earlier], at_month - 2, before
    else:
        return Period(f"{year:04}-01-01", f"{year:04}-12-31", at, at + 1)
    last_day = calendar.monthrange(year, month)[1]
    if day.isdigit() and 1 <= int(day) <= last_day:
        written = f"{year:04}-{month:02}-{int(day):02}"
        return Period(written, written, min(start, at_month - 2), at + 1)
    return Period(f"{year:04}-{month:02}-01", f"{year:04}-{month:02}-{last_day:02}", start, at + 1)


def _months_before(sentence: Sentence, period: Period) -> list[Period]:
    """The months that share the year of the one behind them: "January, February and March 2024", "between March and May 2024"."""
    if period.whole_years or period.first[:7] != period.last[:7] or period.first == period.last:
        return []
    found: list[Period] = []
    start, year = period.start, int(period.first[:4])
    while True:
        at = start - 1 if sentence.word(start - 1) in sentence.lexicon.months else start - 2
        joined = at == start - 1 or sentence.word(start - 1) in _JOINING_MONTHS
        month = sentence.lexicon.months.get(sentence.word(at)) if joined else None
        if month is None:
            return found
        last_day = calendar.monthrange(year, month)[1]
        found.append(Period(f"{year:04}-{month:02}-01", f"{year:04}-{month:02}-{last_day:02}", at, at + 1))
        start = at


def refuse_unsure_times(sentence: Sentence) -> None:
    """Refuses a month without a year, and "last year": a reading that leaves them out would be about another time."""
    for i, token in enumerate(sentence.tokens):
        if i in sentence.explained:
            continue
        is_may = token.folded == "may" and not (sentence.word(i - 1) in _IN_MONTH or (token.text == "May" and i > 0))
        if token.folded in sentence.lexicon.months and not is_may:
            raise Refused("ambiguous", f'"{token.text}" needs its year right behind it; write it so, as in "{token.text} 2020"')
    for i in range(len(sentence) - 1):
        if sentence.word(i) in _RELATIVE and sentence.word(i + 1) in _ONE_PERIOD and sentence.explained.get(i) is None:
            said = sentence.text[sentence.tokens[i].start : sentence.tokens[i + 1].end]
            raise Refused("ambiguous", f'"{said}" depends on the day of asking; write the time itself, such as "2020" or "since 2020"')


def find_time_conditions(sentence: Sentence, calls_rows: Callable[[str], bool] = lambda _: False) -> tuple[TimeCondition, ...]:
    """What the question says about when, where nothing else explains its numbers; what negates a period is marked as understood.

    ``calls_rows`` tells the words that mean the table's rows: "excluding orders in March 2024".
    """
    periods = [p for p in find_periods(sentence) if sentence.is_free(p.start, p.end)]
    found: list[TimeCondition] = []
    i = 0
    while i < len(periods):
        period = periods[i]
        kind, start = _kind_before(sentence, period.start)
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


def _kind_before(sentence: Sentence, at: int) -> tuple[Literal["since", "after", "until", "before", "between", "in"], int]:
    """The time word in front of position ``at`` and where it begins."""
    position = at
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
                    if phrase.words == ("from",) and not _to_follows(sentence, at):
                        return _from(sentence, at), end - size
                    return kind, end - size
    return "in", at


def _from(sentence: Sentence, at: int) -> Literal["since"]:
    """Whether "from 2004" says "from 2004 on"; alone it may as well mean "in 2004", and is refused."""
    if sentence.word(at + 1) in {"on", "onward", "onwards", "forward", "forwards"}:
        sentence.explain(at + 1, at + 2, "time")
        return "since"
    shown = sentence.tokens[at].text
    raise Refused("ambiguous", f'"from {shown}" may mean "in {shown}" or "since {shown}"; write the one that is meant')


def _to_follows(sentence: Sentence, at: int) -> bool:
    return bool({"to", "until", "till", "through"} & set(sentence.words(at + 1, at + 4))) or sentence.text[
        sentence.tokens[at].end :
    ].lstrip()[:1] in set("-–—")
