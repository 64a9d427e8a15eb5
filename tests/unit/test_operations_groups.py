"""Comparing groups: the unit of analysis, the test that the data ask for, and the figures that scipy and statsmodels give."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput
from functions.ds_star.operation import OperationSpec
from shared.sandbox import CodeSandbox
from tests.support.operations import Outcome, carry_out, reference, spec, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

REFERENCE = """
import numpy as np, pandas as pd
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

def read(name):
    return pd.read_csv(inputs[name])

two = read("two.csv").dropna()
a, b = two.score[two.arm == "a"], two.score[two.arm == "b"]
r = stats.ttest_ind(a, b, equal_var=False)
record("welch_p", r.pvalue); record("welch_low", r.confidence_interval().low); record("welch_high", r.confidence_interval().high)
record("welch_difference", a.mean() - b.mean())
n, m = len(a), len(b)
d = (a.mean() - b.mean()) / np.sqrt(((n - 1) * a.var() + (m - 1) * b.var()) / (n + m - 2))
record("g", d * (1 - 3 / (4 * (n + m - 2) - 1)))
skew = read("skew.csv")
record("bm_p", stats.brunnermunzel(skew.cost[skew.arm == "a"], skew.cost[skew.arm == "b"]).pvalue)
ordinal = read("ordinal.csv").replace({"low": 1, "medium": 2, "high": 3})
ordinal["level"] = ordinal.level.astype(int)
record("ordinal_p", stats.brunnermunzel(ordinal.level[ordinal.arm == "a"], ordinal.level[ordinal.arm == "b"]).pvalue)
pair = read("pair.csv").pivot(index="patient", columns="phase", values="pulse")
record("paired_p", stats.ttest_rel(pair.after, pair.before).pvalue)
many = [g.score.to_numpy() for _, g in read("many.csv").groupby("arm")]
record("anova_p", anova_oneway(many, use_var="unequal").pvalue)
gh = stats.tukey_hsd(*many, equal_var=False)
record("gh_low", gh.confidence_interval().low[2, 0]); record("gh_high", gh.confidence_interval().high[2, 0])
means = read("stations.csv").groupby(["station", "region"]).temp.mean().reset_index()
north, south = (means.temp[means.region == x] for x in ("north", "south"))
record("station_p", stats.ttest_ind(north, south, equal_var=False).pvalue)
rows = read("stations.csv")
record("row_p", stats.ttest_ind(rows.temp[rows.region == "north"], rows.temp[rows.region == "south"], equal_var=False).pvalue)
colour = read("colour.csv")
chi = stats.chi2_contingency(pd.crosstab(colour.arm, colour.colour), correction=False)
record("chi_p", chi.pvalue); record("v", np.sqrt(chi.statistic / (len(colour) * 1)))
record("fisher_p", stats.fisher_exact(pd.crosstab(*[read("few.csv")[c] for c in ("arm", "result")])).pvalue)
"""

SPECS: dict[str, OperationSpec] = {
    "two": spec("two.csv", "compare_groups", measure="score", by=("arm",)),
    "skew": spec("skew.csv", "compare_groups", measure="cost", by=("arm",)),
    "ordinal": spec("ordinal.csv", "compare_groups", measure="level", by=("arm",)),
    "pair": spec("pair.csv", "compare_groups", measure="pulse", by=("phase",), entity="patient"),
    "pair_found": spec("pair.csv", "compare_groups", measure="pulse", by=("phase",)),
    "many": spec("many.csv", "compare_groups", measure="score", by=("arm",)),
    "stations": spec("stations.csv", "compare_groups", measure="temp", by=("region",)),
    "colour": spec("colour.csv", "compare_groups", measure="colour", by=("arm",)),
    "few": spec("few.csv", "compare_groups", measure="result", by=("arm",)),
    "apart": spec("apart.csv", "compare_groups", measure="level", by=("arm",)),
    "tiny": spec("tiny.csv", "compare_groups", measure="score", by=("arm",)),
    "id": spec("two.csv", "compare_groups", measure="row_id", by=("arm",)),
    "simpson": spec("simpson.csv", "compare_groups", measure="cured", by=("drug",)),
    "simpson_mild": spec(
        "simpson.csv", "compare_groups", measure="cured", by=("drug",), filters=({"column": "case", "op": "==", "values": ("mild",)},)
    ),
}


def _files(folder: Path) -> list[DataInput]:
    rng = random.Random(7)

    def csv(name: str, header: str, rows: list[str]) -> DataInput:
        return write(folder, name, "\n".join([header, *rows]) + "\n")

    two = [f"{1000 + i * 7},{'ab'[i % 2]},{rng.gauss(10 + 3 * (i % 2), 1 + 2 * (i % 2)):.3f}" for i in range(61)]
    two[5] = two[5].rsplit(",", 1)[0] + ",NA"
    skew = [f"{'ab'[i % 2]},{math.exp(rng.gauss(1 + 0.6 * (i % 2), 1.6)):.2f}" for i in range(80)]
    ordinal = [f"{'ab'[i % 2]},{rng.choices(['low', 'medium', 'high'], [5 - 3 * (i % 2), 3, 1 + 2 * (i % 2)])[0]}" for i in range(70)]
    pair = [
        f"P{p},{phase},{rng.gauss(70 + 3 * (phase == 'after'), 1) + p:.2f}"
        for p in range(14)
        for phase in ("before", "after")
        for _ in range(1)
    ]
    repeated = [f"{line.rsplit(',', 1)[0]},{float(line.rsplit(',', 1)[1]):.2f}" for line in pair]
    many = [f"{'abc'[i % 3]},{rng.gauss(5 + (i % 3), 1 + (i % 3)):.3f}" for i in range(75)]
    stations = []
    for s in range(12):
        level = rng.gauss(10, 2) + (1.0 if s < 6 else 0)
        stations += [f"S{s:02d},{'north' if s < 6 else 'south'},{level + rng.gauss(0, 1):.3f}" for _ in range(40)]
    colour = [f"{'ab'[i % 2]},{rng.choices(['red', 'green', 'blue'], [2 + 2 * (i % 2), 3, 2])[0]}" for i in range(120)]
    few = [f"{arm},{result}" for arm, result, n in (("a", "well", 7), ("a", "ill", 1), ("b", "well", 2), ("b", "ill", 6)) for _ in range(n)]
    simpson = [
        f"{drug},{case},{cured}"
        for drug, case, yes, no in (("A", "mild", 81, 6), ("A", "severe", 192, 71), ("B", "mild", 234, 36), ("B", "severe", 55, 25))
        for cured, n in (("yes", yes), ("no", no))
        for _ in range(n)
    ]
    return [
        csv("two.csv", "row_id,arm,score", two),
        csv("skew.csv", "arm,cost", skew),
        csv("ordinal.csv", "arm,level", ordinal),
        csv("pair.csv", "patient,phase,pulse", repeated),
        csv("many.csv", "arm,score", many),
        csv("stations.csv", "station,region,temp", stations),
        csv("colour.csv", "arm,colour", colour),
        csv("few.csv", "arm,result", few),
        csv("apart.csv", "arm,level", [f"a,{x}" for x in ("low", "low", "low", "low", "medium")] + ["b,high"] * 5),
        csv("tiny.csv", "arm,score", ["a,1.5", "a,2.5", "b,3.5", "b,4.5"]),
        csv("simpson.csv", "drug,case,cured", simpson),
    ]


@pytest.fixture(scope="module")
def cases(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Outcome], dict[str, float]]:
    folder = tmp_path_factory.mktemp("groups")
    files = _files(folder)
    outcomes = carry_out(sandbox, files, list(SPECS.values()), folder / "out")
    return dict(zip(SPECS, outcomes, strict=True)), reference(sandbox, files, REFERENCE, folder / "reference")


def test_two_groups_are_compared_by_welch_with_hedges_g(cases: tuple[dict[str, Outcome], dict[str, float]]) -> None:
    outcome, expected = cases[0]["two"], cases[1]
    test, about = outcome.first.test, outcome.first.assertion
    assert test is not None and about is not None and test.name == "Welch's t-test" and about.value is not None
    assert test.p == pytest.approx(expected["welch_p"]) and test.effect == pytest.approx(-expected["g"], rel=1e-3)
    assert about.value == pytest.approx(-expected["welch_difference"])
    assert about.low == pytest.approx(-expected["welch_high"]) and about.high == pytest.approx(-expected["welch_low"])
    assert (outcome.first.n_used, outcome.first.n_dropped) == (60, 1)
    assert about.comparator == "differs" and outcome.sentence().startswith("Score is higher in b than in a, by")


@pytest.mark.parametrize(("case", "key"), [("skew", "bm_p"), ("ordinal", "ordinal_p")])
def test_skewed_and_ordinal_measures_are_compared_by_brunner_munzel(
    cases: tuple[dict[str, Outcome], dict[str, float]], case: str, key: str
) -> None:
    test = cases[0][case].first.test
    assert test is not None and test.name == "Brunner-Munzel" and test.p == pytest.approx(cases[1][key])
    assert test.effect is not None and test.low is not None and test.high is not None and 0 <= test.low < test.effect < test.high <= 1


@pytest.mark.parametrize("case", ["pair", "pair_found"])
def test_entities_that_stand_in_both_groups_are_paired(cases: tuple[dict[str, Outcome], dict[str, float]], case: str) -> None:
    test = cases[0][case].first.test
    assert test is not None and test.name == "paired t-test" and test.p == pytest.approx(cases[1]["paired_p"]) and test.n_used == 14


def test_more_groups_are_compared_by_welchs_analysis_of_variance_and_games_howell(
    cases: tuple[dict[str, Outcome], dict[str, float]],
) -> None:
    test, about = cases[0]["many"].first.test, cases[0]["many"].first.assertion
    assert test is not None and about is not None and test.p == pytest.approx(cases[1]["anova_p"])
    assert about.entity == "c vs a"
    assert about.low == pytest.approx(cases[1]["gh_low"], rel=2e-3) and about.high == pytest.approx(cases[1]["gh_high"], rel=2e-3)


def test_rows_of_one_station_are_not_taken_for_independent(cases: tuple[dict[str, Outcome], dict[str, float]]) -> None:
    """12 stations of 40 rows: a test on rows finds what a test on the stations' means does not."""
    outcome, expected = cases[0]["stations"], cases[1]
    test = outcome.first.test
    assert test is not None and test.p == pytest.approx(expected["station_p"]) and test.n_used == 12
    assert expected["row_p"] < 0.001 < 0.05 < expected["station_p"]
    assert any("per `station`" in a for a in outcome.result.assumptions)


