"""Which group's trend comes first: the groups in order, each with its interval, and whether the first is told apart from all others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import pandas as pd
from charting import axis_label, bars
from concluding import CLEAR, conclude
from figures import Refusal, assertion, capital, data_digits, digits_for, plain, safe
from operating import Job
from periods import MIN_POINTS
from ranking import NO_RATIO, in_order, is_strong, place, ranking_key
from trending import MAX_GROUPS, Asked, rounded, say_trends, series_of, too_few
from trends import ROUNDING, Rate, change_rate, time_unit

NO_CHANCE = Rate(0.0, 0.0, 0.0, 1.0, 0)
METHOD = "greatest p of the differences between the first and all others (least squares, Newey-West)"
WITH_TREND = f"{METHOD} and of the first one's own trend"


@dataclass
class Trend:
    """One group's values by period, and their change per year: as it is, and in per cent of their mean where that means something."""

    group: str
    values: pd.Series
    change: Rate
    per_cent: Rate | None

    def by(self, key: str) -> Rate:
        """The change that ranks the group."""
        return self.per_cent if key == "per cent" and self.per_cent is not None else self.change


@dataclass
class Ranked:
    """The groups that have a place, in order: the first ``n`` are asked for. ``apart`` holds how far each is from each that follows."""

    trends: list[Trend]
    n: int
    key: str
    apart: dict[tuple[str, str], Rate]

    @property
    def first(self) -> list[Trend]:
        return self.trends[: self.n]

    @property
    def edge(self) -> tuple[Trend, Trend]:
        """The last of the first ones, and who comes next."""
        return self.trends[self.n - 1], self.trends[self.n]


def say_ranking(job: Job, asked: Asked) -> None:
    """A finding that names the first group or groups, then the trends in order. One group alone has its trend only."""
    trends = _trends(job, asked)
    table = pd.DataFrame(
        {
            "group": [t.group for t in trends],
            "difference": [t.change.value for t in trends],
            "per cent": pd.Series([t.per_cent.value if t.per_cent else None for t in trends], dtype=float),
        }
    )
    key = ranking_key(job, table, asked.by, "went below nothing at times, or never above it")
    order = in_order(job, table, key)
    named = {t.group: t for t in trends}
    _table(job, asked, [named[g] for g in order["group"]], key)
    if len(order) > MAX_GROUPS:
        job.report.limit("only the trends of the first groups are stated on their own; all stand in the table")
    say_trends(job, asked, list(order["group"][:MAX_GROUPS]))
    ranked = [named[g] for g in order.loc[order[key].notna(), "group"]]
    if len(ranked) < 2:
        job.report.limit(f"only one group of `{asked.by}` can be ranked")
        return
    _other_order(job, ranked, key)
    n = min(job.spec["n"], MAX_GROUPS) if job.spec["n"] < len(ranked) else 1
    pairs = product(ranked[:n], ranked[n:])
    apart = {(a.group, b.group): _difference(a, b, asked.grain, key) for a, b in pairs}
    _say(job, asked, Ranked(ranked, n, key, apart))
    job.report.findings.insert(0, job.report.findings.pop())


def _trends(job: Job, asked: Asked) -> list[Trend]:
    """The trend of each group that has enough periods."""
    found, skipped = [], []
    for name, part in asked.frame.groupby(asked.by, observed=True, sort=True):
        series = series_of(job, part, asked.statistic, asked.grain).set_index("period")["value"]
        if len(series) < MIN_POINTS:
            skipped.append((str(plain(name)), len(series)))
            continue
        found.append(_trend(job, asked, str(plain(name)), series))
    if not found:
        raise Refusal(too_few(max(n for _, n in skipped), asked.grain))
    if skipped:
        job.report.limit(f"groups with fewer than {MIN_POINTS} {asked.grain}s are left out: {', '.join(g for g, _ in skipped[:8])}")
    if len({(t.values.index.min(), t.values.index.max()) for t in found}) > 1:
        job.report.limit("the groups do not all begin and end at the same time; each trend is that of the group's own periods")
    return found


