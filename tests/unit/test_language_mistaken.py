"""A figure of one thing in a sentence about another is told by the names that the data has."""

from __future__ import annotations

import pytest

from shared.language.mistaken import Kinds

KINDS = Kinds.of([("North", "South", "West Virginia", "Virginia", "Other"), ("Tea", "Coffee"), ("2023", "2024"), ("IN", "OR"), ("solo",)])
OF = {"v1": "revenue of North", "v2": "total_revenue_south", "v3": "total region == 'North' and product == 'Tea'", "v4": "total revenue"}


@pytest.mark.parametrize(
    "sentence",
    [
        "South earned {v1}.",
        "The south region had {v1} in 2024.",
        "North earned {v2}.",
        "North sold coffee for {v3}.",
        "North earned {v1}; Virginia earned {v2}.",
        "North earned {v1}, while North lost {v2}.",
        "West Virginia earned {v1}.",
    ],
)
def test_a_figure_of_another_is_found(sentence: str) -> None:
    assert KINDS.mistaken(sentence, OF)


@pytest.mark.parametrize(
    "sentence",
    [
        "North earned {v1}.",
        "North and South earned {v1} and {v2}.",
        "North, South and Virginia earned {v1}, {v2} and less.",
        "North earned more than South ({v1}).",
        "In North, revenue was {v1}, but it was {v2} in South.",
        "In all, {v4} were earned in South.",
        "The leader earned {v1}.",
        "Norden verdiente {v1}.",
        "Tea brought {v3} in North.",
        "All other regions had less than {v1}.",
        "South earned {v9}.",
        "South earned a lot.",
    ],
)
def test_what_the_names_leave_open_is_not_judged(sentence: str) -> None:
    assert not KINDS.mistaken(sentence, OF)


def test_a_column_with_one_value_or_with_figures_tells_nothing() -> None:
    assert Kinds.of([("solo",), ("2023", "2024"), ("a", "b"), ("Other", "Total")]).kinds == ()
