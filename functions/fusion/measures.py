"""When two measures, entities or populations have the same name: case, accents, separators, plurals and filler words aside."""

from __future__ import annotations

import re
import unicodedata

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_FILLER = frozenset({"the", "a", "an", "of", "in", "at", "for", "per", "by", "all", "and", "on", "to", "from"})
_STATISTIC_WORDS = frozenset(
    {
        "mean",
        "average",
        "avg",
        "median",
        "total",
        "sum",
        "count",
        "number",
        "share",
        "minimum",
        "min",
        "maximum",
        "max",
        "value",
        "annual",
        "yearly",
    }
)
"""They say which statistic is meant, which ``Assertion.statistic`` carries; a measure's name is the same with and without them."""
_UNIT_WORDS = frozenset(
    {"c", "f", "k", "degc", "degf", "celsius", "fahrenheit", "pct", "percent", "mm", "cm", "m", "km", "kg", "g", "hpa", "usd", "eur", "chf"}
)
_SYNONYMS = {
    "temp": "temperature",
    "temps": "temperature",
    "precip": "precipitation",
    "rain": "precipitation",
    "rainfall": "precipitation",
    "pop": "population",
    "qty": "quantity",
    "amt": "amount",
    "sale": "sales",
    "participant": "participation",
    "wage": "salary",
}


def plain(text: str) -> str:
    """Lower case without accents, separators as single spaces."""
    decomposed = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text))
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(_WORD.findall(letters.casefold()))


def name_key(name: str | None) -> str | None:
    """What entities and populations are compared by; ``None`` where nothing is known."""
    if name is None:
        return None
    words = [_singular(w) for w in plain(name).split() if w not in _FILLER or w == "all"]
    return " ".join(words) or None


def measure_key(measure: str | None) -> frozenset[str] | None:
    """The words that make a measure; ``None`` where nothing is known."""
    if measure is None:
        return None
    words = plain(measure).split()
    kept = [w for w in words if w not in _FILLER and w not in _STATISTIC_WORDS]
    if len(kept) > 1:  # a unit at the end of a column's name (temp_c) is no part of the measure
        kept = [kept[0], *(w for w in kept[1:] if w not in _UNIT_WORDS)]
    key = frozenset(_SYNONYMS.get(w, _singular(w)) for w in kept)
    return key or frozenset(words) or None


def _singular(word: str) -> str:
    """A crude singular: enough to compare names, not to print them."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
