"""Which group's trend comes first: the winner that is known beforehand is named, and only where it is told apart from all others."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput
from functions.ds_star.operation import OperationSpec
from shared.sandbox import CodeSandbox
from tests.support.operations import Outcome, carry_out, reference, spec, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

PANELS = 4
REFERENCE = """
import numpy as np, pandas as pd, statsmodels.api as sm

def rates(name):
    rows = pd.read_csv(inputs[name], parse_dates=["date"])
    rows["x"] = (rows.date.dt.year - 2021) + (rows.date.dt.month - 1) / 12
    found = {}
    for group, part in rows.groupby("region"):
        months = pd.get_dummies(part.date.dt.month, dtype=float).to_numpy()
        slope = np.linalg.lstsq(np.column_stack([part.x, months]), part.revenue, rcond=None)[0][0]
        found[group] = (slope, 100 * slope / part.revenue.mean())
    return found

for name in [n for n in inputs if n.startswith("panel")]:
    for group, (slope, relative) in rates(name).items():
        record(f"{name}_{group}_slope", slope)
        record(f"{name}_{group}_relative", relative)

yearly = pd.read_csv(inputs["yearly.csv"]).pivot(index="year", columns="region", values="revenue")
x = yearly.index.to_numpy(dtype=float); x -= x.mean()
hac = {"cov_type": "HAC", "cov_kwds": {"maxlags": 2, "use_correction": True}, "use_t": True}
a = sm.OLS(yearly.A.to_numpy(), sm.add_constant(x)).fit(**hac)
level, slope = a.params
gradient = np.array([-slope / level**2, 1 / level]) * 100
reach = __import__("scipy.stats", fromlist=["t"]).t.ppf(0.975, len(x) - 2)
error = np.sqrt(gradient @ a.cov_params() @ gradient)
record("relative", 100 * slope / level)
record("relative_low", 100 * slope / level - reach * error)
record("slope_low", a.conf_int()[1][0])
apart = sm.OLS((yearly.A - yearly.B).to_numpy(), sm.add_constant(x)).fit(**hac)
record("difference", apart.params[1]); record("difference_low", apart.conf_int()[1][0])
record("p", max(apart.pvalues[1], a.pvalues[1], sm.OLS((yearly.A - yearly.C).to_numpy(), sm.add_constant(x)).fit(**hac).pvalues[1]))
"""


@dataclass
class Grower:
    """A group by its level at the beginning, its change per year and its noise."""

    level: float
    change: float
    noise: float = 20.0


CLEAR = {"East": Grower(2000, 5), "North": Grower(1500, 140), "South": Grower(2500, 490), "West": Grower(3000, -200)}
MANY = {f"Item {c}": Grower(1000 + 40 * (i % 4), 300 - 30 * i) for i, c in enumerate("ABCDEFGHIJKL")}
DATA: dict[str, dict[str, Grower]] = {
    "clear.csv": CLEAR,
    "close.csv": {"East": Grower(2000, 300, 300), "North": Grower(2000, 310, 300), "South": Grower(2000, 100, 300)},
    "wild.csv": {"A": Grower(2000, 400, 5), "B": Grower(2000, 200, 5), "C": Grower(2000, 195, 2500)},
    "flat.csv": {"A": Grower(2000, 0, 200), "B": Grower(2000, 0, 200), "C": Grower(2000, 0, 200)},
    "falling.csv": {"A": Grower(2000, -50, 5), "B": Grower(2000, -150, 5), "C": Grower(2000, -250, 5)},
    "relative.csv": {"big": Grower(90000, 3000), "small": Grower(400, 90, 5)},
    "mixed.csv": {"A": Grower(2000, 200), "B": Grower(2000, -100), "C": Grower(2000, -300)},
    "many.csv": MANY,
}
RANKED: dict[str, object] = {"measure": "revenue", "time": "date", "statistic": "sum", "by": ("region",), "n": 1, "ranked_by": "per_cent"}


def _ranked(file: str, **other: object) -> OperationSpec:
    return spec(file, "trend", **{**RANKED, **other})


SPECS = {
    "clear": _ranked("clear.csv"),
    "down": _ranked("clear.csv", descending=False),
    "since": _ranked("clear.csv", filters=({"column": "date", "op": ">=", "values": ("2022-07-01",)},)),
    "close": _ranked("close.csv"),
    "wild": _ranked("wild.csv", ranked_by="difference"),
    "flat": _ranked("flat.csv"),
    "falling": _ranked("falling.csv"),
    "relative": _ranked("relative.csv"),
    "absolute": _ranked("relative.csv", ranked_by="difference"),
    "equal": _ranked("equal.csv"),
    "top": _ranked("many.csv", n=3),
    "mixed": _ranked("mixed.csv", n=2),
    "all": _ranked("many.csv", n=100),
    "short": _ranked("short.csv"),
    "single": _ranked("clear.csv", filters=({"column": "region", "op": "==", "values": ("South",)},)),
    "late": _ranked("late.csv"),
    "below": _ranked("below.csv"),
    "yearly": _ranked("yearly.csv", time="year", ranked_by="difference"),
    "yearly_relative": _ranked("yearly.csv", time="year"),
    **{f"panel{i}": _ranked(f"panel{i}.csv", ranked_by=("per_cent", "difference")[i % 2], descending=i < 2) for i in range(PANELS)},
}
Cases = tuple[dict[str, Outcome], dict[str, float]]


def _rows(rng: random.Random, groups: dict[str, Grower], months: range) -> list[str]:
    return [
        f"{2021 + m // 12}-{m % 12 + 1:02d}-01,{name},{g.level + g.change * m / 12 + rng.gauss(0, g.noise):.2f}"
        for m in months
        for name, g in groups.items()
    ]


def _files(folder: Path) -> list[DataInput]:
    rng = random.Random(5)

    def csv(name: str, rows: list[str], first: str = "date") -> DataInput:
        return write(folder, name, "\n".join([f"{first},region,revenue", *rows]) + "\n")

    random_panels = [{g: Grower(rng.uniform(500, 3000), rng.uniform(-300, 300)) for g in "ABCDE"} for _ in range(PANELS)]
    same = [f"{2021 + m // 12}-{m % 12 + 1:02d}-01,{g},{k * (100 + m % 5 + 3 * m)}" for m in range(36) for g, k in (("A", 1), ("B", 2))]
    third = [f"{2021 + m // 12}-{m % 12 + 1:02d}-01,C,{500 + m % 3}" for m in range(36)]
    slopes = {"A": 9, "B": 5, "C": 2}
    return [
        *(csv(name, _rows(rng, groups, range(36))) for name, groups in DATA.items()),
        *(csv(f"panel{i}.csv", _rows(rng, panel, range(36))) for i, panel in enumerate(random_panels)),
        csv("equal.csv", [*same, *third]),
        csv("short.csv", [*_rows(rng, CLEAR, range(36)), *_rows(rng, {"New": Grower(100, 5000)}, range(31, 36))]),
        csv("late.csv", [*_rows(rng, {"A": Grower(1000, 400)}, range(20)), *_rows(rng, {"B": Grower(1000, 100)}, range(16, 36))]),
        csv("below.csv", [*_rows(rng, CLEAR, range(36)), *_rows(rng, {"Loss": Grower(-900, 900)}, range(36))]),
        csv("yearly.csv", [f"{2000 + y},{g},{100 + s * y + rng.gauss(0, 6):.3f}" for y in range(14) for g, s in slopes.items()], "year"),
    ]


@pytest.fixture(scope="module")
def cases(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> Cases:
    folder = tmp_path_factory.mktemp("ranking")
    files = _files(folder)
    outcomes = carry_out(sandbox, files, list(SPECS.values()), folder / "out")
    return dict(zip(SPECS, outcomes, strict=True)), reference(sandbox, files, REFERENCE, folder / "reference")


def test_the_group_that_grew_fastest_is_named_first_with_its_interval_and_the_second(cases: Cases) -> None:
    outcome = cases[0]["clear"]
    sentence = outcome.sentence()
    assert (
        sentence.startswith("Revenue for South rises by 4")
        and "this is the strongest rise in per cent among 4 groups of region" in sentence
    )
    assert "North comes second with a change of" in sentence and "the difference is clear: South less North is" in sentence
    assert outcome.first.assertion is not None and outcome.first.assertion.entity == "South vs North"
    assert [f.assertion.entity for f in outcome.result.findings[1:] if f.assertion] == ["South", "North", "East", "West"]


@pytest.mark.parametrize("case", [f"panel{i}" for i in range(PANELS)])
def test_groups_come_in_the_order_of_their_least_squares_slopes(cases: Cases, case: str) -> None:
    outcome, expected = cases[0][case], cases[1]
    what = "relative" if SPECS[case].ranked_by == "per_cent" else "slope"
    order = sorted("ABCDE", key=lambda g: expected[f"{case}.csv_{g}_{what}"], reverse=SPECS[case].descending)
    assert [f.assertion.entity for f in outcome.result.findings[1:] if f.assertion] == order
    for group in "ABCDE":
        assert outcome.number(f"change_per_year_{group.lower()}") == pytest.approx(expected[f"{case}.csv_{group}_slope"])
    assert outcome.number(f"ranked_change_{order[0].lower()}") == pytest.approx(expected[f"{case}.csv_{order[0]}_slope"])


def test_intervals_and_p_are_those_of_least_squares_with_newey_wests_errors(cases: Cases) -> None:
    outcome, relative, expected = cases[0]["yearly"], cases[0]["yearly_relative"], cases[1]
    test = outcome.first.test
    assert test is not None and test.p == pytest.approx(expected["p"]) and test.effect == pytest.approx(expected["difference"])
    assert test.low == pytest.approx(expected["difference_low"])
    assert outcome.number("ranked_change_a_low") == pytest.approx(expected["slope_low"])
    assert relative.number("ranked_per_cent_a") == pytest.approx(expected["relative"])
    assert relative.number("ranked_per_cent_a_low") == pytest.approx(expected["relative_low"])


def test_downward_the_strongest_fall_is_named(cases: Cases) -> None:
    sentence = cases[0]["down"].sentence()
    assert (
        sentence.startswith("Revenue for West falls by ")
        and "the strongest fall in per cent" in sentence
        and "East comes second" in sentence
    )


def test_a_filter_is_said_with_the_answer(cases: Cases) -> None:
    assert cases[0]["since"].sentence().startswith("Revenue for South where date is at least 2022-07-01 rises by ")


def test_groups_that_are_not_told_apart_have_no_winner(cases: Cases) -> None:
    outcome = cases[0]["close"]
    assert outcome.sentence().startswith("It is not clear which group of region has the strongest rise in per cent in revenue: ")
    assert "comes first among 3" in outcome.sentence() and "comes second" in outcome.sentence()
    assert outcome.first.assertion is not None and outcome.first.assertion.comparator == "no_difference"


def test_a_group_that_is_too_uncertain_to_be_behind_keeps_the_first_from_being_called_so(cases: Cases) -> None:
    outcome = cases[0]["wild"]
    assert outcome.sentence().startswith("It is not clear which group") and outcome.first.test is not None
    assert outcome.first.test.p is not None and outcome.first.test.p > 0.05


def test_where_no_group_clearly_rises_this_is_said_first(cases: Cases) -> None:
    assert cases[0]["flat"].sentence().startswith("No group of region shows a clear rise in revenue: ")


def test_where_all_groups_fall_the_weakest_fall_is_called_so(cases: Cases) -> None:
    sentence = cases[0]["falling"].sentence()
    assert (
        sentence.startswith("Revenue for A falls by ")
        and "the weakest fall in per cent among 3 groups of region, of which none rises" in sentence
    )


def test_per_cent_and_absolute_terms_have_winners_of_their_own_and_each_names_the_other(cases: Cases) -> None:
    relative, absolute = cases[0]["relative"], cases[0]["absolute"]
    assert relative.sentence().startswith("Revenue for small rises") and "% per year of its mean" in relative.sentence()
    assert absolute.sentence().startswith("Revenue for big rises")
    assert any(a.endswith("in absolute terms, big comes first") for a in relative.result.assumptions)
    assert any(a.endswith("in per cent, small comes first") for a in absolute.result.assumptions)


def test_equal_growth_shares_the_first_place(cases: Cases) -> None:
    outcome = cases[0]["equal"]
    assert outcome.sentence().startswith("It is not clear which group") and "share the first place among 3" in outcome.sentence()
    assert outcome.first.test is not None and outcome.first.test.p == 1


def test_the_first_three_of_many_groups_are_named_in_order(cases: Cases) -> None:
    outcome = cases[0]["top"]
    sentence = outcome.sentence()
    assert sentence.startswith("The strongest rises in per cent of revenue among 12 groups of region are those for Item A (")
    assert sentence.index("Item A") < sentence.index("Item B") < sentence.index("Item C") < sentence.index("Item D comes next")
    assert len(outcome.result.findings) == 9 and outcome.result.tables[0].file == outcome.result.charts[0].file.replace("svg", "csv")
    assert outcome.result.tables[0].caption.startswith("Change in revenue per year by region, in order")
    assert any(text.startswith("only the trends of the first groups are stated") for text in outcome.result.limitations)


def test_several_first_ones_that_go_both_ways_have_the_highest_changes(cases: Cases) -> None:
    assert cases[0]["mixed"].sentence().startswith("The highest changes in per cent of revenue among 3 groups of region are those for A (")


def test_where_all_groups_are_asked_for_the_first_one_is_named(cases: Cases) -> None:
    assert "comes second" in cases[0]["all"].sentence() and "among 12 groups" in cases[0]["all"].sentence()


def test_a_group_with_too_few_periods_is_left_out_and_named(cases: Cases) -> None:
    outcome = cases[0]["short"]
    assert outcome.sentence().startswith("Revenue for South rises")
    assert any(text == "groups with fewer than 8 months are left out: New" for text in outcome.result.limitations)


def test_one_group_has_its_trend_and_no_place(cases: Cases) -> None:
    outcome = cases[0]["single"]
    assert len(outcome.result.findings) == 1 and "this is the" not in outcome.sentence()
    assert "only one group of `region` can be ranked" in outcome.result.limitations


def test_groups_without_common_periods_are_not_told_apart(cases: Cases) -> None:
    outcome = cases[0]["late"]
    assert outcome.sentence().startswith("It is not clear which group")
    assert "too few periods in common" in outcome.sentence()
    assert any("do not all begin and end at the same time" in text for text in outcome.result.limitations)


def test_values_below_nothing_have_no_place_in_per_cent(cases: Cases) -> None:
    outcome = cases[0]["below"]
    assert "South rises" in outcome.sentence() and "among 4 groups" in outcome.sentence()
    assert any(text.startswith("Loss went below nothing at times") for text in outcome.result.limitations)


def test_every_figure_of_a_statement_is_a_recorded_value(cases: Cases) -> None:
    for outcome in cases[0].values():
        for finding in outcome.result.findings:
            texts = [finding.statement, *([finding.weak.statement] if finding.weak else [])]
            for text in texts:
                bare = text
                for name in outcome.values:
                    bare = bare.replace("{" + name + "}", "")
                assert not any(c.isdigit() or c in "{}" for c in bare), bare
