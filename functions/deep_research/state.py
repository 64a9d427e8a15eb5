"""What the research track knows between two slices: the stored frontier."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.assertion import Assertion
from schemas.base import Contract, Sha256, Timestamp
from schemas.evidence import SubQuestion

Phase = Literal["explore", "plan", "batch", "audit", "synthesize"]


class ReadDocument(Contract):
    """A document whose text is stored and indexed. ``origin`` tells whether the mission brought it or its knowledge space has it."""

    document_id: str
    origin: Literal["mission", "space"]
    name: str
    uri: str
    title: str
    sha256: Sha256
    media_type: str
    date: str | None = None
    pages: int | None = None
    text_uri: str
    text_sha256: Sha256
    extractor: str
    extractor_version: str
    flags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    tables: int = 0


class UnreadDocument(Contract):
    """A document that could not be read, and why, in words for the reader."""

    name: str
    reason: str


class Candidate(Contract):
    """A quote that may answer a sub-question: ``text[start:end] == quote`` in the document's stored text, still to be checked."""

    question_id: str
    document_id: str
    start: int
    end: int
    quote: str
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    score: float
    coverage: float
    causal: bool = False
    flags: tuple[str, ...] = ()


class CheckedQuote(Contract):
    """A candidate that stands at its offsets in the stored text; with what its sentence asserts, where that is plain."""

    candidate: Candidate
    assertion: Assertion | None = None


class ResearchState(BaseModel):
    """The state between slices; ``ResearchState()`` is the one before the first."""

    model_config = ConfigDict(frozen=True)

    phase: Phase = "explore"
    started_at: Timestamp | None = None
    next_document: int = 0
    read: tuple[ReadDocument, ...] = ()
    unread: tuple[UnreadDocument, ...] = ()
    space_documents: int = 0
    """How many documents the knowledge space holds beside the mission's own; those in which something is found join ``read``."""
    sub_questions: tuple[SubQuestion, ...] = ()
    refusal: str = ""
    round: int = 0
    idle_rounds: int = 0
    candidates: tuple[Candidate, ...] = ()
    quotes: tuple[CheckedQuote, ...] = ()
    dropped_quotes: int = 0
    disagreements: tuple[str, ...] = ()