def _trend(job: Job, asked: Asked, group: str, series: pd.Series) -> Trend:
    periods, values = pd.Series(series.index), series.to_numpy(dtype=float)
    unit = job.unit(asked.measure) if asked.measure and asked.statistic != "count" else None
    relative = unit not in NO_RATIO and values.min() >= 0 and values.max() > 0
    change = change_rate(periods, values, asked.grain)
    return Trend(group, series, change, change_rate(periods, values, asked.grain, relative=True) if relative else None)


def _difference(higher: Trend, lower: Trend, grain: str, key: str) -> Rate:
    """How much the trends differ over the periods that both have; no difference can be told of fewer than a trend needs."""
    both = pd.concat([higher.values, lower.values], axis=1, join="inner").sort_index()
    a, b = both.iloc[:, 0].to_numpy(dtype=float), both.iloc[:, 1].to_numpy(dtype=float)
    relative = key == "per cent"
    if len(both) < MIN_POINTS or (relative and min(a.max(), b.max()) == 0):
        return NO_CHANCE
    found = change_rate(pd.Series(both.index), a, grain, less=b, relative=relative)
    ahead = higher.by(key).value - lower.by(key).value
    # over other periods than these the two may stand the other way round: then these show nothing
    return found if found.value * ahead > 0 else Rate(found.value, found.low, found.high, 1.0, found.n)


def _other_order(job: Job, ranked: list[Trend], key: str) -> None:
    """Says who would come first by what the question does not rank by."""
    other = "difference" if key == "per cent" else "per cent"
    if any(t.per_cent is None for t in ranked):
        return
    pick = max if job.spec["descending"] else min
    first = pick(ranked, key=lambda t: t.by(other).value)
    if first.by(other).value != ranked[0].by(other).value:
        how = "in absolute terms" if key == "per cent" else "in per cent"
        job.report.assume(
            f"the groups are ranked {'in per cent' if key == 'per cent' else 'in absolute terms'}; {how}, {first.group} comes first"
        )


def _table(job: Job, asked: Asked, trends: list[Trend], key: str) -> None:
    """All groups in order, as a table, and as bars with their intervals."""
    per, factor = _unit_of_time(asked)
    rows = []
    for t in trends:
        row = {asked.by: t.group, f"change per {per}": t.change.value / factor}
        row |= {"low": t.change.low / factor, "high": t.change.high / factor}
        for name, end in ((f"% of the mean per {per}", "value"), ("% low", "low"), ("% high", "high")):
            row[name] = getattr(t.per_cent, end) / factor if t.per_cent else None
        rows.append({**row, f"{asked.grain}s": t.change.n})
    of = job.label(asked.measure) if asked.measure else "rows"
    given = f", where {job.filters}" if job.filters else ""
    caption = f"Change in {of} per {per} by {safe(job.label(asked.by))}, in order{given}"
    name = f"ranking_{asked.measure or 'rows'}"
    job.report.table(pd.DataFrame(rows), name, caption)
    shown = [(t, t.by(key)) for t in trends if key != "per cent" or t.per_cent]
    unit = "% of the mean" if key == "per cent" else _unit(job, asked)
    values = [rate.value / factor for _, rate in shown]
    errors = [(rate.low / factor, rate.high / factor) for _, rate in shown]
    bars(job.report, name, caption, [t.group for t, _ in shown], values, axis_label(f"change per {per}", unit), errors)


def _unit(job: Job, asked: Asked) -> str | None:
    return job.unit(asked.measure) if asked.measure and asked.statistic != "count" else "rows" if asked.statistic == "count" else None


def _unit_of_time(asked: Asked) -> tuple[str, float]:
    periods = asked.frame["\0period"]
    return time_unit(asked.grain, (periods.max() - periods.min()).days / 365.25)


