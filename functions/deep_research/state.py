"""What the research track knows between two slices: the stored frontier."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.assertion import Assertion
from schemas.base import Contract, Sha256, Timestamp
from schemas.evidence import AnswerStatus, PromptUse, SourceKind, SubQuestion, Support, Usage
from schemas.handoff import TakenUp
from shared.waiting import Waited
from shared.web.agent import JobStatus, ReportCitation

Phase = Literal["explore", "fetch", "read", "plan", "batch", "audit", "synthesize"]
Origin = Literal["mission", "space", "web", "provider"]
"""Who brought a document: the mission, its knowledge space, the web, or a remote agent, whose report is text that is not verified."""


class ReadDocument(Contract):
    """A document whose text is stored and, but for an agent's report, indexed."""

    document_id: str
    origin: Origin
    kind: SourceKind = "document"
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


class WebPage(Contract):
    """A page that somebody named. It is fetched and stored in one slice and read in a later one, so that what is read stays the same."""

    url: str
    title: str = ""
    reported: bool = False
    """Whether a remote agent cites it; else a search found it."""
    artifact_uri: str | None = None
    """Its bytes, once it was fetched."""
    found_at: str = ""
    """Where it was in the end, after redirects."""
    document_id: str | None = None
    """What it became, once it was read."""
    problem: str = ""
    """Why it could not be had."""

    @property
    def waits_to_be_fetched(self) -> bool:
        """Whether nobody has tried it yet."""
        return self.artifact_uri is None and not self.problem

    @property
    def waits_to_be_read(self) -> bool:
        """Whether it is stored and not read yet."""
        return self.artifact_uri is not None and self.document_id is None and not self.problem


class RemoteJob(Contract):
    """The remote agent's job, as far as the track is with it. ``row`` is the journal row that pays for it."""

    row: str = ""
    name: str = ""
    begun_at: Timestamp | None = None
    tries: int = 0
    """How often it was tried to begin it."""
    unseen: int = 0
    """How often in a row the provider did not know it."""
    status: JobStatus | None = None
    """How it ended; ``None`` while it works, or where it never began."""
    problem: str = ""
    """Why it brought no whole report."""

    @property
    def works(self) -> bool:
        """Whether it was begun and has not ended."""
        return bool(self.row) and self.status is None

    @property
    def waits_to_begin(self) -> bool:
        """Whether it is worth another try."""
        return not self.row and not self.problem


class Reported(Contract):
    """A statement of the remote agent whose words do not stand in a page that it cites: ``quote`` stands in its report."""

    text: str
    quote: Candidate


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
    offered: int = 0
    """How many hypotheses were published for the analysis."""
    taken_up: tuple[TakenUp, ...] = ()
    """What the analysis asked for: under a sub-question that says the same, or one of its own (``a1``)."""
    waited: Waited = Waited.model_construct()
    """How the track has waited for what the analysis may ask for."""
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
    remote: RemoteJob | None = None
    citations: tuple[ReportCitation, ...] = ()
    """What the remote agent's report attributes to which page, in offsets of the report."""
    reported: tuple[Reported, ...] = ()
    requoted: tuple[CheckedQuote, ...] = ()
    """What the agent said that does stand in a page that it cites, as it stands there."""
    pages: tuple[WebPage, ...] = ()
    searched: tuple[str, ...] = ()
    """The queries that the web was searched with."""
    search_over: bool = False
    """Whether the web is searched no further: a search was refused."""

    def answers_something(self, question_id: str) -> bool:
        """Whether there is a quote, or a claim that holds, for a sub-question."""
        quoted = any(quote.candidate.question_id == question_id for quote in self.quotes)
        return quoted or any(claim.holds for claim in self.claims if claim.question_id == question_id)
