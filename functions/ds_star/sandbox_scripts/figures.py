"""Collects what an operation found: recorded values, statements with slots for them, charts, tables, and what was assumed."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

CONFIDENCE = 95


class Refusal(Exception):
    """The operation is not carried out; the message says why, in a sentence for the person who asked."""


def fold(text: object) -> str:
    """Text without case, accents and extra white space, for comparisons."""
    plain = unicodedata.normalize("NFKD", str(text)).replace("ß", "ss")
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())


def slug(text: object) -> str:
    """A name for a value or a file: lower-case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", fold(text)).strip("_")[:60] or "x"


def safe(text: object) -> str:
    """A label for a statement: without the braces that mark slots, on one line."""
    return " ".join(str(text).replace("{", "(").replace("}", ")").split())[:120]


def digits_for(value: float, data_digits: int = 0, *, spread: float | None = None) -> int:
    """Decimals to state: one more than the data have, as many as three significant figures need, none past what the spread supports."""
    if not math.isfinite(value) or value == 0:
        return min(data_digits, 4)
    magnitude = math.floor(math.log10(abs(value)))
    wanted = max(0, 2 - magnitude)
    if spread is not None and spread > 0 and math.isfinite(spread):
        wanted = min(wanted, max(0, 1 - math.floor(math.log10(spread))))
    if magnitude >= 2:
        return min(data_digits + 1, 1 if magnitude < 4 else 0)
    return min(max(wanted, min(data_digits, 2)), 8)


def data_digits(values: pd.Series) -> int:
    """Decimals with which the data are stated, at most 6."""
    present = values.dropna().to_numpy(dtype=float)[:2000]
    for digits in range(6):
        if np.allclose(present, np.round(present, digits), rtol=0, atol=10.0 ** -(digits + 4)):
            return digits
    return 6


