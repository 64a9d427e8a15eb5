"""Trends over periods: least squares with autocorrelation-robust errors and Theil-Sen, both deseasonalised; differences of trends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from periods import PER_YEAR
from scipy import stats

MIN_POINTS = 8
MIN_CLUSTERS = 20
ROUNDING = 1e-9
"""What is smaller than this part of the figures that it comes from is nothing but their rounding."""


@dataclass
class Slope:
    """Change per year with its 95 % interval, the Theil-Sen slope beside it, and the fitted line."""

    slope: float
    low: float
    high: float
    p: float
    t: float
    theil_sen: float
    theil_low: float
    theil_high: float
    n: int
    seasonal: bool
    deseasonalised: np.ndarray
    fitted: np.ndarray


def years_of(periods: pd.Series, grain: str) -> np.ndarray:
    """Each period's place in time, in years from the first; exact steps for months and quarters."""
    first = periods.min()
    if grain in ("year", "quarter", "month"):
        months = (periods.dt.year - first.year) * 12 + (periods.dt.month - first.month)
        return months.to_numpy(dtype=float) / 12
    return (periods - first).dt.days.to_numpy(dtype=float) / (365.2425)


def season_of(periods: pd.Series, grain: str) -> np.ndarray | None:
    """The season of each period: quarter, month, or (for weeks and days) the month; ``None`` with less than two rounds of the year."""
    if grain == "year" or (periods.max() - periods.min()).days < 1.9 * 365:
        return None
    return (periods.dt.quarter if grain == "quarter" else periods.dt.month).to_numpy()


def dummies(season: np.ndarray | None, n: int) -> np.ndarray:
    """Centred seasonal columns without the first season, so that the intercept stays the mean level."""
    if season is None:
        return np.empty((n, 0))
    kinds = sorted(set(season.tolist()))
    columns = np.column_stack([(season == k).astype(float) for k in kinds[1:]]) if len(kinds) > 1 else np.empty((n, 0))
    return columns - columns.mean(axis=0) if columns.size else columns


def hac_lags(n: int) -> int:
    """Newey and West's rule for the number of lags."""
    return max(1, math.floor(4 * (n / 100) ** (2 / 9)))


def seasons_of(periods: pd.Series, grain: str) -> np.ndarray:
    """The centred seasonal columns of a trend; none where there are too few periods to tell seasons."""
    seasonal = dummies(season_of(periods, grain), len(periods))
    return seasonal if len(periods) >= seasonal.shape[1] + 6 else dummies(None, len(periods))


def fit(periods: pd.Series, values: np.ndarray, grain: str) -> Slope:
    """The trend of one series of at least ``MIN_POINTS`` periods, in order."""
    from statsmodels.regression.linear_model import OLS  # statsmodels.api would cost a second more to import

    x = years_of(periods, grain)
    seasonal = seasons_of(periods, grain)
    season = season_of(periods, grain) if seasonal.size else None
    design = np.column_stack([np.ones(len(x)), x, seasonal])
    model = OLS(values, design).fit(cov_type="HAC", cov_kwds={"maxlags": hac_lags(len(x)), "use_correction": True}, use_t=True)
    low, high = model.conf_int(alpha=0.05)[1]
    adjusted = values - seasonal @ model.params[2:] if seasonal.size else values
    robust = stats.theilslopes(adjusted, x, alpha=0.95)
    p = float(model.pvalues[1])
    if np.ptp(values) == 0:
        level = np.full(len(x), values[0])
        return Slope(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, len(x), season is not None, level, level)
    return Slope(
        float(model.params[1]),
        float(low),
        float(high),
        p if math.isfinite(p) else 1.0,
        float(model.tvalues[1]) if math.isfinite(model.tvalues[1]) else 0.0,
        float(robust.slope),
        float(robust.low_slope),
        float(robust.high_slope),
        len(x),
        season is not None,
        adjusted,
        model.params[0] + model.params[1] * x,
    )


@dataclass
class Rate:
    """A change per year, of one series or between two, with its 95 % interval and the p-value of no such change."""

    value: float
    low: float
    high: float
    p: float
    n: int


