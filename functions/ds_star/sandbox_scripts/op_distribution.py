"""distribution: quartiles and skewness of a measure, or how often each category stands."""

from __future__ import annotations

import pandas as pd
from charting import axis_label, bars, boxes, histogram
from figures import Refusal, assertion, capital, safe, with_unit
from operating import Job, carry_out
from scipy import stats

STATED = 6


def distribution(job: Job) -> None:
    """How the values of one column are spread; with ``by``, in each group."""
    measure = job.spec.get("measure") or next(iter(job.spec.get("by", [])), None)
    if measure is None:
        raise Refusal("a distribution needs a column")
    info = job.info(measure)
    if info.role in ("category", "flag", "constant") or (info.role == "ordinal" and info.kind not in ("integer", "number")):
        _categories(job, measure)
        return
    numbers = job.numbers(measure)
    values = numbers.dropna()
    if len(values) < 2:
        raise Refusal(f"`{measure}` has fewer than two values in these rows")
    _numbers(job, measure, values, len(numbers) - len(values))
    by = [b for b in job.spec.get("by", []) if b != measure]
    if by:
        grouped = values.groupby(job.frame.loc[values.index, by[0]].astype(str))
        groups = {g: part.to_numpy() for g, part in grouped if len(part) > 1}
        caption = f"Distribution of {job.label(measure)} by {safe(job.label(by[0]))}"
        table = grouped.describe().reset_index()
        job.report.table(table, f"distribution_{measure}_by_{by[0]}", caption)
        if groups:
            boxes(job.report, f"distribution_{measure}_by_{by[0]}", caption, groups, axis_label(job.label(measure), job.unit(measure)))


def _numbers(job: Job, measure: str, values: pd.Series, dropped: int) -> None:
    report, unit, of = job.report, job.unit(measure), job.label(measure)
    quartiles = {
        name: float(values.quantile(q))
        for name, q in (("minimum", 0), ("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75), ("maximum", 1))
    }
    slots = {
        k: with_unit(report.value(f"{k}_{measure}", v, unit, n=len(values), digits=job.digits(values, v)), unit)
        for k, v in quartiles.items()
    }
    rows = report.value("rows_used", len(values))
    mean = with_unit(
        report.value(f"mean_{measure}", float(values.mean()), unit, n=len(values), digits=job.digits(values, float(values.mean()))), unit
    )
    text = f"Half of all values of {of}{job.where} lie between {slots['lower_quartile']} and {slots['upper_quartile']}; "
    text += f"the median is {slots['median']}, the mean {mean} ({rows} rows)."
    about = assertion(
        measure,
        "median",
        quartiles["median"],
        low=quartiles["lower_quartile"],
        high=quartiles["upper_quartile"],
        unit=unit,
        digits=job.digits(values, quartiles["median"]),
        period=job.period(),
        population=job.filters,
    )
    report.finding(text, assertion=about, used=len(values), dropped=dropped, columns=[measure])
    report.finding(
        f"{capital(of)}{job.where} ranges from {slots['minimum']} to {slots['maximum']}.",
        used=len(values),
        dropped=dropped,
        columns=[measure],
    )
    if len(values) >= 8 and values.std() > 0:
        skew = float(stats.skew(values))
        shape = (
            "roughly symmetric"
            if abs(skew) < 0.5
            else f"skewed to the {'right' if skew > 0 else 'left'}: a few values are far {'above' if skew > 0 else 'below'} the rest"
        )
        report.finding(
            f"The distribution of {of}{job.where} is {shape} (skewness {report.value(f'skewness_{measure}', skew, digits=2)}).",
            used=len(values),
            dropped=dropped,
            columns=[measure],
        )
    caption = f"Distribution of {of}" + (f", where {job.filters}" if job.filters else "")
    summary = {**quartiles, "mean": float(values.mean()), "standard deviation": float(values.std()), "rows": len(values)}
    report.table(pd.DataFrame(summary.items(), columns=["statistic", "value"]), f"distribution_{measure}", caption)
    histogram(report, f"distribution_{measure}", caption, values.to_numpy(), axis_label(of, unit))


def _categories(job: Job, measure: str) -> None:
    job.check_statistic("count", None)
    values = job.frame[measure].dropna()
    counts = sorted(((str(k), int(v)) for k, v in values.value_counts().items()), key=lambda kv: (-kv[1], kv[0]))
    total, of = len(values), job.label(measure)
    for key, n in counts[:STATED]:
        slots = (
            job.report.value(f"value_{key}", safe(key)),
            job.report.value(f"rows_{key}", n, n=total),
            job.report.value(f"share_{key}", 100 * n / total, "%", n=total, digits=1),
        )
        about = assertion(measure, "share", 100 * n / total, entity=key, unit="%", digits=1, period=job.period(), population=job.filters)
        job.report.finding(
            f"{capital(of)} is {slots[0]} in {slots[1]} rows{job.where} ({slots[2]} %).",
            assertion=about,
            used=total,
            dropped=len(job.frame) - total,
            columns=[measure],
        )
    caption = f"Rows by {of}" + (f", where {job.filters}" if job.filters else "")
    table = pd.DataFrame([{measure: k, "rows": n, "share in %": 100 * n / total} for k, n in counts])
    job.report.table(table, f"distribution_{measure}", caption)
    bars(job.report, f"distribution_{measure}", caption, [k for k, _ in counts], [float(n) for _, n in counts], "rows")


emit(carry_out(distribution, parameters, inputs, record))
