"""correlation: Spearman's rank correlation of two measures, on the unit of analysis."""

from __future__ import annotations

import numpy as np
import pandas as pd
from association import spearman
from charting import axis_label, scatter
from concluding import conclude
from figures import Refusal, assertion, capital, safe
from operating import Job, carry_out

MIN_PAIRS = 5


def correlation(job: Job) -> None:
    """How strongly two measures go together; nothing is said about causes."""
    one, two = job.spec.get("measure"), job.spec.get("second_measure")
    if one is None or two is None or one == two:
        raise Refusal("a correlation needs two different measures")
    frame = pd.DataFrame({"x": job.numbers(one), "y": job.numbers(two)})
    entity = job.spec.get("entity")
    if entity is not None:
        frame["entity"] = job.frame[entity]
    dropped = int(frame.isna().any(axis=1).sum())
    frame = frame.dropna()
    if entity is not None and frame["entity"].nunique() < len(frame):
        frame = frame.groupby("entity", sort=True)[["x", "y"]].mean()
        job.report.assume(f"rows are averaged per `{entity}` first")
    elif entity is None:
        _warn_of_repeats(job, frame)
    if len(frame) < MIN_PAIRS:
        raise Refusal(f"only {len(frame)} rows have both measures; at least {MIN_PAIRS} are needed")
    x, y = frame["x"].to_numpy(dtype=float), frame["y"].to_numpy(dtype=float)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise Refusal("one of the measures does not vary")
    test = spearman(x, y)
    if test.note:
        job.report.limit(test.note)
    _say(job, test, one, two, entity, dropped)
    labels = job.label(one), job.label(two)
    caption = (
        f"{labels[0]} and {labels[1]}"
        + (f", one point for each {safe(entity)}" if entity else "")
        + (f", where {job.filters}" if job.filters else "")
    )
    bounds = {"rho": [test.effect], "low": [test.low], "high": [test.high], "p": [test.p], "n": [test.n_used]}
    job.report.table(pd.DataFrame(bounds), f"correlation_{one}_{two}", f"Spearman's rank correlation of {caption}")
    scatter(
        job.report, f"correlation_{one}_{two}", caption, x, y, axis_label(labels[0], job.unit(one)), axis_label(labels[1], job.unit(two))
    )


def _warn_of_repeats(job: Job, frame: pd.DataFrame) -> None:
    """Name a column whose values repeat as entities do: its rows are not independent."""
    for name, info in job.table.columns.items():
        if info.role == "id" and name in job.frame:
            distinct = job.frame.loc[frame.index, name].nunique()
            if 4 <= distinct < 0.5 * len(frame):
                job.report.limit(f"rows repeat `{name}`, so they are not independent and p is too small")
                return


def _say(job: Job, test: object, one: str, two: str, entity: str | None, dropped: int) -> None:
    report = job.report
    rho = report.value("rho", test.effect, n=test.n_used, digits=2)
    interval = ""
    if test.low is not None:
        ends = report.value("rho_low", test.low, digits=2), report.value("rho_high", test.high, digits=2)
        interval = f", {report.confidence()} % interval {ends[0]} to {ends[1]}"
    units = f"pairs, one for each {safe(entity)}" if entity else "rows"
    tail = f"(Spearman's rho {rho}{interval}; {report.value('pairs', test.n_used)} {units})"
    names = job.label(one), job.label(two)
    way = "higher" if test.effect > 0 else "lower"
    strength = "strongly" if abs(test.effect) >= 0.7 else "moderately" if abs(test.effect) >= 0.4 else "weakly"
    strong = f"{capital(names[0])} and {names[1]} are {strength} correlated{job.where}: "
    strong += f"where {names[0]} is higher, {names[1]} tends to be {way} {tail}."
    about = assertion(
        one,
        "correlation",
        test.effect,
        entity=two,
        low=test.low,
        high=test.high,
        digits=2,
        period=job.period(),
        population=job.filters,
        direction="up" if test.effect > 0 else "down",
    )
    conclude(
        report,
        strong=strong,
        none=f"There is no clear correlation between {names[0]} and {names[1]}{job.where} {tail}.",
        about=about,
        test=test.fields(dropped),
        used=test.n_used,
        dropped=dropped,
        columns=[one, two],
    )
    report.limit("a correlation does not tell which of the two causes the other, if either does")


emit(carry_out(correlation, parameters, inputs, record))
