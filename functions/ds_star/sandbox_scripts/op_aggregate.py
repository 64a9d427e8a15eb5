"""count, sum, mean, median, minimum, maximum: of all rows, by groups, or by periods."""

from __future__ import annotations

import pandas as pd
from charting import axis_label, bars, lines
from figures import Refusal, assertion, capital, data_digits, plain, safe, with_unit
from operating import Job, carry_out
from periods import MIN_POINTS, as_dates, choose_grain, complete, edge_within, label, plural, starts, swapped
from selecting import check_left_out, span_of
from units_of_analysis import AGGREGATE, per_entity

WORDS = {"sum": "total", "mean": "mean", "median": "median", "minimum": "lowest", "maximum": "highest", "count": "number"}
STATED = 6
"""Groups that get a statement of their own; the others stand in the table."""


def aggregate(job: Job) -> None:
    """One figure, or one for each group or period."""
    spec, statistic, measure = job.spec, job.spec["operation"], job.spec.get("measure")
    if statistic != "count" and measure is None:
        raise Refusal(f"a {statistic} needs a measure")
    job.check_statistic(statistic, measure)
    frame, column = _measured(job, statistic, measure)
    keys = [k for k in spec.get("by", []) if job.info(k)]
    time = spec.get("time")
    if time in keys:
        keys.remove(time)
    if spec.get("entity") and column and statistic in ("mean", "median") and not keys and not time:
        count = frame[spec["entity"]].nunique()
        if count < len(frame):
            frame = per_entity(frame, [spec["entity"]], column, statistic).rename(columns={"value": column})
            job.report.assume(f"aggregated per `{spec['entity']}` first, so that each counts the same")
    dropped = len(job.frame) - len(frame) if not spec.get("entity") else int(job.frame[measure].isna().sum()) if measure else 0
    if not len(frame):
        raise Refusal(f"`{measure}` has no values in these rows")
    if spec.get("entity") and statistic == "count":
        check_left_out(job.table, spec.get("filters", []), spec["entity"], set(frame[spec["entity"]]))
    if statistic in ("sum", "count") and not time:
        _tell_uncovered(job)
    if not keys and not time:
        _single(job, frame, column, statistic, measure, dropped)
    elif time:
        _by_period(job, frame, column, statistic, measure, time, keys, dropped)
    else:
        _by_group(job, frame, column, statistic, measure, keys, dropped)


def _tell_uncovered(job: Job) -> None:
    """A limitation where the data begin or end within the period that a total is of: it is one of a part of it only."""
    for item in job.spec.get("filters", []):
        info, dates = job.info(item["column"]), job.table.frame[item["column"]]
        spans = [s for v in item["values"] if (s := span_of(v)) is not None] if dates.dtype.kind == "M" else []
        if not spans or item["op"] not in ("==", "in", "between") or job.table.sampled or info.unsure:
            continue
        pieces = [(min(s for s, _ in spans), max(e for _, e in spans))] if item["op"] == "between" else spans
        for edge in dict.fromkeys(e for start, end in pieces if (e := edge_within(dates, start, end, info.grain))):
            job.report.limit(f"the data {edge}, within the period that is asked for: the figure is of a part of it only")


def _measured(job: Job, statistic: str, measure: str | None) -> tuple[pd.DataFrame, str | None]:
    """The rows that count, and the numeric column. A count of a text or id column counts its different values."""
    if measure is None or statistic == "count":
        entity = job.spec.get("entity") or (measure if measure and job.info(measure).role in ("id", "category", "ordinal") else None)
        if entity:
            return job.frame[job.frame[entity].notna()], "\0" + entity
        return (job.frame, None) if measure is None else (job.frame[job.frame[measure].notna()], None)
    numbers = job.numbers(measure)
    frame = job.frame.assign(**{measure: numbers})
    return frame[numbers.notna()], measure


def _compute(frame: pd.DataFrame, column: str | None, statistic: str) -> float | int:
    if column is None:
        return len(frame)
    if column.startswith("\0"):
        return int(frame[column[1:]].nunique())
    value = frame[column].agg(AGGREGATE[statistic])
    whole = statistic in ("sum", "minimum", "maximum") and bool((frame[column] % 1 == 0).all()) and abs(value) < 2**53
    return int(value) if whole else float(value)


def _phrase(job: Job, column: str | None, statistic: str, measure: str | None) -> str:
    if statistic == "count":
        what = f"different values of {safe(column[1:])}" if column else f"rows with {job.label(measure)}" if measure else "rows"
        return f"the number of {what}"
    return f"the {WORDS[statistic]} {job.label(measure)}"


def _digits(job: Job, frame: pd.DataFrame, column: str | None, value: float) -> int:
    return 0 if column is None or column.startswith("\0") or isinstance(value, int) else _stated(job, frame[column], value)


