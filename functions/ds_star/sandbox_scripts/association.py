"""Tests for two columns: chi-square or Fisher with Cramer's V, Spearman's rank correlation; intervals for shares."""

from __future__ import annotations

import math

import numpy as np
from group_tests import GroupTest
from scipy import optimize, stats


def categories(counts: np.ndarray) -> GroupTest:
    """Whether two categories depend on each other: chi-square, or Fisher's exact test where expected counts are small (Cochran's rule)."""
    total = int(counts.sum())
    chi, p, degrees, expected = stats.chi2_contingency(counts, correction=False)
    smaller = min(counts.shape) - 1
    v = math.sqrt(chi / (total * smaller))
    low, high = _v_interval(chi, degrees, total, smaller)
    small = (expected < 5).mean() > 0.2 or expected.min() < 1 or (counts.shape == (2, 2) and expected.min() < 5)
    if not small:
        return GroupTest("chi-square", float(chi), float(p), "Cramer's V", v, low, high, total)
    if counts.shape == (2, 2):
        odds, exact = stats.fisher_exact(counts)
        return GroupTest("Fisher's exact test", float(odds), float(exact), "Cramer's V", v, low, high, total)
    method = stats.PermutationMethod(n_resamples=9_999, rng=np.random.default_rng(20260101))
    result = stats.chi2_contingency(counts, correction=False, method=method)
    note = "expected counts are small; p is from 9,999 permutations with a fixed seed"
    return GroupTest("chi-square by permutation", float(chi), float(result.pvalue), "Cramer's V", v, low, high, total, note=note)


def _v_interval(chi: float, degrees: int, total: int, smaller: int) -> tuple[float, float]:
    """The 95 % interval of Cramer's V from that of the noncentrality of chi-square (Smithson 2003)."""

    def bound(level: float) -> float:
        if stats.chi2.cdf(chi, degrees) < level:
            return 0.0
        return float(optimize.brentq(lambda nc: stats.ncx2.cdf(chi, degrees, max(nc, 1e-12)) - level, 0, 4 * chi + 200))

    return tuple(min(1.0, math.sqrt(bound(level) / (total * smaller))) for level in (0.975, 0.025))


def spearman(x: np.ndarray, y: np.ndarray) -> GroupTest:
    """Spearman's rho with its interval by Fisher's z (Bonett and Wright 2000). p by permutation below 10 pairs."""
    result = stats.spearmanr(x, y)
    rho, n, p, note = float(result.statistic), len(x), float(result.pvalue), None
    if n < 10 and math.isfinite(rho):
        test = stats.permutation_test(
            (x,),
            lambda v: stats.spearmanr(v, y).statistic,
            permutation_type="pairings",
            n_resamples=50_000,
            rng=np.random.default_rng(20260101),
        )
        p, note = float(test.pvalue), "fewer than 10 pairs: p is from permutations"
    if abs(rho) >= 1 or n <= 4:
        return GroupTest("Spearman's rank correlation", rho, p, "rho", rho, None, None, n, note=note)
    error = math.sqrt((1 + rho**2 / 2) / (n - 3))
    z = math.atanh(rho)
    return GroupTest(
        "Spearman's rank correlation", rho, p, "rho", rho, math.tanh(z - 1.959964 * error), math.tanh(z + 1.959964 * error), n, note=note
    )


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    interval = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
