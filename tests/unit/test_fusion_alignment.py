"""The truth table of alignment: a conflict needs measure, statistic, population, unit and period known and equal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.fusion.alignment import Side, align, judge
from functions.fusion.measures import measure_key
from functions.fusion.periods import parse_period
from functions.fusion.units import compare_units
from schemas.assertion import Assertion
from schemas.evidence import ResearchEvidencePackage
from tests.support.packages import analysis, research

BASE: dict[str, Any] = {
    "entity": "Bern", "measure": "mean temperature", "statistic": "mean", "comparator": "=", "value": 13.2, "digits": 1, "unit": "degC",
    "period": "2019", "population": "all stations", "modality": "observed",
}  # fmt: skip


def verdict(claim: dict[str, Any], finding: dict[str, Any]) -> str | None:
    one = Side(Assertion(**(BASE | claim)), "document")
    two = Side(Assertion(**(BASE | {"digits": None} | finding)), "data", exact=True)
    judgement = judge(one, two)
    return judgement.verdict if judgement else None


@pytest.mark.parametrize(
    ("claim", "finding", "expected"),
    [
        ({}, {"value": 13.2431}, "agree"),
        ({}, {"value": 13.25}, "agree"),
        ({}, {"value": 13.26}, "conflict"),
        ({}, {"value": 14.0}, "conflict"),
        # what is not known makes a pair related, whatever the figures are
        ({"population": None, "entity": None}, {"value": 14.0, "population": None, "entity": None}, "related"),
        ({"population": None, "entity": None}, {"value": 14.0, "population": None}, "related"),
        ({"population": None}, {"value": 14.0, "population": None}, "conflict"),  # both mean all of Bern
        ({"population": None}, {"value": 14.0}, "related"),
        ({"period": None}, {"value": 14.0}, "related"),
        ({"statistic": "unknown"}, {"value": 14.0}, "related"),
        ({"unit": None}, {"value": 14.0}, "related"),
        ({"entity": None}, {"value": 14.0}, "related"),
        ({"comparator": "unknown"}, {"value": 14.0}, "related"),
        ({"modality": "projected"}, {"value": 14.0}, "related"),
        ({"comparator": "~"}, {"value": 14.0}, "related"),
        ({}, {"value": 14.0, "low": 13.0, "high": 15.0}, "related"),
        # what differs
        ({"population": "valley stations"}, {"value": 14.0}, "differs_in_scope"),
        ({"period": "2018/2019"}, {"value": 14.0}, "differs_in_scope"),
        ({"statistic": "median"}, {"value": 14.0}, "not_comparable"),
        ({"unit": "percent"}, {"value": 14.0}, "not_comparable"),
        ({"unit": "EUR"}, {"value": 14.0, "unit": "USD"}, "not_comparable"),
        ({"unit": "percent"}, {"value": 0.132, "unit": "1"}, "not_comparable"),
        ({"unit": "stations"}, {"value": 14.0, "unit": "sites"}, "related"),
        # the same scope in other words
        ({"period": "2019-01-01/2019-12-31", "unit": "°C", "measure": "temp_c", "entity": "BERN"}, {"value": 13.23}, "agree"),
        ({"unit": "degF", "value": 55.8}, {"value": 13.22}, "agree"),
        ({"unit": "degF", "value": 57.8}, {"value": 13.22}, "conflict"),
        # bounds and ranges
        ({"comparator": ">"}, {"value": 20.0}, "agree"),
        ({"comparator": ">"}, {"value": 10.0}, "conflict"),
        ({"comparator": "<="}, {"value": 10.0}, "agree"),
        ({"value": None, "low": 12.0, "high": 14.0}, {"value": 13.7}, "agree"),
        ({"value": None, "low": 12.0, "high": 14.0}, {"value": 16.0}, "conflict"),
        # never proposed
        ({"measure": "precipitation"}, {}, None),
        ({"entity": "Basel"}, {}, None),
        ({"period": "1990"}, {}, None),
        ({"measure": None}, {"measure": None}, None),
    ],
)
def test_truth_table(claim: dict[str, Any], finding: dict[str, Any], expected: str | None) -> None:
    assert verdict(claim, finding) == expected


TREND: dict[str, Any] = {"statistic": "trend", "comparator": "unknown", "value": None, "unit": None}


@pytest.mark.parametrize(
    ("claim", "finding", "expected"),
    [
        ({"direction": "up"}, {"direction": "up"}, "agree"),
        ({"comparator": "increases"}, {"direction": "up"}, "agree"),
        ({"direction": "down"}, {"direction": "up"}, "conflict"),
        ({"direction": "up"}, {"direction": "none"}, "related"),
        ({"direction": "up"}, {"direction": "unknown"}, "related"),
        ({"direction": "down"}, {"direction": "up", "population": None}, "related"),
        ({"direction": "down"}, {"direction": "up", "period": "2010/2020"}, "differs_in_scope"),
        ({"direction": "up"}, {"direction": "up", "comparator": "=", "value": 0.3, "unit": "degC/decade"}, "agree"),
    ],
)
def test_trends_compare_by_direction(claim: dict[str, Any], finding: dict[str, Any], expected: str) -> None:
    assert verdict(TREND | claim, TREND | finding) == expected


CHANGE: dict[str, Any] = {"statistic": "difference", "value": 3.0, "digits": 0, "unit": "%", "comparator": "decreases", "direction": "down"}
ROSE: dict[str, Any] = {"value": 12.0, "comparator": "increases", "direction": "up"}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (ROSE, "conflict"),
        (ROSE | {"value": 3.0}, "conflict"),  # the same figure, the other way
        (ROSE | {"entity": "Basel"}, None),
        (ROSE | {"period": None}, "related"),
        (ROSE | {"population": None}, "related"),
        (ROSE | {"population": "valley stations"}, "differs_in_scope"),
        (ROSE | {"unit": None}, "related"),
        (ROSE | {"unit": "mm"}, "not_comparable"),
        (ROSE | {"statistic": "mean"}, "not_comparable"),
        (ROSE | {"modality": "projected"}, "related"),
        ({"value": 12.0}, "related"),  # both fell: against what is not said
    ],
)
def test_changes_by_a_figure_compare_by_their_direction(other: dict[str, Any], expected: str | None) -> None:
    one, two = Side(Assertion(**(BASE | CHANGE)), "document"), Side(Assertion(**(BASE | CHANGE | other)), "document")
    for judgement in (judge(one, two), judge(two, one)):
        assert (judgement.verdict if judgement else None) == expected


_KNOWN = ("population", "period", "statistic", "unit", "measure")


@given(st.sets(st.sampled_from(_KNOWN), min_size=1), st.sets(st.sampled_from(_KNOWN)), st.floats(-50, 50))
def test_no_conflict_where_anything_is_unknown(claim: set[str], finding: set[str], value: float) -> None:
    def missing(names: set[str]) -> dict[str, Any]:
        return {n: "unknown" if n == "statistic" else None for n in names}

    if claim & finding == {"population"} == claim | finding:
        return  # both speak of all of Bern
    assert verdict(missing(claim), {"value": value} | missing(finding)) in (None, "related", "not_comparable", "differs_in_scope")


def test_a_figure_that_its_quote_does_not_state_is_not_compared() -> None:
    package = research()
    claims = tuple(
        c.model_copy(update={"assertion": c.assertion.model_copy(update={"value": 9.9})}) if c.assertion else c for c in package.claims
    )
    pairs = align(package.model_copy(update={"claims": claims}), analysis()).pairs
    # without the invented figure only the directions are left to compare
    assert {p.verdict for p in pairs} == {"agree", "not_comparable"}


def test_two_documents_that_say_different_things() -> None:
    package = research()
    other = package.claims[2].model_copy(update={"assertion": package.claims[0].assertion})
    assert other.assertion is not None
    other = other.model_copy(update={"assertion": other.assertion.model_copy(update={"value": 0.31, "digits": 2})})
    changed: ResearchEvidencePackage = package.model_copy(update={"claims": (package.claims[0], other)})
    (conflict,) = align(changed, None).claim_conflicts
    assert (conflict.first_claim_id, conflict.second_claim_id) == ("c1", "c3")
    assert "2.3 °C" in conflict.reason
    assert align(changed, None) == align(changed, None)
    assert align(changed, None).claims_compared == 1


def test_documents_that_agree_count_as_compared() -> None:
    package = research()
    same = package.claims[2].model_copy(update={"assertion": package.claims[0].assertion})
    # the other quote does not state the figure: the direction alone is left to compare
    agreeing = align(package.model_copy(update={"claims": (package.claims[0], same)}), None)
    assert (agreeing.claim_conflicts, agreeing.claims_compared) == ((), 1)
    assert align(package.model_copy(update={"claims": package.claims[:1]}), None).claims_compared == 0


def test_the_same_document_does_not_conflict_with_itself() -> None:
    package = research()
    other = package.claims[0].model_copy(update={"id": "c9", "assertion": package.claims[0].assertion})
    assert align(package.model_copy(update={"claims": (package.claims[0], other)}), None).claim_conflicts == ()


def test_units_are_never_parsed_beyond_plain_expressions() -> None:
    assert compare_units("9**9**9", "m", "mean")[0] == "incomparable"
    assert compare_units("__import__('os')", "m", "mean")[0] == "incomparable"


def test_decades_are_ten_years_and_differences_have_no_offset() -> None:
    kind, convert = compare_units("°C/decade", "degF/year", "trend")
    assert kind == "convertible"
    assert convert is not None
    assert convert(1.0) == pytest.approx(0.18)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_may_stand_where_a_unit_or_a_period_should(one: str, two: str) -> None:
    compare_units(one, two, "mean")
    parse_period(one)
    measure_key(one)


def test_measures_have_one_name() -> None:
    assert measure_key("temp_c") == measure_key("Mean temperature") == measure_key("meanTemperature") == measure_key("the temperatures")
    assert measure_key("sea level") != measure_key("sea temperature")
