"""Figures in prose: what counts as a quantity, its unit and its stated digits. Years, references and p values are no quantities."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCALES = {"thousand": 3, "million": 6, "millions": 6, "billion": 9, "billions": 9, "mio": 6, "mrd": 9, "millionen": 6, "milliarden": 9}
_UNITS = {
    "%": "%", "percent": "%", "per cent": "%", "prozent": "%", "percentage points": "percentage points",
    "percentage point": "percentage points",
    "°c": "°C", "degrees celsius": "°C", "degree celsius": "°C", "°f": "°F", "degrees fahrenheit": "°F", "k": "K",
    "mm": "mm", "millimetres": "mm", "millimeters": "mm", "cm": "cm", "centimetres": "cm", "centimeters": "cm", "m": "m", "metres": "m",
    "meters": "m", "km": "km", "kilometres": "km", "kilometers": "km", "mg": "mg", "g": "g", "grams": "g", "gram": "g", "kg": "kg",
    "kilograms": "kg", "t": "t", "tonnes": "t", "tons": "t", "l": "l", "litres": "l", "liters": "l", "ha": "ha", "hectares": "ha",
    "m²": "m²", "km²": "km²", "m³": "m³", "km/h": "km/h", "m/s": "m/s", "hpa": "hPa", "ppm": "ppm", "µg/m³": "µg/m³",
    "kwh": "kWh", "mwh": "MWh",
    "gwh": "GWh", "kw": "kW", "mw": "MW", "gw": "GW", "s": "s", "seconds": "s", "min": "min", "minutes": "min", "h": "h", "hours": "h",
    "days": "days", "day": "days", "weeks": "weeks", "months": "months", "years": "years", "decades": "decades",
    "usd": "USD", "dollars": "USD", "eur": "EUR", "euros": "EUR", "euro": "EUR", "chf": "CHF", "francs": "CHF",
}  # fmt: skip
_CURRENCY = {"$": "USD", "€": "EUR", "£": "GBP", "US$": "USD"}
_UNIT_PATTERN = "|".join(re.escape(name) for name in sorted(_UNITS, key=len, reverse=True))
_NUMBER = r"[-−+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:['’\u202f]\d{3})+(?:[.,]\d+)?|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d+(?:[.,]\d+)?)"
_QUANTITY = re.compile(
    rf"(?<![\w.,/$€£])(?P<currency>US\$|[$€£])?\s?(?P<number>{_NUMBER})(?![\d]|[.,]\d)"
    rf"(?:[\s\u00a0-]?(?P<scale>{'|'.join(_SCALES)})\b\.?)?"
    rf"(?:[\s\u00a0-]?(?P<unit>{_UNIT_PATTERN})(?![\w²³/]))?"
    r"(?P<rate>\s?(?:per|/|a|je|pro)\s?(?P<per>year|decade|month|day|capita|jahr|jahrzehnt)\b)?",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\b(?:table|tab\.|figures?|fig\.|chapters?|sections?|equation|eq\.|pages?|pp?\.|appendix|tabelle|abb\.|kapitel|abschnitt|no\.|nr\.)\s*\d+(?:[.\-–]\d+)*"
    r"|\[\d+(?:\s*[,–-]\s*\d+)*\]|\b(?:p|n|N|r|R²|t|F|df)\s*[=<>≤≥]\s*[-−]?\d*\.?\d+|\b\d+\s?%\s*(?:CI|confidence)"
    r"|https?://\S+|\b(?:10\.\d{4,}/\S+)|\(\d{1,2}\)|^\s*(?:\d{1,2}[.)]|[-•*])\s+",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:1[5-9]|20|21)\d\d$")
_ONE = {"second": "s", "minute": "min", "hour": "h", "week": "weeks", "month": "months", "year": "years", "decade": "decades"}
_NAMED = {**_UNITS, **_ONE, "volt": "V", "volts": "V", "watt": "W", "watts": "W"}
_UNIT = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(name) for name in sorted(_NAMED, key=len, reverse=True))})(?![\w²³/])", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s\u00a0-]?")
_PER = {"jahr": "year", "jahrzehnt": "decade"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure: ``digits`` are its stated decimals (negative for "1.2 million"); ``per`` is the time or head it counts by."""

    value: float
    digits: int
    unit: str | None
    per: str | None
    start: int
    end: int


def blanked(sentence: str) -> str:
    """The sentence with references, p values and list numbers overwritten by spaces, so that offsets stay."""
    return _REFERENCE.sub(lambda m: " " * len(m.group()), sentence)


def units_named(text: str) -> frozenset[str]:
    """The units that a text names, each spelled in one way: "How many weeks ..."."""
    return frozenset(_NAMED[found.group().casefold()] for found in _UNIT.finditer(text))


def unit_at(text: str, end: int) -> str | None:
    """The unit of the number that ends there; ``None`` where it has none that is known, as a count of things."""
    gap = _BETWEEN.match(text, end)
    found = _UNIT.match(text, gap.end() if gap else end)
    return _NAMED[found.group().casefold()] if found else None


def quantities(sentence: str) -> tuple[Quantity, ...]:
    """The figures of a sentence that count or measure something, in order."""
    found: list[Quantity] = []
    for match in _QUANTITY.finditer(blanked(sentence)):
        number, unit = match.group("number"), match.group("unit")
        currency, scale = match.group("currency"), match.group("scale")
        if _YEAR.match(number) and not (unit or currency or scale):
            continue
        read = _read(number)
        if read is None:
            continue
        value, digits = read
        power = _SCALES[scale.casefold()] if scale else 0
        per = match.group("per").casefold() if match.group("per") else None
        spelled = _UNITS[unit.casefold()] if unit else _CURRENCY[currency.upper()] if currency else None
        found.append(
            Quantity(round(value * 10**power, 12), digits - power, spelled, _PER.get(per, per) if per else None, match.start(), match.end())
        )
    return tuple(found)


def _read(number: str) -> tuple[float, int] | None:
    """A numeral's value and decimals; ``None`` where it can be read in two ways ("1.234" is a thousand or one and a bit)."""
    text = number.replace("−", "-").lstrip("+")
    bare = re.sub(r"['’\u202f]", "", text)
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", bare):
        if bare.count(",") == 1 and "." not in bare and bare.lstrip("-").startswith("0"):
            return None
        bare = bare.replace(",", "")
    elif re.fullmatch(r"-?\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?", bare):
        bare = bare.replace(".", "").replace(",", ".")
    else:
        bare = bare.replace(",", ".")
    if bare.count(".") > 1:
        return None
    return float(bare), len(bare.partition(".")[2])
