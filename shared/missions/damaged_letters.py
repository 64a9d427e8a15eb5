"""A dead letter that is damaged: what is left of it, as a letter that can be shown and put aside."""

from __future__ import annotations

from datetime import datetime

from schemas.events import AuditEvent
from shared.dead_letters import NO_MISSION, Letter
from shared.documents import Document, Json, Transaction
from shared.errors import Corrupt
from shared.missions.chain import ChainPage, ChainPointer, event_ref


def mission_of(document: Document) -> str | None:
    """The mission that the letter is about; ``None`` where it has none, or where that cannot be read."""
    named = _fields(document).get("mission_id")
    return named if isinstance(named, str) and named and "/" not in named else None


def owner_of(document: Document) -> str | None:
    """Whose the letter is; ``None`` where it is nobody's, or where that cannot be read."""
    owner = _fields(document).get("owner")
    return owner if isinstance(owner, str) else None


def restored(tx: Transaction, document: Document, damaged: Corrupt, *, owner: str | None, at: datetime, about: str | None = None) -> Letter:
    """The letter with its whole document as its message, which is no JSON object, so that no handler is sent it; not stored yet.

    Its chain goes on behind its last page: all its events are pages. ``about`` is its mission, where the caller knows.
    """
    fields, name = _fields(document), document.ref.id
    writer = f"letter-{name}"
    mission_id = about or mission_of(document)
    head = _last(tx, mission_id, writer) if mission_id is not None else None
    if head is None:
        mission_id, head = None, _last(tx, NO_MISSION, writer)
    route = fields.get("route")
    return Letter(
        name=name,
        route=route if isinstance(route, str) else "unknown",
        payload=[dict(fields)],
        error=damaged.message,
        deliveries=0,
        at=at,
        mission_id=mission_id,
        owner=owner,
        head=head,
    )


def _last(tx: Transaction, about: str, writer: str) -> ChainPointer | None:
    """The last event of the letter's chain."""
    head: ChainPointer | None = None
    while (page := tx.get(event_ref(about, writer, head.n + 1 if head else 1))) is not None:
        event = AuditEvent.model_validate_json(ChainPage.read(page).entries[-1])
        head = ChainPointer(n=event.n, hash=event.hash)
    return head


def _fields(document: Document) -> dict[str, Json]:
    try:
        return document.data
    except Corrupt:  # it is no JSON object any more
        return {}
