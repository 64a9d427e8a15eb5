"""Making what a mission read part of its knowledge space, with copies of the texts, so that quotes outlive the mission."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shared.artifacts import ArtifactStore
from shared.documents import Json
from shared.errors import Corrupt, NotFound
from shared.knowledge.port import KnowledgeGraph, Node, Scope


def promote_documents(graph: KnowledgeGraph, artifacts: ArtifactStore, mission: Scope, documents: Sequence[str]) -> int:
    """Merge documents of the mission (their ids in the graph) into its space's global knowledge; how many nodes.

    For what a DONE mission verified. Documents that the space holds stay as they are, so repeating it changes nothing.
    """
    scope = mission.global_scope
    wanted = [d for d in dict.fromkeys(documents) if graph.node(scope, d) is None]
    found = [node for d in wanted if (node := graph.node(mission, d)) is not None]
    changed: list[Node] = []
    for node in found:
        try:
            text_uri = store_text(artifacts, scope, artifacts.get(str(node.properties["text_uri"])))
        except (NotFound, Corrupt):
            continue  # a document whose text is gone cannot be quoted by later missions
        properties: dict[str, Json] = {**node.properties, "text_uri": text_uri}
        changed.append(Node(node.id, node.kind, node.text, properties=properties))
    if not changed:
        return 0
    graph.upsert(mission, changed, ())
    return graph.promote(mission, [node.id for node in changed])


def store_text(artifacts: ArtifactStore, scope: Scope, data: bytes) -> str:
    """Keep an extracted text with its space; its uri."""
    key = f"{space_prefix(scope)}texts/{hashlib.sha256(data).hexdigest()}.txt"
    return artifacts.put(key, data, media_type="text/plain; charset=utf-8").uri


def space_prefix(scope: Scope) -> str:
    """Where a space's artifacts lie."""
    return f"spaces/{hashlib.sha256(scope.owner.encode()).hexdigest()[:16]}/{scope.space}/"
