"""change: a measure in one period against another, as difference and per cent. It is no test of a trend, and says so."""

from __future__ import annotations

import pandas as pd
from against import NAMED, Against
from charting import axis_label, bars
from figures import Refusal, assertion, capital, data_digits, digits_for, plain, points, safe, with_unit
from operating import Job, carry_out
from periods import GRAINS, as_dates, edge_within, incomplete, iso_range, label, native_grain, plural, starts
from ranking import NO_RATIO, in_order, place, ranking_key
from selecting import span_of, told_grain
from units_of_analysis import AGGREGATE

WORDS = {"sum": "total", "mean": "mean", "median": "median", "minimum": "lowest", "maximum": "highest"}
STATED = 6


def change(job: Job) -> None:
    """The two periods' values and what lies between them, of all rows or of each group."""
    spec = job.spec
    measure, statistic = spec.get("measure"), spec["statistic"] if spec.get("measure") else "count"
    time, periods = spec.get("time"), list(spec.get("periods", []))
    if time is None or len(periods) != 2:
        raise Refusal("a change needs a column of times and two periods")
    if job.info(time).role != "time":
        raise Refusal(f"`{time}` holds no times")
    periods = _as_told(job, time, periods)
    spans = [_span(p) for p in periods]
    if any(s is None for s in spans):
        raise Refusal(f"{' or '.join(periods)} is no period that is understood")
    job.check_statistic(statistic, measure)
    numbers = job.numbers(measure) if measure and statistic != "count" else pd.Series(1.0, index=job.frame.index)
    dates = as_dates(job.frame[time])
    kept = numbers.notna() & dates.notna()
    frame = job.frame.assign(**{"\0value": numbers, "\0date": dates})[kept]
    _check_finer(job, frame["\0date"], time, periods)
    _check_complete(job, frame["\0date"], job.info(time).grain, statistic, periods)
    parts = [frame[(frame["\0date"] >= a) & (frame["\0date"] < b)] for a, b in spans]
    for period, part in zip(periods, parts, strict=True):
        if not len(part):
            ends = _ends(frame["\0date"], job.info(time).grain)
            raise Refusal(f"there is no row of {_shown(period)}{_given(job)}; `{time}` goes from {ends}")
    by = spec["by"][0] if spec.get("by") else None
    if by is None:
        pairs = {None: tuple(parts)}
    else:
        job.info(by)
        groups = [dict(list(p.groupby(by, observed=True, sort=True))) for p in parts]
        pairs = {plain(g): (groups[0][g], groups[1][g]) for g in groups[0] if g in groups[1]}
        alone = sorted({str(plain(g)) for g in set(groups[0]) ^ set(groups[1])})
        if alone:
            job.report.limit(
                f"{len(alone)} of `{by}` stand in one of the two periods only and are left out: {', '.join(alone[:8])}", left_out=len(alone)
            )
        if not pairs:
            raise Refusal(f"no `{by}` stands in both {_shown(periods[0])} and {_shown(periods[1])}")
    dropped = int((~kept).sum())
    _say(job, pairs, by, measure, statistic, time, periods, dropped)
    job.report.limit("a change between two periods is no test of a trend: it does not tell what lies between them, or what chance may do")


def _given(job: Job) -> str:
    return f" where {job.filters}" if job.filters else ""


def _ends(dates: pd.Series, grain: str | None) -> str:
    return (iso_range(dates, grain) or "nothing").replace("/", " to ")


