"""Passages for a question: text search. What personalised PageRank adds to it was measured, and does not help yet (decision 0005)."""

from __future__ import annotations

from collections.abc import Sequence

from shared.knowledge.pagerank import personalised_pagerank
from shared.knowledge.port import Hit, KnowledgeGraph, QueryTerm, Scope
from shared.knowledge.terms import query_terms

COVERAGE_FLOOR = 0.3
"""A passage holds at least this share of the question's weight, else it is not about the question (decision 0005)."""
SEEDS = 24
HOPS = 2
GRAPH_SHARE = 0.3
"""The weight of the graph's rank beside the text's; 0.1 to 0.7 were measured (decision 0005)."""


def search_passages(graph: KnowledgeGraph, query: Sequence[QueryTerm], *, k: int, scopes: Sequence[Scope]) -> list[Hit]:
    """The plain text search."""
    return graph.search(query, k=k, scopes=scopes) if query else []


def search_with_graph(graph: KnowledgeGraph, query: Sequence[QueryTerm], *, k: int, scopes: Sequence[Scope]) -> list[Hit]:
    """Text search seeds; then these and what lies around them, ordered by BM25 and personalised PageRank together."""
    seeds = search_passages(graph, query, k=SEEDS, scopes=scopes)
    if not seeds:
        return []
    around = graph.neighbourhood([hit.node.id for hit in seeds], hops=HOPS, scopes=scopes)
    weights = personalised_pagerank(around.nodes, around.edges, {hit.node.id: hit.score for hit in seeds})
    best_text = seeds[0].score
    best_graph = max((weights.get(hit.node.id, 0.0) for hit in seeds), default=0.0) or 1.0
    known = {hit.node.id for hit in seeds}
    reached = sorted((n for n in weights if n.startswith("chunk:") and n not in known), key=lambda n: (-weights[n], n))[:SEEDS]
    added = [Hit(node, scope, 0.0, 0.0) for n in reached for scope in scopes[:1] if (node := graph.node(scope, n)) is not None]

    def score(hit: Hit) -> float:
        return (1 - GRAPH_SHARE) * hit.score / best_text + GRAPH_SHARE * weights.get(hit.node.id, 0.0) / best_graph

    return sorted([*seeds, *added], key=lambda hit: (-round(score(hit), 9), hit.node.id))[:k]


def passages_for(graph: KnowledgeGraph, question: str, *, k: int, scopes: Sequence[Scope], wide: bool = False) -> list[Hit]:
    """At most ``k`` passages about the question, best first; an empty list where nothing is. ``wide``: words may go on."""
    query = query_terms(question, prefix=wide)
    hits = search_passages(graph, query, k=max(SEEDS, k), scopes=scopes)
    return [hit for hit in hits if hit.coverage >= COVERAGE_FLOOR][:k]
