"""What the research track knows between two slices: the stored frontier."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.assertion import Assertion
from schemas.base import Contract, Sha256, Timestamp
from schemas.evidence import AnswerStatus, PromptUse, SubQuestion, Support, Usage

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
    language: str = ""
    """The language of the text, as far as the index tells languages apart."""


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


class Passage(Contract):
    """A passage that a model may read: ``text[start:end]`` of the document's stored text, with its sentences' offsets in that text."""

    id: str
    document_id: str
    start: int
    end: int
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    sentences: tuple[tuple[int, int], ...]
    score: float
    coverage: float
    flags: tuple[str, ...] = ()


class Reading(Contract):
    """Passages that are still to be read for a sub-question."""

    question_id: str
    passages: tuple[Passage, ...]


class Study(Contract):
    """How far the models are with one sub-question: what is looked for, what was read, and whether going on is worth it."""

    question_id: str
    queries: tuple[str, ...]
    answer_if: str = ""
    """What would count as an answer, in the planner's words."""
    read: tuple[str, ...] = ()
    answered: Literal["fully", "partly", "no"] = "no"
    """The most that a reader said of the passages it was given. It counts only together with a claim that holds."""
    holding: int = 0
    """Claims that held when the last round was over."""
    idle: int = 0
    """Rounds in a row without a new claim that holds."""
    exhausted: bool = False
    without_model: bool = False
    """Whether a model that was asked gave no answer that fits: then quotes that code chose stand in, where nothing else holds."""


class ModelClaim(Contract):
    """A statement of a model with its quotes, which stand in the stored texts; ``judged``: an auditor was asked, or need not be."""

    question_id: str
    text: str
    nature: Literal["fact", "inference", "hypothesis"]
    quotes: tuple[Candidate, ...]
    support: Support = "unchecked"
    judged: bool = False
    confidence: float = 0.0
    assertion: Assertion | None = None
    tier: str
    prompt_version: str

    @property
    def holds(self) -> bool:
        """Whether it may reach a summary."""
        return self.support in ("verbatim", "entailed")


class Suggested(Contract):
    """A hypothesis for the other track; ``claims`` are places among the state's claims."""

    text: str
    analysis: str
    claims: tuple[int, ...]


class Conclusion(Contract):
    """What the synthesizer says of one sub-question."""

    question_id: str
    status: AnswerStatus
    note: str = ""
    gaps: tuple[str, ...] = ()
    hypotheses: tuple[Suggested, ...] = ()
    tier: str
    prompt_version: str


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
    studies: tuple[Study, ...] = ()
    frontier: tuple[Reading, ...] = ()
    claims: tuple[ModelClaim, ...] = ()
    conclusions: tuple[Conclusion, ...] = ()
    concluded: tuple[str, ...] = ()
    """Sub-questions that need no synthesizer any more: it answered, gave no answer, or nothing holds that it could be asked about."""
    dropped_claims: dict[str, int] = {}
    """Statements of models that were left out, by reason."""
    tier: str = "extractive"
    prompts: tuple[PromptUse, ...] = ()
    usage: Usage = Usage()

    def answers_something(self, question_id: str) -> bool:
        """Whether there is a quote, or a claim that holds, for a sub-question."""
        quoted = any(quote.candidate.question_id == question_id for quote in self.quotes)
        return quoted or any(claim.holds for claim in self.claims if claim.question_id == question_id)
