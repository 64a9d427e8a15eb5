"""ratio: the total of one measure divided by the total of another, over the rows that have both; the mean of the rows' ratios beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from charting import axis_label, bars
from figures import Refusal, assertion, capital, digits_for, plain, safe
from operating import Job, carry_out
from periods import as_dates, choose_grain, label, starts

STATED = 6
PERIOD = "\0"
"""Ends the name of a column of periods, so that it is none of the table's."""


def ratio(job: Job) -> None:
    """``measure`` per ``second_measure``: of all rows, by groups, or by periods."""
    over, under = job.spec.get("measure"), job.spec.get("second_measure")
    if over is None or under is None or over == under:
        raise Refusal("a ratio needs two different measures")
    frame = job.frame.assign(**{"\0over": job.numbers(over), "\0under": job.numbers(under)})
    frame = frame[frame["\0over"].notna() & frame["\0under"].notna()]
    dropped = len(job.frame) - len(frame)
    if not len(frame):
        raise Refusal(f"no row has both `{over}` and `{under}`")
    if (frame["\0under"] < 0).any() and (frame["\0under"] > 0).any():
        raise Refusal(f"`{under}` has values below and above zero, so a ratio to its total means nothing")
    frame, keys = _keys(job, frame)
    groups = [((), frame)]
    if keys:
        grouped = frame.dropna(subset=keys).groupby(keys, observed=True, sort=True)
        groups = [(key if isinstance(key, tuple) else (key,), part) for key, part in grouped]
    rows = [_of(tuple(map(plain, key)), part) for key, part in groups]
    lost = [r for r in rows if r["ratio"] is None]
    rows = [r for r in rows if r["ratio"] is not None]
    if not rows:
        raise Refusal(f"`{under}` is zero in every row, and nothing is divided by zero")
    if lost:
        names = ", ".join(" / ".join(map(str, r["key"])) for r in lost[:8])
        job.report.limit(f"where the total of `{under}` is zero there is no ratio: {names}")
    if zeros := int((frame["\0under"] == 0).sum()):
        job.report.limit(
            f"`{under}` is zero in {zeros} row{'s' * (zeros > 1)}, which count in the totals and have no ratio of their own", zeros=zeros
        )
    job.report.assume(f"a ratio is the total of `{over}` divided by the total of `{under}`, over the rows that have both")
    if not keys or job.spec.get("time") is None:
        sign = -1 if job.spec["descending"] else 1
        rows.sort(key=lambda r: (sign * r["ratio"], str(r["key"])))
    for row in rows[:STATED]:
        _say(job, row, keys, over, under, dropped)
    if len(rows) > STATED:
        job.report.limit(f"{len(rows)} groups were computed; {STATED} are stated, all stand in the table", groups_computed=len(rows))
    _table_and_chart(job, rows, keys, over, under)


def _keys(job: Job, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The grouping columns; a time among them, or a grain, makes periods."""
    keys = [k for k in job.spec.get("by", []) if job.info(k)]
    time = job.spec.get("time")
    if time is None or not (job.spec.get("grain") or time in keys):
        return frame, keys
    dates = as_dates(frame[time])
    grain, said = choose_grain(dates, job.spec.get("grain"), minimum=1)
    if said:
        job.report.assume(said)
    labels = [label(s, grain) if pd.notna(s) else None for s in starts(dates, grain)]
    return frame.assign(**{f"{grain}{PERIOD}": labels}), [*[k for k in keys if k != time], f"{grain}{PERIOD}"]


def _of(key: tuple, part: pd.DataFrame) -> dict:
    """The ratio of the totals, and the mean of the ratios of the rows whose divisor is not zero."""
    over, under = float(part["\0over"].sum()), float(part["\0under"].sum())
    divisible = part[part["\0under"] != 0]
    each = float((divisible["\0over"] / divisible["\0under"]).mean()) if len(divisible) else None
    return {"key": key, "ratio": over / under if under else None, "over": over, "under": under, "mean": each, "rows": len(part)}


def _unit(job: Job, over: str, under: str) -> str | None:
    units = job.unit(over), job.unit(under)
    if units[0] == units[1]:
        return None
    return f"{units[0] or '1'}/{units[1]}" if units[1] else units[0]


def _say(job: Job, row: dict, keys: list[str], over: str, under: str, dropped: int) -> None:
    report, unit = job.report, _unit(job, over, under)
    tag = "".join(f"_{v}" for v in row["key"])
    digits = max(digits_for(row["ratio"]), 2 if abs(row["ratio"]) < 1000 else 0)
    slot = report.value(f"ratio{tag}", row["ratio"], unit, n=row["rows"], digits=digits)
    totals = report.value(f"total_{over}{tag}", row["over"]), report.value(f"total_{under}{tag}", row["under"])
    names = [job.label(k) if k in job.table.columns else k.rstrip(PERIOD) for k in keys]
    who = " and ".join(f"{n} {report.value(f'{n}_{v}', safe(v))}" for n, v in zip(names, row["key"], strict=True))
    text = f"{f'For {who}, ' if who else ''}{job.label(over)} per {job.label(under)}{job.where} is {slot}{f' {safe(unit)}' if unit else ''}"
    text += f": a total of {totals[0]} divided by a total of {totals[1]} ({report.value(f'rows{tag}', row['rows'])} rows"
    if row["mean"] is not None and row["rows"] > 1 and not np.isclose(row["mean"], row["ratio"], rtol=1e-12):
        text += f"; the mean of the rows' own ratios is {report.value(f'mean_of_ratios{tag}', row['mean'], unit, digits=digits)}"
    about = assertion(
        f"{over} per {under}",
        "ratio",
        row["ratio"],
        entity=" / ".join(map(str, row["key"])) or None,
        unit=unit,
        digits=digits,
        period=job.period(),
        population=job.filters,
    )
    columns = [*[k for k in keys if not k.endswith(PERIOD)], over, under]
    report.finding(capital(text + ")."), assertion=about, used=row["rows"], dropped=dropped, columns=columns)


def _table_and_chart(job: Job, rows: list[dict], keys: list[str], over: str, under: str) -> None:
    shown = [k.rstrip(PERIOD) for k in keys]
    table = pd.DataFrame(
        [
            {
                **dict(zip(shown, r["key"], strict=True)),
                "ratio": r["ratio"],
                f"total of {over}": r["over"],
                f"total of {under}": r["under"],
                "mean of the rows' ratios": r["mean"],
                "rows": r["rows"],
            }
            for r in rows
        ]
    )
    what = f"{job.label(over)} per {job.label(under)}"
    caption = capital(what) + (f" by {' and '.join(map(safe, shown))}" if shown else "") + (f", where {job.filters}" if job.filters else "")
    name = f"ratio_{over}_{under}"
    job.report.table(table, name, caption)
    if keys:
        labels = [" / ".join(map(str, r["key"])) for r in rows]
        bars(job.report, name, caption, labels, [r["ratio"] for r in rows], axis_label(what, _unit(job, over, under)))


emit(carry_out(ratio, parameters, inputs, record))
