"""Finds the value of a column that stands for all of its others: "Total" among sexes, "World" among countries.

Its rows are no mistake of a table, and may be asked for. Counted with the others they count everything twice, and nothing but the figures
shows whether they are the sums that they are called: they have to be, for each combination of what the other columns hold.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from cells import clean

_ALL = re.compile(
    r"^(?:(?:grand |overall |sub)?totals?|total[ ,:(-].*|.*\S[ ,:-]+total|_?t|tot|"
    r"\(?all\)?(?: [\w'-]+){0,3}|both(?: sexes| genders)?|whole (?:country|world)|world|overall|"
    r"insgesamt|gesamt|gesamttotal|zusammen|summe|alle(?: [\w'-]+){0,2}|beide geschlechter|welt|"
    r"ensemble|tou(?:s|tes)(?: [\w'-]+){0,3}|les deux sexes|monde|totale|ambos sexos|todos|todas)[ :.]*$",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"flag|status|note|comment|remark|bemerkung|conf|update|source|quelle", re.IGNORECASE)
"""Columns that say something about a figure, and not what it is of."""
MOST_VALUES = 20_000
"""Different values of a column among which one for all is looked for."""


def total_members(frame: pd.DataFrame, keys: list[str], figures: list[str]) -> dict[str, str]:
    """{column: its value that is the sum of its others}. ``keys`` say what a figure is of, ``figures`` hold it."""
    found: dict[str, str] = {}
    for name in keys:
        texts = frame[name]
        if texts.dtype.kind in "iufMb" or not 3 <= texts.nunique() <= MOST_VALUES:
            continue
        for value in texts.dropna().unique():
            if isinstance(value, str) and _ALL.match(clean(value)) and _is_sum(frame, name, value, keys, figures):
                found[name] = value
                break
    return found


def _is_sum(frame: pd.DataFrame, name: str, value: str, keys: list[str], figures: list[str]) -> bool:
    own = frame[name].eq(value).fillna(False).to_numpy(dtype=bool)
    others = [k for k in keys if k != name and not _ASIDE.search(k) and not _goes_with(frame[name], frame[k])]
    groups = frame.groupby(others, dropna=False, sort=False, observed=True).ngroup().to_numpy() if others else np.zeros(len(frame), int)
    count = int(groups.max()) + 1
    siblings = np.bincount(groups[~own & frame[name].notna().to_numpy()], minlength=count)
    both = (np.bincount(groups[own], minlength=count) == 1) & (siblings > 1)
    return bool(both.any()) and any(_adds_up(frame[f].to_numpy(dtype=float), own, groups, both, siblings) for f in figures)


def _goes_with(names: pd.Series, codes: pd.Series) -> bool:
    """Whether the second column is another name of what the first one holds, as a country's code is."""
    return codes.nunique() > 1 and bool((codes.groupby(names, observed=True).nunique() <= 1).all())


def _adds_up(values: np.ndarray, own: np.ndarray, groups: np.ndarray, both: np.ndarray, siblings: np.ndarray) -> bool:
    """Whether the value's figure is the sum of its siblings': in most groups exactly, and in all of them but for rounding."""
    known = np.isfinite(values)
    whole = np.bincount(groups[own & known], weights=values[own & known], minlength=len(both))
    parts = np.bincount(groups[~own & known], weights=values[~own & known], minlength=len(both))
    told = both & (np.bincount(groups[own & known], minlength=len(both)) == 1) & (whole != 0)
    # a sibling without a figure may hold what is missing: such a group says nothing
    told &= np.bincount(groups[~own & known], minlength=len(both)) == siblings
    if not told.any():
        return False
    present = values[known]
    unit = next((10.0**-d for d in range(4) if np.allclose(present * 10**d, np.round(present * 10**d), rtol=0, atol=1e-6)), 0.0)
    off = np.abs(whole - parts)[told]
    exact = np.isclose(parts[told], whole[told], rtol=1e-9, atol=1e-9)
    rounded = off <= unit * (siblings[told] + 1) / 2
    return bool((exact | rounded).all()) and 2 * int(exact.sum()) >= len(exact)
