"""Keeps the rows that filters ask for. Text compares without case or accents, a time with the whole period that a value names."""

from __future__ import annotations

import re

import pandas as pd
from cells import TRUE
from figures import Refusal, fold
from periods import plural
from tables import ColumnInfo, Table

FEW_DATES = 3
"""So many different dates, all of them first days, stand for the periods that they begin."""


def keep(table: Table, filters: list[dict[str, object]]) -> pd.Series:
    """Which rows pass all the filters."""
    mask = pd.Series(True, index=table.frame.index)
    for item in filters:
        mask &= _one(table, item)
    return mask


def without_value(table: Table, filters: list[dict[str, object]]) -> dict[str, int]:
    """How many rows have no value in a column that a filter turns round or compares times of: they are in neither part."""
    columns = [str(f["column"]) for f in filters if f["op"] in ("!=", "outside") or table.columns[str(f["column"])].role == "time"]
    return {c: n for c in dict.fromkeys(columns) if (n := int(table.frame[c].isna().sum()))}


def check_left_out(table: Table, filters: list[dict[str, object]], entity: str, found: set[object]) -> None:
    """``Refusal`` where members that were ``found`` have rows that a condition leaves out as well: are they "not from Bern"?"""
    for item in filters:
        name = str(item["column"])
        if item["op"] != "!=" or table.columns[name].role == "time":
            continue
        others = [f for f in filters if f is not item and f["op"] != "!="]
        left_out = table.frame[keep(table, [*others, {**item, "op": "=="}])][entity]
        both = found & set(left_out)
        if both:
            raise Refusal(
                f"{len(both)} of the different `{entity}` have rows where {name} is {item['values'][0]} and rows where it is not, "
                f"and nothing tells which counts; ask for the number of rows"
            )


def describe_filters(filters: list[dict[str, object]]) -> str | None:
    """The filters in words, for a value's ``filters``; ``None`` without any."""
    text = " and ".join(in_words(f) for f in filters)
    return (text if len(text) <= 500 else text[:499] + "…") or None


