"""trend and trend_difference: change over periods, with autocorrelation-robust errors; by group, whether the changes differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
from charting import axis_label, lines
from figures import Refusal, Report, assertion, capital, data_digits, digits_for, plain, safe
from group_tests import games_howell, many_groups, two_groups
from operating import Job, carry_out
from periods import MIN_POINTS, as_dates, choose_grain, complete, end_of, label, starts
from trends import MIN_CLUSTERS, Slope, fit, interaction, slope_of, time_unit
from units_of_analysis import AGGREGATE, find_entity

MAX_GROUPS = 8
NOUN = {"mean": "means", "sum": "totals", "median": "medians", "count": "counts", "minimum": "minima", "maximum": "maxima"}


def trend(job: Job) -> None:
    """The trend of all rows, or of each group; or the difference between the groups' trends."""
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
    if spec["operation"] == "trend_difference":
        if by is None:
            raise Refusal("a difference in trends needs the column that makes the groups")
        _difference(job, frame, by, measure, statistic, grain, time, dropped)
        return
    _trends(job, frame, by, measure, statistic, grain, time, dropped)


def _only_time(job: Job) -> str:
    times = [c for c, i in job.table.columns.items() if i.role == "time"]
    if len(times) != 1:
        raise Refusal(
            "a trend needs a column of times"
            if not times
            else f"the table has several columns of times: {', '.join(f'`{t}`' for t in times)}; name one"
        )
    return times[0]


def _series(job: Job, frame: pd.DataFrame, statistic: str, grain: str, entity: str | None) -> pd.DataFrame:
    """period, value, rows: of the rows, or of the entities' own values; in a count, periods without rows count 0."""
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
        job.report.limit(f"{gaps} {grain}s between the first and the last have no values")
    return series


def _expected(periods: pd.Series, grain: str) -> int:
    first, last = periods.min(), periods.max()
    months = (last.year - first.year) * 12 + last.month - first.month
    return {"year": months // 12, "quarter": months // 3, "month": months, "week": (last - first).days // 7, "day": (last - first).days}[
        grain
    ] + 1


def _trends(
    job: Job, frame: pd.DataFrame, by: str | None, measure: str | None, statistic: str, grain: str, time: str, dropped: int
) -> None:
    groups = {None: frame} if by is None else {str(plain(g)): part for g, part in frame.groupby(by, observed=True, sort=True)}
    drawn, rows, skipped = {}, [], []
    for group, part in groups.items():
        series = _series(job, part, statistic, grain, job.spec.get("entity"))
        if len(series) < MIN_POINTS:
            skipped.append((group, len(series)))
            continue
        if len(drawn) >= MAX_GROUPS:
            job.report.limit(f"only the first {MAX_GROUPS} groups are read")
            break
        slope = fit(series["period"], series["value"].to_numpy(), grain)
        _say(job, group, series, slope, measure, statistic, grain, time, by, dropped, len(part))
        drawn["" if group is None else group] = (series["period"], series["value"].to_numpy(), slope.fitted)
        rows += [
            {**({by: group} if by else {}), grain: label(p, grain), statistic: v, "trend": f, "rows": n}
            for p, v, f, n in zip(series["period"], series["value"], slope.fitted, series["rows"], strict=True)
        ]
    if skipped and not drawn:
        raise Refusal(_too_few(skipped[0][1], grain))
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


def _too_few(points: int, grain: str) -> str:
    return f"there are only {points} complete {grain}s; a trend needs at least {MIN_POINTS}"


def _adjective(grain: str) -> str:
    return {"day": "Daily", "week": "Weekly", "month": "Monthly", "quarter": "Quarterly", "year": "Yearly"}[grain]


def _say(
    job: Job,
    group: str | None,
    series: pd.DataFrame,
    slope: Slope,
    measure: str | None,
    statistic: str,
    grain: str,
    time: str,
    by: str | None,
    dropped: int,
    used: int,
) -> None:
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
    weak = {"statement": none, "assertion": {**about, "comparator": "no_difference", "direction": "none"}}
    test = {
        "name": "least squares, errors robust to autocorrelation (Newey-West)",
        "statistic": slope.t,
        "p": slope.p,
        "effect_name": f"change per {per}",
        "effect": change,
        "low": low,
        "high": high,
        "n_used": slope.n,
        "n_dropped": dropped,
    }
    clear = slope.p < 0.05
    report.finding(
        capital(strong) if clear else none,
        assertion=about if clear else weak["assertion"],
        weak=weak,
        test={k: _round(v) for k, v in test.items()},
        used=used,
        dropped=dropped,
        columns=[c for c in (measure, time, by) if c],
    )


