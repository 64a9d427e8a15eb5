"""Knowledge spaces: an owner's documents that every mission of the space can quote. What ``kimera space`` does.

The documents and their texts lie in the artifact store under the owner's space, so that a quote stays checkable when the mission or the
original file is gone.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from schemas.mission import MissionInput
from shared.artifacts import ArtifactStore
from shared.documents import Json
from shared.errors import BadInput, NotFound
from shared.knowledge.indexing import document_id, index_document
from shared.knowledge.port import KnowledgeGraph, Node, Scope, SpaceSummary
from shared.knowledge.promotion import space_prefix, store_text
from shared.knowledge.retrieval import passages_for
from shared.reading.document import EXTRACTOR_VERSION
from shared.reading.extract import extract_document
from shared.sandbox import CodeSandbox, ScopedSandbox

_LEAST_DIGITS = 8
_SHOWN_DIGITS = 12
"""Of a SHA-256: enough to name a document by, and as many as are shown."""
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class AddedFile:
    """What became of one file. ``unchanged``: the space holds it already. ``unreadable``: ``problem`` says why and what to do.

    ``namesakes``: the digits of each other document of that name in the space, an earlier state of the file for one. They stay.
    """

    name: str
    status: Literal["added", "unchanged", "unreadable"]
    title: str = ""
    pages: int | None = None
    passages: int = 0
    warnings: tuple[str, ...] = ()
    problem: str = ""
    namesakes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpaceDocument:
    """A document of a space."""

    name: str
    title: str
    sha256: str
    media_type: str
    pages: int | None
    date: str | None

    @property
    def digits(self) -> str:
        """What it is told from another of its name by."""
        return self.sha256[:_SHOWN_DIGITS]


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage that a search found, and where it stands."""

    text: str
    document: str
    title: str
    page: int | None
    heading_path: tuple[str, ...]
    score: float


