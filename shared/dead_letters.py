"""Tasks and messages that could not be delivered: kept with all that is needed to look at them and to send them again.

The embedded queue writes a letter when it gives a task up. Cloud Tasks forgets such a task, so there the handler writes it, on the
last delivery (``shared/last_delivery.py``). Messages of Pub/Sub come through the function
``dead_letter``; the reconciler keeps one of a mission that it gave up.

What happens to a letter is told in an audit chain of its own, whose head lies in the letter; where it has a mission, among the mission's.
"""

from __future__ import annotations

import logging
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from pydantic import JsonValue

from schemas.base import Stored, Timestamp
from shared.documents import Document, Json, Ref, Transaction
from shared.errors import Corrupt
from shared.missions.chain import Chain, ChainPointer, Happening, append, spill
from shared.record import Record
from shared.telemetry.context import current_trace_id

if TYPE_CHECKING:
    from shared.documents import DocumentStore
    from shared.missions.records import MissionRecord

DEAD_LETTERS = "dead_letters"
MAX_ERROR_CHARS = 500
UPLOADS = "intake/"
"""The route of an upload's event: Pub/Sub delivers it, the queue does not."""
GIVEN_UP = "missions"
"""The route of a letter of a mission that was given up: replayed, its request is submitted anew."""
GIVEN_UP_CODES = ("workflow_failed", "given_up")
"""The codes of the errors with which a mission is given up; one that failed otherwise, by what it was given, leaves no letter."""
NO_MISSION = "dead-letters"
"""What the audit events of a letter without a mission are about."""
AGAIN = "~"
"""Stands between a letter's name and the number of its replay, in the name of the task that replays it."""
_log = logging.getLogger(__name__)


class LetterStatus(StrEnum):
    """What became of a letter. ``KEPT``: nobody did anything about it since it was written last."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class Handling(Stored):
    """That somebody replayed or discarded a letter: ``why`` of a discarding, ``mission_id`` of a mission that a replay began."""

    by: str
    at: Timestamp
    why: str = ""
    mission_id: str | None = None


class Letter(Record):
    """A dead letter. ``route`` and ``payload`` are what was to be delivered, ``owner`` is ``None`` where it belongs to no mission."""

    name: str
    route: str
    payload: JsonValue
    error: str
    deliveries: int
    at: Timestamp
    trace_id: str | None = None
    mission_id: str | None = None
    owner: str | None = None
    status: LetterStatus = LetterStatus.KEPT
    replays: tuple[Handling, ...] = ()
    discarded: Handling | None = None
    head: ChainPointer | None = None

    @classmethod
    def read(cls, document: Document) -> Self:
        """The letter in ``document``; its first version did not hold its name."""
        return super().read(Document(document.ref, {"name": document.ref.id, **document.data}, document.version))

    @property
    def ref(self) -> Ref:
        """Where it is stored."""
        return Ref(DEAD_LETTERS, self.name)

    @property
    def writer(self) -> str:
        """The writer of its audit chain."""
        return f"letter-{self.name}"


def write(tx: Transaction, letter: Letter, happening: Happening, *, at: datetime) -> Letter:
    """Store ``letter`` together with the audit event of what changed; as it is stored. All reads have to be done."""
    about, writer = letter.mission_id or NO_MISSION, letter.writer
    chain = append(tx, Chain(letter.head), [happening], mission_id=about, writer=writer, at=at, trace_id=current_trace_id())
    spill(tx, chain, mission_id=about, writer=writer)  # letters are few and may go before their events: each event is a page
    written = letter.model_copy(update={"head": chain.head})
    tx.put(written.ref, written.data())
    return written


def keep(
    documents: DocumentStore,
    name: str,
    *,
    route: str,
    payload: Json,
    error: str,
    deliveries: int,
    at: datetime,
    trace_id: str | None = None,
) -> None:
    """Store the letter of the task ``name``. One of that name that died again keeps its history and waits for somebody anew.

    Of one whose document is damaged the audit chain goes on; else what died again would be lost, or come back without an end.
    """
    name = name.partition(AGAIN)[0]
    about = _mission_of(payload)

    def work(tx: Transaction) -> None:
        stored = tx.get(Ref(DEAD_LETTERS, name))
        earlier = _earlier(tx, stored, about, at) if stored else None
        mission, owner = _mission(tx, about) if about is not None else (None, None)
        letter = Letter(
            name=name,
            route=route,
            payload=payload,
            error=error[:MAX_ERROR_CHARS],
            deliveries=deliveries,
            at=at,
            trace_id=trace_id or (trace_id_of(mission.traceparent) if mission and mission.traceparent else None),
            mission_id=about,
            owner=owner or (earlier.owner if earlier else None),
            replays=earlier.replays if earlier else (),
            head=earlier.head if earlier else None,
        )
        if earlier is not None and _same(earlier, letter):
            return
        write(tx, letter, Happening("dead_letter.kept", {"letter": name, "route": route, "deliveries": deliveries}), at=at)

    documents.transact(work)


def _earlier(tx: Transaction, stored: Document, about: str | None, at: datetime) -> Letter:
    """The letter as it was kept; of one that is damaged what is left of it."""
    try:
        return Letter.read(stored)
    except Corrupt as damaged:
        from shared.missions.damaged_letters import owner_of, restored  # it is made of letters

        _log.error("The letter %s is damaged, and written anew: %s", stored.ref.id, damaged)
        return restored(tx, stored, damaged, owner=owner_of(stored), at=at, about=about)


def _same(earlier: Letter, now: Letter) -> bool:
    """Whether a repeat of one delivery would write what is there; the time of writing is not a difference while nobody acted on it."""
    same = ("route", "payload", "error", "deliveries", "mission_id")
    return earlier.status is LetterStatus.KEPT and all(getattr(earlier, field) == getattr(now, field) for field in same)


def _mission_of(payload: Json) -> str | None:
    """The mission that a task is about, where its payload names one that could be stored."""
    named = payload.get("mission_id") if isinstance(payload, dict) else None
    return named if isinstance(named, str) and named.isascii() and named.replace("_", "").isalnum() and len(named) <= 100 else None


def _mission(tx: Transaction, mission_id: str) -> tuple[MissionRecord | None, str | None]:
    """The mission and its owner. Of one that cannot be read, which may be why the task failed, the owner alone."""
    from shared.missions.records import MissionRecord, mission_ref  # an upload's event, most of what Pub/Sub hands over, is about none

    found = tx.get(mission_ref(mission_id))
    if found is None:
        return None, None
    try:
        mission = MissionRecord.read(found)
    except Corrupt:
        owner = found.data.get("owner")
        return None, owner if isinstance(owner, str) else None
    return mission, mission.owner


def failed_letter(mission_id: str) -> str:
    """The name of the letter of a mission that was given up."""
    return f"failed-{mission_id}"


def trace_id_of(traceparent: str) -> str | None:
    """The trace id of a W3C ``traceparent`` (version-traceid-parent-flags)."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else None
