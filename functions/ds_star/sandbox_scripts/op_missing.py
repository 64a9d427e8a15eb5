"""missing_outliers: cells without a value in each column, and values outside Tukey's fences; with groups, one column's cells in each."""

from __future__ import annotations

import pandas as pd
from charting import axis_label, bars, boxes
from figures import Refusal, assertion, capital, plain, safe, with_unit
from operating import Job, carry_out

STATED = 8
FENCE = 1.5
"""Tukey (1977): a value more than 1.5 times the interquartile range outside the quartiles."""


def missing_and_outliers(job: Job) -> None:
    """Of the measure that was asked for, or of all columns. In groups, only what is missing of the measure."""
    measure = job.spec.get("measure")
    if measure is not None:
        job.info(measure)
    if job.spec.get("by"):
        if measure is None:
            raise Refusal("missing cells are told by groups for one column at a time")
        _missing_by_group(job, measure, job.spec["by"])
        return
    columns = [measure] if measure else list(job.frame)
    rows = [{"column": c, "missing": int(job.frame[c].isna().sum()), "rows": len(job.frame)} for c in columns]
    _missing(job, rows)
    measures = [c for c in columns if job.info(c).role in ("measure", "ordinal") and job.info(c).kind in ("integer", "number")]
    if measure and not measures and not rows:
        raise Refusal(f"`{measure}` holds no numbers")
    for unsure in [u for c in measures if (u := job.info(c).unsure)]:
        job.report.limit(unsure)
    found = [_outliers(job, c) for c in measures if not job.info(c).unsure]
    table = pd.DataFrame(rows)
    fences = pd.DataFrame([f for f in found if f], columns=["column", "outliers", "lower fence", "upper fence"])
    job.report.table(
        table.merge(fences, on="column", how="left"), "missing_and_outliers", "Missing cells and values outside Tukey's fences by column"
    )


def _missing(job: Job, rows: list[dict]) -> None:
    report, total = job.report, len(job.frame)
    gaps = sorted((r for r in rows if r["missing"]), key=lambda r: (-r["missing"], r["column"]))
    size = report.value("rows", total)
    if not gaps:
        what = job.label(rows[0]["column"]) if len(rows) == 1 else "any column"
        zero = report.value("missing_cells", 0, n=total)
        report.finding(
            f"No cell of {what}{job.where} is missing ({zero} of {size} rows).",
            assertion=assertion(rows[0]["column"] if len(rows) == 1 else None, "count", 0, unit="missing cells", population=job.filters),
            used=total,
            dropped=0,
            columns=[r["column"] for r in rows][:20],
        )
        return
    for row in gaps[:STATED]:
        name = row["column"]
        count = report.value(f"missing_{name}", row["missing"], n=total)
        percent = report.value(f"missing_share_{name}", 100 * row["missing"] / total, "%", n=total, digits=1)
        about = assertion(name, "count", row["missing"], unit="missing cells", population=job.filters)
        report.finding(
            f"{safe(name)} is missing in {count} of {size} rows{job.where} ({percent} %).",
            assertion=about,
            used=total,
            dropped=0,
            columns=[name],
        )
    bars(report, "missing", "Missing cells by column", [r["column"] for r in gaps], [float(r["missing"]) for r in gaps], "missing cells")


