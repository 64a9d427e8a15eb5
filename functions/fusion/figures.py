"""How a recorded value looks in a report. Formatting is code's work: no role writes a figure (invariant 6).

Integers are exact. Other numbers keep about four significant digits, and never lose a digit before the decimal point. The
recorded value itself stands in the report's JSON.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from schemas.analysis import TestResult
from schemas.base import Scalar

MINUS = "\u2212"
NARROW = "\u202f"
_NO_UNIT = frozenset({"", "1", "count", "n", "dimensionless", "none", "ratio", "number"})
_UNIT_SIGNS = (
    (re.compile(r"\b(?:delta_)?deg(?:ree)?_?C(?:elsius)?\b|\bdelta_celsius\b|\bcelsius\b"), "°C"),
    (re.compile(r"\b(?:delta_)?deg(?:ree)?_?F(?:ahrenheit)?\b|\bdelta_fahrenheit\b|\bfahrenheit\b"), "°F"),
    (re.compile(r"\bpercent\b|\bpct\b"), "%"),
    (re.compile(r"\*\*\s*2\b|\^2\b"), "²"),
    (re.compile(r"\*\*\s*3\b|\^3\b"), "³"),
    (re.compile(r"\s*\*\s*"), "·"),
    (re.compile(r"^1\s*/\s*(?=[a-z]{3,}s?$)"), "per "),  # a quantity without a unit, per year
    (re.compile(r"\s*/\s*(?=[a-z]{3,}s?$)"), " per "),  # °C per decade, but km/h
    (re.compile(r"\s*/\s*"), "/"),
    (re.compile(r"\bmicrogram\b|\bug\b"), "µg"),
)
_P_NAME = re.compile(r"(?:^|[\s_(])p(?:[\s_-]?val(?:ue)?)?(?:[\s_-]?adj(?:usted)?)?(?:$|[\s_)])", re.IGNORECASE)
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def unit_text(unit: str | None) -> str:
    """The unit as a reader writes it (``degC/decade`` becomes ``°C/decade``); empty where there is none to show."""
    if unit is None or unit.strip().casefold() in _NO_UNIT:
        return ""
    text = unit.strip()
    for pattern, sign in _UNIT_SIGNS:
        text = pattern.sub(sign, text)
    return text


def number_text(value: int | float, digits: int | None = None) -> str:
    """A number for reading: ``12,345``, ``1234.6``, ``13.48``, ``1.35 × 10⁻⁵``; with so many decimals where ``digits`` says."""
    if isinstance(value, int):
        return _signed(value < 0, _grouped(str(abs(value))))
    exact = Decimal(repr(value))
    magnitude = abs(exact)
    if magnitude == 0:
        return "0"
    if digits is not None and magnitude < Decimal(10) ** 15:
        stated = magnitude.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
        if stated:
            whole, _, fraction = format(stated, "f").partition(".")
            return _signed(exact < 0, _grouped(whole) + (f".{fraction}" if fraction else ""))
    if magnitude < Decimal("0.0001") or magnitude >= Decimal(10) ** 15:
        power = magnitude.adjusted()
        lead = _trimmed(magnitude.scaleb(-power).quantize(Decimal("0.01"), ROUND_HALF_UP))
        return _signed(exact < 0, f"{lead} × 10{str(power).translate(_SUPERSCRIPT)}")
    text = _trimmed(magnitude.quantize(Decimal(1).scaleb(-_decimals(magnitude)), ROUND_HALF_UP))
    whole, _, fraction = text.partition(".")
    return _signed(exact < 0, _grouped(whole) + (f".{fraction}" if fraction else ""))


def _decimals(magnitude: Decimal) -> int:
    if magnitude >= 100_000:
        return 0
    return max(1, 3 - magnitude.adjusted())


def _trimmed(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _grouped(whole: str) -> str:
    """Thousands are grouped from five digits on, so that a year stays a year."""
    return f"{int(whole):,}" if len(whole) > 4 else whole


def _signed(negative: bool, text: str) -> str:
    return MINUS + text if negative and text != "0" else text


def is_p_value(name: str, value: Scalar) -> bool:
    """Whether a recorded value is a p-value, by its name."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1 and bool(_P_NAME.search(name))


def p_text(p: float) -> str:
    """``< 0.001``, ``0.034`` or ``> 0.999``: what stands behind "p"."""
    if p < 0.001:
        return "< 0.001"
    if p > 0.999:
        return "> 0.999"
    return _trimmed(Decimal(repr(p)).quantize(Decimal("0.001"), ROUND_HALF_UP))


def bare_figure(value: Scalar, *, name: str = "", digits: int | None = None) -> str:
    """The value without its unit."""
    if value is None:
        return "not available"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return p_text(float(value)) if is_p_value(name, value) else number_text(value, digits)


def figure(value: Scalar, unit: str | None = None, *, name: str = "", digits: int | None = None) -> str:
    """The value with its unit."""
    text, sign = bare_figure(value, name=name, digits=digits), unit_text(unit)
    if not sign or value is None or isinstance(value, str | bool) or is_p_value(name, value):
        return text
    return f"{text}%" if sign == "%" else f"{text}{NARROW}{sign}"


def interval_text(low: float, high: float) -> str:
    """``0.12 to 0.31``."""
    return f"{number_text(low)} to {number_text(high)}"


def p_sentence(p: float, *, label: str = "p") -> str:
    """``p < 0.001`` or ``p = 0.034``."""
    text = p_text(p)
    return f"{label} {text}" if text[0] in "<>" else f"{label} = {text}"


def describe_test(test: TestResult) -> str:
    """A test for the reader: effect, interval, n used and left out, then p."""
    parts: list[str] = []
    if test.effect is not None:
        parts.append(f"{test.effect_name or 'effect'} = {number_text(test.effect)}")
    if test.low is not None and test.high is not None:
        parts.append(f"interval {interval_text(test.low, test.high)}")
    if test.n_used is not None:
        parts.append(f"n = {number_text(test.n_used)}")
    if test.n_dropped:
        parts.append(f"{number_text(test.n_dropped)} left out")
    if test.statistic is not None:
        parts.append(f"test statistic {number_text(test.statistic)}")
    if test.p is not None:
        parts.append(p_sentence(test.p))
    if test.p_adjusted is not None and test.p_adjusted != test.p:
        parts.append(p_sentence(test.p_adjusted, label="adjusted p"))
    return f"{test.name}: {', '.join(parts)}" if parts else test.name


def money_text(micro_usd: int) -> str:
    """``$0.00``, ``$0.0042``, ``$1.25``."""
    usd = Decimal(micro_usd) / 1_000_000
    places = "0.01" if usd == 0 or usd >= Decimal("0.01") else "0.0001"
    return f"${usd.quantize(Decimal(places), ROUND_HALF_UP):,}"
