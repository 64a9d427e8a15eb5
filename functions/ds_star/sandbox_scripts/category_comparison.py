"""Two categories: a table of their counts, and whether they depend on each other (chi-square, Fisher)."""

from __future__ import annotations

import pandas as pd
from association import categories
from charting import bars
from concluding import conclude
from figures import Refusal, assertion, capital, safe
from operating import Job
from units_of_analysis import find_entity

MANY = 30
"""More groups than this are not compared."""


def compare_categories(job: Job, by: str, measure: str) -> None:
    """Two categories: a table of counts, and whether they depend on each other."""
    frame = job.frame[[by, measure]].dropna()
    entity = find_entity(job.table, job.frame.dropna(subset=[by, measure]), by, job.spec.get("entity"), [measure, by])
    if entity is not None and not entity.paired:
        whole = job.frame.dropna(subset=[by, measure, entity.column]).drop_duplicates([entity.column, by, measure])
        if whole[entity.column].nunique() == len(whole):
            frame = whole[[by, measure]]
            job.report.assume(f"each `{entity.column}` counts once")
        else:
            job.report.limit(
                f"rows of one `{entity.column}` are not independent, and `{measure}` changes among them; the test takes rows as they are"
            )
    dropped = int(job.frame[[by, measure]].isna().any(axis=1).sum())
    counts = pd.crosstab(frame[by].astype(str), frame[measure].astype(str))
    if min(counts.shape) < 2 or len(frame) < 8:
        raise Refusal("there are too few rows or groups for a comparison")
    if max(counts.shape) > MANY:
        raise Refusal(f"`{by}` and `{measure}` have too many different values for a comparison")
    test = categories(counts.to_numpy())
    if test.note:
        job.report.limit(test.note)
    v = job.report.value("cramers_v", test.effect, n=test.n_used, digits=2)
    bounds = job.report.value("cramers_v_low", test.low, digits=2), job.report.value("cramers_v_high", test.high, digits=2)
    names = safe(job.label(measure)), safe(job.label(by))
    rows = job.report.value("rows_used", test.n_used)
    tail = f"(Cramer's V {v}, {job.report.confidence()} % interval {bounds[0]} to {bounds[1]}; {rows} rows)"
    about = assertion(
        measure,
        "other",
        test.effect,
        comparator="differs",
        entity=by,
        low=test.low,
        high=test.high,
        digits=2,
        period=job.period(),
        population=job.filters,
    )
    conclude(
        job.report,
        strong=f"{capital(names[0])} depends on {names[1]}{job.where} {tail}.",
        none=f"It is not clear that {names[0]} depends on {names[1]}{job.where} {tail}.",
        about=about,
        test=test.fields(dropped),
        used=test.n_used,
        dropped=dropped,
        columns=[measure, by],
    )
    caption = f"Rows by {names[1]} and {names[0]}"
    job.report.table(counts.reset_index(), f"{measure}_by_{by}", caption)
    flat = [(f"{r} / {c}", float(counts.loc[r, c])) for r in counts.index for c in counts.columns]
    bars(job.report, f"{measure}_by_{by}", caption, [k for k, _ in flat], [x for _, x in flat], "rows")
