"""What a mission may search: its own documents, and those of the owner's knowledge space."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from functions.deep_research.explore import mission_scope
from functions.deep_research.quotes import quotes_from, with_context
from functions.deep_research.state import Candidate, ReadDocument, ResearchState
from shared.knowledge.port import Hit, KnowledgeGraph, Node
from shared.knowledge.retrieval import passages_for
from shared.knowledge.terms import query_terms
from shared.tracks import SliceContext

MAX_PER_QUESTION = 8


class Library:
    """Searches for one slice; ``read`` grows by the documents of the space in which something was found."""

    def __init__(self, graph: KnowledgeGraph, context: SliceContext, read: Iterable[ReadDocument]) -> None:
        self._graph = graph
        self._mission = mission_scope(context)
        self._read = {document.document_id: document for document in read}
        self._own = {document.document_id for document in self._read.values() if document.origin != "space"}

    @property
    def read(self) -> tuple[ReadDocument, ...]:
        """All documents that were read, or in which something was found."""
        return tuple(self._read.values())

    def search(self, words: str, *, k: int, wide: bool) -> list[Hit]:
        """Passages about ``words``, best first; ``wide``: words may go on ("participat...")."""
        mission = self._mission
        hits = passages_for(self._graph, words, k=k, scopes=(mission, mission.global_scope), wide=wide)
        return [hit for hit in hits if hit.scope == mission or hit.node.document not in self._own]

    def take(self, documents: Iterable[str]) -> None:
        """Note that something in these documents is used."""
        for document in sorted(set(documents) - self._read.keys()):
            node = self._graph.node(self._mission.global_scope, document)
            if node is not None:
                self._read[document] = _from_space(node)

    def knows(self, document_id: str) -> bool:
        """Whether the document is among those that were read."""
        return document_id in self._read


def candidates_for(library: Library, state: ResearchState, at: int, *, wide: bool) -> list[Candidate]:
    """Quotes for one sub-question, chosen by code."""
    question = state.sub_questions[at]
    words = with_context(state.sub_questions, at)
    hits = library.search(words, k=2 * MAX_PER_QUESTION, wide=wide)
    quotes = quotes_from(question, query_terms(words, prefix=wide), hits)
    library.take(quote.document_id for quote in quotes)
    return [quote for quote in quotes if library.knows(quote.document_id)]


def _from_space(node: Node) -> ReadDocument:
    """A document of the knowledge space, as it was indexed there."""
    about = node.properties
    pages, date = about.get("pages"), about.get("date")
    return ReadDocument(
        document_id=node.id,
        origin="space",
        kind="web" if about.get("kind") == "web" else "document",
        name=str(about["name"]),
        uri=str(about["uri"]),
        title=str(about["title"]),
        sha256=str(about["sha256"]),
        media_type=str(about["media_type"]),
        date=date if isinstance(date, str) else None,
        pages=pages if isinstance(pages, int) else None,
        text_uri=str(about["text_uri"]),
        text_sha256=str(about["text_sha256"]),
        extractor=str(about["extractor"]),
        extractor_version=str(about["extractor_version"]),
        flags=tuple(cast("list[str]", about.get("flags") or [])),
        language=str(about.get("language") or ""),
    )
