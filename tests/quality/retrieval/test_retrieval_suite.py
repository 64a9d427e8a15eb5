"""The figures that decision 0005 rests on. If one of them moves, look at the record again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.knowledge.port import KnowledgeGraph
from tests.quality.retrieval.measure import Floor, build, floor, load, plain, score, with_graph

QUESTIONS = load()[1]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeGraph]:
    built = build(tmp_path_factory.mktemp("retrieval"))
    yield built
    built.close()


@pytest.mark.parametrize(("kind", "at_least"), [("direct", 1.0), ("linked", 1.0), ("bridged", 0.75)])
def test_text_search_finds_the_passages(graph: KnowledgeGraph, kind: str, at_least: float) -> None:
    assert score(graph, plain, [q for q in QUESTIONS if q.kind == kind]).recall_at_3 >= at_least


def test_pagerank_does_not_beat_text_search_yet(graph: KnowledgeGraph) -> None:
    """When this fails, the graph has begun to help: decide anew."""
    asked = [q for q in QUESTIONS if q.answers]
    assert score(graph, with_graph, asked).recall_at_3 <= score(graph, plain, asked).recall_at_3


def test_the_floor_refuses_what_is_not_there_and_loses_no_answer(graph: KnowledgeGraph) -> None:
    assert floor(graph, QUESTIONS) == Floor(refused=4, lost=0, tempted=0)
