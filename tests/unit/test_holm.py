"""Holm's adjustment over the tests of a mission."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from functions.ds_star.holm import holm


def test_the_textbook_example() -> None:
    assert [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])] == [0.03, 0.06, 0.06, 0.02]


@given(st.lists(st.floats(0, 1), max_size=12))
def test_no_p_gets_smaller_and_their_order_stays(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    ranked = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)
