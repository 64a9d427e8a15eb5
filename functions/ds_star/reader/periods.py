"""The periods that a question names: years, quarters, months and days, in the forms in which people write them."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass

from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence

_DECADE = re.compile(r"(?<!\d)(\d{3}0)s\b")
_QUARTER = re.compile(r"q([1-4])")
_QUARTER_IN_ONE = re.compile(r"(?P<year>\d{4})q(?P<quarter>[1-4])|q(?P<first>[1-4])(?P<behind>\d{4})|(?P<before>[1-4])q(?P<end>\d{4})")
_ORDINAL_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": 4, "final": 4}
FIRST_YEAR, LAST_YEAR = 1500, 2200
_WITHIN = frozenset({"of", "in"})
_JOINING = frozenset({"and", "or", "nor", "to", "until", "till", "through", "vs", "versus", "with"})
_IN_MONTH = frozenset({"in", "during", "since", "before", "after", "until", "of", "for", "every", "each", "by", "from"})
_BEFORE_AMOUNTS = frozenset({"than", "first", "last", "exactly", "over", "above", "below", "under", "equals", "top", "bottom"})
_BESIDE = frozenset({"the", "in", "of", "from"})
"""Words that may follow a joining one: "in Q1 and in Q2 2024"."""


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
        """Its ends, as short as they can be said: ``2010``, ``2010-Q1``, ``2010-03`` or a day; both are the same for one such period."""
        if self.whole_years:
            return self.first[:4], self.last[:4]
        if self.quarter:
            return self.quarter, self.quarter
        return (self.first[:7], self.first[:7]) if self.is_month else (self.first, self.last)

    @property
    def whole_years(self) -> bool:
        return self.first.endswith("-01-01") and self.last.endswith("-12-31")

    @property
    def is_month(self) -> bool:
        return self.first[:7] == self.last[:7] and self.first != self.last

    @property
    def quarter(self) -> str | None:
        """``2010-Q1`` where it is a quarter."""
        number = (int(self.first[5:7]) + 2) // 3
        same = quarter_of(int(self.first[:4]), number, self.start, self.end) == self
        return f"{self.first[:4]}-Q{number}" if same else None


def year_of(year: int, start: int, end: int) -> Period:
    """The whole year, said from ``start`` to ``end``."""
    return Period(f"{year:04}-01-01", f"{year:04}-12-31", start, end)


def quarter_of(year: int, quarter: int, start: int, end: int) -> Period:
    """The quarter of the calendar, from 1 to 4."""
    first, last = month_of(year, 3 * quarter - 2, start, end), month_of(year, 3 * quarter, start, end)
    return Period(first.first, last.last, start, end)


def month_of(year: int, month: int, start: int, end: int) -> Period:
    """The whole month."""
    return Period(f"{year:04}-{month:02}-01", f"{year:04}-{month:02}-{calendar.monthrange(year, month)[1]:02}", start, end)


def day_of(year: int, month: int, day: int, start: int, end: int) -> Period | None:
    """One day; ``None`` where the month has no such day."""
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    written = f"{year:04}-{month:02}-{day:02}"
    return Period(written, written, start, end)


@dataclass(frozen=True)
class Part:
    """A month, a day or a quarter as it is said, without its year; ``start`` to ``end`` are its tokens."""

    start: int
    end: int
    month: int | None = None
    day: int | None = None
    quarter: int | None = None

    def in_year(self, year: int, end: int | None = None) -> Period | None:
        """The period in a year that is said until ``end``; ``None`` where there is no such day."""
        end = self.end if end is None else end
        if self.quarter is not None:
            return quarter_of(year, self.quarter, self.start, end)
        assert self.month is not None
        return month_of(year, self.month, self.start, end) if self.day is None else day_of(year, self.month, self.day, self.start, end)

    def is_like(self, other: Part) -> bool:
        """Whether both are quarters, both months or both days, so that they may share a year."""
        return (self.quarter is None, self.day is None) == (other.quarter is None, other.day is None)


def find_periods(sentence: Sentence, written: tuple[Period, ...] = (), only_year: int | None = None) -> tuple[Period, ...]:
    """The periods that the question names, in its order.

    ``written`` are the dates in digits. ``only_year`` is the one year that the table is about: a month or a quarter without a year is that
    of this year.
    """
    found = [*written, *_decades(sentence)]
    for at in range(len(sentence)):
        covered = {i for p in found for i in range(p.start, p.end)}
        if at not in covered and (period := _quarter_in_one(sentence, at)):
            found += [period, *_sharing_year(sentence, period, Part(at, at + 1, quarter=(int(period.first[5:7]) + 2) // 3))]
        elif at not in covered and _is_year(sentence, at):
            found += _around_year(sentence, at)
    if only_year is not None:
        found += _without_year(sentence, only_year, {i for p in found for i in range(p.start, p.end)})
    return tuple(sorted(found, key=lambda p: p.start))


def _is_year(sentence: Sentence, at: int) -> bool:
    word = sentence.word(at)
    return word.isdigit() and len(word) == 4 and FIRST_YEAR <= int(word) <= LAST_YEAR


def _decades(sentence: Sentence) -> list[Period]:
    found = []
    for match in _DECADE.finditer(sentence.text):
        span = [i for i, t in enumerate(sentence.tokens) if match.start() <= t.start < match.end()]
        if span:
            year = int(match.group(1))
            found.append(Period(f"{year:04}-01-01", f"{year + 9:04}-12-31", span[0], span[-1] + 1))
    return found


def _quarter_in_one(sentence: Sentence, at: int) -> Period | None:
    """``2024Q2`` or ``Q22024``, as one word."""
    match = _QUARTER_IN_ONE.fullmatch(sentence.word(at))
    if match is None:
        return None
    year = int(match["year"] or match["behind"] or match["end"])
    return quarter_of(year, int(match["quarter"] or match["first"] or match["before"]), at, at + 1)


def _around_year(sentence: Sentence, at: int) -> list[Period]:
    """The period that the year at ``at`` belongs to, with those in front of it that share the year."""
    year = int(sentence.word(at))
    before = at - 1 if sentence.word(at - 1) in _WITHIN else at
    part = part_before(sentence, before)
    if part is not None and sentence.is_free(part.start, part.end):
        period = part.in_year(year, at + 1)
        if period is None and sentence.is_free(at, at + 1):
            said = sentence.text[sentence.tokens[part.start].start : sentence.tokens[at].end]
            raise Refused("unsuitable", f'"{said}" is no date of the calendar; write one such as 2024-04-03')
        return [year_of(year, at, at + 1)] if period is None else [period, *_sharing_year(sentence, period, part)]
    behind = _QUARTER.fullmatch(sentence.word(at + 1))
    if behind and not _is_year(sentence, at + 2):
        return [quarter_of(year, int(behind.group(1)), at, at + 2)]
    return [year_of(year, at, at + 1)]


def part_before(sentence: Sentence, end: int, like: Part | None = None) -> Part | None:
    """The month, day or quarter whose words end at ``end``: "5 March", "March 5th", "the 5th of March", "Q2", "second quarter".

    Beside one that is ``like`` it, a day may leave out its month ("3 to 10 January"), an ordinal its quarter ("first and second quarter").
    """
    quarter = _quarter_before(sentence, end, like)
    if quarter is not None:
        return quarter
    word, months = sentence.word(end - 1), sentence.lexicon.months
    day = _day(word)
    if day is not None and sentence.word(end - 2) in months:
        return Part(end - 2, end, months[sentence.word(end - 2)], day)
    if word in months:
        at = end - 2 if sentence.word(end - 2) != "of" else end - 3
        number = _day(sentence.word(at))
        if number is None or _is_amount(sentence, at):
            return Part(end - 1, end, months[word])
        return Part(at, end, months[word], number)
    if day is not None and like is not None and like.day is not None and _says_day_first(sentence, like):
        return Part(end - 1, end, like.month, day)
    return None


def _is_amount(sentence: Sentence, at: int) -> bool:
    """Whether the number at ``at`` says how many, and is no day: "the top 5 March orders", "more than 5 March orders"."""
    return sentence.word(at - 1) in _BEFORE_AMOUNTS or sentence.word(at - 1) in sentence.lexicon.superlatives


def _says_day_first(sentence: Sentence, part: Part) -> bool:
    return _day(sentence.word(part.start)) is not None


def _quarter_before(sentence: Sentence, end: int, like: Part | None) -> Part | None:
    word, before = sentence.word(end - 1), sentence.word(end - 2)
    if found := _QUARTER.fullmatch(word):
        return Part(end - 1, end, quarter=int(found.group(1)))
    if word in {"quarter", "quarters"} and before in _ORDINALS:
        return Part(end - 2, end, quarter=_ORDINALS[before])
    number = _number_of_quarter(sentence, word)
    if number is not None and before in {"quarter", "quarters"}:
        return Part(end - 2, end, quarter=number)
    if like is not None and like.quarter is not None and word in _ORDINALS and sentence.word(like.end - 1) in {"quarter", "quarters"}:
        return Part(end - 1, end, quarter=_ORDINALS[word])
    return None


def _number_of_quarter(sentence: Sentence, word: str) -> int | None:
    number = int(word) if word.isdigit() and len(word) == 1 else sentence.lexicon.numbers.get(word)
    return number if number is not None and 1 <= number <= 4 else None


def _day(word: str) -> int | None:
    """``5`` of "5" or "5th"; ``None`` for what is no day of any month."""
    found = _ORDINAL_DAY.fullmatch(word)
    digits = found.group(1) if found else word
    return int(digits) if digits.isdigit() and len(digits) <= 2 and 1 <= int(digits) <= 31 else None


def _sharing_year(sentence: Sentence, period: Period, part: Part) -> list[Period]:
    """Those in front of a period that share its year: "January, February and March 2024", "Q1 to Q2 2024", "3 Jan and 10 Feb 2024"."""
    found: list[Period] = []
    year = period.years[0]
    while True:
        end = part.start
        while sentence.word(end - 1) in _BESIDE:
            end -= 1
        if sentence.word(end - 1) in _JOINING:
            end -= 1
        elif not _is_listed(sentence, end, part.start):
            return found
        earlier = part_before(sentence, end, part)
        alike = earlier is not None and earlier.is_like(part) and sentence.is_free(earlier.start, earlier.end)
        shared = earlier.in_year(year) if earlier is not None and alike else None
        if earlier is None or shared is None:
            return found
        if shared.first > (found[-1] if found else period).first:
            said = sentence.text[sentence.tokens[shared.start].start : sentence.tokens[period.end - 1].end]
            raise Refused("ambiguous", f'in "{said}" the first may be that of {year} or of {year - 1}; write the year behind each')
        found.append(shared)
        part = earlier


def _is_listed(sentence: Sentence, end: int, start: int) -> bool:
    """Whether only a comma or a dash stands between two tokens: "3-10 January", "Q1, Q2 and Q3"."""
    if end != start or end == 0:
        return False
    return sentence.text[sentence.tokens[end - 1].end : sentence.tokens[end].start].strip() in {",", "-", "–", "—", "/"}


def _without_year(sentence: Sentence, year: int, covered: set[int]) -> list[Period]:
    """Months, days and quarters that are said without a year, in the one that the table is about."""
    found: list[Period] = []
    end = len(sentence)
    while end > 0:
        part = None if _may_is_a_verb(sentence, end - 1) else part_before(sentence, end)
        free = part is not None and sentence.is_free(part.start, part.end) and not covered & set(range(part.start, part.end))
        period = part.in_year(year) if part is not None and free and sentence.word(part.start) not in {"last", "final"} else None
        if part is None or period is None:
            end -= 1
            continue
        together = [period, *_sharing_year(sentence, period, part)]
        found += together
        end = min(p.start for p in together)
    return found


def _may_is_a_verb(sentence: Sentence, at: int) -> bool:
    """Whether "may" says that something is possible, and names no month."""
    token = sentence.tokens[at]
    return token.folded == "may" and not (sentence.word(at - 1) in _IN_MONTH or (token.text == "May" and at > 0))


def lone_part(sentence: Sentence, named: Iterable[int]) -> str | None:
    """The month, or the quarter, that nothing explains, as it is said: its year is missing. Those at ``named`` have one."""
    years = set(named)
    for i, token in enumerate(sentence.tokens):
        if i in sentence.explained or i in years:
            continue
        if _QUARTER.fullmatch(token.folded) or (token.folded in sentence.lexicon.months and not _may_is_a_verb(sentence, i)):
            return token.text
        if token.folded in _ORDINALS and sentence.word(i + 1) == "quarter" and token.folded not in {"last", "final"}:
            return sentence.text[token.start : sentence.tokens[i + 1].end]
    return None