def _stated(job: Job, values: pd.Series, value: float) -> int:
    """Sums and extremes have the decimals of the data; means and medians those that they support."""
    return data_digits(values) if job.spec["operation"] in ("sum", "minimum", "maximum") else job.digits(values, value)


def _single(job: Job, frame: pd.DataFrame, column: str | None, statistic: str, measure: str | None, dropped: int) -> None:
    report, unit = job.report, job.unit(measure) if column and not column.startswith("\0") else None
    value = _compute(frame, column, statistic)
    digits = _digits(job, frame, column, value)
    slot = report.value(f"{statistic}_{measure or 'rows'}", value, unit, n=len(frame), digits=digits)
    rows = report.value("rows_used", len(frame))
    text = f"{_phrase(job, column, statistic, measure)}{job.where} is {with_unit(slot, unit)}"
    counted = "" if statistic == "count" and column is None else f" ({rows} row{'s' * (len(frame) > 1)})"
    where_it_stands = _which(job, frame, column, value) if statistic in ("minimum", "maximum") else ""
    text = capital(text) + counted + where_it_stands + "."
    about = assertion(measure, statistic, value, unit=unit, digits=digits, period=job.period(frame), population=job.filters)
    report.finding(text, assertion=about, used=len(frame), dropped=dropped, columns=[measure] if measure else [])
    report.table(
        pd.DataFrame({"statistic": [statistic], "of": [measure or "rows"], "value": [value], "unit": [unit], "rows": [len(frame)]}),
        statistic,
        text_caption(job, statistic, measure),
    )


def _which(job: Job, frame: pd.DataFrame, column: str, value: float) -> str:
    """``, at station Bern on 2026-01-31``: the row of an extreme, if it is one row only."""
    rows = frame[frame[column] == value]
    if len(rows) != 1:
        times = job.report.value("rows_with_it", len(rows))
        return f"; {times} rows have it"
    parts = []
    for name, info in job.table.columns.items():
        if name in rows and name != column and info.role in ("time", "id", "category") and len(parts) < 3 and pd.notna(rows[name].iloc[0]):
            cell = rows[name].iloc[0]
            shown = int(cell) if info.kind == "integer" else safe(plain(cell))
            parts.append(f"{job.label(name)} {job.report.value(f'at_{name}', str(shown))}")
    return f", at {', '.join(parts)}" if parts else ""


def text_caption(job: Job, statistic: str, measure: str | None, by: str = "") -> str:
    """A title that says what is shown, in plain words."""
    what = job.label(measure) if measure else "rows"
    return f"{WORDS[statistic].capitalize()} {'of ' if statistic == 'count' else ''}{what}{by}" + (
        f", where {job.filters}" if job.filters else ""
    )


def _by_group(
    job: Job, frame: pd.DataFrame, column: str | None, statistic: str, measure: str | None, keys: list[str], dropped: int
) -> None:
    report, unit = job.report, job.unit(measure) if column and not column.startswith("\0") else None
    rows = [
        (key if isinstance(key, tuple) else (key,), part) for key, part in frame.dropna(subset=keys).groupby(keys, observed=True, sort=True)
    ]
    values = [(key, _compute(part, column, statistic), len(part)) for key, part in rows]
    ordered = values if job.info(keys[0]).role == "ordinal" or job.info(keys[0]).kind == "integer" else sorted(values, key=lambda v: -v[1])
    for key, value, n in ordered[:STATED]:
        where = " and ".join(f"{report.value(f'{k}_{v}', safe(plain(v)))}" for k, v in zip(keys, key, strict=True))
        digits = _digits(job, frame, column, value)
        slot = report.value(f"{statistic}_{measure or 'rows'}_{'_'.join(map(str, map(plain, key)))}", value, unit, n=n, digits=digits)
        named = " and ".join(job.label(k) for k in keys)
        phrase = _phrase(job, column, statistic, measure)
        text = f"For {named} {where}, {phrase}{job.where} is {with_unit(slot, unit)}" + (
            "." if statistic == "count" else f" ({report.value('rows_' + '_'.join(map(str, key)), n)} {'row' if n == 1 else 'rows'})."
        )
        about = assertion(
            measure,
            statistic,
            value,
            entity=" / ".join(str(plain(v)) for v in key),
            unit=unit,
            digits=digits,
            period=job.period(frame),
            population=job.filters,
        )
        report.finding(text, assertion=about, used=n, dropped=dropped, columns=[*keys, *([measure] if measure else [])])
    if len(ordered) > STATED:
        report.limit(f"{len(ordered)} groups were computed; {STATED} are stated, all stand in the table", groups_computed=len(ordered))
    caption = text_caption(job, statistic, measure, " by " + " and ".join(safe(job.label(k)) for k in keys))
    table = pd.DataFrame(
        [{**{k: plain(v) for k, v in zip(keys, key, strict=True)}, statistic: value, "rows": n} for key, value, n in ordered]
    )
    report.table(table, f"{statistic}_{measure or 'rows'}_by_{'_'.join(keys)}", caption)
    labels = [" / ".join(str(plain(v)) for v in key) for key, _, _ in ordered]
    bars(
        report,
        f"{statistic}_{measure or 'rows'}_by_{'_'.join(keys)}",
        caption,
        labels,
        [float(v) for _, v, _ in ordered],
        axis_label(job.label(measure) if measure else "rows", unit),
    )


