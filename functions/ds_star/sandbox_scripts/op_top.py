"""top_n: the groups (or rows) with the highest or lowest statistic."""

from __future__ import annotations

import pandas as pd
from against import Against
from charting import axis_label, bars
from figures import Refusal, assertion, data_digits, plain, safe, with_unit
from operating import Job, carry_out
from periods import as_dates, choose_grain, incomplete, label, plural, starts
from roles import words_of
from units_of_analysis import AGGREGATE

PLAIN_YEAR = {"year", "years", "yr"}
WORDS = {"sum": "total", "mean": "mean", "median": "median", "minimum": "lowest", "maximum": "highest", "count": "number of rows"}


def top(job: Job) -> None:
    """The first ``n``, in order; equals of the last one are named."""
    spec = job.spec
    measure, statistic = spec.get("measure"), spec["statistic"]
    by = list(spec.get("by", [])) or [c for c in (spec.get("entity"),) if c and not spec.get("time")]
    if measure is None:
        statistic = "count"
    job.check_statistic(statistic, measure)
    numbers = job.numbers(measure) if measure and statistic != "count" else pd.Series(1.0, index=job.frame.index)
    frame = job.frame.assign(**{"\0value": numbers})[numbers.notna()]
    dropped = len(job.frame) - len(frame)
    by, left_out = _with_periods(job, frame, by)
    rows = not by or (by == [spec.get("time")] and statistic != "count" and bool(frame[by[0]].is_unique))
    if not by:
        by = [
            c
            for c, i in job.table.columns.items()
            if i.role in ("id", "category", "time", "text") and c in frame and frame[c].nunique() == len(frame)
        ][:1]
        if not by:
            raise Refusal("there is no column by which to name the rows")
    if job.table.sampled and not frame.duplicated(by).any():
        raise Refusal("the file was too large to be read whole, so the first rows may be among those that were not read")
    missing = frame[by].isna().any(axis=1)
    frame, dropped = frame[~missing], dropped + int(missing.sum())
    grouped = frame.groupby(by, observed=True, sort=True)["\0value"]
    counted = spec.get("entity") if statistic == "count" and not rows else None
    if counted:
        values = frame.groupby(by, observed=True, sort=True)[counted].nunique().astype(float)
    else:
        values = grouped.size().astype(float) if statistic == "count" else grouped.agg(AGGREGATE[statistic])
    ranking = values.rename("value").reset_index()
    ranking["rows"] = grouped.size().to_numpy()
    ranking = ranking.sort_values(["value", *by], ascending=[not spec["descending"], *[True] * len(by)], kind="stable").reset_index(
        drop=True
    )
    if not len(ranking):
        raise Refusal(f"no group or period is left that has values{f' where {job.filters}' if job.filters else ''}")
    among = _beside(job, ranking, left_out, by) if left_out is not None and not counted else ""
    _say(job, ranking, by, statistic, measure, rows=rows, dropped=dropped, numbers=numbers, among=among)


def _beside(job: Job, ranking: pd.DataFrame, left_out: pd.DataFrame, by: list[str]) -> str:
    """What the first one is first among, where an incomplete period that is left out has more already; else nothing."""
    totals = left_out.groupby(by, observed=True, sort=True)["\0value"].sum().reset_index()
    more = totals[totals["\0value"] > ranking["value"].iloc[0]]
    if more.empty or not job.spec["descending"]:
        return ""
    beyond = [" / ".join(str(plain(row[b])) for b in by) for _, row in more.head(8).iterrows()]
    job.report.limit(f"more already, though the data hold a part of the time only: {', '.join(beyond)}")
    return " of those that the data cover as a whole"


def _with_periods(job: Job, frame: pd.DataFrame, by: list[str]) -> tuple[list[str], pd.DataFrame | None]:
    """(the grouping columns, the rows that are left out); a time is cut into periods of the spec's grain, and totals need whole ones."""
    time = job.spec.get("time")
    if time is None and by and job.info(by[0]).role == "time":
        time = by[0]
    if time is None or (time not in by and not job.spec.get("grain")):
        return [b for b in by if job.info(b)], None
    if job.info(time).grain == "year":
        parts = job.spec.get("time_parts")
        left_out = (
            _without_incomplete(job, frame, frame[f"{time} and {parts['part']}"], "year", frame[time], told=parts["grain"])
            if parts
            else None
        )
        return by if time in by else [*by, time], left_out
    dates = as_dates(frame[time])
    grain, said = choose_grain(dates, job.spec.get("grain"), minimum=1)
    if said:
        job.report.assume(said)
    frame[grain + "\0"] = [label(s, grain) if pd.notna(s) else None for s in starts(dates, grain)]
    left_out = _without_incomplete(job, frame, dates, grain, frame[grain + "\0"], told=job.info(time).grain)
    return [grain + "\0" if b == time else b for b in by] if time in by else [*by, grain + "\0"], left_out


def _without_incomplete(
    job: Job, frame: pd.DataFrame, dates: pd.Series, grain: str, periods: pd.Series, *, told: str | None
) -> pd.DataFrame | None:
    """Takes the rows of incomplete periods out of totals, and gives them back; a mean of such a period stays, and is told."""
    partial = incomplete(dates, grain, told)
    if not partial:
        return None
    if job.spec["statistic"] not in ("sum", "count"):
        job.report.limit(f"the data do not cover {' and '.join(partial)} as a whole")
        return None
    job.report.limit(f"incomplete {plural(grain)} are left out: {', '.join(partial)}")
    left_out = frame[periods.map(lambda p: str(plain(p)) in partial, na_action="ignore").fillna(False).astype(bool)]
    frame.drop(index=left_out.index, inplace=True)
    return left_out


