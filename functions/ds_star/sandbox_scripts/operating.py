"""What every operation begins and ends with: read the tables, join, filter, check the columns; emit findings or a refusal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from cells import TRUE
from figures import Refusal, Report, data_digits, digits_for, fold, safe
from joining import join
from periods import as_dates, iso_range
from roles import STOCK, scale_order, words_of
from selecting import describe_filters, in_words, keep, without_value
from sniffing import Unreadable
from tables import ColumnInfo, Table, read_table
from time_parts import with_time_parts

BY_PERIOD = ("count", "sum", "mean", "median", "minimum", "maximum")
"""Operations that check themselves whether the periods depend on how dates are read."""
YEAR = re.compile(r"\d{4}")
MANY_VALUES = 6
"""Values of one filter that a statement names."""


@dataclass
class Job:
    """A spec with its filtered table. ``where`` is a phrase for statements, with slots, beginning with a blank; or empty."""

    spec: dict
    report: Report
    table: Table
    frame: pd.DataFrame
    filters: str | None
    where: str

    def info(self, column: str) -> ColumnInfo:
        """What is known of a column; ``Refusal`` where there is none of that name."""
        if column not in self.table.columns:
            raise Refusal(f"the table has no column `{column}`")
        return self.table.columns[column]

    def label(self, column: str) -> str:
        """The column's name for a statement."""
        return safe(self.info(column).label)

    def unit(self, column: str | None) -> str | None:
        """The unit of a column: the question's own, else the one that was read."""
        if column is not None and column == self.spec.get("measure") and self.spec.get("unit"):
            return self.spec["unit"]
        return self.info(column).unit if column else None

    def numbers(self, column: str, *, ordinal: bool = True) -> pd.Series:
        """The column as numbers: a flag as 0 and 100 per cent, an ordinal text as its ranks from 1. Ids and texts are refused."""
        info, values = self.info(column), self.frame[column]
        if info.role == "id":
            raise Refusal(f"`{column}` is an identifier, and figures of identifiers mean nothing")
        if info.role == "flag":
            self.report.assume(f"`{column}` counts as its share of {'yes' if info.kind == 'boolean' else 'ones'}, in per cent")
            info.unit, info.additive = "%", False
            return values.map(lambda v: 100.0 * (fold(v) in TRUE if isinstance(v, str) else float(v)), na_action="ignore").astype(float)
        if info.role == "time" and info.grain != "year":
            raise Refusal(f"`{column}` holds times; a mean or a sum of times is not computed")
        if info.kind in ("integer", "number"):
            return values.astype(float)
        order = scale_order([str(v) for v in values.dropna().unique()]) if info.role == "ordinal" and ordinal else None
        if order is None:
            raise Refusal(f"`{column}` holds text, not numbers")
        self.report.assume(f"`{column}` is ranked from 1 ({order[0]}) to {len(order)} ({order[-1]})")
        return values.map({v: float(i + 1) for i, v in enumerate(order)}).astype(float)

    def check_statistic(self, statistic: str, measure: str | None) -> None:
        """``Refusal`` where the statistic of this measure would mislead: sums of what does not add up, totals and extremes of a sample."""
        if self.table.sampled and statistic in ("count", "sum", "minimum", "maximum"):
            raise Refusal(
                f"the file was too large to be read whole ({self.table.sampled} of about {self.table.rows} rows), "
                f"and a {statistic} of a sample would be wrong"
            )
        if statistic != "sum" or measure is None:
            return
        info = self.info(measure)
        if info.additive is False or info.role in ("ordinal", "flag"):
            raise Refusal(f"`{measure}` is not a quantity that adds up, so its sum means nothing; its mean can be given")
        if info.additive is None:
            self.report.assume(f"`{measure}` is taken as a quantity that adds up")
        times = [c for c, i in self.table.columns.items() if i.role == "time" and c in self.frame]
        if set(words_of(measure)) & STOCK and times and self.frame[times[0]].nunique() > 1 and not self.spec.get("time"):
            raise Refusal(
                f"`{measure}` is a stock that is counted anew at each date, so a sum over `{times[0]}` counts the same more than once"
            )

    def digits(self, values: pd.Series, value: float) -> int:
        """Decimals with which to state a statistic of ``values``."""
        return digits_for(value, data_digits(values))

    def period(self, frame: pd.DataFrame | None = None) -> str | None:
        """The time that the rows span, where the table has exactly one column of times (or the spec names one)."""
        frame = self.frame if frame is None else frame
        times = (
            [self.spec["time"]] if self.spec.get("time") else [c for c, i in self.table.columns.items() if i.role == "time" and c in frame]
        )
        if len(times) != 1 or times[0] not in frame or self.info(times[0]).unsure:
            return None
        return iso_range(as_dates(frame[times[0]]), self.table.columns[times[0]].grain)


def groups_phrase(job: Job, values: dict[str, object], prefix: str) -> str:
    """``in Bern`` for the values of the grouping columns, each recorded so that its digits are not a figure of ours."""
    return " and ".join(job.report.value(f"{prefix}_{c}" if len(values) > 1 else prefix, safe(v)) for c, v in values.items())


