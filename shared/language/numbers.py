"""Which numbers a text states, and whether each of them has a source (invariant 6).

A number is sourced when the very same number stands in a formatted recorded value, in a verified quote, or in the question. The
check reads more than plain digits: ``½``, ``１２``, ``10⁵``, ``CHF1200`` and "twelve" state numbers as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from shared.reading.sentences import sentences as sentence_offsets

_UNITS = "four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBER_WORDS: dict[str, int] = (
    {word: i for i, word in enumerate(_UNITS, start=4)} | {word: 10 * i for i, word in enumerate(_TENS, start=2)} | {"dozen": 12}
)
"""Spelled-out numbers that count as figures. "One" to "three" are left out: they are grammar ("the two groups") far more often."""

_SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12, "mn": 6, "bn": 9}
_GROUP_SPACES = re.compile("[\u00a0\u2007\u2009\u202f](?<=\\d.)(?=\\d{3}(?!\\d))")  # the rare part first: most texts have none
_LONGEST_FIRST = sorted(NUMBER_WORDS, key=len, reverse=True)
_SPELLED = "|".join(
    f"{first}(?:{'|'.join(word[1:] for word in _LONGEST_FIRST if word[0] == first)})" for first in sorted({w[0] for w in NUMBER_WORDS})
)
"""By first letters: most words of a text are passed over at their first one."""
_TOKEN = re.compile(
    r"(?P<number>\d+(?:[.,'’]\d+)*)(?:\s?(?P<scale>thousand|million|billion|trillion|mn|bn)\b)?"
    r"|(?<![^\W\d_])(?:"  # where a word begins
    r"(?P<word>[^\W\d_][^\W\d]*+\d\w*(?:\.\d+)?)"  # CO2, PM2.5, station_3
    rf"|\b(?P<spelled>{_SPELLED})\b)",
    re.IGNORECASE,
)
_ENGLISH_GROUPS = re.compile(r"\d{1,3}(?:[,'’]\d{3})+(?:\.\d+)?")
_OTHER_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as it stands in a text. ``readings`` are the values it may have ("1.234" in a German text is 1234 as well)."""

    text: str
    readings: tuple[Decimal, ...]
    digits: int = 0
    """Decimals of the first reading; negative where a scale word stands behind it ("1.2 million" has -5)."""
    span: tuple[int, int] = (0, 0)


def numerals(text: str) -> Iterator[Numeral]:
    """Every number that ``text`` states, in order, signs left aside (a hyphen is as often a range as a minus)."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", _GROUP_SPACES.sub(",", text))  # neither changes ASCII
    for match in _TOKEN.finditer(plain):
        token = match.group(0).casefold()
        if match.group("spelled"):
            yield Numeral(token, (Decimal(NUMBER_WORDS[token]),), span=match.span())
        elif match.group("word"):
            yield Numeral(token, (), span=match.span())
        else:
            readings = _readings(match.group("number"))
            scale = _SCALES.get((match.group("scale") or "").casefold(), 0)
            decimals = max(0, -int(readings[0].as_tuple().exponent)) if readings else 0
            if scale:
                readings = tuple(r.scaleb(scale) for r in readings) + readings
            yield Numeral(token, readings, decimals - scale, match.span())


def _readings(number: str) -> tuple[Decimal, ...]:
    """The value as an English reader takes it, then as others might; none where it is no single number ("1.2.3", "7,8")."""
    found: list[Decimal] = []
    if _ENGLISH_GROUPS.fullmatch(number):
        found.append(Decimal(re.sub(r"[,'’]", "", number)))
    elif number.replace(".", "", 1).isdecimal():
        found.append(Decimal(number))
    if _OTHER_GROUPS.fullmatch(number):
        found.append(Decimal(number.replace(".", "").replace(",", ".")))
    elif not found and re.fullmatch(r"\d+,\d+", number):
        found.append(Decimal(number.replace(",", ".")))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class NumberSources:
    """The numbers that a sentence may state."""

    values: frozenset[Decimal] = frozenset()
    tokens: frozenset[str] = frozenset()

    @staticmethod
    def of(texts: Iterable[str]) -> NumberSources:
        """The numbers in texts that may be cited: formatted values, verified quotes, the question."""
        values: set[Decimal] = set()
        tokens: set[str] = set()
        for text in texts:
            for numeral in numerals(text):
                values.update(numeral.readings)
                tokens.add(numeral.text)
        return NumberSources(frozenset(values), frozenset(tokens))

    def __or__(self, other: NumberSources) -> NumberSources:
        return NumberSources(self.values | other.values, self.tokens | other.tokens)

    def holds(self, numeral: Numeral) -> bool:
        """Whether the number has a source; it is read as an English reader reads it."""
        return numeral.text in self.tokens or any(r in self.values for r in numeral.readings[:1])


def unsourced(text: str, sources: NumberSources) -> tuple[str, ...]:
    """The numbers in ``text`` that have no source."""
    return tuple(n.text for n in numerals(text) if not sources.holds(n))


def sentences(text: str) -> tuple[str, ...]:
    """``text`` in sentences; where one ends is a guess that only decides how much goes when one has to go."""
    return tuple(text[start:end] for start, end in sentence_offsets(text))
