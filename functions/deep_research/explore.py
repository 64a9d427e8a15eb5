"""Explore: each document is read, its text stored beside the mission, and its passages put into the mission's part of the graph."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import Literal

from functions.deep_research.instructions import INSTRUCTION_LIKE, reads_like_instructions
from functions.deep_research.state import ReadDocument, ResearchState, UnreadDocument
from schemas.evidence import SourceKind
from shared.artifacts import ArtifactStore
from shared.counted import counted
from shared.documents import Json
from shared.errors import BadInput, NotFound
from shared.knowledge.indexing import document_id, index_document
from shared.knowledge.port import KnowledgeGraph, Scope
from shared.reading.document import ExtractedDocument
from shared.reading.extract import Unfinished, extract_within
from shared.sandbox import CodeSandbox
from shared.tracks import Note, SliceContext, SliceOutcome

MAX_TABLES = 40
"""Tables of one document that are offered as data."""


def mission_scope(context: SliceContext) -> Scope:
    """Where this mission's own knowledge lies."""
    return Scope(context.owner, context.request.knowledge_space, context.mission_id)


def explore(sandbox: CodeSandbox, graph: KnowledgeGraph, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
    """Read the next documents, at least a part of one, until the time for a checkpoint has come or all are read."""
    documents = context.documents
    notes: list[Note] = []
    at = state.next_document
    progress = ""
    while at < len(documents):
        item = documents[at]
        try:
            context.doing(f"reading {item.name} ({at + 1} of {counted(len(documents), 'document')})")
            found = extract_within(sandbox, context.artifacts, item, context.workdir, time_left=context.time_left, doing=context.doing)
            if isinstance(found, Unfinished):
                progress = f"reading {item.name}: {found.pages_read} of {counted(found.pages, 'page')}"
                break
            state, note = take_in(graph, context, state, item.name, found, uri=item.uri)
            notes.append(note)
        except (BadInput, NotFound) as error:  # one broken document does not stop the others
            unread = UnreadDocument(name=item.name, reason=str(error))
            state = state.model_copy(update={"unread": (*state.unread, unread)})
            notes.append(Note("document.unreadable", {"document": at, "code": error.code}))
        at += 1
        state = state.model_copy(update={"next_document": at})
        if context.time_left() <= 0:
            break
    if at >= len(documents):
        progress = _summary(state, len(documents))
        state = state.model_copy(update={"phase": "plan"})
    return SliceOutcome(state, progress=progress or f"read {at} of {counted(len(documents), 'document')}", notes=tuple(notes))


def _summary(state: ResearchState, documents: int) -> str:
    if not documents:
        return "no documents were given"
    pages = sum(document.pages or 0 for document in state.read)
    text = f"read {len(state.read)} of {counted(documents, 'document')}" + (f", {counted(pages, 'page')}" if pages else "")
    return text + (f"; {len(state.unread)} cannot be read" if state.unread else "")


def take_in(
    graph: KnowledgeGraph,
    context: SliceContext,
    state: ResearchState,
    name: str,
    document: ExtractedDocument,
    *,
    uri: str,
    origin: Literal["mission", "web"] = "mission",
) -> tuple[ResearchState, Note]:
    """Store the text, index the passages, offer the tables."""
    own = document_id(document.sha256)
    twin = next((known for known in state.read if known.document_id == own), None)
    if twin is not None:
        if origin == "web":
            return state, Note("document.duplicate", {"document": own})
        unread = UnreadDocument(name=name, reason=f"{name} is the same file as {twin.name}; it was read once.")
        return state.model_copy(update={"unread": (*state.unread, unread)}), Note("document.duplicate", {"document": own})
    text_uri = store_text(context.artifacts, context.mission_id, document.text)
    kind: SourceKind = "web" if origin == "web" else "document"
    indexed = index_document(document, name=name, uri=uri, text_uri=text_uri, kind=kind)
    graph.upsert(mission_scope(context), indexed.nodes, indexed.edges)
    tables = _offer_tables(context, name, document) if origin == "mission" else []
    flags = (*document.flags, INSTRUCTION_LIKE) if reads_like_instructions(document.text) else document.flags
    read = ReadDocument(
        document_id=own,
        origin=origin,
        kind=kind,
        name=name,
        uri=uri,
        title=document.title or name,
        sha256=document.sha256,
        media_type=document.media_type,
        date=document.date,
        pages=document.pages,
        text_uri=text_uri,
        text_sha256=document.text_sha256,
        extractor=document.extractor,
        extractor_version=document.extractor_version,
        flags=flags,
        warnings=tuple(f"{name}: {warning}" for warning in document.warnings),
        tables=len(tables),
        language=str(indexed.nodes[0].properties["language"]),
    )
    detail: dict[str, Json] = {
        "document": own,
        "pages": document.pages,
        "characters": len(document.text),
        "passages": sum(node.kind == "Chunk" for node in indexed.nodes),
        "tables": list(tables),
    }
    if INSTRUCTION_LIKE in flags:
        detail[INSTRUCTION_LIKE] = True
    return state.model_copy(update={"read": (*state.read, read)}), Note("document.read", detail)


def store_text(artifacts: ArtifactStore, mission_id: str, text: str) -> str:
    """Keep an extracted text with the mission, so that its quotes can be checked as long as the mission exists; the uri."""
    data = text.encode()
    key = f"missions/{mission_id}/texts/{hashlib.sha256(data).hexdigest()}.txt"
    return artifacts.put(key, data, media_type="text/plain; charset=utf-8").uri


def _offer_tables(context: SliceContext, name: str, document: ExtractedDocument) -> list[Json]:
    """The document's tables as CSV artifacts, which an analysis can take as data; their uris."""
    uris: list[Json] = []
    for number, table in enumerate(document.tables[:MAX_TABLES], start=1):
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(table.rows)
        place = f"-page-{table.page}" if table.page else ""
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name.rsplit("/", 1)[-1])[:80]
        stored = context.put_artifact(f"{plain}-table-{number}{place}.csv", stream.getvalue().encode(), media_type="text/csv")
        uris.append(stored.uri)
    return uris
