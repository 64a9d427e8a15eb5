"""Decides what a column is for: id, category, ordinal, measure, time, text or flag; its unit; and whether its values may be summed."""

from __future__ import annotations

import re
import unicodedata

import pandas as pd
from cells import Column
from dates import time_from_integers

MANY_VALUES = 200
"""Categories up to this many are listed value by value (``ColumnDescription.values``)."""

_ID = frozenset(
    """
    barcode bfsnr code ean fips guid iban id identifier ids idx index isbn kennung key no nr num number nummer phone plz
    postcode ref reference row rownum serial sku ssn tel telephone uuid zip zipcode
    """.split()
)
_CODED = frozenset(
    """
    arm branch category class cluster department district gender group hour label monat month quarter region segment semester sex
    species treatment trimester type weekday zone
    """.split()
)
_ORDINAL = frozenset(
    """
    agreement bewertung class grade importance level likelihood likert note pclass priority quality rank rating ratings
    satisfaction scale score severity stage star stars zufriedenheit
    """.split()
)
_RATE = frozenset(
    """
    age alter altitude angle anteil average avg bmi co2_ppm concentration density depth duration_avg durchschnitt efficiency
    elevation expectancy fertility fraction frequency gpa grade hardness height hourly humidity index intensity lat latitude
    length level lng lon longitude max mean median min no2 o3 ozone pct percent percentage ph pm10 pm25 preis pressure
    price probability proportion quota rate rates rating ratio score sd share speed std tavg temp temperatur temperature
    tmax tmean tmin variance velocity width year years
    """.split()
)
_ADD = frozenset(
    """
    accidents amount anzahl arrivals betrag births bookings budget cases clicks consumption cost costs count counts deaths
    departures donations emissions expenses exports fare hours imports kosten kwh menge mwh niederschlag orders overnights
    passengers payment precip precipitation production profit qty quantity rain rainfall revenue rides sales snowfall sold
    spending sum tickets total trips turnover umsatz units views visitors visits volume
    """.split()
)
_PAY = frozenset({"gehalt", "lohn", "salaries", "salary", "wage", "wages"})
"""What is compared by its mean, and adds up to a payroll where a total is asked for."""
STOCK = frozenset(
    """
    balance bevolkerung bevölkerung einwohner employees inhabitants inventory members pop population residents stock subscribers
    """.split()
)
_LENGTHS = frozenset("altitude depth distance elevation height length level width".split())
_MASSES = frozenset("dose gewicht mass masse weight wt".split())
_UNIT_WORDS = dict(
    pair.split(" ")
    for pair in (
        "eur EUR; usd USD; chf CHF; gbp GBP; km km; kg kg; mm mm; cm cm; ha ha; kwh kWh; mwh MWh; gwh GWh; pct %; "
        "percent %; hpa hPa; ppm ppm; ppb ppb; kmh km/h; mps m/s; km2 km²; m2 m²; m3 m³; mg mg; ml ml; celsius °C; "
        "fahrenheit °F; lb lb; lbs lb; grams g; miles mi; hours h; minutes min; tonnes t"
    ).split("; ")
)
_BRACKETS = re.compile(r"^(?P<label>.*\S)\s*[(\[](?P<unit>[^()\[\]]{1,24})[)\]]\s*$")
SCALES = (
    "strongly disagree;disagree;neutral;agree;strongly agree",
    "strongly disagree;disagree;neither agree nor disagree;agree;strongly agree",
    "very dissatisfied;dissatisfied;neutral;satisfied;very satisfied",
    "never;rarely;sometimes;often;always",
    "very poor;poor;fair;good;very good;excellent",
    "very low;low;medium;high;very high",
    "none;low;moderate;high;severe",
    "none;mild;moderate;severe;critical",
    "xs;s;m;l;xl;xxl",
    "small;medium;large",
    "f;e;d;c;b;a",
    "trifft nicht zu;trifft eher nicht zu;teils teils;trifft eher zu;trifft zu",
    "fair;good;very good;premium;ideal",
)


