"""Personalised PageRank: a distribution, near the seeds, the same every time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.knowledge.pagerank import personalised_pagerank
from shared.knowledge.port import Edge

CHAIN = [Edge("a", "b", "NEXT_CHUNK"), Edge("b", "c", "NEXT_CHUNK"), Edge("c", "d", "NEXT_CHUNK")]


def test_weight_falls_with_the_distance_from_the_seed() -> None:
    p = personalised_pagerank("abcd", CHAIN, {"a": 1})
    assert p["b"] > p["c"] > p["d"] > 0
    assert p["a"] > p["c"]


def test_it_solves_its_equation() -> None:
    p = personalised_pagerank("ab", [Edge("a", "b", "NEXT_CHUNK")], {"a": 1}, restart=0.5)
    assert p["a"] == pytest.approx(2 / 3)
    assert p["b"] == pytest.approx(1 / 3)


def test_without_seeds_there_is_nothing() -> None:
    assert personalised_pagerank("ab", CHAIN, {}) == {}
    assert personalised_pagerank("ab", CHAIN, {"z": 1}) == {}


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.floats(0.01, 10)), max_size=15),
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 10), min_size=1),
)
def test_it_is_a_distribution(links: list[tuple[str, str, float]], seeds: dict[str, float]) -> None:
    edges = [Edge(a, b, "SIMILAR_TO", w) for a, b, w in links]
    p = personalised_pagerank("abcdef", edges, seeds)
    assert sum(p.values()) == pytest.approx(1)
    assert min(p.values()) >= 0
