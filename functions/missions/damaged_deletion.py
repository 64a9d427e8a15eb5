"""Deleting a mission of which a document cannot be read: by the ids alone, and with a word on what could not be known.

What is left of its audit chains stays. That it was deleted is told by a chain of its own, since the end of the others may be lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from functions.missions.answers import Deleted
from functions.missions.deletion import Kept
from schemas.events import ChainHead
from schemas.mission import MissionRequest
from shared.documents import Document, DocumentStore, Transaction
from shared.errors import Corrupt
from shared.knowledge.port import KnowledgeGraph
from shared.ledger.accounts import ACCOUNTS
from shared.ledger.closing import forget
from shared.ledger.records import ledger_ref, purse_ref
from shared.missions.chain import Chain, ChainPage, Happening, append, event_ref, spill
from shared.missions.chain_reading import Held, held_chains, track_documents
from shared.missions.damaged import owner_of, request_of, space_of, status_of
from shared.missions.records import mission_ref
from shared.telemetry.context import current_trace_id

_WRITER = "deletion"


def delete_damaged(mission_id: str, kept: Kept, *, owner: str, only_owner: bool) -> Deleted:
    """Remove all that lies under the mission's id, whether it had ended or not. Its inputs stay.

    ``NotFound`` where it is somebody else's. Where nobody can read whose it is, ``Corrupt`` unless ``only_owner``: all is the caller's.
    """
    mission = kept.missions.damaged(mission_id, owner)
    if owner_of(mission) is None and not only_owner:
        raise Corrupt(
            f"Whose the mission {mission_id} is cannot be read: nobody may delete it here.",
            remedy=f"Restore the document {mission.ref} from a copy of the data.",
        )
    held = held_chains(kept.documents, mission_id)
    kept.audit.anchor_deletion(mission_id, _tell(kept.documents, mission_id, held, owner, kept.clock.now()))
    spaces = _spaces(mission, kept.knowledge, owner)
    removed = kept.erase(mission_id, owner, spaces)
    money_known = kept.documents.transact(lambda tx: _remove(tx, mission_id))
    request = request_of(mission)
    inputs = request.inputs if request is not None else ()
    return Deleted(
        mission_id=mission_id,
        artifacts=removed,
        inputs_kept=len(inputs),
        inputs_kept_bytes=sum(item.size or 0 for item in inputs),
        unknown=tuple(_unknown(mission, held, request, spaces, money_known=money_known)),
    )


def _tell(documents: DocumentStore, mission_id: str, held: Held, owner: str, at: datetime) -> ChainHead:
    """Write the event of the deletion; its head, also where an earlier call wrote it."""
    happening = Happening("mission.deleted", {"by": owner, "damaged": [str(ref) for ref in sorted(held.damaged)]})

    def work(tx: Transaction) -> ChainHead:
        written = tx.get(event_ref(mission_id, _WRITER, 1))
        if written is not None:
            event = json.loads(ChainPage.read(written).entries[-1])
            return ChainHead(mission_id=mission_id, writer=_WRITER, n=event["n"], hash=event["hash"])
        chain = append(tx, Chain(), [happening], mission_id=mission_id, writer=_WRITER, at=at, trace_id=current_trace_id())
        spill(tx, chain, mission_id=mission_id, writer=_WRITER)
        assert chain.head is not None
        return ChainHead(mission_id=mission_id, writer=_WRITER, n=chain.head.n, hash=chain.head.hash)

    return documents.transact(work)


def _spaces(mission: Document, knowledge: KnowledgeGraph, owner: str) -> tuple[str, ...]:
    """The mission's knowledge space; where that cannot be read, all that it may have been."""
    stated = space_of(mission)
    if stated is not None:
        return (stated,)
    usual = str(MissionRequest.model_fields["knowledge_space"].default)
    return tuple(sorted({usual, *(summary.space for summary in knowledge.spaces(owner))}))


def _remove(tx: Transaction, mission_id: str) -> bool:
    """Remove the mission's own documents in the commit that keeps what is left of their tails as pages; whether its money was known."""
    held = held_chains(tx, mission_id)
    tails = {writer: chain for writer, chain in held.chains.items() if chain.tail is not None}
    taken = {writer for writer, c in tails.items() if c.tail and tx.get(event_ref(mission_id, writer, c.tail.first)) is not None}
    tracks = track_documents(tx, mission_id)
    money_known = True
    try:
        forget(tx, mission_id)
    except Corrupt:  # it reads before it writes
        money_known = False
        for account in ACCOUNTS:
            tx.delete(purse_ref(mission_id, account))
        tx.delete(ledger_ref(mission_id))
    for writer, chain in tails.items():
        if writer not in taken:  # else the tail's number is damaged: what was written once stays as it is
            spill(tx, chain, mission_id=mission_id, writer=writer)
    for track in tracks:
        tx.delete(track.ref)
    tx.delete(mission_ref(mission_id))
    return money_known


def _unknown(mission: Document, held: Held, request: MissionRequest | None, spaces: tuple[str, ...], *, money_known: bool) -> Iterator[str]:
    status = status_of(mission)
    if status is None:
        yield "whether it had ended"
    elif not status.terminal:
        yield f"what became of it: it was {status}, and could not go on"
    if owner_of(mission) is None:
        yield "whose it was: all that is stored here is one owner's"
    if request is None:
        yield "which uploaded files it named: all of them stay"
    if space_of(mission) is None:
        yield f"its knowledge space: what it had read was removed from {', '.join(spaces)}"
    if held.lost:
        yield f"the newest audit events in {', '.join(map(str, held.lost))}: they are lost"
    if not money_known:
        yield "what it had set aside of its days' budgets: that stays set aside"
