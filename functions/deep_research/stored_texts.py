"""The stored texts that quotes point into, each read once and checked against its sha256."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from functions.deep_research.state import Candidate, ReadDocument
from shared.artifacts import ArtifactStore
from shared.errors import Corrupt, NotFound


class StoredTexts:
    """The texts of these documents."""

    def __init__(self, artifacts: ArtifactStore, read: Sequence[ReadDocument]) -> None:
        self._artifacts = artifacts
        self._documents = {document.document_id: document for document in read}
        self._texts: dict[str, str | None] = {}

    def text(self, document_id: str) -> str | None:
        """The document's text; ``None`` if it is gone or not the one that was indexed."""
        if document_id not in self._texts:
            self._texts[document_id] = self._load(document_id)
        return self._texts[document_id]

    def _load(self, document_id: str) -> str | None:
        document = self._documents.get(document_id)
        if document is None:
            return None
        try:
            data = self._artifacts.get(document.text_uri)
        except (NotFound, Corrupt):
            return None
        return data.decode() if hashlib.sha256(data).hexdigest() == document.text_sha256 else None

    def holds(self, candidate: Candidate) -> bool:
        """Whether the quote stands at its offsets."""
        text = self.text(candidate.document_id)
        return text is not None and bool(candidate.quote) and text[candidate.start : candidate.end] == candidate.quote