def in_words(item: dict[str, object]) -> str:
    """One filter in words."""
    values = [str(v) for v in item["values"]]
    verbs = {"==": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least", "contains": "contains"}
    if item["op"] == "between":
        return f"{item['column']} is from {values[0]} to {values[-1]}"
    if item["op"] == "outside":
        return f"{item['column']} is not from {values[0]} to {values[-1]}"
    if item["op"] == "in":
        return f"{item['column']} is {' or '.join(values)}"
    return f"{item['column']} {verbs[item['op']]} {values[0]}"


def _one(table: Table, item: dict[str, object]) -> pd.Series:
    name, op, wanted = str(item["column"]), str(item["op"]), list(item["values"])
    if name not in table.frame:
        raise Refusal(f"the table has no column `{name}` to filter by")
    info, values = table.columns[name], table.frame[name]
    if op == "contains":
        return values.map(lambda v: fold(wanted[0]) in fold(v), na_action="ignore").fillna(False).astype(bool)
    if info.role == "time" or info.kind in ("date", "datetime"):
        _check_grain(values, info, name, op, wanted)
        return _times(values, name, op, wanted)
    if info.kind in ("integer", "number"):
        return _numbers(values, name, op, wanted)
    if op in ("<", "<=", ">", ">=", "between", "outside"):
        raise Refusal(f"`{name}` holds text, which is not above or below a value")
    folded = values.map(fold, na_action="ignore")
    if info.kind == "boolean":
        folded = folded.map(lambda v: str(v in TRUE), na_action="ignore")
        wanted = [str(fold(v) in TRUE) for v in wanted]
    found = folded.isin([w if info.kind == "boolean" else fold(w) for w in wanted])
    return (~found & values.notna()) if op == "!=" else found


def _numbers(values: pd.Series, name: str, op: str, wanted: list[object]) -> pd.Series:
    try:
        numbers = [float(TRUE_FALSE.get(fold(w), w)) for w in wanted]
    except (TypeError, ValueError) as wrong:
        raise Refusal(f"`{name}` holds numbers, and {wanted[0]!r} is none") from wrong
    return compare(values, op, numbers, numbers)


TRUE_FALSE = {"true": 1, "false": 0, "yes": 1, "no": 0}


def _times(values: pd.Series, name: str, op: str, wanted: list[object]) -> pd.Series:
    spans = [span_of(w) for w in wanted]
    if any(s is None for s in spans):
        raise Refusal(f"`{name}` holds times, and {wanted[0]!r} is none that is understood")
    starts, ends = [s[0] for s in spans], [s[1] for s in spans]
    if values.dtype.kind != "M":
        return compare(values, op, [s.year for s in starts], [(e - pd.Timedelta(1, "us")).year for e in ends])
    return compare(values, op, starts, [e - pd.Timedelta(1, "us") for e in ends])


def told_grain(values: pd.Series, info: ColumnInfo) -> tuple[str | None, bool]:
    """(the period that a cell stands for, if it is a month, a quarter or a year; whether the cells' form says so, or only their days)."""
    if info.grain in ("month", "quarter", "half"):
        return info.grain, True
    dates = values.dropna()
    if dates.dtype.kind != "M" or dates.nunique() < FEW_DATES or not all(_begins(d, "month") for d in dates.unique()):
        return None, False
    whole = [g for g in ("year", "quarter") if all(_begins(d, g) for d in dates.unique())]
    return (whole or ["month"])[0], False


def _begins(day: object, grain: str) -> bool:
    """Whether a month, a quarter or a year begins at this moment."""
    at = pd.Timestamp(day)
    months = {"year": (1,), "half": (1, 7), "quarter": (1, 4, 7, 10)}.get(grain, range(1, 13))
    return at == at.normalize() and at.day == 1 and at.month in months


def _check_grain(values: pd.Series, info: ColumnInfo, name: str, op: str, wanted: list[object]) -> None:
    """``Refusal`` where a condition cuts through the periods that the cells stand for: half of a quarter is not known."""
    grain, certain = told_grain(values, info)
    if grain is None:
        return
    spans = {str(w): s for w in wanted if (s := span_of(w)) is not None}
    for shown, (start, end) in spans.items():
        names_cell = not certain and _begins(start, grain) and len(shown) > len("2024-Q1")
        first, last = op in ("<", ">="), op in ("<=", ">")
        ends = [start] if first else [end] if last else [start, end]
        if op in ("between", "outside") and len(spans) > 1:
            ends = [
                *([start] if start == min(s for s, _ in spans.values()) else []),
                *([end] if end == max(e for _, e in spans.values()) else []),
            ]
        if not names_cell and not all(_begins(e, grain) for e in ends):
            raise Refusal(f"`{name}` tells whole {plural(grain)} only, and {shown} cuts through them; ask for whole {plural(grain)}")


def compare(values: pd.Series, op: str, starts: list[object], ends: list[object]) -> pd.Series:
    """The comparison with values that are spans: equal is inside, above is behind the end."""
    if op == "between":
        return (values >= min(starts)) & (values <= max(ends))
    if op == "outside":
        return (values < min(starts)) | (values > max(ends))
    if op in ("==", "in", "!="):
        inside = pd.Series(False, index=values.index)
        for start, end in zip(starts, ends, strict=True):
            inside |= (values >= start) & (values <= end)
        return (~inside & values.notna()) if op == "!=" else inside
    return {"<": values < starts[0], "<=": values <= ends[0], ">": values > ends[0], ">=": values >= starts[0]}[op]


def span_of(value: object) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The period that a value names, as (start, end exclusive): a year, half, quarter, month, week, day or moment in ISO form."""
    text = str(value).strip()
    if found := re.fullmatch(r"(\d{4})(?:\.0)?", text):
        start = pd.Timestamp(int(found[1]), 1, 1)
        return start, start + pd.DateOffset(years=1)
    if found := re.fullmatch(r"(\d{4})-?Q([1-4])", text, re.IGNORECASE):
        start = pd.Timestamp(int(found[1]), 3 * int(found[2]) - 2, 1)
        return start, start + pd.DateOffset(months=3)
    if found := re.fullmatch(r"(\d{4})-H([12])", text, re.IGNORECASE):
        start = pd.Timestamp(int(found[1]), 6 * int(found[2]) - 5, 1)
        return start, start + pd.DateOffset(months=6)
    if found := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text):
        start = pd.Timestamp(int(found[1]), int(found[2]), 1)
        return start, start + pd.DateOffset(months=1)
    if found := re.fullmatch(r"(\d{4})-?W(\d{2})", text, re.IGNORECASE):
        start = pd.to_datetime(f"{found[1]}-W{found[2]}-1", format="%G-W%V-%u")
        return start, start + pd.Timedelta(7, "D")
    try:
        start = pd.Timestamp(text)
    except ValueError:
        return None
    if start is pd.NaT:
        return None
    start = start.tz_convert("UTC").tz_localize(None) if start.tz is not None else start
    return start, start + (pd.Timedelta(1, "D") if len(text) <= 10 else pd.Timedelta(1, "s"))
