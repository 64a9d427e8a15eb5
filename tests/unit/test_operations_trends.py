"""Trends: seasons, incomplete periods, autocorrelation-robust errors, and differences of trends on the unit of analysis."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput
from shared.sandbox import CodeSandbox
from tests.support.operations import Outcome, carry_out, reference, spec, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

REFERENCE = """
import numpy as np, pandas as pd, statsmodels.api as sm
from scipy import stats

yearly = pd.read_csv(inputs["yearly.csv"])
y = yearly.value.to_numpy(); x = (yearly.year - yearly.year.min()).to_numpy(dtype=float)
fit = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HAC", cov_kwds={"maxlags": 2, "use_correction": True}, use_t=True)
record("slope", fit.params[1]); record("p", fit.pvalues[1]); record("low", fit.conf_int()[1][0]); record("high", fit.conf_int()[1][1])
record("theil", stats.theilslopes(y, x).slope)

def slopes(name):
    rows = pd.read_csv(inputs[name])
    found = rows.groupby(["region", "site"]).apply(lambda g: np.polyfit(g.year - 2000, g.value, 1)[0]).reset_index(name="s")
    return found.s[found.region == "n"], found.s[found.region == "s"]

n, s = slopes("few.csv")
record("few_p", stats.ttest_ind(n, s, equal_var=False).pvalue); record("few_difference", s.mean() - n.mean())
rows = pd.read_csv(inputs["many.csv"])
rows["t"] = rows.year - rows.year.min()
import statsmodels.formula.api as smf
model = smf.ols("value ~ C(site) + t + t:C(region)", rows).fit()
record("many_difference", model.params["t:C(region)[T.s]"])
"""

MONTHLY = {"measure": "temp", "time": "month"}
SPECS = {
    "yearly": spec("yearly.csv", "trend", measure="value", time="year"),
    "season": spec("season.csv", "trend", **MONTHLY, grain="month"),
    "flat": spec("flat.csv", "trend", **MONTHLY, grain="month"),
    "incomplete": spec("daily.csv", "trend", measure="visits", time="day", statistic="sum", grain="month"),
    "short": spec("short.csv", "trend", measure="value", time="year"),
    "finer": spec("season.csv", "trend", **MONTHLY, grain="year"),
    "few": spec("few.csv", "trend_difference", measure="value", time="year", by=("region",)),
    "many": spec("many.csv", "trend_difference", measure="value", time="year", by=("region",), entity="site"),
    "series": spec("series.csv", "trend_difference", measure="value", time="year", by=("region",)),
    "counts": spec("daily.csv", "trend", time="day", statistic="count", grain="week"),
}
Cases = tuple[dict[str, Outcome], dict[str, float]]


def _files(folder: Path) -> list[DataInput]:
    rng = random.Random(11)

    def csv(name: str, header: str, rows: list[str]) -> DataInput:
        return write(folder, name, "\n".join([header, *rows]) + "\n")

    def panel(sites: int) -> list[str]:
        rows = []
        for site in range(sites):
            region, level = "ns"[site % 2], rng.gauss(50, 10)
            rows += [f"T{site:02d},{region},{2000 + y},{level + (0.5 + 0.8 * (site % 2)) * y + rng.gauss(0, 1):.3f}" for y in range(12)]
        return rows

    months = [(y, m) for y in range(2015, 2023) for m in range(1, 13)][:-3]
    daily = [(d, f"2026-{m:02d}-{d:02d}") for m in range(1, 11) for d in range(1, 29 if m != 10 else 12)]
    return [
        csv("yearly.csv", "year,value", [f"{2000 + i},{3 + 0.7 * i + rng.gauss(0, 1):.3f}" for i in range(15)]),
        csv(
            "season.csv",
            "month,temp",
            [f"{y}-{m:02d},{10 + 8 * math.sin(m / 12 * 6.2832) + 0.3 * (y + m / 12 - 2015) + rng.gauss(0, 0.4):.3f}" for y, m in months],
        ),
        csv("flat.csv", "month,temp", [f"{y}-{m:02d},{10 + 8 * math.sin(m / 12 * 6.2832) + rng.gauss(0, 0.4):.3f}" for y, m in months]),
        csv("daily.csv", "day,visits", [f"{text},{10 + d % 3}" for d, text in daily]),
        csv("short.csv", "year,value", [f"{2000 + i},{i}.5" for i in range(5)]),
        csv("few.csv", "site,region,year,value", panel(10)),
        csv("many.csv", "site,region,year,value", panel(24)),
        csv(
            "series.csv",
            "region,year,value",
            [f"{r},{2000 + y},{(1 if r == 'n' else 2) * y + rng.gauss(0, 0.5):.3f}" for r in "ns" for y in range(14)],
        ),
    ]


@pytest.fixture(scope="module")
def cases(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> Cases:
    folder = tmp_path_factory.mktemp("trends")
    files = _files(folder)
    outcomes = carry_out(sandbox, files, list(SPECS.values()), folder / "out")
    return dict(zip(SPECS, outcomes, strict=True)), reference(sandbox, files, REFERENCE, folder / "reference")


def test_a_trend_is_the_least_squares_slope_with_robust_errors_and_theil_sen_beside_it(cases: Cases) -> None:
    outcome, expected = cases[0]["yearly"], cases[1]
    test, about = outcome.first.test, outcome.first.assertion
    assert test is not None and about is not None
    assert about.value == pytest.approx(expected["slope"]) and test.p == pytest.approx(expected["p"])
    assert about.low == pytest.approx(expected["low"]) and about.high == pytest.approx(expected["high"])
    assert outcome.number("theil_sen") == pytest.approx(expected["theil"])
    assert (about.statistic, about.direction, about.period, about.comparator) == ("trend", "up", "2000/2014", "increases")
    assert outcome.sentence().startswith("Value rises by 0.") and outcome.first.weak is not None


def test_seasons_are_taken_out_before_the_trend_is_read(cases: Cases) -> None:
    season, flat = cases[0]["season"], cases[0]["flat"]
    assert season.first.assertion is not None and season.first.assertion.value == pytest.approx(0.3, abs=0.03)
    assert season.number("theil_sen") == pytest.approx(0.3, abs=0.03)
    assert "deseasonalised" in season.first.statement
    assert flat.first.assertion is not None and flat.first.assertion.comparator == "no_difference"
    assert flat.sentence().startswith("There is no clear trend in temp")


def test_incomplete_last_periods_are_left_out_and_named(cases: Cases) -> None:
    outcome = cases[0]["incomplete"]
    assert outcome.values["last_month"] == "2026-09"
    assert any("2026-10" in text and "left out" in text for text in outcome.result.limitations)
    assert outcome.first.n_dropped == 11


def test_fewer_than_eight_points_are_refused_or_read_by_a_shorter_period(cases: Cases) -> None:
    assert "only 5 complete years" in (cases[0]["short"].result.refusal or "")
    finer = cases[0]["finer"]
    assert any("month" in a and "at least 8" in a for a in finer.result.assumptions)
    assert finer.first.assertion is not None and finer.first.assertion.unit == "1/year"


def test_with_few_entities_slopes_are_compared_by_welch(cases: Cases) -> None:
    outcome, expected = cases[0]["few"], cases[1]
    test, about = outcome.first.test, outcome.first.assertion
    assert test is not None and about is not None and about.value is not None
    assert "Welch" in test.name and test.n_used == 10 and test.p == pytest.approx(expected["few_p"])
    assert about.value == pytest.approx(expected["few_difference"]) and about.entity == "s vs n"


def test_from_twenty_entities_on_the_interaction_is_tested_with_clustered_errors(cases: Cases) -> None:
    outcome, expected = cases[0]["many"], cases[1]
    test, about = outcome.first.test, outcome.first.assertion
    assert test is not None and about is not None and "clustered" in test.name and test.n_used == 24
    assert about.value == pytest.approx(expected["many_difference"]) and test.p is not None and test.p < 0.001
    assert about.low is not None and about.high is not None and about.low < 0.8 < about.high + 0.1


def test_two_single_series_are_compared_by_their_difference(cases: Cases) -> None:
    outcome = cases[0]["series"]
    assert outcome.first.assertion is not None and outcome.first.assertion.value == pytest.approx(1, abs=0.1)
    assert "differs by region" in outcome.sentence()
    assert len(outcome.result.findings) == 3


def test_counts_need_no_measure(cases: Cases) -> None:
    assert cases[0]["counts"].first.assertion is not None and cases[0]["counts"].result.charts
