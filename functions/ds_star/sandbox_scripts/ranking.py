"""What changes of groups are ranked by, and how the place of the first one is said: the same for changes and for trends."""

from __future__ import annotations

import pandas as pd
from operating import Job

NO_RATIO = ("%", "°C", "°F")
"""Units whose zero is no nothing, or that are shares already: their changes have no per cent."""


def ranking_key(job: Job, table: pd.DataFrame, by: str | None, without_per_cent: str) -> str:
    """The column of ``table`` that ranks its groups: per cent only where the question ranks by it and there are such figures."""
    if job.spec.get("ranked_by") != "per_cent" or not by:
        return "difference"
    if table["per cent"].isna().all():
        job.report.assume("the changes are ranked by their difference, since a change of these figures has no per cent")
        return "difference"
    without = [str(g) for g in table.loc[table["per cent"].isna(), "group"]]
    if without:
        job.report.limit(f"{', '.join(without[:8])} {without_per_cent}, so that the change has no per cent and no place among the others")
    return "per cent"


def in_order(job: Job, table: pd.DataFrame, key: str) -> pd.DataFrame:
    """The rows as the question ranks them; those without a figure come last."""
    return table.sort_values(key, ascending=not job.spec["descending"], kind="stable", na_position="last").reset_index(drop=True)


def is_strong(first: float, *, descending: bool) -> bool:
    """Whether the first change goes the way in which it is ranked: a rise where the highest is asked for."""
    return first != 0 and (first > 0) == descending


def place(first: float, key: str, *, descending: bool, certain: bool = True) -> str:
    """What the first change is: "strongest rise in per cent". Where it is no certain rise or fall, it is the highest or lowest change."""
    what = f"{'strongest' if is_strong(first, descending=descending) else 'weakest'} {'rise' if first > 0 else 'fall'}"
    if first == 0 or not certain:
        what = f"{'highest' if descending else 'lowest'} change"
    return f"{what} {'in per cent' if key == 'per cent' else 'in absolute terms'}"
