"""An assertion that a model fills in is believed as far as the claim and its quote hold it."""

from __future__ import annotations

from functions.deep_research.fillings import StatedAssertion, filled, plain_assertion
from schemas.assertion import Assertion
from tests.support.research_claims import claim

CLAIM = claim(
    "With 8.8 °C, Bern had its usual mean temperature.", "The mean annual temperature in Bern was 8.8 °C in 2015, which is usual."
)


def fill(**parts: object) -> Assertion | None:
    given = {"measure": "mean temperature", "entity": "Bern", "statistic": "mean", "comparator": "=", "value": "8.8 °C"}
    return filled(StatedAssertion.model_validate(given | parts), CLAIM)


def test_figure_unit_and_digits_are_read_from_the_claim_by_code() -> None:
    assert plain_assertion(CLAIM.text) is None
    found = fill(unit="K", period="2015")
    assert found is not None
    assert (found.value, found.unit, found.digits, found.entity, found.period) == (8.8, "°C", 1, "Bern", "2015")


def test_a_figure_that_the_claim_does_not_state_leaves_no_assertion() -> None:
    assert fill(value="9.9") is None
    assert fill(value="", low="8.8", high="9.9") is None
    assert fill(value="", low="8.8") is None
    assert fill(value="warm") is None


def test_a_measure_that_nothing_speaks_of_leaves_no_assertion_and_another_name_stays_unknown() -> None:
    assert fill(measure="rainfall") is None
    assert fill(measure="") is None
    found = fill(entity="Zürich", population="mountain stations", period="1961/1990")
    assert found is not None
    assert (found.entity, found.population, found.period) == (None, None, None)


def test_without_a_figure_only_a_change_or_a_difference_is_asserted() -> None:
    assert fill(value="") is None
    found = fill(value="", comparator="increases", direction="up")
    assert found is not None
    assert (found.value, found.unit, found.direction) == (None, None, "up")


def test_a_range_is_two_figures_of_the_claim_in_order() -> None:
    ranged = claim("The mean temperature lies between 8.8 and 9.4 °C.")
    stated = StatedAssertion(measure="mean temperature", comparator="=", low="8.8", high="9.4")
    found = filled(stated, ranged)
    assert found is not None
    assert (found.low, found.high, found.value, found.unit) == (8.8, 9.4, None, "°C")
    assert filled(stated.model_copy(update={"low": "9.4", "high": "8.8"}), ranged) is None
    assert filled(stated.model_copy(update={"value": "9.4"}), ranged) is None
