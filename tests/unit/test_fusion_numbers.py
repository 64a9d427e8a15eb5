"""Which numbers a text states, and whether they have a source."""

from __future__ import annotations

from decimal import Decimal

import pytest

from functions.fusion.numbers import NumberSources, numerals, sentences, unsourced


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("rose by 2.3 °C", ["2.3"]),
        ("12,345 rows", ["12345"]),
        ("12\u202f345 rows", ["12345"]),
        ("between 1961-2020", ["1961", "2020"]),
        ("1.2 million people", ["1200000", "1.2"]),
        ("fig.5", ["5"]),
        ("½ of １２", ["1", "2", "12"]),
        ("10⁵", ["105"]),
        ("twelve stations", ["12"]),
        ("the two groups differ at one site", []),
        ("90% in the 1990s", ["90", "1990"]),
        ("1e-5", ["1", "5"]),
    ],
)
def test_every_number_is_seen(text: str, values: list[str]) -> None:
    assert [str(r.normalize() if r % 1 else r.quantize(Decimal(1))) for n in numerals(text) for r in n.readings] == values


def test_a_number_glued_to_letters_needs_a_source_too() -> None:
    assert unsourced("CHF1200 and PM2.5", NumberSources.of(["PM2.5 in Bern"])) == ("chf1200",)


@pytest.mark.parametrize("text", ["it is 13.5", "it is 14", "nearly 13.48 million", "thirteen", "113.48", "1348"])
def test_a_number_that_is_not_exactly_the_source_has_none(text: str) -> None:
    assert unsourced(text, NumberSources.of(["13.48 °C"]))


@pytest.mark.parametrize("text", ["13.48 degrees", "fell by -13.48", "13.480", "(13.48)"])
def test_the_same_number_in_another_dress_has_one(text: str) -> None:
    assert unsourced(text, NumberSources.of(["−13.48 °C"])) == ()


def test_a_german_source_backs_an_english_number() -> None:
    sources = NumberSources.of(["Es waren 1.234,5 Tonnen und 3,7 Prozent."])
    assert unsourced("1,234.5 tonnes and 3.7 percent", sources) == ()


def test_sentences_do_not_end_inside_a_number() -> None:
    assert sentences("It rose by 2.3 °C. “It fell.” Then 5 more.") == ("It rose by 2.3 °C.", "“It fell.”", "Then 5 more.")