def change_rate(periods: pd.Series, values: np.ndarray, grain: str, *, less: np.ndarray | None = None, relative: bool = False) -> Rate:
    """The change per year of ``values``, less that of another series of the same periods: least squares, Newey and West's errors.

    ``relative``: in per cent of the series' own mean, whose error counts too. Without it, this is the slope and the interval of ``fit``.
    """
    x = years_of(periods, grain)
    design = np.column_stack([np.ones(len(x)), x - x.mean(), seasons_of(periods, grain)])
    n, k = design.shape
    weights = np.linalg.pinv(design)  # what each value adds to the mean level and to the slope
    change, influence, size = 0.0, np.zeros(n), 0.0
    for series, sign in ((values, 1.0), (less, -1.0)):
        if series is None:
            continue
        level, slope, *_ = found = weights @ series
        scale, share = (sign * 100 / level, slope / level) if relative else (sign, 0.0)
        change += scale * slope
        size = max(size, abs(scale * slope), 1e-3 * abs(scale * level))
        influence += scale * (weights[1] - share * weights[0]) * (series - design @ found)
    lags = hac_lags(n)
    variance = float(influence @ influence)
    variance += 2 * sum((1 - lag / (lags + 1)) * float(influence[lag:] @ influence[:-lag]) for lag in range(1, lags + 1))
    error = math.sqrt(max(variance, 0.0) * n / (n - k))
    if abs(change) <= ROUNDING * size and error <= ROUNDING * size:
        return Rate(0.0, 0.0, 0.0, 1.0, n)
    reach = float(stats.t.ppf(0.975, n - k)) * error
    p = float(2 * stats.t.sf(abs(change) / error, n - k)) if error > 0 else 0.0
    return Rate(change, change - reach, change + reach, p, n)


def interaction(panel: pd.DataFrame, grain: str) -> dict[str, float | list[float]]:
    """The difference in slopes of groups over ``panel`` (entity, group, period, value), each entity with its level, errors clustered by it.

    ``differences`` are those to the first group in order; ``p`` tests them together. At least 20 entities are needed.
    """
    from statsmodels.regression.linear_model import OLS  # statsmodels.api would cost a second more to import

    groups = sorted(panel["group"].unique())
    x = years_of(panel["period"], grain)
    season = season_of(panel["period"], grain)
    columns = [x, *[x * (panel["group"] == g).to_numpy() for g in groups[1:]]]
    shifted = np.column_stack([*columns, panel["value"].to_numpy(dtype=float), dummies(season, len(x))])
    within = shifted - pd.DataFrame(shifted).groupby(panel["entity"].to_numpy()).transform("mean").to_numpy()
    k = len(groups)
    design = np.column_stack([within[:, :k], within[:, k + 1 :]])
    codes = pd.factorize(panel["entity"], sort=True)[0]
    model = OLS(within[:, k], design).fit(cov_type="cluster", cov_kwds={"groups": codes, "use_correction": True}, use_t=True)
    test = model.f_test(np.eye(design.shape[1])[1:k])
    interval = model.conf_int(alpha=0.05)
    return {
        "p": float(test.pvalue),
        "statistic": float(np.squeeze(test.fvalue)),
        "differences": [float(v) for v in model.params[1:k]],
        "low": [float(v) for v in interval[1:k, 0]],
        "high": [float(v) for v in interval[1:k, 1]],
    }


def slope_of(periods: pd.Series, values: np.ndarray, grain: str) -> float:
    """The least-squares slope per year of one entity, seasons taken out."""
    x = years_of(periods, grain)
    seasonal = dummies(season_of(periods, grain), len(x))
    if len(x) < seasonal.shape[1] + 4:
        seasonal = dummies(None, len(x))
    return float(np.linalg.lstsq(np.column_stack([np.ones(len(x)), x, seasonal]), values, rcond=None)[0][1])


def time_unit(grain: str, span_years: float) -> tuple[str, float]:
    """(the word, how many of them a year has) in which a slope is stated: a year, or the period itself below two years."""
    return ("year", 1.0) if span_years >= 2 or grain == "year" else (grain, PER_YEAR[grain])
