"""What fusion reads: both packages, their alignment, the mode and the version before."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.analysis import AnalyticalReportPackage
from schemas.assertion import Assertion
from schemas.base import SCHEMA_VERSION, Contract, LocalId, MicroUsd, Timestamp
from schemas.evidence import ResearchEvidencePackage, Usage
from schemas.mission import FusionMode, MissionRequest, TrackStatus

Verdict = Literal["agree", "conflict", "differs_in_scope", "related", "not_comparable"]


class AlignedPair(Contract):
    """A claim and a finding that speak of the same thing, and how they compare. ``conflict`` only when everything else matches."""

    claim_id: LocalId
    finding_id: LocalId
    verdict: Verdict
    reason: str
    matched: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


class ClaimConflict(Contract):
    """Two documents that say different things of the same quantity."""

    first_claim_id: LocalId
    second_claim_id: LocalId
    reason: str


class Alignment(Contract):
    """All pairs with their verdicts; stored before anything is rendered."""

    pairs: tuple[AlignedPair, ...] = ()
    claim_conflicts: tuple[ClaimConflict, ...] = ()
    claims_compared: int = Field(default=0, ge=0)
    """Pairs of claims of different documents that agree or conflict."""


class TrackHandoff(Contract):
    """How a track ended, and why there is no package where there is none."""

    status: TrackStatus
    missing_because: str | None = None


class FilledAssertion(Contract):
    """What a model added to the assertion of a claim or finding (``of``); figures that its quotes do not state are never compared."""

    of: LocalId
    assertion: Assertion


class WordedSentence(Contract):
    """A sentence of the answer as a model worded it: ``{v3}`` slots for figures, and the claims and findings that it rests on."""

    text: str = Field(min_length=1, max_length=600)
    claim_ids: tuple[LocalId, ...] = ()
    finding_ids: tuple[LocalId, ...] = ()


class ModelWork(Contract):
    """What models did for a report, before anything was rendered. ``unrelated`` are proposed pairs that are not about the same thing."""

    filled: tuple[FilledAssertion, ...] = ()
    unrelated: tuple[tuple[LocalId, LocalId], ...] = ()
    sentences: tuple[WordedSentence, ...] = ()
    unsupported: int = Field(default=0, ge=0)
    """Sentences that the checker did not find in what they cite, and that are therefore not among ``sentences``."""
    tier: str = "extractive"
    prompts: dict[str, int] = {}
    """The prompts that were used, with their versions."""
    usage: Usage = Usage.model_construct()
    flags: tuple[str, ...] = ()


class FusionInputPackage(Contract):
    """Everything a report is made from. The same package gives byte-identical reports (invariant 7)."""

    schema_version: int = SCHEMA_VERSION
    mission_id: str
    request: MissionRequest
    mode: FusionMode
    version: int
    research: ResearchEvidencePackage | None = None
    research_handoff: TrackHandoff
    analysis: AnalyticalReportPackage | None = None
    analysis_handoff: TrackHandoff
    alignment: Alignment
    model_work: ModelWork | None = None
    flags: tuple[str, ...] = ()
    cost_per_account: dict[str, MicroUsd] = {}
    """What the mission had spent when this was made, by account; one that paid for nothing is not named."""
    previous_outcome_uri: str | None = None
    created_at: Timestamp