def test_categories_are_compared_by_chi_square_or_fisher(cases: tuple[dict[str, Outcome], dict[str, float]]) -> None:
    colour, few = cases[0]["colour"].first.test, cases[0]["few"].first.test
    assert colour is not None and few is not None
    assert (colour.name, few.name) == ("chi-square", "Fisher's exact test")
    assert colour.p == pytest.approx(cases[1]["chi_p"]) and colour.effect == pytest.approx(cases[1]["v"])
    assert colour.low is not None and colour.high is not None and colour.effect is not None and colour.low < colour.effect < colour.high
    assert few.p == pytest.approx(cases[1]["fisher_p"])


def test_groups_that_do_not_overlap_still_get_a_test(cases: tuple[dict[str, Outcome], dict[str, float]]) -> None:
    test = cases[0]["apart"].first.test
    assert test is not None and test.name == "Mann-Whitney U" and test.p is not None and test.p < 0.05 and test.effect in (0, 1)


def test_too_few_rows_and_identifiers_are_refused(cases: tuple[dict[str, Outcome], dict[str, float]]) -> None:
    assert "too few" in (cases[0]["tiny"].result.refusal or "") and cases[0]["tiny"].result.findings == ()
    assert "identifier" in (cases[0]["id"].result.refusal or "")


def test_a_paradox_is_visible_when_the_question_filters(cases: tuple[dict[str, Outcome], dict[str, float]]) -> None:
    """Simpson: drug B is better over all rows, drug A among the mild cases."""
    over_all, mild = cases[0]["simpson"], cases[0]["simpson_mild"]
    assert over_all.values["group_1"] == "B" and mild.values["group_1"] == "A"
    assert over_all.number("mean_b") == pytest.approx(100 * 289 / 350) and mild.number("mean_a") == pytest.approx(100 * 81 / 87)
    assert over_all.units["difference"] == "percentage points"


def test_every_figure_of_a_statement_is_a_recorded_value(cases: tuple[dict[str, Outcome], dict[str, float]]) -> None:
    import re

    for outcome in cases[0].values():
        for finding in outcome.result.findings:
            for text in (finding.statement, finding.weak.statement if finding.weak else ""):
                assert not re.search(r"\d", re.sub(r"\{\w+\}", "", text)), text
                assert set(re.findall(r"\{(\w+)\}", text)) <= set(finding.values) <= set(outcome.values)
