"""``MissionOutcomePackage``: what fusion publishes. Outside ``provenance``, two equal runs give equal packages."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.analysis import TestResult
from schemas.base import SCHEMA_VERSION, Contract, LocalId, MicroUsd, Scalar, Sha256, Timestamp
from schemas.evidence import AnswerStatus, Support

Origin = Literal["document", "data"]


class Citation(Contract):
    """Where a sentence comes from, in the reader's terms: a quote in a document, or figures of a run."""

    origin: Origin
    label: str
    quote: str | None = None
    source_title: str | None = None
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    script: str | None = None
    flags: tuple[str, ...] = ()


class StatedValue(Contract):
    """A figure of the report, formatted by code, with what it is."""

    name: str
    text: str
    value: Scalar
    unit: str | None = None
    n: int | None = None
    filters: str | None = None
    script: str
    line: int


class MergedClaim(Contract):
    """A statement of the report with its citations."""

    id: LocalId
    origin: Origin
    text: str
    support: Support
    citations: tuple[Citation, ...] = Field(min_length=1)
    values: tuple[StatedValue, ...] = ()
    test: TestResult | None = None
    n_used: int | None = None
    n_dropped: int | None = None


class Agreement(Contract):
    """A document and the data say the same, within the stated tolerance."""

    document: MergedClaim
    data: MergedClaim
    reason: str


class Comparison(Contract):
    """A document and the data speak of the same measure, but not surely of the same thing: the reader compares."""

    document: MergedClaim
    data: MergedClaim
    reason: str


class Conflict(Contract):
    """Two statements about the same thing that cannot both hold."""

    first: MergedClaim
    second: MergedClaim
    reason: str


class HandedOver(Contract):
    """What one track suggested to the other or asked it for while both ran, and what came of it: ``open`` where it came too late."""

    by: Literal["documents", "analysis"]
    text: str
    status: AnswerStatus | Literal["open"]
    source: str = ""
    """Which document suggests it."""
    because: str = ""
    """Why it was asked for: what the data hold instead."""
    note: str = ""
    """Why it is open, or is not answered."""


class Section(Contract):
    """The technical body for one sub-question."""

    question: str
    status: AnswerStatus
    handed_over: tuple[HandedOver, ...] = ()
    """Why the section is there, where it is not a part of the question, or who else asked for it."""
    asked: bool = True
    """Whether it is a part of the question; else only a track asked for it."""
    reading: str = ""
    findings: tuple[MergedClaim, ...] = ()
    passages: tuple[MergedClaim, ...] = ()
    notes: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


class OutcomeArtifact(Contract):
    """A chart, table or script of the report; its uri stands in the provenance."""

    name: str
    kind: Literal["chart", "table", "script", "data"]
    sha256: Sha256
    media_type: str
    caption: str = ""
    question: str | None = None


class OutcomeSource(Contract):
    """A document that the report quotes or read, in the reader's terms."""

    title: str
    sha256: Sha256
    url: str | None = None
    """Where a page of the web was found."""
    pages: int | None = None
    date: str | None = None
    cited_pages: tuple[int, ...] = ()
    quotes: int = 0
    flags: tuple[str, ...] = ()


class Trust(Contract):
    """The trust strip: what a reader should know before believing the rest."""

    tier: str
    verified: int
    unverified: int
    compared: int | None = Field(default=None, ge=0)
    """Pairs of statements that agree or conflict: without one, that there is no conflict says nothing. Reports of before do not count."""
    dropped_sentences: int = 0
    cost_micro_usd: MicroUsd = 0
    flags: tuple[str, ...] = ()


class Provenance(Contract):
    """All that may differ between two equal runs: ids, times, uris."""

    mission_id: str
    version: int
    created_at: Timestamp
    started_at: Timestamp | None = None
    uris: dict[str, str] = {}
    attempts: dict[str, int] = {}
    kimera_version: str = ""
    closed_because: dict[str, str] = {}


class MissionOutcomePackage(Contract):
    """One version of a mission's report."""

    schema_version: int = SCHEMA_VERSION
    version: int = Field(ge=1)
    kind: Literal["partial", "final", "upgrade"]
    status: AnswerStatus
    question: str
    answer: tuple[str, ...] = Field(max_length=5)
    executive_summary: tuple[MergedClaim, ...] = ()
    sections: tuple[Section, ...] = ()
    handoffs: tuple[HandedOver, ...] = ()
    """All that the tracks handed to each other while both ran, also what is still open."""
    agreements: tuple[Agreement, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    assumptions: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    """What a reader has to know first, in sentences: a partial report, a track that failed or still runs, and why."""
    changes: tuple[str, ...] = ()
    """What is new since the version that this one replaces."""
    trust: Trust
    cost_per_track: dict[str, MicroUsd] = {}
    artifacts: tuple[OutcomeArtifact, ...] = ()
    sources: tuple[OutcomeSource, ...] = ()
    provenance: Provenance