@dataclass
class Words:
    """States figures of the ranking, each recorded."""

    job: Job
    asked: Asked
    key: str

    def rate(self, name: str, rate: Rate, unit: str | None, digits: int, *, of: str = "", interval: bool = True) -> str:
        """``490.3 CHF per year (95 % interval 452.1 to 528.5)``; ``of`` stands behind the unit."""
        per, factor = _unit_of_time(self.asked)
        report, recorded = self.job.report, f"{unit}/{per}" if unit else f"1/{per}"
        decimals = digits_for(rate.value / factor, digits, spread=(rate.high - rate.low) / factor)
        value = report.value(name, rate.value / factor, recorded, n=rate.n, digits=decimals)
        text = f"{value}{f' {safe(unit)}' if unit else ''} per {per}{of}"
        if not interval:
            return text
        ends = [report.value(f"{name}_{s}", v / factor, recorded, digits=decimals) for s, v in (("low", rate.low), ("high", rate.high))]
        return f"{text} ({report.confidence()} % interval {ends[0]} to {ends[1]})"

    def of(self, trend: Trend, *, interval: bool = False) -> str:
        """A group's change, and what it is in per cent of its mean."""
        tag = f"_{trend.group}"
        text = self.rate(f"ranked_change{tag}", trend.change, _unit(self.job, self.asked), data_digits(trend.values), interval=interval)
        if trend.per_cent is None:
            return text
        return f"{text}, {self.rate(f'ranked_per_cent{tag}', trend.per_cent, '%', 1, of=' of its mean', interval=interval)}"

    def size(self, trend: Trend) -> str:
        """A group's change without its sign."""
        rate = trend.change
        return self.rate(
            f"ranked_size_{trend.group}",
            Rate(abs(rate.value), rate.low, rate.high, rate.p, rate.n),
            _unit(self.job, self.asked),
            data_digits(trend.values),
            interval=False,
        )

    def name(self, trend: Trend) -> str:
        return self.job.report.value(f"group_{trend.group}", safe(trend.group))

    def apart(self, a: Trend, b: Trend, rate: Rate) -> str:
        """How far the two are from each other."""
        if rate.n == 0:
            return "the two have too few periods in common to be set against each other"
        percent = self.key == "per cent"
        unit = "percentage points" if percent else _unit(self.job, self.asked)
        text = self.rate("difference_in_change", rate, unit, 1 if percent else data_digits(a.values))
        common = self.job.report.value("common_periods", rate.n)
        return f"{self.name(a)} less {self.name(b)} is {text} over {common} {self.asked.grain}s"