def _round(value: object) -> object:
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _difference(job: Job, frame: pd.DataFrame, by: str, measure: str | None, statistic: str, grain: str, time: str, dropped: int) -> None:
    """Whether the trends of the groups differ: one line for each group, then the test that the data allow."""
    _trends(job, frame, by, measure, statistic, grain, time, dropped)
    groups = sorted({str(plain(g)) for g in frame[by].unique()})
    if len(groups) < 2:
        raise Refusal(f"`{by}` has only one group in these rows")
    entity = find_entity(
        job.table, frame[[c for c in frame if not c.startswith("\0")]], by, job.spec.get("entity"), [measure or "", by, time]
    )
    if len(groups) > MAX_GROUPS:
        raise Refusal(f"`{by}` has {len(groups)} groups; a difference in trends is read for at most {MAX_GROUPS}")
    panel = pd.DataFrame()
    if entity is not None:
        panel = _panel(frame, entity.column, by, statistic)
        counts = panel.groupby("group")["entity"].nunique()
        if counts.min() < 2 or len(counts) < 2:
            panel, entity = pd.DataFrame(), None
    if entity is None:
        _series_difference(job, frame, by, measure, statistic, grain, dropped)
    elif panel["entity"].nunique() >= MIN_CLUSTERS and not entity.paired:
        job.report.assume(f"the trends are compared on `{entity.column}` as the unit, with errors clustered by it")
        result = interaction(panel, grain)
        _conclude(
            job,
            groups,
            result,
            panel,
            "interaction of time and group, errors clustered by entity",
            measure,
            statistic,
            grain,
            by,
            entity.column,
            dropped,
        )
    else:
        job.report.assume(f"a slope is computed for each `{entity.column}`, then the slopes are compared")
        _slopes(job, panel, measure, statistic, grain, by, entity.column, dropped)


def _panel(frame: pd.DataFrame, entity: str, by: str, statistic: str) -> pd.DataFrame:
    """entity, group, period, value: for entities with enough periods."""
    keys = [entity, by, "\0period"]
    grouped = frame.groupby(keys, observed=True, sort=True)["\0value"]
    values = grouped.size().astype(float) if statistic == "count" else grouped.agg(AGGREGATE[statistic])
    panel = values.reset_index()
    panel.columns = ["entity", "group", "period", "value"]
    panel["group"] = panel["group"].map(plain).astype(str)
    panel["entity"] = panel["entity"].map(plain).astype(str) + " / " + panel["group"]
    lengths = panel.groupby("entity")["period"].transform("size")
    return panel[lengths >= MIN_POINTS].reset_index(drop=True)


def _slopes(job: Job, panel: pd.DataFrame, measure: str | None, statistic: str, grain: str, by: str, entity: str, dropped: int) -> None:
    slopes = {
        (e, g): slope_of(part["period"], part["value"].to_numpy(), grain) for (e, g), part in panel.groupby(["entity", "group"], sort=True)
    }
    groups = sorted({g for _, g in slopes})
    arrays = [np.array([s for (_, g), s in slopes.items() if g == name]) for name in groups]
    rows = [{entity: e, by: g, "change per year": s} for (e, g), s in slopes.items()]
    job.report.table(pd.DataFrame(rows), f"slopes_{measure or 'rows'}_by_{by}", f"Change per year of each {safe(entity)}")
    if len(groups) == 2:
        test = two_groups(arrays[1], arrays[0], ordinal=False)
        result = {
            "p": test.p,
            "statistic": test.statistic,
            "differences": [test.difference],
            "low": [test.difference_low],
            "high": [test.difference_high],
        }
        _conclude(job, groups, result, panel, f"{test.name} on the slopes of entities", measure, statistic, grain, by, entity, dropped)
        return
    test = many_groups(arrays)
    pairs = {p.second: p for p in games_howell(arrays, 0) if p.first == 0}
    each = [pairs[k] for k in range(1, len(arrays))]
    result = {
        "p": test.p,
        "statistic": test.statistic,
        "differences": [-p.difference for p in each],
        "low": [-p.high for p in each],
        "high": [-p.low for p in each],
    }
    _conclude(job, groups, result, panel, f"{test.name} on the slopes of entities", measure, statistic, grain, by, entity, dropped)