def _missing_by_group(job: Job, measure: str, keys: list[str]) -> None:
    """A statement for each group, the one asked for first: the most missing cells, or the fewest."""
    report, of = job.report, job.label(measure)
    named = " and ".join(job.label(k) for k in keys)
    frame = job.frame.dropna(subset=keys)
    without = len(job.frame) - len(frame)
    if without:
        report.limit(f"left out: {without} {'row has' if without == 1 else 'rows have'} no {named}, and can be of no group")
    gaps = frame[measure].isna().groupby([frame[k] for k in keys], observed=True, sort=True).agg(["sum", "size"])
    if gaps.empty:
        raise Refusal(f"no row has a value of {named}")
    rows = [(key if isinstance(key, tuple) else (key,), int(gap["sum"]), int(gap["size"])) for key, gap in gaps.iterrows()]
    rows.sort(key=lambda r: -r[1] if job.spec.get("descending", True) else r[1])
    for key, missing, size in rows[:STATED]:
        group = "_".join(str(plain(v)) for v in key)
        where = " and ".join(report.value(f"{k}_{plain(v)}", safe(plain(v))) for k, v in zip(keys, key, strict=True))
        count = report.value(f"missing_{group}", missing, n=size)
        percent = report.value(f"missing_share_{group}", 100 * missing / size, "%", n=size, digits=1)
        entity = " / ".join(str(plain(v)) for v in key)
        report.finding(
            f"For {named} {where}, {of} is missing in {count} of {report.value(f'rows_{group}', size)} rows{job.where} ({percent} %).",
            assertion=assertion(measure, "count", missing, entity=entity, unit="missing cells", population=job.filters),
            used=size,
            dropped=0,
            columns=[*keys, measure],
        )
    if len(rows) > STATED:
        report.limit(f"{len(rows)} groups were computed; {STATED} are stated, all stand in the table", groups_computed=len(rows))
    caption = f"Missing cells of {of} by {named}"
    shares = [{**dict(zip(keys, map(plain, key), strict=True)), "missing": missing, "rows": size} for key, missing, size in rows]
    report.table(pd.DataFrame(shares), f"missing_{measure}_by_{'_'.join(keys)}", caption)
    labels: list[object] = [" / ".join(str(plain(v)) for v in key) for key, _, _ in rows]
    bars(report, f"missing_by_{'_'.join(keys)}", caption, labels, [float(missing) for _, missing, _ in rows], "missing cells")


def _outliers(job: Job, column: str) -> dict | None:
    values = job.numbers(column).dropna()
    if len(values) < 8:
        return None
    low, high = values.quantile(0.25), values.quantile(0.75)
    bounds = low - FENCE * (high - low), high + FENCE * (high - low)
    outside = values[(values < bounds[0]) | (values > bounds[1])]
    report, unit, of = job.report, job.unit(column), job.label(column)
    count = report.value(f"outliers_{column}", len(outside), n=len(values))
    fences = [
        with_unit(report.value(f"{n}_fence_{column}", float(b), unit, digits=job.digits(values, float(b))), unit)
        for n, b in zip(("lower", "upper"), bounds, strict=True)
    ]
    all_values = report.value(f"values_{column}", len(values))
    text = f"{count} of {all_values} values of {of}{job.where} lie outside Tukey's fences ({fences[0]} to {fences[1]})"
    if len(outside):
        far = outside.loc[(outside - values.median()).abs().idxmax()]
        farthest = report.value(f"farthest_{column}", float(far), unit, digits=job.digits(values, float(far)))
        text += f"; the farthest is {with_unit(farthest, unit)}"
        text += _place(job, int((outside - values.median()).abs().idxmax()))
        if job.spec.get("measure"):
            boxes(report, f"outliers_{column}", f"{capital(of)} with its outliers", {of: values.to_numpy()}, axis_label(of, unit))
    report.finding(
        text + ".",
        assertion=assertion(column, "count", len(outside), unit="outliers", population=job.filters),
        used=len(values),
        dropped=len(job.frame) - len(values),
        columns=[column],
    )
    return {"column": column, "outliers": len(outside), "lower fence": bounds[0], "upper fence": bounds[1]}


def _place(job: Job, row: int) -> str:
    """Where a row stands, by its identifiers and time."""
    parts = []
    for name, info in job.table.columns.items():
        cell = job.frame[name].iloc[row] if name in job.frame else None
        if info.role in ("id", "time", "category") and pd.notna(cell) and len(parts) < 3:
            parts.append(f"{job.label(name)} {job.report.value(f'at_{name}', safe(plain(cell)))}")
    return f" ({', '.join(parts)})" if parts else ""


emit(carry_out(missing_and_outliers, parameters, inputs, record))
