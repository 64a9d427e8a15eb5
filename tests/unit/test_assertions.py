"""What a sentence asserts: plain ones in full, others not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.deep_research.assertions import parse_assertion
from functions.deep_research.dates import period_of
from functions.deep_research.numerals import quantities


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "The mean annual temperature in Bern was 8.8 °C in 2015.",
            {
                "entity": "Bern",
                "measure": "temperature",
                "statistic": "mean",
                "comparator": "=",
                "value": 8.8,
                "unit": "°C",
                "digits": 1,
                "period": "2015",
                "modality": "observed",
            },
        ),
        (
            "The average body mass of Gentoo penguins was 5,076 g.",
            {"entity": "Gentoo penguins", "measure": "body mass", "statistic": "mean", "value": 5076, "unit": "g", "digits": 0},
        ),
        (
            "The number of visitors was 1.2 million in 2019.",
            {"measure": "visitors", "statistic": "count", "value": 1_200_000, "digits": -5, "period": "2019"},
        ),
        (
            "The share of women was at least 41.5 %.",
            {"measure": "women", "statistic": "share", "comparator": ">=", "value": 41.5, "unit": "%"},
        ),
        (
            "The share price of IBM was 75.40 dollars in 2002.",
            {"entity": "IBM", "measure": "share price", "statistic": "unknown", "value": 75.4, "period": "2002"},
        ),
        (
            "Precipitation increased by 12 mm per decade.",
            {"statistic": "trend", "comparator": "increases", "value": 12, "unit": "mm/decade", "direction": "up"},
        ),
        ("Visitors have increased since 1990.", {"measure": "Visitors", "direction": "up", "value": None, "period": None}),
        (
            "In 2010, the median age was between 30 and 35 years.",
            {"statistic": "median", "low": 30, "high": 35, "value": None, "period": "2010"},
        ),
        (
            "Revenue in the South region grew by 12 % in 2024, driven by new customers in Bavaria.",
            {"entity": "South region", "measure": "Revenue", "statistic": "difference", "value": 12, "period": "2024", "direction": "up"},
        ),
        ("Snow depth will reach 40 cm.", {"modality": "projected", "value": 40}),
        (
            "Participation did not change between 2001 and 2009.",
            {"comparator": "no_difference", "direction": "none", "period": "2001/2009"},
        ),
    ],
)
def test_a_plain_sentence_is_read(sentence: str, expected: dict[str, object]) -> None:
    assertion = parse_assertion(sentence)
    assert assertion is not None
    assert {name: getattr(assertion, name) for name in expected} == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "It was 8.8 °C in 2015.",
        "The temperature was not 8.8 °C.",
        "If the temperature was 8.8 °C, snow would fall.",
        "The temperature was 8.8 °C in Bern and 10.5 °C in Basel.",
        "Temperatures in Bern are higher than 8 °C in Basel.",
        "What was it?",
        "Table 3",
        "Permission is granted to copy this under version 1.3 of the licence.",
        "The station was moved by a team of 12 people.",
        "",
        "a | b | 3",
        "As was the case in 2023, revenue in the South grew by 12 %.",
        "When prices rose in 2023, demand fell.",
        "Revenue grew by 12 % in 2024, excluding acquisitions.",
    ],
)
def test_what_is_not_plain_is_left_alone(sentence: str) -> None:
    assert parse_assertion(sentence) is None


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("in 2015", "2015"),
        ("from 1990 to 2020", "1990/2020"),
        ("1990–2020", "1990/2020"),
        ("on 3 May 2015", "2015-05-03"),
        ("in May 2015", "2015-05"),
        ("on March 4, 2020", "2020-03-04"),
        ("since 1990", None),
        ("in 1990 and in 2000", None),
        ("2015 mm", None),
        ("nothing", None),
    ],
)
def test_a_period_is_named_or_unknown(text: str, period: str | None) -> None:
    assert period_of(text) == period


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234.5 kg", [(1234.5, 1, "kg")]),
        ("1'234 CHF", [(1234, 0, "CHF")]),
        ("3,5 °C", [(3.5, 1, "°C")]),
        ("$5 million", [(5_000_000, -6, "USD")]),
        ("see Table 3 (p < 0.05, n = 30) [12]", []),
        ("in 2015", []),
        ("12.5 percent", [(12.5, 1, "%")]),
    ],
)
def test_figures_are_read_with_their_digits_and_unit(text: str, found: list[tuple[float, int, str]]) -> None:
    assert [(q.value, q.digits, q.unit) for q in quantities(text)] == found


@given(st.text(alphabet=st.sampled_from("The mean of Bern was 0123456789.,%°C in by and not $-–()"), max_size=80) | st.text(max_size=60))
def test_any_text_is_read_without_a_fall(text: str) -> None:
    assertion = parse_assertion(text)
    if assertion is not None and assertion.value is not None:
        assert any(c.isdigit() for c in text)
