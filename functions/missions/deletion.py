"""Deleting a mission with everything it wrote. Its audit chain stays, with the deletion as its last entry."""

from __future__ import annotations

from functions.missions.answers import Deleted
from schemas.mission import Track
from shared.artifacts import ArtifactStore
from shared.dead_letters import DEAD_LETTERS
from shared.documents import DocumentStore, Query, Transaction, Where
from shared.errors import Conflict
from shared.knowledge.port import KnowledgeGraph, Scope
from shared.ledger.closing import forget
from shared.ledger.ledger import WRITER
from shared.ledger.records import LedgerRecord, ledger_ref
from shared.missions.audit import Audit
from shared.missions.chain import Happening, spill
from shared.missions.records import IDEMPOTENCY, JOURNAL, SLICES, TRACKS, MissionRecord, TrackRecord
from shared.missions.repository import Change, Missions, load


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
    scope, folder = Scope(mission.owner, mission.request.knowledge_space, mission_id), f"missions/{mission_id}/"
    knowledge.delete(scope)
    removed = artifacts.delete_prefix(folder)
    delete_documents(documents, deleted)
    # What a slice that was given up long ago has put meanwhile; one that ends from now on finds no mission, and removes it itself.
    knowledge.delete(scope)
    removed += artifacts.delete_prefix(folder)
    inputs = mission.request.inputs
    return Deleted(
        mission_id=mission_id, artifacts=removed, inputs_kept=len(inputs), inputs_kept_bytes=sum(item.size or 0 for item in inputs)
    )


def delete_documents(documents: DocumentStore, mission: MissionRecord) -> None:
    """Remove all documents of the mission but its audit events, which prove what was done, and what its days have spent."""
    of = (Where("mission_id", "==", mission.mission_id),)
    delete_notes(documents, mission.mission_id)

    def work(tx: Transaction) -> None:
        """What holds a chain's tail goes in the commit that keeps the tail as a page."""
        last = load(tx, mission.mission_id)
        tracks = [TrackRecord.known(document) for document in tx.query(Query(TRACKS, of))]
        ledger = tx.get(ledger_ref(mission.mission_id))
        chains = [(writer, last.chain(writer)) for writer in last.tails]
        chains += [(str(track.track), track.chain) for track in tracks]
        chains += [(WRITER, LedgerRecord.read(ledger).chain)] if ledger else []
        forget(tx, mission.mission_id)
        for writer, chain in chains:
            spill(tx, chain, mission_id=mission.mission_id, writer=writer)
        for track in tracks:
            tx.delete(track.ref)
        tx.delete(last.ref)

    documents.transact(work)


def delete_notes(documents: DocumentStore, mission_id: str) -> None:
    """Remove the documents beside the mission's own that hold no part of its audit chain which its pages do not hold."""
    for collection in (DEAD_LETTERS, IDEMPOTENCY, JOURNAL, SLICES):
        for document in documents.query(Query(collection, (Where("mission_id", "==", mission_id),))):
            documents.delete(document.ref)
