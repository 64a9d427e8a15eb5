"""The ``KnowledgeGraph`` port. Its adapters, in ``shared/adapters/``: ``sqlite_knowledge.py`` (embedded), ``neo4j_knowledge.py`` (cloud).

Every adapter passes ``tests/contract/test_knowledge_graph.py``, and ``test_knowledge_graphs_agree.py`` compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from shared.documents import Json

NodeKind: TypeAlias = Literal["Document", "Chunk", "Term", "Thought", "Critique", "Hypothesis", "AntiPattern", "FunctionCall"]
EdgeKind: TypeAlias = Literal["HAS_CHUNK", "NEXT_CHUNK", "MENTIONS", "SIMILAR_TO", "ABOUT"]


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whose knowledge, and of which domain. With a ``mission_id``: what one mission read; without: the space's global knowledge.

    Scopes never mix: what is written to one is found through it alone.
    """

    owner: str
    space: str
    mission_id: str | None = None

    @property
    def global_scope(self) -> Scope:
        """The space's global knowledge."""
        return Scope(self.owner, self.space)


@dataclass(frozen=True, slots=True)
class Node:
    """A node. ``id`` is content-derived, so that equal things merge. A Chunk is found by its ``terms`` and belongs to ``document``."""

    id: str
    kind: NodeKind
    text: str = ""
    document: str | None = None
    terms: tuple[str, ...] = ()
    properties: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between two nodes of one scope. ``weight`` is positive."""

    source: str
    target: str
    kind: EdgeKind
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """One thing asked for: any of ``alternatives`` (stems of one word) matches; with ``prefix``, words that begin so match as well."""

    alternatives: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A Chunk that matches. ``score`` is BM25 over the searched scopes; ``coverage`` the share of the query's weight it holds, 0 to 1."""

    node: Node
    scope: Scope
    score: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Nodes around some others, and all edges between them."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class SpaceSummary:
    """A knowledge space and how much is in its global knowledge."""

    space: str
    documents: int
    chunks: int


class KnowledgeGraph(Protocol):
    """Durable: what returned survives ``kill -9``. Each call is one transaction. Errors: ``Unavailable``, ``StorageFull``, ``Corrupt``."""

    def upsert(self, scope: Scope, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        """MERGE: a node or edge that is there gets the new content; the same call twice changes nothing."""
        ...

    def search(self, query: Sequence[QueryTerm], *, k: int, scopes: Sequence[Scope]) -> list[Hit]:
        """The best ``k`` chunks, best first, ties by id. Scores depend on the searched scopes only, never on what else is stored.

        A chunk that lies in several scopes is found once, in the first of them. No match: an empty list.
        """
        ...

    def neighbourhood(self, node_ids: Sequence[str], *, hops: int, scopes: Sequence[Scope], limit: int = 2_000) -> Subgraph:
        """What is reached in ``hops`` steps along edges of any direction; at most ``limit`` nodes, nearer ones first, then by id."""
        ...

    def node(self, scope: Scope, node_id: str) -> Node | None:
        """One node, or ``None``."""
        ...

    def nodes(self, scope: Scope, kind: NodeKind) -> Iterator[Node]:
        """All nodes of a kind, by id."""
        ...

    def edges(self, scope: Scope) -> Iterator[Edge]:
        """All edges, in order."""
        ...

    def promote(self, mission: Scope, documents: Sequence[str]) -> int:
        """Merge these documents, their chunks and the edges between them into the global knowledge, all or none; how many nodes."""
        ...

    def remove(self, scope: Scope, documents: Sequence[str]) -> int:
        """Take documents with their chunks out; how many nodes went."""
        ...

    def delete(self, scope: Scope) -> int:
        """Remove everything in this very scope (a mission's deletion leaves the space alone); how many nodes there were."""
        ...

    def spaces(self, owner: str) -> list[SpaceSummary]:
        """The owner's spaces that hold global knowledge, by name."""
        ...

    def close(self) -> None: ...
