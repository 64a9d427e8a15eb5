"""share: of rows, or of an additive measure's total, that pass ``share_of``; without it, each category's share."""

from __future__ import annotations

import pandas as pd
from association import categories, wilson
from charting import bars
from concluding import conclude
from figures import Refusal, assertion, plain, safe
from operating import Job, carry_out
from selecting import describe_filters, in_words, keep
from tables import Table

STATED = 6


def share(job: Job) -> None:
    """A share in per cent, with Wilson's interval where rows are counted."""
    measure = job.spec.get("measure")
    if measure is not None and job.info(measure).role in ("category", "flag", "ordinal", "id") and not job.spec.get("share_of"):
        job.spec["by"], measure = [measure, *job.spec.get("by", [])][:1], None
    if measure is not None:
        job.check_statistic("sum", measure)
    wanted = [dict(f) for f in job.spec.get("share_of", [])]
    weights = job.numbers(measure) if measure else pd.Series(1.0, index=job.frame.index)
    frame = job.frame[weights.notna()]
    weights = weights[weights.notna()]
    if measure and (weights < 0).any():
        raise Refusal(f"`{measure}` has values below zero, so shares of its total mean nothing")
    if not wanted:
        by = job.spec.get("by", [])
        if not by:
            raise Refusal("a share needs the rows that it counts")
        _each(job, frame, weights, by[0], measure)
        return
    part = Table(job.table.name, frame, job.table.columns, len(frame))
    known = (
        frame[[f["column"] for f in wanted]].notna().all(axis=1)
        if all(f["column"] in frame for f in wanted)
        else pd.Series(True, index=frame.index)
    )
    hits = keep(part, wanted) & known
    dropped = len(job.frame) - int(known.sum())
    if dropped and any(f["op"] in ("!=", "outside") for f in wanted):
        columns = " or ".join(f"`{f['column']}`" for f in {f["column"]: f for f in wanted}.values())
        job.report.limit(f"left out: {dropped} {'row has' if dropped == 1 else 'rows have'} no {columns}, and can be of neither part")
    by = job.spec.get("by", [])
    if job.spec.get("entity") and not measure and not by:
        _of_members(job, job.spec["entity"], hits[known], wanted, dropped)
        return
    phrase = _phrase(job, wanted, measure)
    if not by:
        _one(job, hits[known], weights[known], phrase, measure, dropped, wanted, None)
        return
    _by_group(job, frame[known], hits[known], weights[known], by[0], phrase, measure, dropped, wanted)


def _of_members(job: Job, entity: str, hits: pd.Series, wanted: list[dict], dropped: int) -> None:
    """The share of the different members of ``entity`` that have such a row; of a negation, those of whom no row says otherwise."""
    job.info(entity)
    each = hits.groupby(job.frame[entity][hits.index], observed=True)
    found, both = each.max().astype(bool), int((each.max() != each.min()).sum())
    if both and any(f["op"] in ("!=", "outside") for f in wanted):
        raise Refusal(
            f"{both} of the different `{entity}` have rows of both kinds, and nothing tells which counts; ask for a share of the rows"
        )
    if both:
        job.report.limit(
            f"{both} of the different `{entity}` have rows of both kinds, and count as having such a row", with_both_kinds=both
        )
    phrase = f"different {safe(job.label(entity))} with a row where {_conditions(job, wanted)}"
    _one(job, found, pd.Series(1.0, index=found.index), phrase, None, dropped, wanted, None, of=f"different {safe(job.label(entity))}")


def _phrase(job: Job, wanted: list[dict], measure: str | None) -> str:
    of = f"{job.label(measure)} where" if measure else "rows where"
    return f"{of} {_conditions(job, wanted)}"


def _conditions(job: Job, wanted: list[dict]) -> str:
    slots = []
    for number, item in enumerate(wanted):
        values = [job.report.value(f"share_of_{number + 1}_{i + 1}", safe(v)) for i, v in enumerate(item["values"])]
        slots.append(in_words({**item, "column": safe(job.label(item["column"])), "values": values}))
    return " and ".join(slots)


