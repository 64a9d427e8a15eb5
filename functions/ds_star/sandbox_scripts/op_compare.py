"""compare_groups: numbers by Welch, Brunner-Munzel or pairs (more groups: Welch's analysis of variance), categories by chi-square."""

from __future__ import annotations

import numpy as np
import pandas as pd
from category_comparison import MANY, compare_categories
from charting import axis_label, boxes
from concluding import conclude
from figures import Refusal, assertion, capital, data_digits, digits_for, plain, points, safe, with_unit
from group_tests import GroupTest, games_howell, is_skewed, many_groups, paired, two_groups
from operating import Job, carry_out
from units_of_analysis import find_entity, per_entity

MIN_ROWS = 3
"""Values that a group needs for a test."""
STATISTIC = {"mean": np.mean, "median": np.median, "sum": np.mean, "minimum": np.mean, "maximum": np.mean, "count": np.mean}


def compare(job: Job) -> None:
    """Groups of ``by[0]``, on the unit of analysis."""
    spec = job.spec
    if not spec.get("by"):
        raise Refusal("a comparison needs the column that makes the groups")
    by, measure, statistic = spec["by"][0], spec.get("measure"), spec["statistic"]
    job.info(by)
    if measure == by:
        raise Refusal(f"`{by}` cannot be compared with itself")
    if measure is not None and statistic != "count" and job.info(measure).role == "category":
        compare_categories(job, by, measure)
        return
    if measure is None:
        statistic = "count"
        if not spec.get("entity"):
            raise Refusal("a comparison needs a measure, or the entity whose rows are counted")
    job.check_statistic(statistic, measure)
    numbers = job.numbers(measure) if measure else pd.Series(1.0, index=job.frame.index)
    kept = numbers.notna() & job.frame[by].notna()
    frame = job.frame.assign(**{"\0value": numbers, "\0group": job.frame[by].map(plain, na_action="ignore").astype(str)})[kept]
    dropped = len(job.frame) - len(frame)
    data, entity = _on_units(job, frame, by, measure, statistic)
    groups = {g: part["value"].to_numpy(dtype=float) for g, part in data.groupby("group", sort=True)}
    _numbers(job, data, groups, by, measure, statistic, entity, dropped)


def _on_units(job: Job, frame: pd.DataFrame, by: str, measure: str | None, statistic: str) -> tuple[pd.DataFrame, object]:
    """One row for each unit of analysis: group, value, and the entity where there is one."""
    entity = find_entity(job.table, frame[[c for c in frame if not c.startswith("\0")]], by, job.spec.get("entity"), [measure or "", by])
    if entity is None:
        if statistic in ("sum", "count"):
            raise Refusal(f"groups of single rows have no {statistic} to compare; ask for the {statistic} by {by}")
        return pd.DataFrame({"group": frame["\0group"], "value": frame["\0value"]}), None
    data = per_entity(frame, ["\0group", entity.column], "\0value", statistic)
    data.columns = ["group", "entity", "value"]
    if len(data) < len(frame) or entity.paired:
        units = job.report.value("units_of_analysis", int(data["entity"].nunique()))
        why = "several rows belong to the same one" if entity.found else "as asked"
        job.report.assume(f"rows are aggregated per `{entity.column}` before groups are compared ({why})")
        job.report.formats.setdefault(units.strip("{}"), 0)
    return data, entity


def _numbers(
    job: Job, data: pd.DataFrame, groups: dict[str, np.ndarray], by: str, measure: str | None, statistic: str, entity: object, dropped: int
) -> None:
    report = job.report
    small = {g: v for g, v in groups.items() if len(v) < MIN_ROWS}
    groups = {g: v for g, v in groups.items() if len(v) >= MIN_ROWS}
    if small:
        listed = ", ".join(list(small)[:8])
        report.limit(f"groups with fewer than {MIN_ROWS} {'entities' if entity else 'values'} are left out of the test: {listed}")
        dropped += sum(len(v) for v in small.values())
    if len(groups) < 2:
        what = f"`{entity.column}`" if entity else "rows"
        raise Refusal(f"fewer than two groups of `{by}` have at least {MIN_ROWS} {what}, which is too few to compare")
    if len(groups) > MANY:
        raise Refusal(f"`{by}` has {len(groups)} groups, too many to compare; ask for the top ones, or for a correlation")
    ordinal = measure is not None and job.info(measure).role == "ordinal"
    _table_and_chart(job, groups, by, measure, statistic, entity)
    if len(groups) == 2:
        _two(job, data, groups, by, measure, statistic, entity, ordinal, dropped)
    else:
        _many(job, groups, by, measure, statistic, entity, ordinal, dropped)


def _summary(values: np.ndarray, statistic: str) -> float:
    return float(STATISTIC[statistic](values))


