"""Deleting a mission with everything it wrote. Its audit chain stays, with the deletion as its last entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from functions.missions.answers import Deleted
from schemas.lifecycle import EraseRequest
from schemas.mission import Track
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.documents import DocumentStore, Query, Transaction, Where
from shared.errors import Conflict
from shared.knowledge.port import KnowledgeGraph
from shared.ledger.closing import forget
from shared.ledger.ledger import WRITER
from shared.ledger.records import LedgerRecord, ledger_ref
from shared.missions.audit import Audit
from shared.missions.chain import Happening, spill
from shared.missions.erasing import erase, erase_task
from shared.missions.records import TRACKS, MissionRecord, TrackRecord
from shared.missions.repository import Change, Missions, load
from shared.queue import TaskQueue


@dataclass(frozen=True, slots=True)
class Kept:
    """Where something of a mission may be kept. ``lease_s``: for so long somebody may go on to work on one that has ended."""

    documents: DocumentStore
    missions: Missions
    artifacts: ArtifactStore
    knowledge: KnowledgeGraph
    audit: Audit
    queue: TaskQueue
    clock: Clock
    lease_s: float

    def erase(self, mission_id: str, owner: str, spaces: Sequence[str]) -> int:
        """Remove what lies under the mission's id, and have it looked for again; how many artifacts there were."""
        due = self.clock.now() + timedelta(seconds=self.lease_s)
        self.queue.enqueue(erase_task(mission_id, owner=owner, spaces=spaces, due=due))
        request = EraseRequest(mission_id=mission_id, owner=owner, spaces=tuple(spaces))
        return erase(request, documents=self.documents, artifacts=self.artifacts, knowledge=self.knowledge)


def delete_mission(mission_id: str, kept: Kept, *, owner: str) -> Deleted:
    """Remove the mission's artifacts, knowledge and documents. Raises ``Conflict`` while it runs.

    Its inputs stay: they lie by content, so that the same bytes may be named by another mission, or by one that is being submitted now.
    """
    mission = kept.missions.owned(mission_id, owner)
    if not mission.status.terminal:
        raise Conflict(f"Mission {mission_id} is {mission.status}.", remedy="Cancel it first, then delete it.")

    def decide(current: MissionRecord, _: dict[Track, TrackRecord]) -> Change:
        return Change(current, [Happening("mission.deleted", {"reports": len(current.reports)})])

    deleted = kept.missions.change(mission_id, "api", decide)
    kept.audit.anchor_mission(deleted, kept.missions.tracks(deleted).values())
    removed = kept.erase(mission_id, mission.owner, [mission.request.knowledge_space])
    delete_documents(kept.documents, deleted)
    inputs = mission.request.inputs
    return Deleted(
        mission_id=mission_id, artifacts=removed, inputs_kept=len(inputs), inputs_kept_bytes=sum(item.size or 0 for item in inputs)
    )


def delete_documents(documents: DocumentStore, mission: MissionRecord) -> None:
    """Remove the mission's own documents, but not its audit events, which prove what was done, and what its days have spent."""
    of = (Where("mission_id", "==", mission.mission_id),)

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