def _one(
    job: Job,
    hits: pd.Series,
    weights: pd.Series,
    phrase: str,
    measure: str | None,
    dropped: int,
    wanted: list[dict],
    group: object,
    of: str = "rows",
) -> dict:
    report = job.report
    total, part = float(weights.sum()), float(weights[hits].sum())
    if total == 0:
        raise Refusal("there is nothing to take a share of")
    percent = 100 * part / total
    name = f"share{'' if group is None else f'_{group}'}"
    slot = report.value(name, percent, "%", n=len(hits), digits=1)
    row = {"share": percent, "part": part, "total": total, "rows": len(hits)}
    entity = None if group is None else str(group)
    where = job.where
    who = "The" if group is None else f"For {report.value(f'group_{group}', safe(group))}, the"
    low = high = None
    if measure is None:
        low, high = (100 * x for x in wilson(int(hits.sum()), len(hits)))
        slots = report.value(f"{name}_low", low, "%", digits=1), report.value(f"{name}_high", high, "%", digits=1)
        counts = report.value(f"{name}_rows_part", int(part)), report.value(f"{name}_rows_all", int(total))
        interval = f"{report.confidence()} % interval {slots[0]} to {slots[1]} %"
        text = f"{who} share of {phrase}{where} is {slot} % ({counts[0]} of {counts[1]} {of}; {interval})."
        row |= {"low": low, "high": high}
    else:
        unit = job.unit(measure)
        amounts = report.value(f"{name}_part", part, unit), report.value(f"{name}_all", total, unit)
        text = f"{who} share of {phrase}{where} is {slot} % ({amounts[0]} of {amounts[1]}{' ' + safe(unit) if unit else ''})."
    about = assertion(
        measure,
        "share",
        percent,
        entity=entity or describe_filters(wanted),
        low=low,
        high=high,
        unit="%",
        digits=1,
        period=job.period(),
        population=job.filters,
    )
    report.finding(
        text, assertion=about, used=len(hits), dropped=dropped, columns=[f["column"] for f in wanted] + ([measure] if measure else [])
    )
    if group is None:
        report.table(pd.DataFrame([row]), "share", "Share in per cent")
    return row


def _by_group(
    job: Job,
    frame: pd.DataFrame,
    hits: pd.Series,
    weights: pd.Series,
    by: str,
    phrase: str,
    measure: str | None,
    dropped: int,
    wanted: list[dict],
) -> None:
    job.info(by)
    rows, counts = [], []
    for group, part in sorted(
        frame.groupby(by, observed=True, sort=True),
        key=lambda g: -float(weights[g[1].index][hits[g[1].index]].sum() / max(weights[g[1].index].sum(), 1e-300)),
    ):
        if weights[part.index].sum() == 0:
            continue
        shown = plain(group) if isinstance(group, pd.Timestamp) else group
        rows.append({by: shown, **_one(job, hits[part.index], weights[part.index], phrase, measure, dropped, wanted, shown)})
        counts.append([int(hits[part.index].sum()), int((~hits[part.index]).sum())])
    if not rows:
        raise Refusal("no group is left")
    caption = f"Share in per cent by {safe(job.label(by))}: {describe_filters(wanted)}"
    table = pd.DataFrame(rows)
    job.report.table(table, f"share_by_{by}", caption)
    errors = list(zip(table["low"], table["high"], strict=True)) if "low" in table else None
    bars(job.report, f"share_by_{by}", caption, list(table[by]), list(table["share"]), "share (%)", errors)
    grid = pd.DataFrame(counts).to_numpy()
    if measure is None and len(rows) > 1 and (grid.sum(axis=0) > 0).all():
        _test(job, grid, by, phrase, dropped)


def _test(job: Job, grid: object, by: str, phrase: str, dropped: int) -> None:
    """Whether the share depends on the group."""
    test = categories(grid)
    if test.note:
        job.report.limit(test.note)
    v = job.report.value("cramers_v", test.effect, digits=2)
    about = assertion(None, "other", test.effect, comparator="differs", entity=by, digits=2, population=job.filters)
    name = safe(job.label(by))
    tail = f"(Cramer's V {v}, {job.report.value('rows_used', test.n_used)} rows)"
    conclude(
        job.report,
        strong=f"The share of {phrase} differs by {name} {tail}.",
        none=f"It is not clear that the share of {phrase} differs by {name} {tail}.",
        about=about,
        test=test.fields(dropped),
        used=test.n_used,
        dropped=dropped,
        columns=[by],
    )


def _each(job: Job, frame: pd.DataFrame, weights: pd.Series, by: str, measure: str | None) -> None:
    """The share of each category in all rows, or in the measure's total."""
    job.info(by)
    known = frame[by].notna()
    sums = weights[known].groupby(frame[by][known], observed=True).sum()
    total = float(sums.sum())
    if total == 0:
        raise Refusal("there is nothing to take a share of")
    ordered = sorted(((str(k), float(v)) for k, v in sums.items()), key=lambda kv: (-kv[1], kv[0]))
    what = job.label(measure) if measure else "rows"
    dropped = len(job.frame) - int(known.sum())
    for key, value in ordered[:STATED]:
        slot = job.report.value(f"share_{key}", 100 * value / total, "%", n=int(known.sum()), digits=1)
        text = f"{job.report.value(f'group_{key}', safe(key))} has {slot} % of all {what}{job.where}."
        about = assertion(
            measure, "share", 100 * value / total, entity=key, unit="%", digits=1, period=job.period(), population=job.filters
        )
        job.report.finding(text, assertion=about, used=int(known.sum()), dropped=dropped, columns=[by, *([measure] if measure else [])])
    caption = f"Share of all {what} by {safe(job.label(by))}, in per cent"
    table = pd.DataFrame([{by: k, "share": 100 * v / total, "part": v} for k, v in ordered])
    job.report.table(table, f"share_by_{by}", caption)
    bars(job.report, f"share_by_{by}", caption, list(table[by]), list(table["share"]), "share (%)")


emit(carry_out(share, parameters, inputs, record))