def _span(period: str) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The first moment of a period and the first one behind it; ``2023-01/2023-09`` are the first nine months."""
    first, _, last = period.partition("/")
    ends = span_of(first), span_of(last or first)
    return (ends[0][0], ends[1][1]) if ends[0] and ends[1] else None


def _shown(period: str) -> str:
    return period.replace("/", " to ")


def _length(period: str) -> str:
    """What two periods have to have in common: their grain, and for the first months of a year which these are."""
    return period.replace(period[:4], "") if "/" in period else _grain_of(period)


def _grain_of(period: str) -> str:
    """The grain of a period; that in which its ends are told, for the first months of a year."""
    if "/" in period:
        return "month" if int(period[-2:]) % 3 else "quarter"
    if "H" in period:
        return "half"
    return "quarter" if "Q" in period else {4: "year", 7: "month"}.get(len(period), "day")


def _as_told(job: Job, time: str, periods: list[str]) -> list[str]:
    """The periods, those of a column of months or quarters as such: the first day that such a cell is read as stands for all of it."""
    grain, certain = told_grain(job.frame[time], job.info(time))
    if not certain or grain is None:
        return periods
    days = [pd.Timestamp(p) if _grain_of(p) == "day" else None for p in periods]
    return [
        label(d, grain) if d is not None and starts(pd.Series([d]), grain).iloc[0] == d else p for p, d in zip(periods, days, strict=True)
    ]


def _check_finer(job: Job, dates: pd.Series, time: str, periods: list[str]) -> None:
    """``Refusal`` where the two periods differ in length, or are shorter than the data can tell."""
    grains = [_grain_of(p) for p in periods]
    if _length(periods[0]) != _length(periods[1]):
        raise Refusal(f"{_shown(periods[0])} and {_shown(periods[1])} are periods of different lengths")
    told, certain = told_grain(job.frame[time], job.info(time))
    if told is not None and (certain or grains[0] != "day") and GRAINS.index(grains[0]) < GRAINS.index(told):
        raise Refusal(f"`{time}` tells whole {plural(told)} only, and no {grains[0]}; ask for whole {plural(told)}")
    if grains[0] != "year" and native_grain(dates) == "year":
        raise Refusal(f"`{time}` tells years only, and no {grains[0]}")


def _check_complete(job: Job, dates: pd.Series, told: str | None, statistic: str, periods: list[str]) -> None:
    """``Refusal`` for totals of a period that the data do not cover; other statistics get a limitation."""
    grain = _grain_of(periods[0])
    cut = incomplete(dates, grain, told)
    for period in periods:
        start, end = _span(period)
        partial = period in cut or ("/" in period and any(start <= span_of(p)[0] < end for p in cut))
        edge = edge_within(dates, start, end, told)
        if statistic in ("sum", "count") and (partial or (edge and "/" in period)):
            other = "period" if "/" in period else grain
            raise Refusal(
                f"the data do not cover {_shown(period)} as a whole, so its {statistic} cannot be set against that of another {other}"
            )
        if partial:
            job.report.limit(f"the data do not cover {_shown(period)} as a whole")
        elif edge:
            job.report.limit(f"the data {edge}, within {_shown(period)}")


def _value(part: pd.DataFrame, statistic: str) -> float:
    return float(len(part)) if statistic == "count" else float(part["\0value"].agg(AGGREGATE[statistic]))


def _say(
    job: Job,
    pairs: dict[object, tuple[pd.DataFrame, pd.DataFrame]],
    by: str | None,
    measure: str | None,
    statistic: str,
    time: str,
    periods: list[str],
    dropped: int,
) -> None:
    rows = [
        {"group": g, "start": _value(a, statistic), "end": _value(b, statistic), "rows": len(a), "rows at the end": len(b)}
        for g, (a, b) in pairs.items()
    ]
    table = pd.DataFrame(rows)
    table["difference"] = table["end"] - table["start"]
    ratio = job.unit(measure) not in NO_RATIO if measure else True
    table["per cent"] = pd.Series(
        [100 * d / s if ratio and s > 0 else None for d, s in zip(table["difference"], table["start"], strict=True)], dtype=float
    )
    key = ranking_key(job, table, by, "began at nothing or below")
    table = in_order(job, table, key)
    if job.spec.get("than") and by:
        _against(job, table, key, by, measure, periods, counted=statistic == "count")
    elif job.spec.get("moving") and by:
        _moved(job, table, by, measure, statistic, periods)
    for at, row in table.head(STATED).iterrows():
        ranks = bool(by and job.spec.get("ranked_by") and not job.spec.get("than") and not job.spec.get("moving"))
        standing = _place(job, table, key, by) if at == 0 and by and ranks and len(table) > 1 else None
        _one(job, row, by, measure, statistic, time, periods, dropped, standing)
    if len(table) > STATED:
        job.report.limit(f"{len(table)} groups were computed; {STATED} are stated, all stand in the table", groups_computed=len(table))
    if statistic in ("sum", "count") and (table["rows"] != table["rows at the end"]).any() and statistic == "sum":
        job.report.limit("the two totals are of different numbers of rows")
    unit = job.unit(measure) if measure and statistic != "count" else None
    of = job.label(measure) if measure else "rows"
    caption = (
        f"Change in {of} from {_shown(periods[0])} to {_shown(periods[1])}" + (f" by {safe(job.label(by))}" if by else "") + _given(job)
    )
    shown = table.rename(columns={"group": by}) if by else table.drop(columns="group")
    job.report.table(shown, f"change_{measure or 'rows'}", caption)
    if by:
        labels, values = [str(g) for g in table["group"]], list(table["difference"])
    else:
        labels, values = [_shown(p) for p in periods], [float(table["start"].iloc[0]), float(table["end"].iloc[0])]
    bars(job.report, f"change_{measure or 'rows'}", caption, labels, values, axis_label(of, points(unit) if by else unit))


def _against(job: Job, table: pd.DataFrame, key: str, by: str, measure: str | None, periods: list[str], *, counted: bool) -> None:
    """Which groups change by more (or less) than the one that is named, by what the question ranks by."""
    up, moving = job.spec["descending"], bool(job.spec.get("moving"))
    known = table[table[key].notna()]
    named = Against(job, {str(plain(g)): float(v) for g, v in zip(known["group"], known[key], strict=True)}, by)
    unit = "%" if key == "per cent" else points(job.unit(measure)) if measure and not counted else None
    digits = 1 if key == "per cent" else 0 if counted or measure is None else data_digits(job.numbers(measure))
    of = job.label(measure) if measure else "the number of rows"

    def shown(name: str, value: float) -> str:
        return f"change {with_unit(job.report.value(name, value, unit, digits=digits), unit)}"

    way = f"a larger {'rise' if up else 'fall'} in {of}" if moving else f"a {'higher' if up else 'lower'} change in {of}"
    ends = " to ".join(job.report.value(f"asked_{i + 1}", _shown(p)) for i, p in enumerate(periods))
    named.say(f"{way}{job.where} from {ends}", shown, [c for c in (by, measure, job.spec["time"]) if c], moving=moving)


def _moved(job: Job, table: pd.DataFrame, by: str, measure: str | None, statistic: str, periods: list[str]) -> None:
    """Which groups are higher (or lower) in the later of the two periods, with their changes."""
    report, up = job.report, bool(job.spec["descending"])
    moved = table[table["difference"] > 0] if up else table[table["difference"] < 0]
    counted = statistic == "count" or measure is None
    unit = points(job.unit(measure)) if measure and not counted else None
    digits = 0 if counted else data_digits(job.numbers(measure))
    each = []
    for i, (group, value) in enumerate(zip(moved["group"].head(NAMED), moved["difference"].head(NAMED), strict=True)):
        decimals = max(digits_for(value, digits), digits) if statistic in ("mean", "median") else digits
        name = report.value(f"moved_{i + 1}_name", safe(group))
        each.append(f"{name} (change {with_unit(report.value(f'moved_{i + 1}', float(value), unit, digits=decimals), unit)})")
    of = "number of rows" if counted else f"{WORDS[statistic]} {job.label(measure)}"
    first, last = (report.value(f"asked_{i + 1}", _shown(p)) for i, p in enumerate(periods))
    what = f"a {'higher' if up else 'lower'} {of}{job.where} in {last} than in {first}"
    groups = f"{report.value('groups_compared', len(table))} groups of {job.label(by)}"
    text = f"none of {groups} has {what}"
    if each:
        text = f"{report.value('groups_moved', len(moved))} of {groups} {'has' if len(moved) == 1 else 'have'} {what}: {', '.join(each)}"
        text += " and others, which stand in the table" if len(moved) > NAMED else ""
    columns = [c for c in (by, measure, job.spec["time"]) if c]
    report.finding(f"{capital(text)}.", used=int((table["rows"] + table["rows at the end"]).sum()), dropped=0, columns=columns)


def _place(job: Job, table: pd.DataFrame, key: str, by: str) -> str:
    """What the first of the ranked changes is: "the strongest rise in per cent among 4 groups of region"."""
    first = table[key].iloc[0]
    shared = "shared with others " if int((table[key] == first).sum()) > 1 else ""
    groups = job.report.value("ranked_groups", int(table[key].notna().sum()))
    what = place(first, key, descending=bool(job.spec["descending"]))
    return f"; this is {shared}the {what} among {groups} groups of {job.label(by)}"


def _one(
    job: Job,
    row: pd.Series,
    by: str | None,
    measure: str | None,
    statistic: str,
    time: str,
    periods: list[str],
    dropped: int,
    standing: str | None = None,
) -> None:
    report, group = job.report, row["group"] if by else None
    unit = job.unit(measure) if measure and statistic != "count" else None
    tag = "" if by is None else f"_{group}"
    counted = statistic == "count" or measure is None
    digits = 0 if counted else data_digits(job.numbers(measure))
    single = row["rows"] == row["rows at the end"] == 1
    if not single and statistic in ("mean", "median"):
        digits = max(digits_for(row[k], digits) for k in ("start", "end"))
    whole = counted or (digits == 0 and statistic not in ("mean", "median")) or (single and digits == 0)

    def figure(name: str, value: float, in_unit: str | None) -> str:
        kept = int(value) if whole else value
        return with_unit(report.value(f"{name}{tag}", kept, in_unit, digits=digits), in_unit)

    shown = [report.value(f"period_{i + 1}", _shown(p)) for i, p in enumerate(periods)]
    ends = [figure(f"{name}_{p}", row[key], unit) for name, key, p in (("value", "start", periods[0]), ("value", "end", periods[1]))]
    of = "the number of rows" if counted else job.label(measure) if single else f"the {WORDS[statistic]} {job.label(measure)}"
    who = "" if by is None else f" for {job.label(by)} {report.value(f'group{tag}', safe(group))}"
    difference = row["difference"]
    verb = "rises" if difference > 0 else "falls"
    size = figure("size_of_difference", abs(difference), points(unit))
    signed = figure("difference", difference, points(unit))
    percent = ""
    if pd.notna(row["per cent"]):
        percent = f", {report.value(f'change_percent{tag}', float(row['per cent']), '%', digits=1)} %"
    basis = "" if single or counted else f"; {report.value(f'rows_1{tag}', int(row['rows']))} and "
    basis += f"{report.value(f'rows_2{tag}', int(row['rows at the end']))} rows" if basis else ""
    text = (
        f"{of}{who}{job.where} {verb} by {size} from {ends[0]} in {shown[0]} to {ends[1]} in {shown[1]} (change {signed}{percent}{basis})."
    )
    if difference == 0:
        text = f"{of}{who}{job.where} is the same in {shown[0]} and in {shown[1]}: {ends[0]} (change {signed}{percent}{basis})."
    if standing:
        text = f"{text.removesuffix('.')}{standing}."
    about = assertion(
        measure,
        "difference",
        difference,
        comparator="increases" if difference > 0 else "decreases" if difference < 0 else "no_difference",
        entity=group,
        unit=points(unit),
        digits=digits,
        period=f"{periods[0].partition('/')[0]}/{periods[1].rpartition('/')[2]}",
        population=job.filters,
        direction="up" if difference > 0 else "down" if difference < 0 else "none",
    )
    used = int(row["rows"] + row["rows at the end"])
    report.finding(capital(text), assertion=about, used=used, dropped=dropped, columns=[c for c in (measure, time, by) if c])


emit(carry_out(change, parameters, inputs, record))