def _say(
    job: Job,
    ranking: pd.DataFrame,
    by: list[str],
    statistic: str,
    measure: str | None,
    *,
    rows: bool,
    dropped: int,
    numbers: pd.Series,
    among: str = "",
) -> None:
    report, spec = job.report, job.spec
    unit = job.unit(measure) if measure and statistic != "count" else None
    n = min(spec["n"], len(ranking))
    if spec.get("than"):
        _against(job, ranking, by, statistic, measure, numbers)
    whole = statistic == "count" or (statistic in ("sum", "minimum", "maximum") and bool((numbers.dropna() % 1 == 0).all()))
    extreme = statistic == ("maximum" if spec["descending"] else "minimum")  # "the highest highest" says no more than "the highest"
    of_rows = rows or (extreme and not spec.get("than"))
    what = _counted(job) if statistic == "count" else job.label(measure) if of_rows else f"{WORDS[statistic]} {job.label(measure)}"
    shown = [b.rstrip("\0") for b in by]
    parts = []
    for place, row in ranking.head(n).iterrows():
        key = " / ".join(str(plain(row[b])) for b in by)
        named = _of_what(job, by, key)
        value = int(row["value"]) if whole else float(row["value"])
        digits = 0 if whole else data_digits(numbers) if statistic in ("sum", "minimum", "maximum") else job.digits(numbers, value)
        name = report.value(f"top_{place + 1}_name", safe(key))
        slot = report.value(f"top_{place + 1}", value, unit, n=int(row["rows"]), digits=digits)
        parts.append(f"{named}{name} ({with_unit(slot, unit)})")
        if place == 0 and not spec.get("than"):
            highest = "highest" if spec["descending"] else "lowest"
            compared = f"{report.value('groups_compared', len(ranking))} {'rows' if rows else 'groups'} compared"
            text = f"{named}{name} has the {highest} {what}{job.where}{among}: {with_unit(slot, unit)} ({compared})."
            comparator = "="
            about = assertion(
                measure,
                statistic if not rows else "other",
                value,
                comparator=comparator,
                entity=key,
                unit=unit,
                digits=digits,
                period=job.period(),
                population=job.filters,
            )
            report.finding(
                text,
                assertion=about,
                used=int(ranking["rows"].sum()),
                dropped=dropped,
                columns=[*[b for b in by if b in job.table.columns], *([measure] if measure else [])],
            )
    if len(parts) > 1 and not spec.get("than"):
        word = "highest" if spec["descending"] else "lowest"
        report.finding(
            f"In order, beginning with the {word} {what}{job.where}{among}: {', '.join(parts)}.",
            used=int(ranking["rows"].sum()),
            dropped=dropped,
            columns=[*[b for b in by if b in job.table.columns], *([measure] if measure else [])],
        )
    ties = int((ranking["value"].iloc[n:] == ranking["value"].iloc[n - 1]).sum())
    if ties:
        report.limit(f"{ties} more {'have' if ties > 1 else 'has'} the same value as the last one that is listed", tied_with_last=ties)
    order = "Highest" if spec["descending"] else "Lowest"
    caption = f"{order} {what} by {' and '.join(safe(s) for s in shown)}" + (f", where {job.filters}" if job.filters else "")
    file = f"top_{statistic}_{measure or 'rows'}_by_{'_'.join(shown)}"
    table = ranking.rename(columns={"value": statistic, **dict(zip(by, shown, strict=True))})
    report.table(table, file, caption)
    labels = [" / ".join(str(plain(r[b])) for b in by) for _, r in ranking.head(n).iterrows()]
    bars(report, file, caption, labels, [float(v) for v in ranking["value"].head(n)], axis_label(what, unit))


def _counted(job: Job) -> str:
    """What a count is one of: rows, or the different members that they repeat."""
    entity = job.spec.get("entity")
    return f"number of different {job.label(entity)}" if entity else WORDS["count"]


def _against(job: Job, ranking: pd.DataFrame, by: list[str], statistic: str, measure: str | None, numbers: pd.Series) -> None:
    """Which groups lie above (or below) the one that is named."""
    unit = job.unit(measure) if measure and statistic != "count" else None
    named = Against(job, {str(plain(row[by[0]])): float(row["value"]) for _, row in ranking.iterrows()}, by[0])
    whole = statistic in ("count", "sum", "minimum", "maximum") and bool((numbers.dropna() % 1 == 0).all())

    def shown(name: str, value: float) -> str:
        digits = 0 if whole else data_digits(numbers) if statistic in ("sum", "minimum", "maximum") else job.digits(numbers, value)
        return with_unit(job.report.value(name, int(value) if whole else value, unit, digits=digits), unit)

    what = _counted(job) if statistic == "count" else f"{WORDS[statistic]} {job.label(measure)}"
    named.say(f"a {'higher' if job.spec['descending'] else 'lower'} {what}{job.where}", shown, [by[0], *([measure] if measure else [])])


def _of_what(job: Job, by: list[str], key: str) -> str:
    """``customer_id `` before a name that is only a number and does not say of what; a plain year does."""
    columns = [b for b in by if b in job.table.columns and (job.info(b).role != "time" or set(words_of(b)) - PLAIN_YEAR)]
    return f"{' / '.join(job.label(b) for b in columns)} " if columns and not any(c.isalpha() for c in key) else ""


emit(carry_out(top, parameters, inputs, record))
