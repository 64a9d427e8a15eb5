"""A noun fits its number."""

from __future__ import annotations

import pytest

from shared.counted import counted


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("page",), "0 pages"),
        (1, ("page",), "1 page"),
        (2, ("page",), "2 pages"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
    ],
)
def test_the_noun_fits_the_number(count: int, words: tuple[str, ...], said: str) -> None:
    assert counted(count, *words) == said