def prepare(parameters: dict, inputs: dict[str, str], record: Callable[..., None]) -> Job:
    """The job of the spec in ``parameters``. Raises ``Refusal``."""
    spec = parameters["spec"]
    options = parameters.get("options")
    filters = [dict(f) for f in spec.get("filters", [])]
    report = Report(record, describe_filters(filters))
    table = _read(spec["source"], inputs, options)
    report.assumptions += [a for a in table.assumptions if _concerns(a, spec)]
    report.limitations += [w for w in table.warnings if _concerns(w, spec)]
    _leave_out_totals(spec, table, report)
    if spec.get("join"):
        right = _read(spec["join"]["right"], inputs, options)
        table = join(table, right, spec["join"]["left_key"], spec["join"]["right_key"], report)
    if spec.get("time_parts"):
        parts = spec["time_parts"]
        table = with_time_parts(table, parts["year"], parts["part"], parts["grain"], report)
    check_sure(spec, table)
    report.sample = (table.sampled, table.rows) if table.sampled is not None else None
    frame = table.frame[keep(table, filters)].reset_index(drop=True)
    for column, missing in without_value(table, filters).items():
        rows = "row has" if missing == 1 else "rows have"
        report.limit(f"left out: {missing} {rows} no `{column}`, and can be neither inside nor outside of what is asked")
    for column in dict.fromkeys(spec.get("by", [])):
        _tell_of_groups(report, frame, column)
    if not len(frame):
        raise Refusal(f"no row is left where {describe_filters(filters)}" if filters else "the table has no rows")
    where = ""
    if filters:
        phrases = [_where(report, f, i) for i, f in enumerate(filters)]
        where = " where " + " and ".join(phrases)
    return Job(spec, report, table, frame, report.filters, where)


def _leave_out_totals(spec: dict, table: Table, report: Report) -> None:
    """Take out the rows that are sums of others, unless they are asked for, or rows are counted: those are as many as the table has."""
    if spec["operation"] in ("count", "missing_outliers") and not spec.get("entity") and not spec.get("measure"):
        return
    conditions = [*spec.get("filters", []), *spec.get("share_of", [])]
    for column, total in table.totals.items():
        named = [v for f in conditions if f["column"] == column and f["op"] in ("==", "in", "contains") for v in f["values"]]
        if column not in table.frame or fold(total) in [fold(v) for v in (*named, spec.get("than") or "")]:
            continue
        own = table.frame[column] == total
        table.frame = table.frame[~own].reset_index(drop=True)
        rows = "row is" if own.sum() == 1 else "rows are"
        report.limit(
            f'{int(own.sum())} {rows} left out where `{column}` is "{safe(total)}", the sum of its other values',
            **{f"totals_of_{column}": int(own.sum())},
        )


def _tell_of_groups(report: Report, frame: pd.DataFrame, column: str) -> None:
    """Limitations where rows are in no group of ``column``, or where groups may be one that is written in two ways."""
    if column not in frame:
        return
    missing = int(frame[column].isna().sum())
    if 0 < missing < len(frame):
        rows = "row has" if missing == 1 else "rows have"
        belong = "belongs" if missing == 1 else "belong"
        report.limit(f"{missing} {rows} no `{column}`, and {belong} to none of its groups", **{f"rows_without_{column}": missing})
    written: dict[str, list[str]] = {}
    for value in frame[column].dropna().unique():
        if isinstance(value, str):
            written.setdefault(" ".join(value.casefold().split()), []).append(value)
    if twice := next((ways for ways in written.values() if len(ways) > 1), None):
        shown = " and ".join(f'"{safe(way)}"' for way in twice[:2])
        report.limit(f"`{column}` has {shown}, which are groups of their own here; write them in one way if they are the same")


def check_sure(spec: dict, table: Table) -> None:
    """``Refusal`` where a column can be read in two ways, nothing tells which, and the result depends on it. A date's year does not."""
    conditions = [*spec.get("filters", []), *spec.get("share_of", [])]
    used = [spec.get("measure"), spec.get("second_measure"), spec.get("entity"), *spec.get("by", [])]
    used += [spec["join"]["left_key"]] if spec.get("join") else []
    for name, info in table.columns.items():
        if info.unsure is None:
            continue
        by_year = spec.get("grain") == "year" and spec["operation"] in BY_PERIOD
        timed = spec.get("time") == name and not by_year
        years = info.role == "time" and all(YEAR.fullmatch(str(v)) for c in conditions if c["column"] == name for v in c["values"])
        if name in used or timed or (any(c["column"] == name for c in conditions) and not years):
            raise Refusal(info.unsure)


def _where(report: Report, item: dict, index: int) -> str:
    values = item["values"]
    slots = [
        report.value(f"where_{index + 1}_{i + 1}", safe(v)) for i, v in enumerate(values[:MANY_VALUES] if item["op"] == "in" else values)
    ]
    if len(slots) < len(values):
        slots.append(f"one of {report.value(f'where_{index + 1}_more', len(values) - len(slots))} others")
    return in_words({**item, "column": safe(item["column"]), "values": slots})


def _concerns(text: str, spec: dict) -> bool:
    """Whether a note is about the whole table or a column that the spec uses."""
    if not text.startswith("`"):
        return True
    used = {spec.get("measure"), spec.get("second_measure"), spec.get("time"), spec.get("entity"), *spec.get("by", [])}
    used |= {f["column"] for f in [*spec.get("filters", []), *spec.get("share_of", [])]}
    return text.split("`")[1] in used


def _read(source: dict, inputs: dict[str, str], options: dict | None) -> Table:
    if source["file"] not in inputs:
        raise Refusal(f"there is no file `{source['file']}`")
    try:
        return read_table(inputs[source["file"]], source["file"], source["table"], options)
    except Unreadable as wrong:
        raise Refusal(f"{source['file']}: {wrong.what}") from wrong


def carry_out(operation: Callable[[Job], None], parameters: dict, inputs: dict[str, str], record: Callable[..., None]) -> dict[str, object]:
    """The operation's result, as ``emit`` takes it; a refusal is a result too."""
    try:
        job = prepare(parameters, inputs, record)
    except Refusal as why:
        return Report(record).result(str(why))
    try:
        operation(job)
    except Refusal as why:
        return job.report.result(str(why))
    return job.report.result()
