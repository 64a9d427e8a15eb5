"""What of a deleted mission is looked for twice: its knowledge, its artifacts, and the documents beside its own.

Somebody may still work on a mission that has ended, and store something behind its deletion: a slice that was given up, one of a late
track, a report that is being upgraded. So the deletion leaves a task in the queue, due when every lease that was given is over
(``shared/times.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from schemas.lifecycle import EraseRequest
from shared.artifacts import ArtifactStore
from shared.dead_letters import DEAD_LETTERS
from shared.documents import DocumentStore, Query, Where
from shared.knowledge.port import KnowledgeGraph, Scope
from shared.missions.records import ACTIVITY, IDEMPOTENCY, JOURNAL, SLICES
from shared.queue import Task

_BESIDE = (ACTIVITY, DEAD_LETTERS, IDEMPOTENCY, JOURNAL, SLICES)
"""Collections that hold no part of a mission's audit chain which its pages do not hold."""


def erase_task(mission_id: str, *, owner: str, spaces: Sequence[str], due: datetime) -> Task:
    """The task for ``lifecycle`` to look once more. It has to be queued before the mission's own document goes."""
    request = EraseRequest(mission_id=mission_id, owner=owner, spaces=tuple(spaces))
    return Task(name=f"erase-{mission_id}", route="lifecycle/erase", payload=request.model_dump(mode="json"), not_before=due)


def erase(request: EraseRequest, *, documents: DocumentStore, artifacts: ArtifactStore, knowledge: KnowledgeGraph) -> int:
    """Remove all that lies under the mission's id but its own documents and its audit events; how many artifacts that were."""
    for space in request.spaces:
        knowledge.delete(Scope(request.owner, space, request.mission_id))
    removed = artifacts.delete_prefix(f"missions/{request.mission_id}/")
    for collection in _BESIDE:
        for document in documents.query(Query(collection, (Where("mission_id", "==", request.mission_id),))):
            documents.delete(document.ref)
    return removed