def words_of(name: str) -> list[str]:
    """The lower-case words of a column's name."""
    spaced = re.sub(r"(?<=[a-zà-ÿ0-9])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    return [w for w in re.split(r"[^\w°%²³]+|_", spaced.lower()) if w]


def title_and_place(name: str) -> tuple[str, str]:
    """(the name as the header has it, the place behind it that tells it from others of that name; or an empty text)."""
    title, mark, place = name.partition(" (column ")
    return (title, mark + place) if re.fullmatch(r"\d+\)", place) else (name, "")


def label_and_unit(name: str, values_unit: str | None) -> tuple[str, str | None]:
    """(the name without its unit, the unit from brackets, the last word, or the cells)."""
    title, place = title_and_place(name)
    if place:
        label, unit = label_and_unit(title, values_unit)
        return label + place, unit
    found = _BRACKETS.match(name)
    if found and not re.fullmatch(r"\d{4}|long|total|all", found["unit"], re.IGNORECASE):
        unit = re.sub(r"^(in|unit:)\s+", "", found["unit"].strip())
        return found["label"], values_unit or _UNIT_WORDS.get(unit.lower(), {"C": "°C", "F": "°F"}.get(unit, unit))
    if found := re.match(r"^(?P<label>.*\S) in (?P<unit>°C|°F|%|km|kg|mm|cm|m|CHF|EUR|USD|GBP|€|\$|t|kWh|MWh)$", name):
        return found["label"], values_unit or found["unit"]
    words = words_of(name)
    last = words[-1] if words else ""
    if values_unit is None and len(words) > 1:
        warm = any(w.startswith("temp") or w in ("tmin", "tmax", "tavg", "tmean") for w in words)
        if warm and last in ("c", "f", "k"):
            return name, {"c": "°C", "f": "°F", "k": "K"}[last]
        if last == "m" and _LENGTHS & set(words):
            return name, "m"
        if last == "g" and _MASSES & set(words):
            return name, "g"
        values_unit = _UNIT_WORDS.get(last)
    return name, values_unit or ("%" if "%" in name else None)


def is_additive(name: str, unit: str | None) -> bool | None:
    """Whether a sum of the column means something; ``None`` where neither the name nor the unit tells."""
    words = set(words_of(name))
    bare = (unit or "").lower()
    if bare in ("%", "‰", "°c", "°f", "k", "ppm", "ppb", "hpa", "bar", "index") or "/" in bare or " per " in f" {bare} " or "per" in words:
        return False
    if words & _ADD and not words & {"avg", "average", "mean", "median", "rate", "ratio", "share", "pct", "percent", "index", "min", "max"}:
        return True
    if words & _RATE:
        return False
    if words & _PAY:
        return None
    if (
        words & STOCK
        or words & {"n", "num", "number"}
        or bare in ("eur", "usd", "chf", "gbp", "kwh", "mwh", "gwh", "€", "$", "£", "persons", "people")
    ):
        return True
    return None


def scale_order(values: list[str]) -> list[str] | None:
    """The values in the order of a known scale (Likert, grades, sizes), lowest first, or ``None``."""
    folded = {v.casefold().strip(): v for v in values}
    if len(folded) < 3:
        return None
    for scale in SCALES:
        steps = scale.split(";")
        if set(folded) <= set(steps):
            return [folded[s] for s in steps if s in folded]
    numbered = [re.match(r"^\(?(\d{1,2})\)?\s*[-–=:.)]\s*\D", v) for v in values]
    if all(numbered) and len(values) <= 11:
        return sorted(values, key=lambda v: int(re.match(r"^\(?(\d+)", v)[1]))
    return None


def assign_role(name: str, column: Column, *, first: bool) -> str:
    """The column's role; ``first``: it stands first in its table. Integers that are times are turned into times in place."""
    values = column.values
    present = values.dropna()
    distinct = present.nunique()
    if column.kind == "empty":
        return "empty"
    if column.kind in ("date", "datetime"):
        return "time"
    if column.kind == "integer" and (times := time_from_integers(values, name)) is not None:
        column.values, column.kind, column.grain = times.values, times.kind, times.grain
        column.notes += times.notes
        return "time"
    if distinct == 1 and len(values) > 1 and column.kind not in ("integer", "number"):
        return "constant"
    if column.kind == "boolean" or (column.kind == "integer" and distinct == 2 and set(present) == {0, 1}):
        return "flag"
    if column.kind in ("integer", "number"):
        return _numeric_role(name, column, present, distinct, first=first)
    return _text_role(name, present, distinct)


def _numeric_role(name: str, column: Column, present: pd.Series, distinct: int, *, first: bool) -> str:
    words = words_of(name)
    last = words[-1] if words else ""
    if column.kind == "integer" and column.unit is None:
        if last in ("number", "num", "no", "nr"):  # "number" counts in "number of ..." and names things in "house number"
            if words[0] not in ("number", "num") and distinct == len(present) > 3:
                return "id"
        elif last in _ID or (words and words[0] == "id"):
            return "id"
        numbered = distinct == len(present) >= (5 if first else 50) and bool((present.diff().dropna() == 1).all())
        if numbered and not set(words) & (_ADD | _RATE | STOCK):
            return "id"
        if distinct == len(present) >= 20 and present.min() >= 10**7 and len(set(present.astype("int64").astype(str).str.len())) == 1:
            return "id"
        low, high = present.min(), present.max()
        if set(words) & _ORDINAL and low >= 0 and high <= 10 and 2 < distinct <= 11:
            return "ordinal"
        if set(words) & _CODED and not {"of", "n", "count"} & set(words) and low >= 0 and high <= 60 and distinct <= 40:
            return "category"
        if (last == "half" or words == ["half", "year"]) and set(present) <= {1, 2}:
            return "category"
    if distinct == 1 and len(present) > 1:
        return "constant"
    return "measure"


def _text_role(name: str, present: pd.Series, distinct: int) -> str:
    words = words_of(name)
    lengths = present.astype(str).str.len()
    if lengths.mean() > 60 or (lengths.mean() > 30 and present.astype(str).str.count(" ").mean() > 6):
        return "text"
    if distinct <= 12 and scale_order([str(v) for v in present.unique()]):
        return "ordinal"
    if words and words[-1] in _ID - {"no", "number", "index", "row"} and distinct > 1:
        return "id" if distinct > 12 or distinct == len(present) else "category"
    if distinct == len(present) > MANY_VALUES or (
        distinct == len(present) > 20 and bool(present.astype(str).str.contains(r"\d").mean() > 0.9)
    ):
        return "id"
    if distinct > MANY_VALUES and distinct > 0.5 * len(present) and lengths.mean() > 25:
        return "text"
    return "category"
