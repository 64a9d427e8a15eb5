"""How recorded values look."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.fusion.figures import describe_test, figure, money_text, number_text, p_sentence
from schemas.analysis import TestResult
from schemas.base import Scalar


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2019, "2019"),
        (12345, "12,345"),
        (-12345, "−12,345"),
        (13.48271, "13.48"),
        (134.8271, "134.8"),
        (1234.5678, "1234.6"),
        (1234567.8, "1,234,568"),
        (0.0123456, "0.01235"),
        (13.0, "13"),
        (-0.0, "0"),
        (0.0000135, "1.35 × 10⁻⁵"),
        (2.5e17, "2.5 × 10¹⁷"),
        (9.99999, "10"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number_text(value) == text


def test_half_a_digit_is_rounded_up_as_people_do() -> None:
    assert number_text(44.45, 1) == "44.5"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-4, max_value=1e14))
def test_what_is_shown_is_the_recorded_value_rounded(value: float) -> None:
    shown = float(number_text(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=6e-4)


@pytest.mark.parametrize(
    ("value", "unit", "name", "text"),
    [
        (13.5, "degC", "mean", "13.5\u202f°C"),
        (0.31, "degC/decade", "trend", "0.31\u202f°C per decade"),
        (90, "km/h", "speed", "90\u202fkm/h"),
        (42.31, "percent", "share", "42.31%"),
        (12, "stations", "count", "12\u202fstations"),
        (0.0004, None, "p value", "< 0.001"),
        (0.03412, None, "p_adjusted", "0.034"),
        (0.03412, None, "pressure", "0.03412"),
        (True, None, "x", "yes"),
        (None, "m", "x", "not available"),
        ("Bern", "m", "x", "Bern"),
        (5, "1", "x", "5"),
    ],
)
def test_figures(value: Scalar, unit: str | None, name: str, text: str) -> None:
    assert figure(value, unit, name=name) == text


def test_a_test_says_effect_interval_n_then_p() -> None:
    test = TestResult(name="Welch", p=0.0004, p_adjusted=0.012, effect_name="g", effect=0.5, low=-0.1, high=0.9, n_used=40, n_dropped=2)
    assert describe_test(test) == "Welch: g = 0.5, interval −0.1 to 0.9, n = 40, 2 left out, p < 0.001, adjusted p = 0.012"


def test_p_and_money() -> None:
    assert (p_sentence(0.0009), p_sentence(0.05)) == ("p < 0.001", "p = 0.05")
    assert [money_text(x) for x in (0, 4_200, 1_250_000)] == ["$0.00", "$0.0042", "$1.25"]
