"""What changes the graph, each a function of one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from shared.adapters import neo4j_cypher as cypher
from shared.adapters.neo4j_records import Row, batches, edge_from, edge_row, key_of, node_from, node_row, scope_word
from shared.knowledge.port import Edge, EdgeKind, Node, NodeKind, Scope

if TYPE_CHECKING:
    from neo4j import ManagedTransaction


def merge(tx: ManagedTransaction, scope: Scope, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
    """Each node and edge as given; of several with one id the last. In one order, so that two writers seldom wait for each other."""
    statements = cypher.MERGE_MISSION if scope.mission_id else cypher.MERGE_GLOBAL
    kinds: dict[NodeKind, list[Row]] = defaultdict(list)
    for _, node in sorted({node.id: node for node in nodes}.items()):
        kinds[node.kind].append(node_row(scope, node))
    for kind, rows in sorted(kinds.items()):
        for part in batches(rows):
            tx.run(statements[kind], rows=part).consume()
    links: dict[EdgeKind, list[Row]] = defaultdict(list)
    for _, edge in sorted({(edge.source, edge.target, edge.kind): edge for edge in edges}.items()):
        links[edge.kind].append(edge_row(edge))
    for link, rows in sorted(links.items()):
        for part in batches(rows):
            tx.run(cypher.MERGE_EDGES[link], scope=scope_word(scope), rows=part).consume()


def promote(tx: ManagedTransaction, mission: Scope, documents: Sequence[str]) -> int:
    """Copy documents, their chunks, the edges between them and the terms that these mention; how many nodes."""
    word = scope_word(mission)
    keys = sorted({key_of(document) for document in documents})
    moved = [node_from(row["node"]) for row in tx.run(cypher.NODES_OF_DOCUMENTS, scope=word, keys=keys)]
    copied = {node.id for node in moved}
    edges = [edge_from(row) for row in tx.run(cypher.EDGES_FROM, scope=word, keys=sorted(key_of(node) for node in copied))]
    terms = sorted({edge.target for edge in edges if edge.kind == "MENTIONS"})
    moved += [Node(term, "Term", text=term.removeprefix("term:")) for term in terms]
    kept = copied.union(terms)
    merge(tx, mission.global_scope, moved, [edge for edge in edges if edge.target in kept])
    return len(moved)


def remove(tx: ManagedTransaction, scope: Scope, documents: Sequence[str]) -> int:
    """Take documents out, with their chunks and all edges at them; how many nodes."""
    keys = sorted({key_of(document) for document in documents})
    return _count(tx, cypher.REMOVE_DOCUMENTS, scope=scope_word(scope), keys=keys)


def delete(tx: ManagedTransaction, scope: Scope) -> int:
    """Take everything out of the scope; how many nodes."""
    return _count(tx, cypher.DELETE_SCOPE, scope=scope_word(scope))


def _count(tx: ManagedTransaction, statement: str, **parameters: object) -> int:
    row = tx.run(statement, parameters).single(strict=True)
    return cast(int, row["nodes"])
