"""A part of a year that several years share: "the first 9 months of 2023 vs 2024", "Q1 of 2023 and 2024"."""

from __future__ import annotations

from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.periods import Period, day_of, months_of, year_at
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence

_AGAINST = frozenset({"vs", "versus", "against", "compared", "comparison"})
_LISTED = frozenset({"and", "or"})
SAME_PART = frozenset({"same", "period", "time", "months", "month", "quarter", "half", "day", "of"})
"""Words of "the same period of 2024"."""
_BESIDE = frozenset({"with", "to", "of", "the", "in", "that", "those", "as", "from", "for"})


def share_parts(sentence: Sentence, periods: tuple[Period, ...]) -> tuple[Period, ...]:
    """The periods, with a lone year behind a part of another one read as the same part of it: the 2024 of "Q1 2023 vs 2024" is its Q1.

    Raises ``Refused`` for "March 2023 and 2024", which may as well mean the whole of 2024.
    """
    found = list(periods)
    shared = False
    for at in range(1, len(found)):
        part, year = found[at - 1 : at + 1]
        shared = _is_shared(sentence, part, year, listed=shared or _is_of_year(sentence, part))
        if shared:
            found[at] = _same_part(part, year)
    return tuple(found)


def _is_shared(sentence: Sentence, part: Period, year: Period, *, listed: bool) -> bool:
    """Whether the year says no more than which year's part is meant; ``listed`` where the years before it were named for their part."""
    alone = year.whole_years and year.end - year.start == 1 and year_at(sentence, year.start) is not None
    if not alone or part.whole_years or len(set(part.years)) != 1 or part.first[:4] == year.first[:4]:
        return False
    words = set(sentence.words(part.end, year.start))
    comma = sentence.text[sentence.tokens[part.end - 1].end : sentence.tokens[year.start].start].strip() in {",", "/"}
    if "same" in words:
        return words <= _AGAINST | _LISTED | SAME_PART | _BESIDE | {"than"}
    if words & _AGAINST:
        return words <= _AGAINST | _BESIDE and "in" not in words
    if not (words <= _LISTED | {"of"} and words) and not (comma and listed):
        return False
    if listed or "of" in words:
        return True
    said = text_of(sentence, part.start, year.end)
    raise Refused(
        "ambiguous", f'"{said}" may mean the same part of both years or the whole of {year.first[:4]}; write the part behind each'
    )


def _is_of_year(sentence: Sentence, part: Period) -> bool:
    """Whether it is "Q1 of 2023" or "the first half of 2023", where the years behind it are further ones of the same."""
    return bool({"of", "in"} & set(sentence.words(part.start, part.end)))


def _same_part(part: Period, year: Period) -> Period:
    """The same months of the year, or the same day; the year itself where it has no such day."""
    number, months = year.years[0], (int(part.first[5:7]), int(part.last[5:7]))
    if part.first == part.last:
        return day_of(number, months[0], int(part.first[8:]), year.start, year.end) or year
    return months_of(number, months, year.start, year.end)
