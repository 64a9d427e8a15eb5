"""Personalised PageRank, p = (1 - c) A p + c u, by power iteration (Page et al. 1999; Haveliwala 2002)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.knowledge.port import Edge

RESTART = 0.25
TOLERANCE = 1e-9
MAX_ITERATIONS = 100


def personalised_pagerank(
    nodes: Sequence[str], edges: Sequence[Edge], seeds: Mapping[str, float], *, restart: float = RESTART
) -> dict[str, float]:
    """Each node's weight as seen from the seeds; the weights sum to 1.

    Edges count in both directions, by their weight. What a node without edges holds goes back to the seeds. Without seeds among the
    nodes: an empty result.
    """
    index = {node: i for i, node in enumerate(nodes)}
    total = sum(weight for node, weight in seeds.items() if node in index and weight > 0)
    if total <= 0:
        return {}
    u = [max(seeds.get(node, 0.0), 0.0) / total for node in nodes]
    links: list[list[tuple[int, float]]] = [[] for _ in nodes]
    for edge in edges:
        if edge.source in index and edge.target in index and edge.source != edge.target and edge.weight > 0:
            links[index[edge.source]].append((index[edge.target], edge.weight))
            links[index[edge.target]].append((index[edge.source], edge.weight))
    out = [sum(weight for _, weight in found) for found in links]
    p = list(u)
    for _ in range(MAX_ITERATIONS):
        loose = sum(value for value, weight in zip(p, out, strict=True) if weight == 0)
        following = [(restart + (1 - restart) * loose) * start for start in u]
        for i, found in enumerate(links):
            share = (1 - restart) * p[i] / out[i] if out[i] else 0.0
            for j, weight in found:
                following[j] += share * weight
        moved = sum(abs(a - b) for a, b in zip(following, p, strict=True))
        p = following
        if moved < TOLERANCE:
            break
    return dict(zip(nodes, p, strict=True))
