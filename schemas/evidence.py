"""``ResearchEvidencePackage``: the research track's handoff to fusion.

Every quote stands in a stored source text at its offsets (invariant 5). Ids are local to the package and the same in equal runs.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from schemas.assertion import Assertion
from schemas.base import SCHEMA_VERSION, Contract, LocalId, MicroUsd, Sha256, Timestamp
from schemas.handoff import TakenUp

AnswerStatus = Literal["answered", "partial", "not_answered", "not_understood"]
Support = Literal["verbatim", "entailed", "unchecked", "contradicted"]
SourceKind = Literal["document", "web", "provider_report"]


class SubQuestion(Contract):
    """A part of the question that can be answered by itself. Both tracks split a question the same way."""

    id: LocalId
    text: str


class Usage(Contract):
    """What the track consumed."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: MicroUsd = 0


class Lineage(Contract):
    """Where a package comes from. It differs between two equal runs, so it shows in the report's provenance only."""

    mission_id: str
    track: str
    attempt: int
    epoch: int
    started_at: Timestamp
    finished_at: Timestamp
    closed_because: str | None = None


class PromptUse(Contract):
    """A prompt that models were asked with; ``sha256`` is of its file."""

    id: str
    version: int
    sha256: Sha256


class Source(Contract):
    """A document or page that was read. ``sha256`` is of its original bytes; ``text_uri`` is the extracted text that quotes point into."""

    id: LocalId
    uri: str
    title: str
    sha256: Sha256
    kind: SourceKind = "document"
    media_type: str = "application/octet-stream"
    date: str | None = None
    pages: int | None = None
    text_uri: str
    text_sha256: Sha256
    extractor: str
    extractor_version: str
    flags: tuple[str, ...] = ()


class Evidence(Contract):
    """An exact quote: ``text[start:end] == quote`` in the source's extracted text (code points)."""

    id: LocalId
    source_id: LocalId
    quote: str = Field(min_length=1)
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    text_sha256: Sha256
    extractor: str
    extractor_version: str
    stance: Literal["supports", "contradicts", "neutral"] = "supports"
    score: float = 0.0
    flags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _span_fits(self) -> Evidence:
        if self.end - self.start != len(self.quote):
            raise ValueError("the quote's length has to be end - start")
        return self


class Claim(Contract):
    """A statement with what supports it. Only ``verbatim`` and ``entailed`` claims may reach a summary."""

    id: LocalId
    question_id: LocalId
    text: str
    assertion: Assertion | None = None
    evidence_ids: tuple[LocalId, ...] = ()
    support: Support = "unchecked"
    nature: Literal["fact", "inference", "hypothesis"] = "fact"
    confidence: float = Field(default=0.0, ge=0, le=1)
    tier: str = "extractive"
    prompt_version: str | None = None
    """``deep_research.reader@1``: the prompt whose answer stated it; ``None`` where it is a quote that code chose."""


class ResearchAnswer(Contract):
    """What research says to one sub-question; ``note`` says why where it is not answered."""

    question_id: LocalId
    status: AnswerStatus
    claim_ids: tuple[LocalId, ...] = ()
    note: str = ""
    tier: str = "extractive"
    prompt_version: str | None = None


class Hypothesis(Contract):
    """Something the data could settle, offered to the analysis track."""

    id: LocalId
    text: str
    suggested_analysis: str = ""
    claim_ids: tuple[LocalId, ...] = ()
    tier: str = "extractive"
    prompt_version: str | None = None


class Gap(Contract):
    """What was looked for and not found."""

    question_id: LocalId | None = None
    text: str
    tier: str = "extractive"
    prompt_version: str | None = None


class ResearchEvidencePackage(Contract):
    """The research track's handoff."""

    schema_version: int = SCHEMA_VERSION
    question: str
    scope: str
    sub_questions: tuple[SubQuestion, ...]
    answers: tuple[ResearchAnswer, ...]
    claims: tuple[Claim, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    sources: tuple[Source, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    gaps: tuple[Gap, ...] = ()
    taken_up: tuple[TakenUp, ...] = ()
    """What the analysis asked for and research looked for while both ran."""
    limitations: tuple[str, ...] = ()
    tier: str = "extractive"
    prompts: tuple[PromptUse, ...] = ()
    dropped: int = 0
    """Statements of a model that were left out: their quote or a figure of theirs does not stand in the documents, for instance."""
    usage: Usage = Usage.model_construct()
    lineage: Lineage

    @model_validator(mode="after")
    def _ids_exist(self) -> ResearchEvidencePackage:
        sources = {s.id for s in self.sources}
        evidence = {e.id for e in self.evidence}
        claims = {c.id for c in self.claims}
        questions = {q.id for q in self.sub_questions}
        missing = [e.source_id for e in self.evidence if e.source_id not in sources]
        missing += [i for c in self.claims for i in c.evidence_ids if i not in evidence]
        missing += [c.question_id for c in self.claims if c.question_id not in questions]
        missing += [i for a in self.answers for i in a.claim_ids if i not in claims]
        missing += [a.question_id for a in self.answers if a.question_id not in questions]
        missing += [i for h in self.hypotheses for i in h.claim_ids if i not in claims]
        missing += [t.question_id for t in self.taken_up if t.question_id not in questions]
        if missing:
            raise ValueError(f"the package refers to ids it does not hold: {sorted(set(missing))}")
        return self
