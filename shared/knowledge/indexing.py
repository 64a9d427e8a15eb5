"""A document as nodes and edges: the document, its chunks in order, and the terms that link chunks of any document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise

from shared.documents import Json
from shared.knowledge.port import Edge, KnowledgeGraph, Node, Scope
from shared.knowledge.terms import index_terms, language_of, salient_terms
from shared.reading.document import ExtractedDocument
from shared.reading.passages import passages

MENTION_WEIGHT = 0.5
NEXT_WEIGHT = 1.0
SIMILAR_AT_LEAST = 0.3
"""Jaccard similarity of two chunks' salient terms from which they are linked."""
SIMILAR_PER_CHUNK = 3
SHOWN_COLUMNS = 200
"""Characters of a table's header that are shown above its rows, as the last of their headings."""
COMMON_TERM = 20
"""A term that more chunks than this mention says too little to look for pairs by it."""


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """A document's node id, its nodes and its edges."""

    id: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def document_id(sha256: str) -> str:
    """The node id of the document with these bytes."""
    return f"document:{sha256[:24]}"


def index_document(document: ExtractedDocument, *, name: str, uri: str, text_uri: str, kind: str = "document") -> IndexedDocument:
    """The document's part of the graph; the same document gives the same ids."""
    language = language_of(document.text)
    own = document_id(document.sha256)
    properties: dict[str, Json] = {
        "name": name,
        "uri": uri,
        "kind": kind,
        "title": document.title or name,
        "sha256": document.sha256,
        "media_type": document.media_type,
        "date": document.date,
        "pages": document.pages,
        "text_uri": text_uri,
        "text_sha256": document.text_sha256,
        "extractor": document.extractor,
        "extractor_version": document.extractor_version,
        "flags": list(document.flags),
        "language": language,
    }
    nodes = [Node(own, "Document", text=document.title or name, properties=properties)]
    edges: list[Edge] = []
    chunks: list[str] = []
    terms: set[str] = set()
    for passage in passages(document):
        text = document.text[passage.start : passage.end]
        chunk = f"chunk:{document.text_sha256[:24]}:{passage.start:08}"
        heading = passage.heading_path[-1] if passage.heading_path else ""
        where: dict[str, Json] = {
            "start": passage.start,
            "end": passage.end,
            "page": passage.page,
            "heading_path": [*passage.heading_path, *([passage.columns[:SHOWN_COLUMNS]] if passage.columns else [])],
            "sentences": [[start, end] for start, end in passage.sentences],
        }
        if passage.columns:
            where["columns"] = passage.columns
        found = index_terms(text, language) + index_terms(heading, language) + index_terms(passage.columns, language)
        nodes.append(Node(chunk, "Chunk", text=text, document=own, terms=found, properties=where))
        edges.append(Edge(own, chunk, "HAS_CHUNK"))
        for term in salient_terms(text, language):
            terms.add(term)
            edges.append(Edge(chunk, f"term:{term}", "MENTIONS", MENTION_WEIGHT))
        chunks.append(chunk)
    nodes.extend(Node(f"term:{term}", "Term", text=term) for term in sorted(terms))
    edges.extend(Edge(left, right, "NEXT_CHUNK", NEXT_WEIGHT) for left, right in pairwise(chunks))
    return IndexedDocument(own, tuple(nodes), tuple(edges))


def link_similar(graph: KnowledgeGraph, scope: Scope) -> int:
    """Link chunks that share much of what sets them apart; how many links. Run it when a batch of documents has been added."""
    mentioned: dict[str, set[str]] = defaultdict(set)
    for edge in graph.edges(scope):
        if edge.kind == "MENTIONS":
            mentioned[edge.source].add(edge.target)
    links = similar_pairs(mentioned)
    graph.upsert(scope, (), links)
    return len(links)


def similar_pairs(mentioned: dict[str, set[str]]) -> list[Edge]:
    """For each chunk its most similar others, by the Jaccard similarity of their salient terms."""
    by_term: dict[str, list[str]] = defaultdict(list)
    for chunk in sorted(mentioned):
        for term in mentioned[chunk]:
            by_term[term].append(chunk)
    pairs = {pair for chunks in by_term.values() if len(chunks) <= COMMON_TERM for pair in combinations(chunks, 2)}
    scored: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for left, right in pairs:
        similarity = _jaccard(mentioned[left], mentioned[right])
        if similarity >= SIMILAR_AT_LEAST:
            scored[left].append((similarity, right))
            scored[right].append((similarity, left))
    kept: dict[tuple[str, str], float] = {}
    for chunk, others in scored.items():
        for similarity, other in sorted(others, key=lambda o: (-o[0], o[1]))[:SIMILAR_PER_CHUNK]:
            kept[min(chunk, other), max(chunk, other)] = similarity
    return [Edge(left, right, "SIMILAR_TO", round(weight, 6)) for (left, right), weight in sorted(kept.items())]


def _jaccard(left: Iterable[str], right: Iterable[str]) -> float:
    first, second = set(left), set(right)
    return len(first & second) / len(first | second) if first or second else 0.0
