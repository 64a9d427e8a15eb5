"""Tests for groups of numbers: Welch with Hedges' g, Brunner-Munzel, paired tests, Welch's analysis of variance with Games-Howell.

No test of normality decides between them. Each result has the fields of a ``TestResult`` besides what a statement needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

SKEWED = 2.0


@dataclass
class GroupTest:
    """A test with its effect. ``difference`` is in the measure's unit, with its interval, where the test has one."""

    name: str
    statistic: float | None
    p: float | None
    effect_name: str
    effect: float | None
    low: float | None
    high: float | None
    n_used: int
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    note: str | None = None

    def fields(self, dropped: int) -> dict[str, object]:
        """As a ``TestResult``."""
        return {
            "name": self.name,
            "statistic": _finite(self.statistic),
            "p": _finite(self.p),
            "effect_name": self.effect_name,
            "effect": _finite(self.effect),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "n_used": self.n_used,
            "n_dropped": dropped,
        }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{float(value):.12g}")


def is_skewed(*groups: np.ndarray) -> bool:
    """Whether the skewness of any group is beyond 2 in either direction."""
    return any(len(g) > 2 and np.std(g) > 0 and abs(float(stats.skew(g))) > SKEWED for g in groups)


def hedges_g(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Hedges' g with its large-sample 95 % interval (Hedges and Olkin 1985)."""
    n, m = len(a), len(b)
    pooled = math.sqrt(((n - 1) * np.var(a, ddof=1) + (m - 1) * np.var(b, ddof=1)) / (n + m - 2))
    if pooled == 0:
        return math.nan, math.nan, math.nan
    g = (np.mean(a) - np.mean(b)) / pooled * _correction(n + m - 2)
    error = math.sqrt((n + m) / (n * m) + g**2 / (2 * (n + m)))
    return float(g), float(g - 1.959964 * error), float(g + 1.959964 * error)


def _correction(degrees: int) -> float:
    """Hedges' exact correction for small samples."""
    return math.exp(math.lgamma(degrees / 2) - math.log(math.sqrt(degrees / 2)) - math.lgamma((degrees - 1) / 2)) if degrees > 1 else 0.0


def two_groups(a: np.ndarray, b: np.ndarray, *, ordinal: bool) -> GroupTest:
    """Welch's t-test with Hedges' g; Brunner-Munzel where the measure is ordinal or a group is skewed beyond 2."""
    difference = float(np.mean(a) - np.mean(b))
    if ordinal or is_skewed(a, b):
        return brunner_munzel(a, b, difference)
    if np.var(a) == 0 and np.var(b) == 0:
        return GroupTest("none: no variation in either group", None, None, "Hedges' g", None, None, None, len(a) + len(b), difference)
    result = stats.ttest_ind(a, b, equal_var=False)
    interval = result.confidence_interval(0.95)
    g, low, high = hedges_g(a, b)
    return GroupTest(
        "Welch's t-test",
        float(result.statistic),
        float(result.pvalue),
        "Hedges' g",
        g,
        low,
        high,
        len(a) + len(b),
        difference,
        float(interval.low),
        float(interval.high),
    )


def brunner_munzel(a: np.ndarray, b: np.ndarray, difference: float | None = None) -> GroupTest:
    """The Brunner-Munzel test; its effect is the probability that a value of ``a`` is above one of ``b`` (ties count half)."""
    from statsmodels.stats.nonparametric import rank_compare_2indep

    name = "probability of a higher value"
    above = float((a[:, None] > b[None, :]).mean() + 0.5 * (a[:, None] == b[None, :]).mean()) if len(a) * len(b) < 4_000_000 else None
    if above in (0.0, 1.0) or (np.ptp(a) == 0 and np.ptp(b) == 0):
        exact = stats.mannwhitneyu(a, b, alternative="two-sided")
        note = "the groups do not overlap, for which Brunner-Munzel has no value; Mann-Whitney is used"
        return GroupTest(
            "Mann-Whitney U", float(exact.statistic), float(exact.pvalue), name, above, None, None, len(a) + len(b), difference, note=note
        )
    result = rank_compare_2indep(a, b, use_t=True)
    low, high = result.conf_int(alpha=0.05)
    return GroupTest(
        "Brunner-Munzel",
        float(result.statistic),
        float(result.pvalue),
        name,
        float(result.prob1),
        max(0.0, float(low)),
        min(1.0, float(high)),
        len(a) + len(b),
        difference,
    )


def paired(a: np.ndarray, b: np.ndarray, *, ordinal: bool) -> GroupTest:
    """The paired t-test with Hedges' g of the differences; Wilcoxon's signed ranks where they are skewed beyond 2 or ordinal."""
    differences = a - b
    mean = float(np.mean(differences))
    if np.ptp(differences) == 0:
        return GroupTest("none: all pairs differ by the same", None, None, "Hedges' g of pairs", None, None, None, len(a), mean)
    result = stats.ttest_rel(a, b)
    interval = result.confidence_interval(0.95)
    g = mean / float(np.std(differences, ddof=1)) * _correction(len(a) - 1)
    error = math.sqrt(1 / len(a) + g**2 / (2 * len(a)))
    bounds = (float(interval.low), float(interval.high))
    if ordinal or is_skewed(differences):
        ranks = stats.wilcoxon(a, b)
        return GroupTest(
            "Wilcoxon signed-rank",
            float(ranks.statistic),
            float(ranks.pvalue),
            "Hedges' g of pairs",
            g,
            g - 1.96 * error,
            g + 1.96 * error,
            len(a),
            mean,
            *bounds,
        )
    return GroupTest(
        "paired t-test",
        float(result.statistic),
        float(result.pvalue),
        "Hedges' g of pairs",
        g,
        g - 1.96 * error,
        g + 1.96 * error,
        len(a),
        mean,
        *bounds,
    )


@dataclass
class PairTest:
    """Two of several groups compared: the difference of their means with its simultaneous interval and p."""

    first: int
    second: int
    difference: float
    low: float
    high: float
    p: float


def many_groups(groups: list[np.ndarray]) -> GroupTest:
    """Welch's analysis of variance with omega squared."""
    from statsmodels.stats.oneway import anova_oneway

    total = sum(len(g) for g in groups)
    result = anova_oneway(groups, use_var="unequal", welch_correction=True)
    numerator = result.df_num * (result.statistic - 1)
    omega = max(0.0, float(numerator / (numerator + total)))
    return GroupTest(
        "Welch's analysis of variance", float(result.statistic), float(result.pvalue), "omega squared", omega, None, None, total
    )


def games_howell(groups: list[np.ndarray], first: int) -> list[PairTest]:
    """Games-Howell's comparisons, as in scipy's ``tukey_hsd(equal_var=False)``: all pairs, or from 11 groups on those with ``first``.

    scipy's own intervals take minutes for a dozen groups; statsmodels' quantiles agree with them to four figures.
    """
    from statsmodels.stats.libqsturng import qsturng

    k = len(groups)
    means, sizes = [float(np.mean(g)) for g in groups], [len(g) for g in groups]
    errors = [float(np.var(g, ddof=1)) / n for g, n in zip(groups, sizes, strict=True)]
    found = []
    for i in range(k):
        for j in range(i + 1, k):
            if k > 10 and first not in (i, j):
                continue
            spread = errors[i] + errors[j]
            degrees = spread**2 / (errors[i] ** 2 / (sizes[i] - 1) + errors[j] ** 2 / (sizes[j] - 1))
            scale = math.sqrt(spread / 2)
            difference = means[i] - means[j]
            margin = float(qsturng(0.95, k, degrees)) * scale
            p = float(stats.studentized_range.sf(abs(difference) / scale, k, degrees))
            found.append(PairTest(i, j, difference, difference - margin, difference + margin, min(1.0, max(0.0, p))))
    return found
