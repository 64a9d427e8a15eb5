"""The audit chain inside a transaction: each writer's events are linked by hashes (invariant 9).

A writer's chain moves together with the document it writes anyway (the mission, or its track's attempt), which holds the chain's
head. So an event costs one write and no read, and is there exactly if the change it tells of is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.events import AuditEvent
from shared.documents import Json, Transaction
from shared.missions.records import ChainPointer, event_ref

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Happening:
    """Something worth an audit event. ``detail`` holds references and figures, never content."""

    kind: str
    detail: Mapping[str, Json] = field(default_factory=dict)


def digest(event: Mapping[str, Json]) -> str:
    """The SHA-256 over the canonical JSON of an event without its ``hash``."""
    body = {key: value for key, value in event.items() if key != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def append(
    transaction: Transaction,
    head: ChainPointer | None,
    happenings: Sequence[Happening],
    *,
    mission_id: str,
    writer: str,
    at: datetime,
    trace_id: str | None = None,
) -> ChainPointer | None:
    """Write the happenings behind ``head`` and return the new head, which the caller stores in the same transaction."""
    for happening in happenings:
        unsigned = AuditEvent(
            mission_id=mission_id,
            writer=writer,
            n=head.n + 1 if head else 1,
            kind=happening.kind,
            at=at,
            detail=dict(happening.detail),
            trace_id=trace_id,
            previous=head.hash if head else GENESIS,
            hash=GENESIS,
        )
        event = unsigned.model_copy(update={"hash": digest(unsigned.model_dump(mode="json"))})
        transaction.create(event_ref(event), event.model_dump(mode="json"))
        head = ChainPointer(n=event.n, hash=event.hash)
    return head
