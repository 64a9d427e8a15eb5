"""What fusion reads: both packages, their alignment, the mode and the version before."""

from __future__ import annotations

from typing import Literal

from schemas.analysis import AnalyticalReportPackage
from schemas.base import SCHEMA_VERSION, Contract, LocalId, MicroUsd, Timestamp
from schemas.evidence import ResearchEvidencePackage
from schemas.mission import MissionRequest, TrackStatus

FusionMode = Literal["partial", "final", "upgrade"]
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


class TrackHandoff(Contract):
    """How a track ended, and why there is no package where there is none."""

    status: TrackStatus
    missing_because: str | None = None


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
    flags: tuple[str, ...] = ()
    cost_per_account: dict[str, MicroUsd] = {}
    """What the mission had spent when this was made, by account; one that paid for nothing is not named."""
    previous_outcome_uri: str | None = None
    created_at: Timestamp