def _series_difference(job: Job, frame: pd.DataFrame, by: str, measure: str | None, statistic: str, grain: str, dropped: int) -> None:
    """Each group is one series: the trend of their difference, period by period, with robust errors."""
    series = {
        str(plain(g)): _series(job, part, statistic, grain, job.spec.get("entity")).set_index("period")["value"]
        for g, part in frame.groupby(by, observed=True, sort=True)
    }
    names = sorted(series, key=lambda g: (slope_of(pd.Series(series[g].index), series[g].to_numpy(), grain), g))
    if len(names) > 2:
        job.report.limit("of more than two groups, those with the steepest and the flattest trend are compared")
    low, high = names[0], names[-1]
    both = (series[high] - series[low]).dropna()
    if len(both) < MIN_POINTS:
        raise Refusal(_too_few(len(both), grain) + " that both groups have")
    slope = fit(pd.Series(both.index), both.to_numpy(), grain)
    result = {"p": slope.p, "statistic": slope.t, "differences": [slope.slope], "low": [slope.low], "high": [slope.high]}
    panel = pd.DataFrame({"period": both.index, "entity": ""})
    _conclude(
        job,
        [low, high],
        result,
        panel,
        "trend of the difference between the groups (Newey-West)",
        measure,
        statistic,
        grain,
        by,
        None,
        dropped,
    )


def _conclude(
    job: Job,
    groups: list[str],
    result: dict,
    panel: pd.DataFrame,
    name: str,
    measure: str | None,
    statistic: str,
    grain: str,
    by: str,
    entity: str | None,
    dropped: int,
) -> None:
    report: Report = job.report
    unit = job.unit(measure) if statistic != "count" else "rows"
    per, factor = time_unit(grain, (panel["period"].max() - panel["period"].min()).days / 365.25)
    sizes = [abs(d) for d in result["differences"]]
    k = sizes.index(max(sizes))
    difference, low, high = (result[x][k] / factor if result[x][k] is not None else None for x in ("differences", "low", "high"))
    a, b = groups[k + 1], groups[0]
    rate = f"{unit}/{per}" if unit else f"1/{per}"
    digits = digits_for(difference, 0, spread=high - low if high is not None else None)
    slot = report.value("difference_in_change", difference, rate, digits=digits)
    interval = ""
    if low is not None:
        ends = [report.value(f"difference_in_change_{side}", v, rate, digits=digits) for side, v in (("low", low), ("high", high))]
        interval = f" ({report.confidence()} % interval {ends[0]} to {ends[1]})"
    labels = report.value("group_1", safe(a)), report.value("group_2", safe(b))
    of = job.label(measure) if measure else "the number of rows"
    clusters = int(panel["entity"].nunique())
    basis = (
        f"; {report.value('units_of_analysis', clusters)} series, one for each {safe(entity)}"
        if entity
        else f"; {report.value('common_periods', len(panel))} {grain}s"
    )
    shown = f" {safe(unit)}" if unit else ""
    tail = f"the change per {per} is {slot}{shown} greater in {labels[0]} than in {labels[1]}{interval}{basis}"
    if difference <= 0:
        tail = f"the change per {per} in {labels[0]} less that in {labels[1]} is {slot}{shown}{interval}{basis}"
    p = result["p"]
    clear = p is not None and p < 0.05
    n = clusters if entity else len(panel)
    test = {
        "name": name,
        "statistic": result["statistic"],
        "p": p,
        "effect_name": f"difference in change per {per}",
        "effect": difference,
        "low": low,
        "high": high,
        "n_used": n,
        "n_dropped": dropped,
    }
    about = assertion(
        measure,
        "trend",
        difference,
        comparator="differs",
        entity=f"{a} vs {b}",
        low=low,
        high=high,
        unit=rate,
        digits=digits,
        period=job.period(),
        population=job.filters,
        direction="up" if difference > 0 else "down",
    )
    weak = {
        "statement": f"It is not clear that the trend in {of}{job.where} differs by {safe(job.label(by))}: {tail}.",
        "assertion": {**about, "comparator": "no_difference", "direction": "none"},
    }
    strong = f"The trend in {of}{job.where} differs by {safe(job.label(by))}: {tail}."
    report.finding(
        strong if clear else weak["statement"],
        assertion=about if clear else weak["assertion"],
        weak=weak,
        test={key: _round(v) for key, v in test.items()},
        used=n,
        dropped=dropped,
        columns=[c for c in (measure, job.spec.get("time"), by, entity) if c],
    )
    report.findings.insert(0, report.findings.pop())


emit(carry_out(trend, parameters, inputs, record))  # noqa: F821