def _table_and_chart(job: Job, groups: dict[str, np.ndarray], by: str, measure: str | None, statistic: str, entity: object) -> None:
    of = job.label(measure) if measure else "rows"
    units = f", one value for each {safe(entity.column)}" if entity else ""
    rows = [
        {by: g, "n": len(v), "mean": np.mean(v), "median": np.median(v), "sd": np.std(v, ddof=1), "minimum": v.min(), "maximum": v.max()}
        for g, v in groups.items()
    ]
    word = "" if statistic in ("mean", "median") or measure is None else f"{statistic} of "
    caption = f"{capital(word + of)} by {safe(job.label(by))}{units}" + (f", where {job.filters}" if job.filters else "")
    job.report.table(pd.DataFrame(rows), f"{measure or 'rows'}_by_{by}", caption)
    boxes(job.report, f"{measure or 'rows'}_by_{by}", caption, groups, axis_label(of, job.unit(measure)))


def _two(
    job: Job,
    data: pd.DataFrame,
    groups: dict[str, np.ndarray],
    by: str,
    measure: str | None,
    statistic: str,
    entity: object,
    ordinal: bool,
    dropped: int,
) -> None:
    names = sorted(groups, key=lambda g: (-_summary(groups[g], statistic), g))
    a, b = groups[names[0]], groups[names[1]]
    if entity is not None and entity.paired:
        wide = data.pivot(index="entity", columns="group", values="value")[names].dropna()
        if len(wide) < MIN_ROWS:
            raise Refusal(f"fewer than {MIN_ROWS} of `{entity.column}` stand in both groups, which is too few to compare")
        if alone := data["entity"].nunique() - len(wide):
            job.report.limit(f"{alone} of `{entity.column}` stand in one group only and are left out of the pairs", in_one_group_only=alone)
        a, b = wide[names[0]].to_numpy(dtype=float), wide[names[1]].to_numpy(dtype=float)
        if _summary(a, statistic) < _summary(b, statistic):
            names, a, b = names[::-1], b, a
        test = paired(a, b, ordinal=ordinal)
    else:
        test = two_groups(a, b, ordinal=ordinal)
    if test.note:
        job.report.limit(test.note)
    _say_two(job, names, a, b, test, by, measure, statistic, entity, dropped)


def _say_two(
    job: Job,
    names: list[str],
    a: np.ndarray,
    b: np.ndarray,
    test: GroupTest,
    by: str,
    measure: str | None,
    statistic: str,
    entity: object,
    dropped: int,
) -> None:
    report, unit = job.report, job.unit(measure)
    of = job.label(measure) if measure else "rows"
    word = "median" if statistic == "median" else "mean"
    levels = [_summary(a, statistic), _summary(b, statistic)]
    digits = max(job.digits(pd.Series(np.concatenate([a, b])), level) for level in levels)
    slots = [report.value(f"{word}_{n}", level, unit, n=len(v), digits=digits) for n, level, v in zip(names, levels, (a, b), strict=True)]
    labels = [report.value(f"group_{i + 1}", safe(n)) for i, n in enumerate(names)]
    difference = levels[0] - levels[1]
    spread = test.difference_high - test.difference_low if test.difference_low is not None else None
    d_digits = digits_for(
        difference, data_digits(job.frame[measure]) if measure and job.info(measure).kind in ("integer", "number") else 1, spread=spread
    )
    gap = points(unit)
    d_slot = report.value("difference", difference, gap, n=test.n_used, digits=d_digits)
    interval = ""
    low = high = None
    if test.difference_low is not None and statistic != "median":
        low, high = test.difference_low, test.difference_high
        bounds = report.value("difference_low", low, gap, digits=d_digits), report.value("difference_high", high, gap, digits=d_digits)
        interval = f" ({report.confidence()} % interval {bounds[0]} to {bounds[1]})"
    counts = [report.value(f"n_{n}", len(v)) for n, v in zip(names, (a, b), strict=True)]
    units = f"values per {safe(entity.column)}" if entity else "rows"
    basis = f"{counts[0]} pairs" if entity is not None and entity.paired else f"{counts[0]} and {counts[1]} {units}"
    effect = ""
    if test.effect is not None and np.isfinite(test.effect):
        effect = f"; {test.effect_name} {report.value('effect', test.effect, digits=2)}"
        if test.low is not None and test.name == "Brunner-Munzel":
            ends = report.value("effect_low", test.low, digits=2), report.value("effect_high", test.high, digits=2)
            effect += f", {report.confidence()} % interval {ends[0]} to {ends[1]}"
    each = f"{word} {with_unit(slots[0], unit)} against {with_unit(slots[1], unit)}, {basis}{effect}"
    strong = f"{of} is higher in {labels[0]} than in {labels[1]}{job.where}, by {with_unit(d_slot, gap)}{interval}: {each}."
    none = f"There is no clear difference in {of} between {labels[0]} and {labels[1]}{job.where}: {each}"
    none += f"; the difference is {with_unit(d_slot, gap)}{interval}."
    about = assertion(
        measure,
        "difference",
        difference,
        comparator="differs",
        entity=f"{names[0]} vs {names[1]}",
        low=low,
        high=high,
        unit=points(unit),
        digits=d_digits,
        period=job.period(),
        population=job.filters,
        direction="up",
    )
    conclude(
        report,
        strong=capital(strong),
        none=none,
        about=about,
        test=test.fields(dropped),
        used=test.n_used,
        dropped=dropped,
        columns=[measure, by, entity.column if entity else None],
    )


