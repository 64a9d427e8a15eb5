"""Folded words, tokens with their offsets, and stems: the one way in which KIMERA compares words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(r"(?<![\w.,])[-+−]?\d+(?:[.,'’]\d+)*(?![\w])|[^\W_]+(?:['’][^\W\d_]+)?|[%°€$£]|[<>]=?|!=|[=≥≤]")
_CAMEL = re.compile(r"(?<=[a-z][a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_STEMMERS = {"en": "english"}
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "’": "'", "−": "-"}
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or unit sign of a text: ``text[start:end]`` as written, and its folded form."""

    text: str
    start: int
    end: int
    folded: str

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits only (with signs and separators)."""
        return bool(self.folded) and self.folded.lstrip("+-")[:1].isdigit() and not any(c.isalpha() for c in self.folded)


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """``text`` in NFKC, without case and without accents: ``"Zürich"`` and ``"ZURICH"`` are equal."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS_WITHOUT_DECOMPOSITION)


def tokens(text: str) -> tuple[Token, ...]:
    """Words, numbers and unit signs in order; ``snake_case`` and ``camelCase`` fall into their parts, ``CO2`` stays whole."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        start = match.start()
        for part in _CAMEL.split(match.group()):
            folded = fold(part)
            if folded:
                found.append(Token(part, start, start + len(part), folded))
            start += len(part)
    return tuple(found)


def words(text: str) -> tuple[str, ...]:
    """The folded tokens of ``text``."""
    return tuple(token.folded for token in tokens(text))


@lru_cache(maxsize=65_536)
def stem(word: str, language: str = "en") -> str:
    """The Snowball stem of a folded word; a word of a language without a stemmer, or with a digit in it, is its own stem."""
    name = _STEMMERS.get(language)
    if name is None or any(c.isdigit() for c in word):
        return word
    import snowballstemmer

    bare = word.removesuffix("'s").rstrip("'")
    stemmed: str = snowballstemmer.stemmer(name).stemWord(bare)
    return stemmed or word


def stems(text: str | Iterable[str], language: str = "en") -> tuple[str, ...]:
    """The stems of a text's words, or of words already folded."""
    parts = words(text) if isinstance(text, str) else text
    return tuple(stem(word, language) for word in parts)
