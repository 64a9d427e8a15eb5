"""The periods that a question names: years, halves, quarters, months and days, in the forms in which people write them."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence

_DECADE = re.compile(r"(?<!\d)(\d{3}0)s\b")
_QUARTER = re.compile(r"q([1-4])")
_HALF = re.compile(r"h([12])|([12])h")
_PART_IN_ONE = re.compile(r"(?P<year>\d{4})(?P<part>q[1-4]|h[12])|(?P<first>q[1-4]|h[12]|[1-4]q|[12]h)(?P<behind>\d{4})")
_ORDINAL_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": 4, "final": 4}
FIRST_YEAR, LAST_YEAR = 1500, 2200
_APOSTROPHES = frozenset("'’‘")
_CENTURY_ENDS = 50
"""A year in two digits is that of this century up to here; of a later one the century is not sure."""
_HALVES = {"first": 1, "1st": 1, "second": 2, "2nd": 2}
_MONTHS_IN = {"months": 1, "quarters": 3}
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
        if part := self.quarter or self.half:
            return part, part
        return (self.first[:7], self.first[:7]) if self.is_month else (self.first, self.last)

    @property
    def iso(self) -> str:
        """As ISO 8601 writes it: what it is shown as, or its first and last month, for the first nine of a year."""
        return f"{self.first[:7]}/{self.last[:7]}" if self.is_beginning else self.shown[0]

    @property
    def is_beginning(self) -> bool:
        """Whether it is a part of a year that has no name of its own: its first nine months."""
        return not self.whole_years and self.shown[0] != self.shown[1]

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

    @property
    def half(self) -> str | None:
        """``2010-H1`` where it is a half of a year."""
        ends = self.first[4:], self.last[4:]
        number = {("-01-01", "-06-30"): 1, ("-07-01", "-12-31"): 2}.get(ends) if len(set(self.years)) == 1 else None
        return f"{self.first[:4]}-H{number}" if number else None

    @property
    def whole_halves(self) -> bool:
        """Whether it begins and ends where halves of a year do."""
        return self.first[5:] in {"01-01", "07-01"} and self.last[5:] in {"06-30", "12-31"}

    @property
    def whole_quarters(self) -> bool:
        """Whether it begins and ends where quarters do."""
        return self.first[5:] in {"01-01", "04-01", "07-01", "10-01"} and self.last[5:] in {"03-31", "06-30", "09-30", "12-31"}


def year_of(year: int, start: int, end: int) -> Period:
    """The whole year, said from ``start`` to ``end``."""
    return Period(f"{year:04}-01-01", f"{year:04}-12-31", start, end)


def quarter_of(year: int, quarter: int, start: int, end: int) -> Period:
    """The quarter of the calendar, from 1 to 4."""
    first, last = month_of(year, 3 * quarter - 2, start, end), month_of(year, 3 * quarter, start, end)
    return Period(first.first, last.last, start, end)


def months_of(year: int, months: tuple[int, int], start: int, end: int) -> Period:
    """From the first to the last of ``months``: a half of a year, or its first nine months."""
    return Period(month_of(year, months[0], start, end).first, month_of(year, months[1], start, end).last, start, end)


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
    """A month, a day, a quarter or a half as it is said, without its year; ``start`` to ``end`` are its tokens."""

    start: int
    end: int
    month: int | None = None
    day: int | None = None
    quarter: int | None = None
    half: int | None = None

    def in_year(self, year: int, end: int | None = None) -> Period | None:
        """The period in a year that is said until ``end``; ``None`` where there is no such day."""
        end = self.end if end is None else end
        if self.quarter is not None:
            return quarter_of(year, self.quarter, self.start, end)
        if self.half is not None:
            return months_of(year, (6 * self.half - 5, 6 * self.half), self.start, end)
        assert self.month is not None
        return month_of(year, self.month, self.start, end) if self.day is None else day_of(year, self.month, self.day, self.start, end)

    def is_like(self, other: Part) -> bool:
        """Whether both are halves, quarters, months or days, so that they may share a year."""
        own, others = ((p.half is None, p.quarter is None, p.day is None) for p in (self, other))
        return own == others


def find_periods(sentence: Sentence, written: tuple[Period, ...] = (), only_year: int | None = None) -> tuple[Period, ...]:
    """The periods that the question names, in its order.

    ``written`` are the dates in digits. ``only_year`` is the one year that the table is about: a month or a quarter without a year is that
    of this year.
    """
    found = [*written, *_decades(sentence)]
    for at in range(len(sentence)):
        covered = {i for p in found for i in range(p.start, p.end)}
        if at not in covered and (in_one := _part_in_one(sentence, at)):
            found += [in_one[0], *_sharing_year(sentence, *in_one)]
        elif at not in covered and year_at(sentence, at):
            found += _around_year(sentence, at)
    if only_year is not None:
        found += _without_year(sentence, only_year, {i for p in found for i in range(p.start, p.end)})
    return tuple(sorted(found, key=lambda p: p.start))


def year_at(sentence: Sentence, at: int) -> int | None:
    """The year at a position, in four digits or as in "Q2 '24", which is 2024."""
    word = sentence.word(at)
    if len(word) == 4 and word.isdigit() and FIRST_YEAR <= int(word) <= LAST_YEAR:
        return int(word)
    if len(word) != 2 or not word.isdigit() or not 0 < int(word) < _CENTURY_ENDS or not is_short_year(sentence, at):
        return None
    return 2000 + int(word)


def is_short_year(sentence: Sentence, at: int) -> bool:
    """Whether an apostrophe stands for the century of a year, right behind a month, a quarter or a half."""
    start, end = sentence.tokens[at].start, sentence.tokens[at].end
    marked = sentence.text[start - 1 : start] in _APOSTROPHES and sentence.text[end : end + 1] not in _APOSTROPHES
    beside = at > 0 and sentence.text[sentence.tokens[at - 1].end : start - 1].strip() == ""
    return start > 0 and marked and beside and part_before(sentence, at) is not None


def _decades(sentence: Sentence) -> list[Period]:
    found = []
    for match in _DECADE.finditer(sentence.text):
        span = [i for i, t in enumerate(sentence.tokens) if match.start() <= t.start < match.end()]
        if span:
            year = int(match.group(1))
            found.append(Period(f"{year:04}-01-01", f"{year + 9:04}-12-31", span[0], span[-1] + 1))
    return found


def _part_in_one(sentence: Sentence, at: int) -> tuple[Period, Part] | None:
    """``2024Q2``, ``Q22024`` or ``2024H1``, as one word."""
    match = _PART_IN_ONE.fullmatch(sentence.word(at))
    if match is None:
        return None
    part = _part_of_letter(match["part"] or match["first"], at)
    period = part.in_year(int(match["year"] or match["behind"])) if part else None
    return (period, part) if part and period else None


def _part_of_letter(word: str, at: int) -> Part | None:
    """The quarter or the half that one word names: ``Q2``, ``H1``, ``1H``."""
    if found := re.fullmatch(r"q([1-4])|([1-4])q", word):
        return Part(at, at + 1, quarter=int(found[1] or found[2]))
    if found := _HALF.fullmatch(word):
        return Part(at, at + 1, half=int(found[1] or found[2]))
    return None


def _around_year(sentence: Sentence, at: int) -> list[Period]:
    """The period that the year at ``at`` belongs to, with those in front of it that share the year."""
    year = year_at(sentence, at)
    assert year is not None
    before = at - 1 if sentence.word(at - 1) in _WITHIN else at
    if sentence.words(at - 2, at) == ("the", "year") and sentence.word(at - 3) in _WITHIN:
        before = at - 3
    if begun := _beginning_of_year(sentence, before, at, year):
        return [begun]
    part = part_before(sentence, before)
    if part is not None and sentence.is_free(part.start, part.end):
        period = part.in_year(year, at + 1)
        if period is None and sentence.is_free(at, at + 1):
            said = sentence.text[sentence.tokens[part.start].start : sentence.tokens[at].end]
            raise Refused("unsuitable", f'"{said}" is no date of the calendar; write one such as 2024-04-03')
        return [year_of(year, at, at + 1)] if period is None else [period, *_sharing_year(sentence, period, part)]
    behind = _part_of_letter(sentence.word(at + 1), at + 1)
    if behind and not year_at(sentence, at + 2) and (period := replace(behind, start=at).in_year(year)):
        return [period]
    return [year_of(year, at, at + 1)]


def _beginning_of_year(sentence: Sentence, end: int, at: int, year: int) -> Period | None:
    """The period of "the first three quarters of 2024" or "the first 9 months of 2024"; the year stands at ``at``."""
    unit, number = _MONTHS_IN.get(sentence.word(end - 1)), sentence.word(end - 2)
    count = int(number) if number.isdigit() else sentence.lexicon.numbers.get(number)
    listed = sentence.word(at + 1) in {"by", "with", "having"}
    if unit is None or count is None or not 2 <= count <= 12 // unit or sentence.word(end - 3) != "first" or end == at or listed:
        return None
    return months_of(year, (1, count * unit), end - 3, at + 1)


def part_before(sentence: Sentence, end: int, like: Part | None = None) -> Part | None:
    """The month, day, quarter or half whose words end at ``end``: "5 March", "the 5th of March", "Q2", "second quarter", "first half".

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
    if (found := _part_of_letter(word, end - 1)) and (found.half or word[0] == "q"):
        return found
    if sentence.words(end - 2, end) in {("half", "year"), ("half", "years")}:
        return replace(half, end=end) if (half := _quarter_before(sentence, end - 1, like)) else None
    if word in {"half", "halves"} and before in _HALVES:
        return Part(end - 2, end, half=_HALVES[before])
    if word in {"quarter", "quarters"} and before in _ORDINALS:
        return Part(end - 2, end, quarter=_ORDINALS[before])
    number = _number_of_quarter(sentence, word)
    if number is not None and before in {"quarter", "quarters"}:
        return Part(end - 2, end, quarter=number)
    if like is not None and like.quarter is not None and word in _ORDINALS and sentence.word(like.end - 1) in {"quarter", "quarters"}:
        return Part(end - 1, end, quarter=_ORDINALS[word])
    if like is not None and like.half is not None and word in _HALVES and sentence.word(like.end - 1) in {"half", "halves"}:
        return Part(end - 1, end, half=_HALVES[word])
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
        part = None if _may_is_a_verb(sentence, end - 1) or _is_of_others(sentence, end) else part_before(sentence, end)
        if part is not None and part.half is not None and not _is_led(sentence, part):
            part = None
        free = part is not None and sentence.is_free(part.start, part.end) and not covered & set(range(part.start, part.end))
        period = part.in_year(year) if part is not None and free and sentence.word(part.start) not in {"last", "final"} else None
        if part is None or period is None:
            end -= 1
            continue
        together = [period, *_sharing_year(sentence, period, part)]
        found += together
        end = min(p.start for p in together)
    return found


def _is_led(sentence: Sentence, part: Part) -> bool:
    """Whether a half without a year stands where a time does: a "product H2" is none, and "2h" are two hours."""
    led = sentence.word(part.start - 1) in _IN_MONTH | _JOINING | {"the", "between"}
    return sentence.word(part.start) not in {"1h", "2h"} and (led or part.start == 0)


def _is_of_others(sentence: Sentence, end: int) -> bool:
    """Whether "of" follows, and not the year: "the first half of the orders" is no time."""
    return sentence.word(end) == "of" and sentence.words(end, end + 3) != ("of", "the", "year")


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
        if _QUARTER.fullmatch(token.folded) or token.folded in {"h1", "h2"}:
            return token.text
        if token.folded in sentence.lexicon.months and not _may_is_a_verb(sentence, i):
            return token.text
        of_quarter = sentence.word(i + 1) == "quarter" and token.folded in _ORDINALS and token.folded not in {"last", "final"}
        if of_quarter or (sentence.word(i + 1) == "half" and token.folded in _HALVES and not _is_of_others(sentence, i + 2)):
            return sentence.text[token.start : sentence.tokens[i + 1].end]
    return None
