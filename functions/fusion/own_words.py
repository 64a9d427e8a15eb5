"""The numbers of KIMERA's own messages: its thresholds, its limits, the names of encodings (invariant 6).

They are facts about the platform, which no file and no model brings. Such a number is known by the words around it, never by itself:
it has a source only in the very clause that the platform writes. Whoever repeats the clause says something true, and no other sentence
may use the number.
``tests/unit/test_fusion_own_words.py`` holds the clauses against the code that writes them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_GRAIN = "(?:year|quarter|month|week|day)"
_NAME = "`[^`]*`"
"""What the platform puts between the words, a column's name say: never inside the group, so its numbers need a source of their own."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of the platform's. ``own`` has one group: what of it is the platform's own."""

    own: re.Pattern[str]
    words: str
    """The longest words in a row that it always has: a text without them, as most are, need not be searched."""

    @classmethod
    def of(cls, pattern: str) -> Self:
        """The clause; upper and lower case are the same to it."""
        return cls(re.compile(pattern, re.IGNORECASE), max(re.findall("[a-z][a-z ]+", pattern), key=len))


CLAUSES = tuple(
    Clause.of(clause)
    for clause in (
        r"(a trend needs at least 8)",
        rf"complete periods by {_GRAIN}; (at least [18] are needed)",
        rf"(groups with fewer than 8 {_GRAIN}s are left out)",
        r"(a difference in trends is read for at most 8)",
        r"(only the first 8 groups are read)",
        r"rows have both measures; (at least 5 are needed)",
        r"(groups with fewer than 3 (?:entities|values) are left out of the test)",
        rf"fewer than two groups of {_NAME} have (at least 3) (?:rows|{_NAME}), which is too few to compare",
        rf"(fewer than 3) of {_NAME} stand in both groups, which is too few to compare",
        r"(expected counts are small; p is from 9,999 permutations with a fixed seed)",
        r"(fewer than 10 pairs: p is from permutations)",
        r"groups were computed; ([68] are stated, all stand in the table)",
        r"values were recorded; (the first 200 are kept)",
        r"\((the first 25) of \d+\)$",
        rf"{_NAME} is ranked (from 1) \([^()]*\) to \d+ \(",
        r"(\(at least 90 % are needed\), so the tables are not joined)",
        r"(years of two digits up to 69 are read as 20xx)",
        r"(\(a (?:first|second) number above 12 occurs\))",
        r"is not given; (ask for the top 5)",
        r"(say it beside a value or a period, as in \"not in 2021\")",
        r"(write such dates as 2026-01-31)",
        r"needs its year right behind it; write it so, as in \"[^\"]* (\d{4}\")",
        r"(write the time itself, such as \"(?:Q2 2024|(?:5 )?March 2024|2020)\" or \"since 2020\")",
        r"(write it, as in \"in 2020\")",
        r"(may be 0 or a missing value)",
        r"(is 0\", or ask for missing values)",
        r"is a condition without a value; (write it with one, as in \"where \.\.\. is above 0\")",
        r"(write the months, as in \"from July 2023 to June 2024\")",
        r"(write the month as in 2024-04)",
        r"(name the two times, as in \"from 2020 to 2023\")",
        r"(write one such as 2024-04-03)",
        r"(write the year in full, such as 2024-04-03)",
        r"is too large; (a document may have 250,000,000 bytes)\.",
        r"(the script needed more memory than it has \(2 GB\))",
        r"(the bytes are not UTF-8)",
        r"(characters are not valid UTF-8 and were replaced)",
    )
)


def own_clauses(encodings: Iterable[str | None]) -> tuple[Clause, ...]:
    """The clauses, and for each encoding that a file was read in the ones that name it; a name that no codec has is not taken."""
    known = dict.fromkeys(re.escape(e) for e in encodings if e and _is_codec(e))
    named = (rf"(read as {e}) \((?:the bytes are not UTF-8|no byte-order mark)\)" for e in known)
    return (*CLAUSES, *(Clause(re.compile(pattern, re.IGNORECASE), "read as ") for pattern in named))


def own_spans(text: str, clauses: Iterable[Clause]) -> tuple[tuple[int, int], ...]:
    """Where ``text`` says what only the platform says. A number that reaches beyond such a span is not the platform's."""
    said = text.lower()
    return tuple(match.span(1) for clause in clauses if clause.words in said for match in clause.own.finditer(text))


def _is_codec(name: str) -> bool:
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return True
