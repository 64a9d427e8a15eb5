"""Nodes, edges and scopes as Neo4j keeps them.

A node carries the label ``Knowledge``, that of its kind, and ``MissionKnowledge`` or ``GlobalKnowledge``: what one mission read is apart
from what its space knows, and a role can be given either.
``scope`` stands for its owner, space and mission in one word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar, cast

from shared.documents import Json
from shared.knowledge.port import Edge, EdgeKind, Node, NodeKind, Scope

Row: TypeAlias = dict[str, str | int | float | None]
RowT = TypeVar("RowT", bound=Mapping[str, object])
_LONGEST_KEY = 1_000
"""Characters: an index of Neo4j takes values of at most some 8,000 bytes, and a word of a document can be longer."""
_ROWS = 500
_CHARACTERS = 2_000_000
"""In one statement: what goes over the wire and is held by the server at once."""


def scope_word(scope: Scope) -> str:
    """The scope in one word, safe in a full-text query; never the same for two scopes."""
    whole = json.dumps([scope.owner, scope.space, scope.mission_id or ""])
    return hashlib.sha256(whole.encode()).hexdigest()[:40]


def key_of(node_id: str) -> str:
    """By what a node is found in its scope: its id, or the hash of a very long one."""
    if len(node_id) <= _LONGEST_KEY:
        return node_id
    return f"{node_id[:40]}...{hashlib.sha256(node_id.encode()).hexdigest()}"


def node_row(scope: Scope, node: Node) -> Row:
    """All that is kept of a node. Terms are those of a Chunk: nothing else is searched."""
    return {
        "scope": scope_word(scope),
        "key": key_of(node.id),
        "owner": scope.owner,
        "space": scope.space,
        "mission": scope.mission_id or "",
        "id": node.id,
        "kind": node.kind,
        "document": node.document,
        "document_key": key_of(node.document) if node.document is not None else None,
        "text": node.text,
        "words": " ".join(node.terms) if node.kind == "Chunk" else None,
        "length": len(node.terms),
        "properties": json.dumps(dict(node.properties), ensure_ascii=False, sort_keys=True),
    }


def node_from(row: Mapping[str, object]) -> Node:
    """The node that was kept as ``row``."""
    properties: dict[str, Json] = json.loads(cast(str, row["properties"]))
    words = cast("str | None", row.get("words"))
    document = cast("str | None", row.get("document"))
    terms = tuple(words.split()) if words else ()
    return Node(cast(str, row["id"]), cast(NodeKind, row["kind"]), cast(str, row["text"]), document, terms, properties)


def edge_row(edge: Edge) -> Row:
    """All that is kept of an edge; its kind is the relationship's type."""
    return {
        "source": key_of(edge.source),
        "source_id": edge.source,
        "target": key_of(edge.target),
        "target_id": edge.target,
        "weight": float(edge.weight),
    }


def edge_from(row: Sequence[object]) -> Edge:
    """The edge of ``source, target, kind, weight``."""
    source, target, kind, weight = row
    return Edge(cast(str, source), cast(str, target), cast(EdgeKind, kind), cast(float, weight))


def batches(rows: Sequence[RowT]) -> Iterator[list[RowT]]:
    """The rows in order, in parts that one statement takes."""
    part: list[RowT] = []
    size = 0
    for row in rows:
        weight = sum(len(value) for value in row.values() if isinstance(value, str))
        if part and (len(part) >= _ROWS or size + weight > _CHARACTERS):
            yield part
            part, size = [], 0
        part.append(row)
        size += weight
    if part:
        yield part