class Spaces:
    """The service behind ``kimera space add|list|search|remove|export``. ``scratch`` is a folder for the parsers' files."""

    def __init__(self, sandbox: CodeSandbox, artifacts: ArtifactStore, graph: KnowledgeGraph, scratch: Path) -> None:
        self._sandbox = sandbox
        self._artifacts = artifacts
        self._graph = graph
        self._scratch = scratch

    def add(self, owner: str, space: str, files: Iterable[Path]) -> Iterator[AddedFile]:
        """Add the files, one result each as it is done. A broken file does not stop the others; adding one again changes nothing."""
        scope = _scope(owner, space)
        self._scratch.mkdir(parents=True, exist_ok=True)
        for path in files:
            try:
                yield self._add(scope, path)
            except (BadInput, NotFound) as error:
                yield AddedFile(path.name, "unreadable", problem=str(error))

    def _add(self, scope: Scope, path: Path) -> AddedFile:
        if not path.is_file():
            raise NotFound(f"There is no file {path}.", remedy="Check the spelling.")
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        known = self._graph.node(scope, document_id(digest))
        if known is not None and known.properties.get("extractor_version") == EXTRACTOR_VERSION:
            return AddedFile(path.name, "unchanged", title=str(known.properties["title"]), pages=_pages(known))
        stored = self._artifacts.put_file(f"{space_prefix(scope)}documents/{digest}", path)
        item = MissionInput(uri=stored.uri, kind="document", name=_shown(path.name), sha256=digest)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="space-") as folder:
            own = ScopedSandbox(self._sandbox, space_prefix(scope).rstrip("/"))
            document = extract_document(own, self._artifacts, item, Path(folder))
        text_uri = store_text(self._artifacts, scope, document.text.encode())
        indexed = index_document(document, name=item.name, uri=stored.uri, text_uri=text_uri)
        if known is not None:  # read by an older extractor: its passages point into another text
            self._graph.remove(scope, [known.id])
        self._graph.upsert(scope, indexed.nodes, indexed.edges)
        passages = sum(node.kind == "Chunk" for node in indexed.nodes)
        known_here = map(_document, self._graph.nodes(scope, "Document"))
        namesakes = tuple(other.digits for other in known_here if other.name == item.name and other.sha256 != digest)
        title = document.title or item.name
        return AddedFile(path.name, "added", title, document.pages, passages, document.warnings, namesakes=namesakes)

    def summaries(self, owner: str) -> list[SpaceSummary]:
        """The owner's spaces with their counts; what is left of one whose documents were all taken out, their words, is no space."""
        return [summary for summary in self._graph.spaces(owner) if summary.documents]

    def documents(self, owner: str, space: str) -> Sequence[SpaceDocument]:
        """The documents of a space; ``NotFound`` if the owner has no such space."""
        return [_document(node) for node in self._known(_scope(owner, space))]

    def search(self, owner: str, space: str, text: str, *, k: int = 8) -> Sequence[FoundPassage]:
        """The passages that match best, best first; none where nothing is about it. ``NotFound`` for an unknown space."""
        scope = _scope(owner, space)
        titles = {node.id: node for node in self._known(scope)}
        hits = passages_for(self._graph, text, k=k, scopes=[scope]) or passages_for(self._graph, text, k=k, scopes=[scope], wide=True)
        found: list[FoundPassage] = []
        for hit in hits:
            about, where = titles[hit.node.document or ""].properties, hit.node.properties
            page = where.get("page")
            headings = tuple(str(part) for part in cast("list[str]", where.get("heading_path") or []))
            page_number = page if isinstance(page, int) else None
            found.append(FoundPassage(hit.node.text, str(about["name"]), str(about["title"]), page_number, headings, hit.score))
        return found

    def remove(self, owner: str, space: str, document: str) -> SpaceDocument:
        """Take a document out: no mission finds it any more. ``document``: its name, or the first eight digits of its SHA-256 or more.

        Its stored text stays, so that the reports that quote it can be checked. Raises ``NotFound``, and ``BadInput`` for what several fit.
        """
        scope = _scope(owner, space)
        known = self._known(scope)
        by_digest = len(document) >= _LEAST_DIGITS
        fits = [node for node in known if node.properties["name"] == document] or [
            node for node in known if by_digest and str(node.properties["sha256"]).startswith(document.lower())
        ]
        if not fits:
            raise NotFound(
                f"There is no document {document[:80]!r} in the knowledge space {space!r}.",
                remedy=f"`kimera space list {space}` lists them.",
            )
        if len(fits) > 1:
            digits = ", ".join(_document(node).digits for node in fits)
            raise BadInput(f"{document[:80]!r} fits {len(fits)} documents: {digits}.", remedy="Name one by these digits.")
        self._graph.remove(scope, [fits[0].id])
        return _document(fits[0])

    def export(self, owner: str, space: str) -> Iterator[str]:
        """The space as JSON lines without line ends: its documents, then their passages, then the edges; equal spaces give equal lines."""
        scope = _scope(owner, space)
        for node in self._known(scope):
            yield _line("document", node.id, dict(node.properties))
        for node in self._graph.nodes(scope, "Chunk"):
            yield _line("passage", node.id, {**node.properties, "document": node.document, "text": node.text})
        for edge in self._graph.edges(scope):
            yield json.dumps({"type": "edge", "source": edge.source, "target": edge.target, "kind": edge.kind, "weight": edge.weight})

    def _known(self, scope: Scope) -> list[Node]:
        found = list(self._graph.nodes(scope, "Document"))
        if not found:
            raise NotFound(f"There is no knowledge space {scope.space!r} with documents.", remedy="Add some with `kimera space add`.")
        return found


def _scope(owner: str, space: str) -> Scope:
    if not _NAME.fullmatch(space):
        raise BadInput(
            f"{space[:80]!r} cannot be the name of a knowledge space.", remedy="Use lower-case letters, digits, - and _, at most 64."
        )
    return Scope(owner, space)


def _shown(name: str) -> str:
    """A file's name as a mission input may have it."""
    return "".join(c if c.isprintable() else "_" for c in name)[:255] or "document"


def _pages(node: Node) -> int | None:
    pages = node.properties.get("pages")
    return pages if isinstance(pages, int) else None


def _document(node: Node) -> SpaceDocument:
    about = node.properties
    date = about.get("date")
    return SpaceDocument(
        name=str(about["name"]),
        title=str(about["title"]),
        sha256=str(about["sha256"]),
        media_type=str(about["media_type"]),
        pages=_pages(node),
        date=date if isinstance(date, str) else None,
    )


def _line(kind: str, own: str, content: dict[str, Json]) -> str:
    return json.dumps({"type": kind, "id": own, **content}, ensure_ascii=False, sort_keys=True)
