"""Deleting a mission with everything it wrote. Its audit chain stays, with the deletion as its last entry."""

from __future__ import annotations

from functions.missions.answers import Deleted
from schemas.mission import Track
from shared.artifacts import ArtifactStore
from shared.dead_letters import DEAD_LETTERS
from shared.documents import DocumentStore, Query, Where
from shared.errors import Conflict
from shared.knowledge.port import KnowledgeGraph, Scope
from shared.missions.audit import Audit
from shared.missions.chain import Happening
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change, Missions


def delete_mission(
    mission_id: str,
    *,
    owner: str,
    documents: DocumentStore,
    missions: Missions,
    artifacts: ArtifactStore,
    knowledge: KnowledgeGraph,
    audit: Audit,
) -> Deleted:
    """Remove the mission's artifacts, knowledge and documents. Raises ``Conflict`` while it runs.

    Its inputs stay: they lie by content, so that the same bytes may be named by another mission, or by one that is being submitted now.
    """
    mission = missions.owned(mission_id, owner)
    if not mission.status.terminal:
        raise Conflict(f"Mission {mission_id} is {mission.status}.", remedy="Cancel it first, then delete it.")

    def decide(current: MissionRecord, _: dict[Track, TrackRecord]) -> Change:
        return Change(current, [Happening("mission.deleted", {"reports": len(current.reports)})])

    deleted = missions.change(mission_id, "api", decide)
    audit.anchor_mission(deleted, missions.tracks(deleted).values())
    knowledge.delete(Scope(mission.owner, mission.request.knowledge_space, mission_id))
    removed = artifacts.delete_prefix(f"missions/{mission_id}/")
    for letter in documents.query(Query(DEAD_LETTERS, (Where("mission_id", "==", mission_id),))):
        documents.delete(letter.ref)
    missions.delete(deleted)
    inputs = mission.request.inputs
    return Deleted(
        mission_id=mission_id, artifacts=removed, inputs_kept=len(inputs), inputs_kept_bytes=sum(item.size or 0 for item in inputs)
    )
