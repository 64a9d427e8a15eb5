"""The trend of a measure over periods, of all rows or of each group: what is asked, the series, its line, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from charting import axis_label, lines
from concluding import conclude
from figures import Refusal, assertion, capital, data_digits, digits_for, plain, safe
from operating import Job
from periods import MIN_POINTS, as_dates, choose_grain, complete, end_of, label, starts
from trends import Slope, fit, time_unit
from units_of_analysis import AGGREGATE

MAX_GROUPS = 8
NOUN = {"mean": "means", "sum": "totals", "median": "medians", "count": "counts", "minimum": "minima", "maximum": "maxima"}


@dataclass
class Asked:
    """What a trend is asked of: rows with their value, date and period, and what stands behind them."""

    frame: pd.DataFrame
    measure: str | None
    statistic: str
    by: str | None
    time: str
    grain: str
    dropped: int


def asked_of(job: Job) -> Asked:
    """The rows that lie in complete periods. Raises ``Refusal``."""
    spec = job.spec
    measure, statistic = spec.get("measure"), spec["statistic"] if spec.get("measure") else "count"
    time = spec.get("time") or _only_time(job)
    if job.info(time).role != "time":
        raise Refusal(f"`{time}` holds no times")
    job.check_statistic(statistic, measure)
    numbers = job.numbers(measure) if measure and statistic != "count" else pd.Series(1.0, index=job.frame.index)
    dates = as_dates(job.frame[time])
    by = spec["by"][0] if spec.get("by") else None
    kept = numbers.notna() & dates.notna()
    if by is not None:
        job.info(by)
        kept &= job.frame[by].notna()
    frame = job.frame.assign(**{"\0value": numbers, "\0date": dates})[kept]
    dropped = len(job.frame) - len(frame)
    if not len(frame):
        raise Refusal("no row has both a time and a value")
    grain, said = choose_grain(frame["\0date"], spec.get("grain"))
    if said:
        job.report.assume(said)
    whole, left_out = complete(frame["\0date"], grain)
    if left_out:
        job.report.limit(f"incomplete {grain}s are left out: {', '.join(left_out)}")
        dropped += int((~whole).sum())
        frame = frame[whole]
    frame = frame.assign(**{"\0period": starts(frame["\0date"], grain)})
    return Asked(frame, measure, statistic, by, time, grain, dropped)


def _only_time(job: Job) -> str:
    times = [c for c, i in job.table.columns.items() if i.role == "time"]
    if len(times) != 1:
        raise Refusal(
            "a trend needs a column of times"
            if not times
            else f"the table has several columns of times: {', '.join(f'`{t}`' for t in times)}; name one"
        )
    return times[0]


def series_of(job: Job, frame: pd.DataFrame, statistic: str, grain: str) -> pd.DataFrame:
    """period, value, rows: of the rows, or of the entities' own values; in a count, periods without rows count 0."""
    entity = job.spec.get("entity")
    if entity is not None and statistic in ("mean", "median"):
        frame = frame.groupby([entity, "\0period"], observed=True)["\0value"].agg(AGGREGATE[statistic]).reset_index()
    grouped = frame.groupby("\0period", sort=True)["\0value"]
    values = grouped.size().astype(float) if statistic == "count" else grouped.agg(AGGREGATE[statistic])
    series = pd.DataFrame({"period": values.index, "value": values.to_numpy(dtype=float), "rows": grouped.size().to_numpy()})
    expected = _expected(series["period"], grain)
    gaps = expected - len(series)
    if gaps > 0 and statistic == "count":
        every, start = [], series["period"].min()
        while start <= series["period"].max():
            every.append(start)
            start = end_of(start, grain)
        series = series.set_index("period").reindex(every, fill_value=0).rename_axis("period").reset_index()
    elif gaps > 0:
        job.report.limit(f"{gaps} {grain}s between the first and the last have no values", gaps=gaps)
    return series


def _expected(periods: pd.Series, grain: str) -> int:
    first, last = periods.min(), periods.max()
    months = (last.year - first.year) * 12 + last.month - first.month
    return {"year": months // 12, "quarter": months // 3, "month": months, "week": (last - first).days // 7, "day": (last - first).days}[
        grain
    ] + 1


