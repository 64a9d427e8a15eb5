"""``KnowledgeGraph`` on Neo4j 5.26 or later, through the official driver.

``neo4j_connection``  transactions, limits, retries      ``neo4j_schema``    constraints and indexes
``neo4j_records``     nodes and edges as they are kept   ``neo4j_cypher``    every statement
``neo4j_reading``     what reads                         ``neo4j_writing``   what changes
``neo4j_fulltext``    a search that only finds words     ``neo4j_errors``    what went wrong, and what to do

The ranking, and so every report, is that of the embedded adapter: see ``shared/knowledge/ranking.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from shared.adapters import neo4j_reading as reading
from shared.adapters import neo4j_writing as writing
from shared.adapters.neo4j_connection import Neo4jConnection
from shared.adapters.neo4j_schema import prepare
from shared.knowledge.port import Edge, Hit, Node, NodeKind, QueryTerm, Scope, SpaceSummary, Subgraph


class Neo4jKnowledge:
    """The graph on the cloud. Thread-safe. Makes its constraints and indexes at the first call that finds them missing.

    Reads run in READ mode, in which the server refuses to write: credentials with the role ``reader`` suffice for them.
    """

    def __init__(self, connection: Neo4jConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._is_prepared = False

    def upsert(self, scope: Scope, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        """See ``KnowledgeGraph.upsert``."""
        self._prepared().write(lambda tx: writing.merge(tx, scope, nodes, edges))

    def search(self, query: Sequence[QueryTerm], *, k: int, scopes: Sequence[Scope]) -> list[Hit]:
        """See ``KnowledgeGraph.search``."""
        return self._prepared().read(lambda tx: reading.search(tx, query, k, scopes))

    def neighbourhood(self, node_ids: Sequence[str], *, hops: int, scopes: Sequence[Scope], limit: int = 2_000) -> Subgraph:
        """See ``KnowledgeGraph.neighbourhood``."""
        return self._prepared().read(lambda tx: reading.neighbourhood(tx, node_ids, hops, scopes, limit))

    def node(self, scope: Scope, node_id: str) -> Node | None:
        """See ``KnowledgeGraph.node``."""
        return self._prepared().read(lambda tx: reading.node(tx, scope, node_id))

    def nodes(self, scope: Scope, kind: NodeKind) -> Iterator[Node]:
        """See ``KnowledgeGraph.nodes``."""
        return iter(self._prepared().read(lambda tx: reading.nodes(tx, scope, kind)))

    def edges(self, scope: Scope) -> Iterator[Edge]:
        """See ``KnowledgeGraph.edges``."""
        return iter(self._prepared().read(lambda tx: reading.edges(tx, scope)))

    def promote(self, mission: Scope, documents: Sequence[str]) -> int:
        """See ``KnowledgeGraph.promote``."""
        return self._prepared().write(lambda tx: writing.promote(tx, mission, documents))

    def remove(self, scope: Scope, documents: Sequence[str]) -> int:
        """See ``KnowledgeGraph.remove``."""
        return self._prepared().write(lambda tx: writing.remove(tx, scope, documents))

    def delete(self, scope: Scope) -> int:
        """See ``KnowledgeGraph.delete``."""
        return self._prepared().write(lambda tx: writing.delete(tx, scope))

    def spaces(self, owner: str) -> list[SpaceSummary]:
        """See ``KnowledgeGraph.spaces``."""
        return self._prepared().read(lambda tx: reading.spaces(tx, owner))

    def close(self) -> None:
        """Close the connections; nothing may be called afterwards."""
        self._connection.close()

    def _prepared(self) -> Neo4jConnection:
        with self._lock:
            if not self._is_prepared:
                prepare(self._connection)
                self._is_prepared = True
        return self._connection
