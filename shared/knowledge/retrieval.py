"""Passages for a question: text search, and what the graph adds to it where that was measured to help (decision 0005)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.knowledge.pagerank import personalised_pagerank
from shared.knowledge.port import Hit, KnowledgeGraph, QueryTerm, Scope
from shared.knowledge.terms import query_terms

COVERAGE_FLOOR = 0.45
"""A passage holds at least this share of the question's weight, else it is not about the question."""
SEEDS = 24
HOPS = 2
GRAPH_SHARE = 0.3
"""The weight of the graph's rank beside the text's (decision 0005)."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A passage that was found; ``seed`` tells whether the text search found it or the graph alone."""

    hit: Hit
    rank_score: float


def search_passages(graph: KnowledgeGraph, query: Sequence[QueryTerm], *, k: int, scopes: Sequence[Scope]) -> list[Hit]:
    """The plain text search."""
    return graph.search(query, k=k, scopes=scopes) if query else []


def search_with_graph(graph: KnowledgeGraph, query: Sequence[QueryTerm], *, k: int, scopes: Sequence[Scope]) -> list[Hit]:
    """Text search seeds, reordered by how near each lies to all the others in the graph."""
    seeds = search_passages(graph, query, k=SEEDS, scopes=scopes)
    if len(seeds) < 2:
        return seeds[:k]
    around = graph.neighbourhood([hit.node.id for hit in seeds], hops=HOPS, scopes=scopes)
    weights = personalised_pagerank(around.nodes, around.edges, {hit.node.id: hit.score for hit in seeds})
    best_text = seeds[0].score
    best_graph = max((weights.get(hit.node.id, 0.0) for hit in seeds), default=0.0) or 1.0

    def score(hit: Hit) -> float:
        return (1 - GRAPH_SHARE) * hit.score / best_text + GRAPH_SHARE * weights.get(hit.node.id, 0.0) / best_graph

    return sorted(seeds, key=lambda hit: (-round(score(hit), 9), hit.node.id))[:k]


def passages_for(graph: KnowledgeGraph, question: str, *, k: int, scopes: Sequence[Scope], wide: bool = False) -> list[Hit]:
    """At most ``k`` passages about the question, best first; an empty list where nothing is. ``wide``: words may go on."""
    query = query_terms(question, prefix=wide)
    hits = search_passages(graph, query, k=max(SEEDS, k), scopes=scopes)
    return [hit for hit in hits if hit.coverage >= COVERAGE_FLOOR][:k]
