"""lookup: the value that stands in one row. Where several rows match, each is shown by its name; none is picked, and none is added up."""

from __future__ import annotations

import pandas as pd
from figures import Refusal, assertion, capital, data_digits, plain, safe, with_unit
from operating import Job, carry_out
from selecting import describe_filters

SHOWN = 6
"""Rows that are shown where the question does not tell which one is meant; more are refused."""
MAX_NAMES = 3


def look_up(job: Job) -> None:
    """The measure's value in the row (or the few rows) that the filters leave."""
    measure = job.spec.get("measure")
    if measure is None or not job.spec.get("filters"):
        raise Refusal("a look-up needs a measure, and what the question says of its row")
    if job.table.sampled:
        raise Refusal("the file was too large to be read whole, so the row may be among those that were not read")
    frame = job.frame.assign(**{"\0value": job.numbers(measure)})
    found = frame[frame["\0value"].notna()]
    dropped = len(frame) - len(found)
    if not len(found):
        raise Refusal(f"`{measure}` has no value where {describe_filters(job.spec['filters'])}")
    names = _telling(job, found, measure) if len(found) > 1 else []
    if len(found) > SHOWN:
        told = f", one for each {' and '.join(f'`{n}`' for n in names)}" if names else ""
        raise Refusal(
            f"{len(found)} rows have a value of `{measure}` where {describe_filters(job.spec['filters'])}{told}, and the question does not "
            "say which of them, or whether their mean or their total is meant"
        )
    if len(found) > 1:
        job.report.limit(
            f"{len(found)} rows fit the question; each is shown, and nothing is calculated from them", rows_that_fit=len(found)
        )
    _say(job, found, names, measure, dropped)


def _telling(job: Job, found: pd.DataFrame, measure: str) -> list[str]:
    """The columns that tell the rows apart: one that does so alone, else the few that vary; empty where none do."""
    roles = ("time", "id", "category", "text", "ordinal", "flag")
    varying = [c for c, i in job.table.columns.items() if i.role in roles and c in found and c != measure and found[c].nunique() > 1]
    alone = [c for c in varying if found[c].nunique() == len(found) and found[c].notna().all()]
    if alone:
        return sorted(alone, key=lambda c: roles.index(job.info(c).role))[:1]
    return varying[:MAX_NAMES] if varying and not found.duplicated(varying[:MAX_NAMES]).any() else []


def _say(job: Job, found: pd.DataFrame, names: list[str], measure: str, dropped: int) -> None:
    report, unit = job.report, job.unit(measure)
    digits = data_digits(found["\0value"])
    whole = job.info(measure).kind == "integer"
    rows = []
    for place, (_, row) in enumerate(found.iterrows(), start=1):
        value = int(row["\0value"]) if whole else float(row["\0value"])
        tag = "" if len(found) == 1 else f"_{place}"
        slot = report.value(f"value_of_{measure}{tag}", value, unit, n=1, digits=digits)
        cells = {n: plain(row[n]) for n in names}
        at = " and ".join(f"{job.label(n)} {report.value(f'at_{n}{tag}', safe(v))}" for n, v in cells.items())
        if len(found) > 1 and not at:
            at = f"match {report.value(f'match{tag}', place)}"
        text = f"{job.label(measure)}{job.where}{f' ({at})' if at else ''} is {with_unit(slot, unit)}."
        about = assertion(
            measure,
            "other",
            value,
            entity=" / ".join(str(v) for v in cells.values()) or None,
            unit=unit,
            digits=digits,
            period=job.period(found.loc[[row.name]]),
            population=job.filters,
        )
        report.finding(capital(text), assertion=about, used=1, dropped=dropped, columns=[measure, *names])
        rows.append({**cells, measure: value})
    caption = f"{capital(job.label(measure))}, where {job.filters}"
    report.table(pd.DataFrame(rows), f"{measure}_found", caption)


emit(carry_out(look_up, parameters, inputs, record))
