"""Whether the tracks have something to say that the last report does not hold: only then is a report upgraded."""

from __future__ import annotations

from schemas.analysis import AnalyticalReportPackage
from schemas.evidence import ResearchEvidencePackage
from schemas.fusion import FusionInputPackage, TrackHandoff
from schemas.mission import TrackStatus


def has_news(before: FusionInputPackage, now: FusionInputPackage) -> bool:
    """True where a track has since come to its own end, or has found something else. Asked again after the upgrade: false."""
    return (
        _came_to_its_end(before.research_handoff, now.research_handoff, now.research)
        or _came_to_its_end(before.analysis_handoff, now.analysis_handoff, now.analysis)
        or _claims(before.research) != _claims(now.research)
        or _findings(before.analysis) != _findings(now.analysis)
    )


def _came_to_its_end(before: TrackHandoff, now: TrackHandoff, package: ResearchEvidencePackage | AnalyticalReportPackage | None) -> bool:
    early = package is None or package.lineage.closed_because is not None
    return before.status is TrackStatus.DELAYED and now.status is TrackStatus.DONE and not early


def _claims(package: ResearchEvidencePackage | None) -> set[tuple[str, str]]:
    return {(claim.text, claim.support) for claim in package.claims} if package else set()


def _findings(package: AnalyticalReportPackage | None) -> set[str]:
    return {finding.statement for finding in package.findings} if package else set()