def say_trends(job: Job, asked: Asked, order: list[str] | None = None) -> None:
    """A finding for each group's trend (or the one of all rows), their table and their chart; of those in ``order`` where it is given."""
    frame, by, measure, statistic, grain = asked.frame, asked.by, asked.measure, asked.statistic, asked.grain
    groups = {None: frame} if by is None else {str(plain(g)): part for g, part in frame.groupby(by, observed=True, sort=True)}
    if order is not None:
        groups = {name: groups[name] for name in order}
    drawn, rows, skipped = {}, [], []
    for group, part in groups.items():
        series = series_of(job, part, statistic, grain)
        if len(series) < MIN_POINTS:
            skipped.append((group, len(series)))
            continue
        if len(drawn) >= MAX_GROUPS:
            job.report.limit(f"only the first {MAX_GROUPS} groups are read")
            break
        slope = fit(series["period"], series["value"].to_numpy(), grain)
        _say(job, asked, group, series, slope, len(part))
        drawn["" if group is None else group] = (series["period"], series["value"].to_numpy(), slope.fitted)
        rows += [
            {**({by: group} if by else {}), grain: label(p, grain), statistic: v, "trend": f, "rows": n}
            for p, v, f, n in zip(series["period"], series["value"], slope.fitted, series["rows"], strict=True)
        ]
    if skipped and not drawn:
        raise Refusal(too_few(skipped[0][1], grain))
    if skipped:
        job.report.limit(f"groups with fewer than {MIN_POINTS} {grain}s are left out: {', '.join(str(g) for g, _ in skipped[:8])}")
    of = job.label(measure) if measure else "rows"
    caption = (
        f"{_adjective(grain)} {NOUN[statistic]} of {of}"
        + (f" by {safe(job.label(by))}" if by else "")
        + (f", where {job.filters}" if job.filters else "")
    )
    job.report.table(pd.DataFrame(rows), f"trend_{measure or 'rows'}", caption)
    lines(job.report, f"trend_{measure or 'rows'}", caption, drawn, axis_label(of, job.unit(measure) if statistic != "count" else None))


def too_few(points: int, grain: str) -> str:
    """Why a trend is refused, in words."""
    return f"there are only {points} complete {grain}s; a trend needs at least {MIN_POINTS}"


def _adjective(grain: str) -> str:
    return {"day": "Daily", "week": "Weekly", "month": "Monthly", "quarter": "Quarterly", "year": "Yearly"}[grain]


def _say(job: Job, asked: Asked, group: str | None, series: pd.DataFrame, slope: Slope, used: int) -> None:
    measure, statistic, grain = asked.measure, asked.statistic, asked.grain
    report, unit = job.report, job.unit(measure) if statistic != "count" else None
    first, last = series["period"].min(), series["period"].max()
    per, factor = time_unit(grain, (last - first).days / 365.25)
    rate = f"{unit or 'rows' if statistic == 'count' else unit or ''}/{per}".strip("/") if unit or statistic == "count" else f"1/{per}"
    tag = "" if group is None else f"_{group}"
    change, low, high = slope.slope / factor, slope.low / factor, slope.high / factor
    digits = digits_for(change, data_digits(series["value"]), spread=high - low)
    slots = [
        report.value(f"change_per_{per}{tag}{s}", v, rate, n=slope.n, digits=digits)
        for s, v in (("", change), ("_low", low), ("_high", high))
    ]
    robust = report.value(f"theil_sen{tag}", slope.theil_sen / factor, rate, n=slope.n, digits=digits)
    span = report.value(f"first_{grain}{tag}", label(first, grain)), report.value(f"last_{grain}{tag}", label(last, grain))
    of = job.label(measure) if measure else "the number of rows"
    who = "" if group is None else f" for {report.value(f'group{tag}', safe(group))}"
    shown_unit = f" {safe(unit)}" if unit else ""
    rhythm = "deseasonalised " if slope.seasonal else ""
    what = f"{rhythm}{_adjective(grain).lower()} {NOUN[statistic]}"
    basis = f"{report.value(f'periods{tag}', slope.n)} {what} from {span[0]} to {span[1]}; Theil-Sen {robust}"
    interval = f"{report.confidence()} % interval {slots[1]} to {slots[2]}"
    verb = "rises" if change > 0 else "falls"
    shown = report.value(f"size_of_change_per_{per}{tag}", abs(change), rate, n=slope.n, digits=digits)
    strong = f"{of}{who}{job.where} {verb} by {shown}{shown_unit} per {per} (change {slots[0]}, {interval}; {basis})."
    none = f"There is no clear trend in {of}{who}{job.where}: the change per {per} is {slots[0]}{shown_unit} ({interval}; {basis})."
    if np.sign(slope.theil_sen) != np.sign(slope.slope) and slope.p < 0.05:
        report.limit("least squares and Theil-Sen disagree on the direction, so a few periods decide the trend")
    period = f"{label(first, grain)}/{label(last, grain)}" if grain in ("year", "month", "day") else f"{first:%Y-%m-%d}/{last:%Y-%m-%d}"
    about = assertion(
        measure,
        "trend",
        change,
        comparator="increases" if change > 0 else "decreases",
        entity=group,
        low=low,
        high=high,
        unit=rate,
        digits=digits,
        period=period,
        population=job.filters,
        direction="up" if change > 0 else "down",
    )
    test = {
        "name": "least squares, errors robust to autocorrelation (Newey-West)",
        "statistic": slope.t,
        "p": slope.p,
        "effect_name": f"change per {per}",
        "effect": change,
        "low": low,
        "high": high,
        "n_used": slope.n,
        "n_dropped": asked.dropped,
    }
    conclude(
        report,
        strong=capital(strong),
        none=none,
        about=about,
        test={k: rounded(v) for k, v in test.items()},
        used=used,
        dropped=asked.dropped,
        columns=[measure, asked.time, asked.by],
    )


def rounded(value: object) -> object:
    """A figure of a test to 12 significant figures."""
    return float(f"{value:.12g}") if isinstance(value, float) else value
