"""What reads the graph, each a function of one transaction. Order is made here: it is that of the ids, as in every adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from shared.adapters import neo4j_cypher as cypher
from shared.adapters.neo4j_fulltext import expressions
from shared.adapters.neo4j_records import edge_from, key_of, node_from, scope_word
from shared.knowledge.port import Edge, Hit, Node, NodeKind, QueryTerm, Scope, SpaceSummary, Subgraph
from shared.knowledge.ranking import Candidate, rank

if TYPE_CHECKING:
    from neo4j import ManagedTransaction


def search(tx: ManagedTransaction, query: Sequence[QueryTerm], k: int, scopes: Sequence[Scope]) -> list[Hit]:
    """The full-text index finds candidates; ``rank`` decides, by the statistics of the scopes alone."""
    words = {scope_word(scope): scope for scope in scopes}
    order = {word: place for place, word in enumerate(words)}
    found: dict[str, tuple[str, str]] = {}
    for expression in expressions(query, list(words)):
        for scope, node, terms in tx.run(cypher.CANDIDATES, expression=expression, scopes=list(words)):
            if node not in found or order[scope] < order[found[node][0]]:
                found[node] = (scope, terms)
    if not found:
        return []
    candidates = [Candidate(node, tuple(terms.split(" "))) for node, (_, terms) in sorted(found.items())]
    chunks, length = tx.run(cypher.STATISTICS, scopes=list(words)).single(strict=True)
    best = rank(query, candidates, chunks=chunks, mean_length=length / chunks if chunks else 0.0)[:k]
    keys = [[found[ranked.id][0], key_of(ranked.id)] for ranked in best]
    nodes = {row["node"]["id"]: node_from(row["node"]) for row in tx.run(cypher.NODES_BY_KEY, keys=keys)}
    return [Hit(nodes[ranked.id], words[found[ranked.id][0]], ranked.score, ranked.coverage) for ranked in best]


def neighbourhood(tx: ManagedTransaction, node_ids: Sequence[str], hops: int, scopes: Sequence[Scope], limit: int) -> Subgraph:
    """Nearer nodes first, then by id; and the edges among them."""
    words = [scope_word(scope) for scope in scopes]
    frontier = _ids(tx, cypher.PRESENT, words, node_ids)
    reached = dict.fromkeys(frontier)
    for _ in range(hops):
        ends = _ids(tx, cypher.NEIGHBOURS, words, frontier)
        frontier = [end for end in ends if end not in reached][: max(0, limit - len(reached))]
        reached.update(dict.fromkeys(frontier))
        if not frontier:
            break
    keys = [key_of(node) for node in reached]
    inside = {edge_from(row) for row in tx.run(cypher.EDGES_AMONG, scopes=words, keys=keys)}
    return Subgraph(tuple(reached), tuple(sorted(inside, key=lambda e: (e.source, e.target, e.kind, e.weight))))


def node(tx: ManagedTransaction, scope: Scope, node_id: str) -> Node | None:
    """One node, or ``None``."""
    row = tx.run(cypher.NODE, scope=scope_word(scope), key=key_of(node_id)).single()
    return node_from(row["node"]) if row else None


def nodes(tx: ManagedTransaction, scope: Scope, kind: NodeKind) -> list[Node]:
    """All of a kind, by id."""
    rows = tx.run(cypher.NODES, scope=scope_word(scope), kind=kind)
    return sorted((node_from(row["node"]) for row in rows), key=lambda n: n.id)


def edges(tx: ManagedTransaction, scope: Scope) -> list[Edge]:
    """All edges, in order."""
    rows = tx.run(cypher.EDGES, scope=scope_word(scope))
    return sorted((edge_from(row) for row in rows), key=lambda e: (e.source, e.target, e.kind))


def spaces(tx: ManagedTransaction, owner: str) -> list[SpaceSummary]:
    """The owner's spaces with global knowledge, by name."""
    rows = tx.run(cypher.SPACES, owner=owner)
    return sorted((SpaceSummary(space, documents, chunks) for space, documents, chunks in rows), key=lambda s: s.space)


def _ids(tx: ManagedTransaction, statement: str, scopes: Sequence[str], node_ids: Sequence[str]) -> list[str]:
    keys = sorted({key_of(node) for node in node_ids})
    return sorted(cast(str, found) for (found,) in tx.run(statement, scopes=list(scopes), keys=keys))