def _by_period(
    job: Job, frame: pd.DataFrame, column: str | None, statistic: str, measure: str | None, time: str, keys: list[str], dropped: int
) -> None:
    report, unit = job.report, job.unit(measure) if column and not column.startswith("\0") else None
    dates = as_dates(frame[time])
    grain, said = choose_grain(dates, job.spec.get("grain"), minimum=1 if job.spec.get("grain") else MIN_POINTS)
    if said:
        report.assume(said)
    whole, left_out = complete(dates, grain)
    if (unsure := job.info(time).unsure) and (grain != "year" or complete(swapped(dates), grain)[1] != left_out):
        raise Refusal(unsure)
    if left_out and statistic in ("sum", "count"):
        frame, dates = frame[whole], dates[whole]
        report.limit(f"incomplete {plural(grain)} are left out: {', '.join(left_out)}")
    elif left_out:
        report.limit(f"incomplete {plural(grain)}: {', '.join(left_out)}")
    frame = frame.assign(**{"\0period": starts(dates, grain)}).dropna(subset=["\0period", *keys])
    results = []
    for key, part in frame.groupby([*keys, "\0period"], observed=True, sort=True):
        key = key if isinstance(key, tuple) else (key,)
        results.append((key[:-1], key[-1], _compute(part, column, statistic), len(part)))
    if not results:
        raise Refusal("no complete period is left")
    name = f"{statistic}_{measure or 'rows'}_by_{grain}"
    groups = list(dict.fromkeys(r[0] for r in results))
    for group in groups[:STATED]:
        _extremes(job, [r for r in results if r[0] == group], statistic, measure, column, unit, grain, dropped, frame)
    table = pd.DataFrame(
        [{**dict(zip(keys, map(plain, g), strict=True)), grain: label(p, grain), statistic: v, "rows": n} for g, p, v, n in results]
    )
    caption = text_caption(
        job, statistic, measure, f" by {grain}" + ("" if not keys else " and " + " and ".join(safe(job.label(k)) for k in keys))
    )
    report.table(table, name, caption)
    series = {}
    for group in groups:
        own = [r for r in results if r[0] == group]
        series[" / ".join(str(plain(v)) for v in group)] = (pd.Series([r[1] for r in own]), [float(r[2]) for r in own], None)
    lines(report, name, caption, series, axis_label(job.label(measure) if measure else "rows", unit))


def _extremes(
    job: Job,
    own: list[tuple],
    statistic: str,
    measure: str | None,
    column: str | None,
    unit: str | None,
    grain: str,
    dropped: int,
    frame: pd.DataFrame,
) -> None:
    """The first, the last, the lowest and the highest period of one series; every period if there are few."""
    report, group = job.report, own[0][0]
    entity = " / ".join(str(plain(v)) for v in group) or None
    prefix = f"For {report.value(f'group_{entity}', safe(entity))}, " if entity else ""
    chosen = own if len(own) <= STATED else [own[0], own[-1], min(own, key=lambda r: (r[2], r[1])), max(own, key=lambda r: (r[2], r[1]))]
    for _, start, value, n in dict.fromkeys(chosen):
        period = label(start, grain)
        digits = _digits(job, frame, column, value)
        slot = report.value(f"{statistic}_{measure or 'rows'}_{entity or ''}_{period}", value, unit, n=n, digits=digits)
        phrase = _phrase(job, column, statistic, measure)
        tag = (
            ""
            if len(own) <= STATED
            else " (the highest)"
            if value == max(r[2] for r in own)
            else " (the lowest)"
            if value == min(r[2] for r in own)
            else ""
        )
        text = f"{prefix}{phrase}{job.where} in {report.value(f'period_{period}', period)} is {with_unit(slot, unit)}{tag}."
        iso = period if grain not in ("half", "quarter", "week") else None
        about = assertion(measure, statistic, value, entity=entity, unit=unit, digits=digits, period=iso, population=job.filters)
        report.finding(capital(text), assertion=about, used=n, dropped=dropped, columns=[c for c in (job.spec.get("time"), measure) if c])


emit(carry_out(aggregate, parameters, inputs, record))
