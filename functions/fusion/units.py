"""Whether two units can be compared, and conversion where they can (pint).

Percent, counts and currencies are never converted: a share is not a percentage, a station is not a site, a euro is not a dollar.
Temperatures convert with their offset as readings and without it as differences.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from schemas.assertion import Statistic

if TYPE_CHECKING:
    from pint import Unit, UnitRegistry

UnitClass = Literal["unknown", "same", "convertible", "incomparable"]
Conversion = Callable[[float], float]

_SPELLINGS = {
    "°c": "degC", "℃": "degC", "celsius": "degC", "degc": "degC", "deg c": "degC", "degrees celsius": "degC", "degree celsius": "degC",
    "°f": "degF", "℉": "degF", "fahrenheit": "degF", "degf": "degF", "deg f": "degF", "degrees fahrenheit": "degF",
    "k": "kelvin", "%": "percent", "per cent": "percent", "pct": "percent", "percentage": "percent",
    "pp": "percentage point", "percentage points": "percentage point", "%-points": "percentage point",
    "m²": "m**2", "km²": "km**2", "m³": "m**3", "µg/m³": "microgram/m**3", "ug/m3": "microgram/m**3",
    "$": "usd", "us$": "usd", "dollar": "usd", "dollars": "usd", "€": "eur", "euro": "eur", "euros": "eur", "£": "gbp",
}  # fmt: skip
_CURRENCIES = frozenset("usd eur gbp chf jpy cny inr aud cad sek nok dkk pln brl krw mxn zar".split())
_DIFFERENCES: frozenset[Statistic] = frozenset({"difference", "trend", "rate"})
_UNIT_EXPRESSION = re.compile(r"[^\W\d]+(?:\*\*-?[1-4])?(?:\s*[*/]\s*[^\W\d]+(?:\*\*-?[1-4])?)*")
_OFFSET_UNIT = re.compile(r"\bdeg([CF])\b")


def normal_unit(unit: str | None) -> str | None:
    """One spelling for each unit; ``None`` where it is not known."""
    if unit is None or not unit.strip():
        return None
    text = " ".join(unit.strip().split())
    folded = text.casefold()
    if folded in _SPELLINGS:
        return _SPELLINGS[folded]
    text = re.sub(r"(?<=[a-zA-Z])([234])\b", r"**\1", text)  # m3
    text = text.replace("°C", "degC").replace("°F", "degF").replace("²", "**2").replace("³", "**3").replace("·", "*")
    return re.sub(r"\s+per\s+", "/", text)


def compare_units(first: str | None, second: str | None, statistic: Statistic) -> tuple[UnitClass, Conversion | None]:
    """How two units relate, and for ``same`` and ``convertible`` the function from the first unit into the second."""
    one, two = normal_unit(first), normal_unit(second)
    if one is None or two is None:
        return "unknown", None
    if one == two or _noun(one) == _noun(two):
        return "same", float
    if one.casefold() in _CURRENCIES or two.casefold() in _CURRENCIES or "percent" in one or "percent" in two:
        return "incomparable", None
    left, right = _pint_unit(one, statistic), _pint_unit(two, statistic)
    if left is None and right is None:
        return "unknown", None  # two nouns: whether a site is a station is not ours to say
    if left is None or right is None or left.dimensionality != right.dimensionality or left.dimensionless:
        return "incomparable", None
    return "convertible", _conversion(left, right)


def _noun(unit: str) -> str:
    folded = unit.casefold()
    return folded[:-1] if len(folded) > 3 and folded.endswith("s") else folded


def _conversion(left: Unit, right: Unit) -> Conversion:
    registry = _registry()

    def convert(value: float) -> float:
        converted = float(registry.Quantity(value, left).to(right).magnitude)
        return converted if math.isfinite(converted) else value

    return convert


def _pint_unit(unit: str, statistic: Statistic) -> Unit | None:
    """The unit as pint knows it; ``None`` for a plain noun. A difference of temperatures has no offset."""
    from pint.errors import PintError

    if statistic in _DIFFERENCES or unit not in ("degC", "degF"):
        unit = _OFFSET_UNIT.sub(r"delta_deg\1", unit)
    unit = re.sub(r"\bdecades?\b", "calendar_decade", unit)  # pint's own decade is a factor of ten
    if len(unit) > 60 or not _UNIT_EXPRESSION.fullmatch(unit):
        return None  # a unit from a document is data: no number (9**9**9) and nothing strange is given to a parser
    try:
        parsed = _registry().parse_units(unit, as_delta=False)
        _ = parsed.dimensionality  # raises where a part is not defined
        return parsed
    except (PintError, ValueError, TypeError, AttributeError, KeyError, SyntaxError, ArithmeticError, AssertionError):
        return None  # "stations" is a noun, not a unit


@lru_cache(maxsize=1)
def _registry() -> UnitRegistry[float]:
    from pint import UnitRegistry

    registry: UnitRegistry[float] = UnitRegistry()
    registry.define("calendar_decade = 10 * year")
    return registry