def _say(job: Job, asked: Asked, ranked: Ranked) -> None:
    """The first ones, who comes next, and whether all of the first are told apart from all of the others."""
    words, report = Words(job, asked, ranked.key), job.report
    descending, n = job.spec["descending"], ranked.n
    last, following = ranked.edge
    strong = is_strong(last.by(ranked.key).value, descending=descending)
    own = max(t.change.p for t in ranked.first)
    one_way = len({t.change.value > 0 for t in ranked.first}) == 1
    p = max(rate.p for rate in ranked.apart.values())
    p = max(p, own) if strong else p
    what = place(last.by(ranked.key).value, ranked.key, descending=descending, certain=own < CLEAR and one_way)
    what = what if n == 1 else what.replace(" in ", "s in ", 1)
    of = job.label(asked.measure) if asked.measure else "the number of rows"
    groups, by = report.value("ranked_groups", len(ranked.trends)), safe(job.label(asked.by))
    others = own >= CLEAR or any((t.change.value > 0) == descending for t in ranked.trends)
    none = "" if others else f", of which none {'rises' if descending else 'falls'}"
    difference = ranked.apart[last.group, following.group]
    apart = words.apart(last, following, difference)
    beyond = f"{words.name(following)} comes {'second' if n == 1 else 'next'} with a change of {words.of(following)}"
    if n == 1:
        moves = "changes by" if own >= CLEAR else "rises by" if last.change.value > 0 else f"falls by {words.size(last)}, a change of"
        lead = f"{of} for {words.name(last)}{job.where} {moves} {words.of(last, interval=True)}"
        clear = f"{lead}: this is the {what} among {groups} groups of {by}{none}; {beyond}; the difference is clear: {apart}."
        listed = f"{words.name(last)} comes first among {groups}{none}, with a change of {words.of(last, interval=True)}"
    else:
        each = [f"{words.name(t)} ({words.of(t)})" for t in ranked.first]
        names = f"{', '.join(each[:-1])} and {each[-1]}"
        clear = (
            f"the {what} of {of}{job.where} among {groups} groups of {by} are those for {names}; {beyond}; they are told apart: {apart}."
        )
        listed = f"{names} come first among {groups}"
    level = [
        t for t in ranked.trends if math.isclose(t.by(ranked.key).value, last.by(ranked.key).value, rel_tol=ROUNDING, abs_tol=ROUNDING)
    ]
    if n == 1 and len(level) > 1:
        listed = f"{' and '.join(words.name(t) for t in level[:MAX_GROUPS])} share the first place among {groups}"
        beyond = f"each has a change of {words.of(last)}"
    open_text = f"{_open(job, ranked, words, of, by, what)}: {listed}; {beyond}; {apart}{_not_told_apart(ranked, words)}."
    per, factor = _unit_of_time(asked)
    unit = "percentage points" if ranked.key == "per cent" else _unit(job, asked)
    about = assertion(
        asked.measure,
        "trend",
        difference.value / factor,
        comparator="differs",
        entity=f"{last.group} vs {following.group}",
        low=difference.low / factor,
        high=difference.high / factor,
        unit=f"{unit}/{per}" if unit else f"1/{per}",
        period=job.period(),
        population=job.filters,
        direction="up" if difference.value > 0 else "down",
    )
    test = {
        "name": WITH_TREND if strong else METHOD,
        "p": p,
        "effect_name": f"difference in change per {per}",
        "effect": difference.value / factor,
        "low": difference.low / factor,
        "high": difference.high / factor,
        "n_used": len(asked.frame),
        "n_dropped": asked.dropped,
    }
    conclude(
        report,
        strong=capital(clear),
        none=capital(open_text),
        about=about,
        test={k: rounded(v) for k, v in test.items()},
        used=len(asked.frame),
        dropped=asked.dropped,
        columns=[asked.measure, asked.time, asked.by],
    )


def _open(job: Job, ranked: Ranked, words: Words, of: str, by: str, what: str) -> str:
    """What is not clear: that any group rises (or falls) at all, else which one comes first."""
    up = job.spec["descending"]
    first = ranked.first[0].change
    clear = [t for t in ranked.trends if t.change.p < CLEAR and (t.change.value > 0) == up]
    if not clear and (is_strong(first.value, descending=up) or first.p >= CLEAR):
        return f"no group of {by} shows a clear {'rise' if up else 'fall'} in {of}{job.where}"
    shown = f"which group of {by} has" if ranked.n == 1 else f"which {job.report.value('asked_for', ranked.n)} groups of {by} have"
    return f"it is not clear {shown} the {what} in {of}{job.where}"


def _not_told_apart(ranked: Ranked, words: Words) -> str:
    """The other groups that the single first one is not told apart from."""
    if ranked.n > 1:
        return ""
    first = ranked.first[0]
    rivals = [t for t in ranked.trends[2:] if ranked.apart[first.group, t.group].p >= CLEAR]
    if not rivals:
        return ""
    names = [words.name(t) for t in rivals[:MAX_GROUPS]]
    more = words.job.report.value("more_rivals", len(rivals) - MAX_GROUPS) if len(rivals) > MAX_GROUPS else ""
    return f"; not told apart from the first either: {', '.join(names)}{f' and {more} others' if more else ''}"
