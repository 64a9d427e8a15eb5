"""trend_difference: whether the changes of groups over periods differ, by the test that their units of analysis allow."""

from __future__ import annotations

import numpy as np
import pandas as pd
from concluding import conclude
from figures import Refusal, assertion, digits_for, plain, safe
from group_tests import games_howell, many_groups, two_groups
from operating import Job, carry_out
from periods import MIN_POINTS
from trending import MAX_GROUPS, Asked, asked_of, rounded, say_trends, series_of, too_few
from trends import MIN_CLUSTERS, fit, interaction, slope_of, time_unit
from units_of_analysis import AGGREGATE, find_entity


def difference(job: Job) -> None:
    """Whether the trends of the groups differ: one line for each group, then the test that the data allow."""
    asked = asked_of(job)
    frame, by, measure, statistic, grain = asked.frame, asked.by, asked.measure, asked.statistic, asked.grain
    if by is None:
        raise Refusal("a difference in trends needs the column that makes the groups")
    say_trends(job, asked)
    groups = sorted({str(plain(g)) for g in frame[by].unique()})
    if len(groups) < 2:
        raise Refusal(f"`{by}` has only one group in these rows")
    entity = find_entity(
        job.table, frame[[c for c in frame if not c.startswith("\0")]], by, job.spec.get("entity"), [measure or "", by, asked.time]
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
        _series_difference(job, asked, by)
    elif panel["entity"].nunique() >= MIN_CLUSTERS and not entity.paired:
        job.report.assume(f"the trends are compared on `{entity.column}` as the unit, with errors clustered by it")
        result = interaction(panel, grain)
        _say(job, asked, groups, result, panel, "interaction of time and group, errors clustered by entity", entity.column)
    else:
        job.report.assume(f"a slope is computed for each `{entity.column}`, then the slopes are compared")
        _slopes(job, asked, panel, entity.column)


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


def _slopes(job: Job, asked: Asked, panel: pd.DataFrame, entity: str) -> None:
    """A slope for each entity, then the groups' slopes are compared."""
    measure, grain, by = asked.measure, asked.grain, asked.by
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
        _say(job, asked, groups, result, panel, f"{test.name} on the slopes of entities", entity)
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
    _say(job, asked, groups, result, panel, f"{test.name} on the slopes of entities", entity)


def _series_difference(job: Job, asked: Asked, by: str) -> None:
    """Each group is one series: the trend of their difference, period by period, with robust errors."""
    statistic, grain = asked.statistic, asked.grain
    series = {
        str(plain(g)): series_of(job, part, statistic, grain).set_index("period")["value"]
        for g, part in asked.frame.groupby(by, observed=True, sort=True)
    }
    names = sorted(series, key=lambda g: (slope_of(pd.Series(series[g].index), series[g].to_numpy(), grain), g))
    if len(names) > 2:
        job.report.limit("of more than two groups, those with the steepest and the flattest trend are compared")
    low, high = names[0], names[-1]
    both = (series[high] - series[low]).dropna()
    if len(both) < MIN_POINTS:
        raise Refusal(too_few(len(both), grain) + " that both groups have")
    slope = fit(pd.Series(both.index), both.to_numpy(), grain)
    result = {"p": slope.p, "statistic": slope.t, "differences": [slope.slope], "low": [slope.low], "high": [slope.high]}
    panel = pd.DataFrame({"period": both.index, "entity": ""})
    _say(job, asked, [low, high], result, panel, "trend of the difference between the groups (Newey-West)", None)


def _say(job: Job, asked: Asked, groups: list[str], result: dict, panel: pd.DataFrame, name: str, entity: str | None) -> None:
    """The greatest difference of a group's change to the first group's, and whether it is clear; it is stated first."""
    measure, statistic, grain, by = asked.measure, asked.statistic, asked.grain, asked.by
    report = job.report
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
    n = clusters if entity else len(panel)
    test = {
        "name": name,
        "statistic": result["statistic"],
        "p": result["p"],
        "effect_name": f"difference in change per {per}",
        "effect": difference,
        "low": low,
        "high": high,
        "n_used": n,
        "n_dropped": asked.dropped,
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
    conclude(
        report,
        strong=f"The trend in {of}{job.where} differs by {safe(job.label(by))}: {tail}.",
        none=f"It is not clear that the trend in {of}{job.where} differs by {safe(job.label(by))}: {tail}.",
        about=about,
        test={key: rounded(v) for key, v in test.items()},
        used=n,
        dropped=asked.dropped,
        columns=[measure, job.spec.get("time"), by, entity],
    )
    report.findings.insert(0, report.findings.pop())


emit(carry_out(difference, parameters, inputs, record))