def _many(
    job: Job, groups: dict[str, np.ndarray], by: str, measure: str | None, statistic: str, entity: object, ordinal: bool, dropped: int
) -> None:
    report, unit = job.report, job.unit(measure)
    if entity is not None and entity.paired:
        report.limit(f"the same `{entity.column}` stand in several groups; the test takes them as independent, which makes it cautious")
    if ordinal or is_skewed(*groups.values()):
        report.limit("the measure is ordinal or very skewed; the test compares means")
    if not any(np.std(v) > 0 for v in groups.values()) or any(np.std(v) == 0 for v in groups.values()):
        constant = [g for g, v in groups.items() if np.std(v) == 0]
        groups = {g: v for g, v in groups.items() if g not in constant}
        report.limit(f"groups without any variation are left out of the test: {', '.join(constant)}")
        if len(groups) < 3:
            raise Refusal("too few groups vary to be compared")
    test = many_groups(list(groups.values()))
    names = sorted(groups, key=lambda g: (-_summary(groups[g], statistic), g))
    top, bottom = names[0], names[-1]
    word = "median" if statistic == "median" else "mean"
    together = pd.Series(np.concatenate(list(groups.values())))
    slots = {}
    for g in (top, bottom):
        level = _summary(groups[g], statistic)
        slots[g] = report.value(f"{word}_{g}", level, unit, n=len(groups[g]), digits=job.digits(together, level))
    order = list(groups)
    i, j = order.index(top), order.index(bottom)
    pairs = games_howell(list(groups.values()), i)
    pair = next(p for p in pairs if {p.first, p.second} == {i, j})
    sign = 1 if pair.first == i else -1
    difference = sign * pair.difference
    low, high = sorted((sign * pair.low, sign * pair.high))
    digits = digits_for(difference, spread=high - low)
    bounds = [report.value(f"difference{s}", v, points(unit), digits=digits) for s, v in (("", difference), ("_low", low), ("_high", high))]
    omega = report.value("omega_squared", test.effect, digits=2)
    of = job.label(measure) if measure else "rows"
    units = f"values per {safe(entity.column)}" if entity else "rows"
    labels = report.value("group_highest", safe(top)), report.value("group_lowest", safe(bottom))
    each = f"{word} highest in {labels[0]} ({with_unit(slots[top], unit)}) and lowest in {labels[1]} ({with_unit(slots[bottom], unit)}), "
    each += f"{report.value('rows_used', test.n_used)} {units} in {report.value('groups', len(groups))} groups; omega squared {omega}"
    gap = f"The two means differ by {with_unit(bounds[0], points(unit))} "
    gap += f"(simultaneous {report.confidence()} % interval {bounds[1]} to {bounds[2]})."
    about = assertion(
        measure,
        "difference",
        difference,
        comparator="differs",
        entity=f"{top} vs {bottom}",
        low=low,
        high=high,
        unit=points(unit),
        digits=digits,
        period=job.period(),
        population=job.filters,
        direction="up",
    )
    name = safe(job.label(by))
    conclude(
        report,
        strong=f"{capital(of)} differs by {name}{job.where}: {each}. {gap}",
        none=f"There is no clear difference in {of} by {name}{job.where}: {each}. {gap}",
        about=about,
        test=test.fields(dropped),
        used=test.n_used,
        dropped=dropped,
        columns=[measure, by, entity.column if entity else None],
    )
    rows = [
        {"group": order[p.first], "compared with": order[p.second], "difference": p.difference, "low": p.low, "high": p.high, "p": p.p}
        for p in pairs
    ]
    which = "all pairs" if len(order) <= 10 else "the highest and each other one"
    report.table(pd.DataFrame(rows), f"{measure or 'rows'}_pairs_of_{by}", f"Games-Howell comparisons of {of} of {name}: {which}")


emit(carry_out(compare, parameters, inputs, record))
