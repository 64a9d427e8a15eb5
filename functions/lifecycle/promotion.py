"""What a mission verified becomes part of its knowledge space, so that later missions can quote it."""

from __future__ import annotations

from functions.lifecycle.ending import handed_on
from schemas.evidence import ResearchEvidencePackage
from schemas.messages import ExecutionRef
from schemas.mission import MissionStatus, Track
from shared.artifacts import ArtifactStore
from shared.knowledge.indexing import document_id
from shared.knowledge.port import KnowledgeGraph, Scope
from shared.knowledge.promotion import promote_documents
from shared.missions.repository import Missions, fence

UNNAMED = "default"
"""Missions that named no space share nothing: what one read would turn up in the next one's answers."""


def promote_verified(missions: Missions, request: ExecutionRef, *, artifacts: ArtifactStore, graph: KnowledgeGraph) -> int:
    """Merge the documents that support a verified claim into the space of a mission that is about to be DONE; how many nodes.

    Before the end, not after it: a call that dies in between is repeated then, and repeating it changes nothing.
    """
    mission = missions.get(request.mission_id)
    if handed_on(mission, request):
        return 0
    fence(mission, request)
    shared_space = mission.request.knowledge_space != UNNAMED
    ending_well = (mission.status is MissionStatus.FUSION or mission.late) and not mission.cancel_requested
    if not shared_space or not ending_well:
        return 0
    research = missions.tracks(mission)[Track.DEEP_RESEARCH]
    if research.handoff_uri is None:
        return 0
    package = ResearchEvidencePackage.model_validate_json(artifacts.get(research.handoff_uri))
    cited = {evidence for claim in package.claims if claim.support in ("verbatim", "entailed") for evidence in claim.evidence_ids}
    sources = {evidence.source_id for evidence in package.evidence if evidence.id in cited}
    documents = [document_id(source.sha256) for source in package.sources if source.id in sources]
    scope = Scope(mission.owner, mission.request.knowledge_space, mission.mission_id)
    return promote_documents(graph, artifacts, scope, documents)