def plain(value: object) -> object:
    """A cell as people write it: a day without its midnight, a time to the minute or second, a whole number without decimals."""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d" if value == value.normalize() else "%Y-%m-%d %H:%M:%S" if value.second else "%Y-%m-%d %H:%M")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def stable(value: object) -> object:
    """The value as it is recorded: 12 significant figures, so that the order of a summation does not show."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(f"{float(value):.12g}") + 0.0
        return number if math.isfinite(number) else None
    return None if value is None else str(value)


def inert(value: object) -> object:
    """The value for a CSV file: a text that a spreadsheet would carry out as a formula gets an apostrophe in front."""
    kept = stable(value)
    return f"'{kept}" if isinstance(kept, str) and kept.startswith(("=", "+", "-", "@", "\t", "\r")) else kept


@dataclass
class Report:
    """What an operation leaves behind. ``value`` records a figure and gives back its slot for a statement."""

    record: Callable[..., None]
    filters: str | None = None
    findings: list[dict[str, object]] = field(default_factory=list)
    charts: list[dict[str, str]] = field(default_factory=list)
    tables: list[dict[str, str]] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    limitations: list[str] = field(default_factory=list)
    formats: dict[str, int] = field(default_factory=dict)
    recorded: dict[str, object] = field(default_factory=dict)
    sample: tuple[int, int] | None = None
    """The rows that were read and those that the file has about, where they are not all: every statement and caption says so."""

    def value(self, name: str, value: object, unit: str | None = None, *, n: int | None = None, digits: int | None = None) -> str:
        """Record ``value`` under a name of its own and give back its slot, ``{name}``; the same once more is recorded once."""
        name, kept = slug(name), stable(value)
        number = 2
        base = name
        while name in self.recorded and self.recorded[name] != kept:
            name, number = f"{base}_{number}", number + 1
        if name not in self.recorded:
            self.record(name, kept, unit=unit, n=n, filters=self.filters)
            self.recorded[name] = kept
            if isinstance(kept, float) and digits is not None:
                self.formats[name] = digits
            elif isinstance(kept, float):
                self.formats[name] = digits_for(kept)
        return "{" + name + "}"

    def confidence(self) -> str:
        """The slot of the confidence level of every interval."""
        return self.value("confidence_level", CONFIDENCE, "%")

    def finding(
        self,
        statement: str,
        *,
        assertion: dict[str, object] | None = None,
        test: dict[str, object] | None = None,
        weak: dict[str, object] | None = None,
        used: int | None = None,
        dropped: int | None = None,
        columns: list[str] | None = None,
        also: list[str] | None = None,
    ) -> None:
        """Add a statement. ``weak`` holds the statement and assertion to use where p, adjusted for all tests, is not below 0.05."""
        if self.sample:
            statement = f"{statement.removesuffix('.')}{self._of_sample()}."
            weak = {**weak, "statement": f"{str(weak['statement']).removesuffix('.')}{self._of_sample()}."} if weak else None
        texts = [statement, *([str(weak["statement"])] if weak else []), *(also or [])]
        names = list(dict.fromkeys(n for t in texts for n in re.findall(r"\{(\w+)\}", t) if n in self.recorded))
        if self.sample and assertion:
            assertion = {**assertion, "modality": "estimated"}
        self.findings.append(
            {
                "statement": statement,
                "assertion": assertion,
                "weak": weak,
                "values": names,
                "test": test,
                "n_used": used,
                "n_dropped": dropped,
                "columns": columns or [],
            }
        )

    def _of_sample(self) -> str:
        read, rows = (self.value(name, n) for name, n in zip(("rows_read", "rows_in_the_file"), self.sample or (), strict=True))
        return f" (from a sample: {read} of about {rows} rows were read)"

    def table(self, frame: pd.DataFrame, name: str, caption: str) -> None:
        """Write a result table as CSV."""
        file = f"{slug(name)}.csv"
        frame.map(inert).to_csv(f"outputs/{file}", index=False, lineterminator="\n")
        self.tables.append({"file": file, "caption": caption})

    def assume(self, text: str) -> None:
        """Say what was assumed, once."""
        if text not in self.assumptions:
            self.assumptions.append(text)

    def limit(self, text: str, **counts: int) -> None:
        """Say what the result cannot bear, once. ``counts`` are its numbers, recorded by name: one without a source is withheld."""
        for name, count in counts.items():
            self.value(name, count)
        if text not in self.limitations:
            self.limitations.append(text)

    def result(self, refusal: str | None = None) -> dict[str, object]:
        """What the script emits."""
        for shown in (*self.charts, *self.tables) if self.sample else ():
            shown["caption"] += " (from a sample of the rows)"
        return {
            "findings": [] if refusal else self.findings,
            "charts": [] if refusal else self.charts,
            "tables": [] if refusal else self.tables,
            "formats": self.formats,
            "assumptions": self.assumptions,
            "limitations": self.limitations,
            "refusal": refusal,
        }


def assertion(
    measure: str | None,
    statistic: str,
    value: object = None,
    *,
    comparator: str = "=",
    entity: object = None,
    low: float | None = None,
    high: float | None = None,
    unit: str | None = None,
    digits: int | None = None,
    period: str | None = None,
    population: str | None = None,
    direction: str = "unknown",
) -> dict[str, object]:
    """The fields of an ``Assertion``: what a finding says in a form that code can compare."""
    number = stable(value)
    return {
        "entity": None if entity is None else str(entity),
        "measure": measure,
        "statistic": statistic,
        "comparator": comparator,
        "value": float(number) if isinstance(number, int | float) and not isinstance(number, bool) else None,
        "low": None if low is None else stable(float(low)),
        "high": None if high is None else stable(float(high)),
        "unit": unit,
        "digits": digits if digits is not None else (0 if isinstance(number, int) else None),
        "period": period,
        "population": population,
        "direction": direction,
        "modality": "observed",
    }


def capital(text: str) -> str:
    """The sentence with a capital first letter, unless it begins with a name such as ``rain_mm``."""
    first = text.split(" ", 1)[0]
    return text if not first.isalpha() or not text else text[0].upper() + text[1:]


def points(unit: str | None) -> str | None:
    """The unit of a difference: differences of percentages are percentage points."""
    return "percentage points" if unit == "%" else unit


def with_unit(slot: str, unit: str | None) -> str:
    """A slot with its unit behind it."""
    return f"{slot} {safe(unit)}" if unit else slot
