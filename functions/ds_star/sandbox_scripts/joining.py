"""Joins a second table whose key is unique and holds at least 90 % of the first one's keys; refuses any other."""

from __future__ import annotations

import pandas as pd
from figures import Refusal, Report, fold
from tables import Table

CONTAINED = 0.9


def join(left: Table, right: Table, left_key: str, right_key: str, report: Report) -> Table:
    """The first table with the second one's columns. Columns of the same name get the second table's name behind them."""
    for table, key in ((left, left_key), (right, right_key)):
        if key not in table.frame:
            raise Refusal(f"the table `{table.name}` has no column `{key}` to join by")
    if left.sampled or right.sampled:
        raise Refusal("a table that was sampled cannot be joined")
    keys, others = _comparable(left.frame[left_key], right.frame[right_key])
    present = others.dropna()
    if present.duplicated().any():
        raise Refusal(f"`{right_key}` is not unique in `{right.name}`, so the tables are not joined")
    distinct = keys.dropna().drop_duplicates()
    share = float(distinct.isin(present).mean()) if len(distinct) else 0.0
    if share < CONTAINED:
        raise Refusal(
            f"only {share:.0%} of the values of `{left_key}` are in `{right.name}` (at least 90 % are needed), so the tables are not joined"
        )
    taken = set(left.frame)
    renamed = {c: c if c not in taken else f"{c} ({right.name})" for c in right.frame if c != right_key}
    lookup = right.frame.loc[others.notna(), list(renamed)].rename(columns=renamed)
    lookup.index = present
    added = lookup.reindex(keys).reset_index(drop=True)
    frame = pd.concat([left.frame.reset_index(drop=True), added], axis=1)
    lost = int((keys.notna() & ~keys.isin(present)).sum())
    report.assume(f"joined with `{right.name}` by `{left_key}`; {lost} {'row' if lost == 1 else 'rows'} found no match")
    columns = {**left.columns, **{renamed[c]: right.columns[c] for c in renamed}}
    return Table(
        left.name, frame, columns, left.rows, None, left.assumptions + right.assumptions, left.warnings + right.warnings, left.decimal
    )


def _comparable(left: pd.Series, right: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Both keys as numbers, as times, or as text without case and accents."""
    if left.dtype.kind in "iuf" and right.dtype.kind in "iuf":
        return left.astype(float), right.astype(float)
    if left.dtype.kind == "M" and right.dtype.kind == "M":
        return left, right
    return left.map(_key, na_action="ignore"), right.map(_key, na_action="ignore")


def _key(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else fold(value)
