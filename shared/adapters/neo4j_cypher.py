"""Every Cypher statement of the graph. Data comes in as parameters alone; labels and relationship types are those of the port's kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from shared.adapters.neo4j_schema import CHUNK_WORDS
from shared.knowledge.port import EdgeKind, NodeKind

_NODE_KINDS: Final[tuple[NodeKind, ...]] = get_args(NodeKind)
_EDGE_KINDS: Final[tuple[EdgeKind, ...]] = get_args(EdgeKind)


def _merge_nodes(kind: NodeKind, area: str) -> str:
    others = "".join(f":{other}" for other in _NODE_KINDS if other != kind)
    return (
        "UNWIND $rows AS row MERGE (n:Knowledge {scope: row.scope, key: row.key}) "  # the constraint makes two at once into one
        f"SET n = row SET n:{kind}:{area} REMOVE n{others}"
    )


MERGE_GLOBAL: Mapping[NodeKind, str] = {kind: _merge_nodes(kind, "GlobalKnowledge") for kind in _NODE_KINDS}
MERGE_MISSION: Mapping[NodeKind, str] = {kind: _merge_nodes(kind, "MissionKnowledge") for kind in _NODE_KINDS}
MERGE_EDGES: Mapping[EdgeKind, str] = {
    kind: (
        "UNWIND $rows AS row "
        "MERGE (a:Knowledge {scope: $scope, key: row.source}) ON CREATE SET a.id = row.source_id "
        "MERGE (b:Knowledge {scope: $scope, key: row.target}) ON CREATE SET b.id = row.target_id "
        f"MERGE (a)-[r:{kind}]->(b) SET r.weight = row.weight"
    )
    for kind in _EDGE_KINDS
}
"""An edge may come before what it links: the end is then a place without a kind, which is no node yet."""

_NODE = "n {.id, .kind, .text, .document, .words, .properties} AS node"
_EDGE = "a.id, b.id, type(r), r.weight"

NODE = f"MATCH (n:Knowledge {{scope: $scope, key: $key}}) WHERE n.kind IS NOT NULL RETURN {_NODE}"
NODES = f"MATCH (n:Knowledge {{scope: $scope}}) WHERE n.kind = $kind RETURN {_NODE}"
NODES_BY_KEY = (
    f"UNWIND $keys AS at MATCH (n:Knowledge {{scope: at[0], key: at[1]}}) WHERE n.kind IS NOT NULL RETURN {_NODE}, n.scope AS scope"
)
EDGES = f"MATCH (a:Knowledge {{scope: $scope}})-[r]->(b:Knowledge) RETURN {_EDGE}"
EDGES_FROM = f"UNWIND $keys AS key MATCH (a:Knowledge {{scope: $scope, key: key}})-[r]->(b:Knowledge) RETURN {_EDGE}"

CANDIDATES = (
    f"CALL db.index.fulltext.queryNodes('{CHUNK_WORDS}', $expression) YIELD node AS n "
    "WHERE n.scope IN $scopes RETURN n.scope AS scope, n.id AS id, n.words AS words"
)
STATISTICS = (
    "MATCH (n:Chunk) WHERE n.scope IN $scopes WITH n.key AS key, max(n.length) AS length RETURN count(*) AS chunks, sum(length) AS length"
)
PRESENT = (
    "UNWIND $scopes AS scope UNWIND $keys AS key MATCH (n:Knowledge {scope: scope, key: key}) WHERE n.kind IS NOT NULL RETURN DISTINCT n.id"
)
NEIGHBOURS = "UNWIND $scopes AS scope UNWIND $keys AS key MATCH (n:Knowledge {scope: scope, key: key})--(m:Knowledge) RETURN DISTINCT m.id"
EDGES_AMONG = (
    "UNWIND $scopes AS scope UNWIND $keys AS key MATCH (a:Knowledge {scope: scope, key: key})-[r]->(b:Knowledge) "
    f"WHERE b.key IN $keys RETURN {_EDGE}"
)

_OF_DOCUMENTS = (
    "CALL () { UNWIND $keys AS key MATCH (n:Knowledge {scope: $scope, key: key}) WHERE n.kind IS NOT NULL RETURN n "
    "UNION UNWIND $keys AS key MATCH (n:Knowledge {scope: $scope, document_key: key}) WHERE n.kind IS NOT NULL RETURN n }"
)
NODES_OF_DOCUMENTS = f"{_OF_DOCUMENTS} RETURN {_NODE}"
REMOVE_DOCUMENTS = f"{_OF_DOCUMENTS} DETACH DELETE n RETURN count(*) AS nodes"
DELETE_SCOPE = "MATCH (n:Knowledge {scope: $scope}) WITH n, n.kind AS kind DETACH DELETE n RETURN count(kind) AS nodes"
SPACES = (
    "MATCH (n:GlobalKnowledge {owner: $owner}) RETURN n.space AS space, "
    "count(CASE n.kind WHEN 'Document' THEN 1 END) AS documents, count(CASE n.kind WHEN 'Chunk' THEN 1 END) AS chunks"
)
COMPONENTS = "CALL dbms.components() YIELD versions, edition RETURN versions[0] AS version, edition"
ACCESS = "SHOW DATABASES YIELD name, access WHERE name = $database RETURN access"
