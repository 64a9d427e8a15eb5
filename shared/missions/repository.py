"""Missions in the document store: every change goes through one transaction that checks the epoch and appends its events."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.messages import ExecutionRef
from schemas.mission import MissionStatus, Track, TrackStatus
from shared.clock import Clock
from shared.documents import Document, DocumentStore, Json, Query, Ref, Transaction, Where
from shared.errors import Corrupt, IdempotencyMismatch, NotFound, StaleEpoch
from shared.ids import Ids
from shared.missions.chain import EVENTS, Chain, Happening, append
from shared.missions.records import IDEMPOTENCY, MISSIONS, MissionRecord, TrackRecord, mission_ref, track_ref
from shared.telemetry.context import current_trace_id, current_traceparent

if TYPE_CHECKING:
    from schemas.mission import MissionRequest, MissionState
    from shared.ledger.spending import Spending

OPEN = (MissionStatus.PENDING, MissionStatus.RUNNING, MissionStatus.FUSION)


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision makes of a mission: the new record and what to write into the audit chain. ``tracks`` are rewritten too."""

    mission: MissionRecord
    happenings: Sequence[Happening] = ()
    tracks: Sequence[TrackRecord] = ()


@dataclass(frozen=True, slots=True)
class MissionsPage:
    """A page of missions.

    ``damaged``: the ids of those that cannot be read, and why; ``last``: the id of the last one, where there may be more.
    """

    missions: tuple[MissionRecord, ...]
    damaged: Mapping[str, Corrupt]
    last: str | None


Decide = Callable[[MissionRecord, dict[Track, TrackRecord]], Change | None]


class Missions:
    """The stored missions. All methods raise ``NotFound`` for an id that does not exist.

    What only the API asks, and the ledger, which is looked at when a mission ends, are imported there: a function that the workflow
    waits for starts without them, and most of its instances never need them.
    """

    def __init__(self, documents: DocumentStore, clock: Clock, ids: Ids) -> None:
        self._documents = documents
        self._clock = clock
        self._ids = ids

    def create(self, request: MissionRequest, *, owner: str, idempotency_key: str | None) -> tuple[MissionRecord, bool]:
        """The mission of this key, and whether it is new. The same key with another body raises ``IdempotencyMismatch``."""
        from shared.missions.request_digest import is_digest_of, request_digest
        from shared.missions.screening import request_findings

        now = self._clock.now()
        body = request_digest(request)
        mission = MissionRecord(
            mission_id=self._ids.new("m"),
            owner=owner,
            request=request,
            tier=request.tier,
            traceparent=current_traceparent(),
            created_at=now,
            updated_at=now,
        )
        key = _key_ref(owner, idempotency_key) if idempotency_key else None

        def work(tx: Transaction) -> str | None:
            if key and (known := tx.get(key)):
                if not is_digest_of(str(known.data["body"]), request):
                    raise IdempotencyMismatch(
                        f"The idempotency key {idempotency_key!r} was used for another request.", remedy="Use a new key for a new mission."
                    )
                return str(known.data["mission_id"])
            detail: dict[str, Json] = {"request_sha256": body, "owner": owner, "inputs": len(request.inputs)}
            chain = append(
                tx,
                Chain(),
                [Happening("mission.created", detail), *request_findings(request)],
                mission_id=mission.mission_id,
                writer="api",
                at=now,
                trace_id=current_trace_id(),
            )
            tx.create(mission.ref, mission.with_chain("api", chain).data())
            if key:
                tx.create(key, {"mission_id": mission.mission_id, "body": body, "at": now.isoformat()})
            return None

        known = self._documents.transact(work)
        return (self.get(known), False) if known else (self.get(mission.mission_id), True)

    def get(self, mission_id: str) -> MissionRecord:
        """The mission."""
        document = self._documents.get(_safe_ref(mission_id))
        if document is None:
            raise _unknown(mission_id)
        return MissionRecord.known(document)

    def owned(self, mission_id: str, owner: str) -> MissionRecord:
        """The mission, if it is this owner's; anybody else's reads as one that does not exist, also where it is damaged."""
        try:
            mission = self.get(mission_id)
        except Corrupt:
            self.damaged(mission_id, owner)
            raise
        if mission.owner != owner:
            raise _unknown(mission_id)
        return mission

    def damaged(self, mission_id: str, owner: str) -> Document:
        """The document of a mission that cannot be read as a whole, unless it still says that it is somebody else's: then ``NotFound``."""
        from shared.missions.damaged import owner_of

        document = self._documents.get(_safe_ref(mission_id))
        if document is None or owner_of(document) not in (owner, None):
            raise _unknown(mission_id)
        return document

    def tracks(self, mission: MissionRecord) -> dict[Track, TrackRecord]:
        """The current attempts of both tracks (PENDING before the mission was claimed)."""
        found = {track: self._documents.get(track_ref(mission.mission_id, track, n)) for track, n in mission.attempts.items()}
        return {track: TrackRecord.known(document) if document else _new_track(mission, track) for track, document in found.items()}

    def spent(self, mission: MissionRecord) -> Spending:
        """What the mission has spent and set aside by now."""
        from shared.ledger.spending import NOTHING_SPENT, spending

        return spending(self._documents, mission.mission_id) if mission.request.may_buy else NOTHING_SPENT

    def state(self, mission: MissionRecord) -> MissionState:
        """Where the mission stands, as the API shows it."""
        from shared.missions.activity import at_work_on
        from shared.missions.view import mission_state

        now, tracks = self._clock.now(), self.tracks(mission)
        doing = {name: at_work_on(self._documents, mission, track, now=now) for name, track in tracks.items()}
        return mission_state(mission, tracks, self.spent(mission), doing, now=now)

    def page(
        self,
        *,
        owner: str | None = None,
        statuses: Sequence[MissionStatus] = (),
        late: bool | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> MissionsPage:
        """Missions, newest first; ``before`` is the id of the last one of an earlier page.

        Those that cannot be read are apart: one of them keeps nobody from the others.
        """
        where = [Where("owner", "==", owner)] if owner is not None else []
        if statuses:
            where.append(Where("status", "in", [str(s) for s in statuses]))
        if late is not None:
            where.append(Where("late", "==", late))
        if before is not None:
            where.append(Where("mission_id", "<", _safe_ref(before).id))  # ids sort by time, also that of a mission that is gone
        found = self._documents.query(Query(MISSIONS, tuple(where), order_by="-mission_id", limit=limit))
        missions: list[MissionRecord] = []
        damaged: dict[str, Corrupt] = {}
        for document in found:
            try:
                missions.append(MissionRecord.known(document))
            except Corrupt as error:
                damaged[document.ref.id] = error
        return MissionsPage(tuple(missions), damaged, found[-1].ref.id if len(found) == limit else None)

    def change(self, mission_id: str, writer: str, decide: Decide, *, caller: ExecutionRef | None = None) -> MissionRecord:
        """Let ``decide`` change the mission in one transaction; ``None`` leaves it as it is.

        With a ``caller``, its epoch (and execution, where it names one) has to be the mission's: else ``StaleEpoch``. A change that
        ends the mission gives up the money that it has leased and not used.
        """

        def work(tx: Transaction) -> MissionRecord:
            mission = load(tx, mission_id)
            tracks = load_tracks(tx, mission)
            if caller is not None:
                fence(mission, caller)
            change = decide(mission, tracks)
            if change is None:
                return mission
            now = self._clock.now()
            if change.mission.over and not mission.over and mission.request.may_buy:
                from shared.ledger.closing import release

                release(tx, mission_id, at=now)  # it reads: before any write
            for track in change.tracks:
                track.put(tx)
            chain = append(
                tx, mission.chain(writer), change.happenings, mission_id=mission_id, writer=writer, at=now, trace_id=current_trace_id()
            )
            changed = change.mission.with_chain(writer, chain).model_copy(update={"updated_at": now})
            changed.put(tx)
            return changed

        return self._documents.transact(work)

    def admitted(self, limit: int) -> int:
        """How many missions are running now, counted up to ``limit``. One that cannot be read does not run, whatever it was doing."""
        count, last = 0, None
        while count < limit:
            found = self._documents.query(Query(MISSIONS, (Where("admitted", "==", True),), limit=limit, after=last))
            count += sum(_is_readable(document) for document in found)
            if len(found) < limit:
                break
            last = found[-1]
        return min(count, limit)


def _is_readable(document: Document) -> bool:
    try:
        MissionRecord.known(document)
    except Corrupt:
        return False
    return True


def load(reader: Transaction | DocumentStore, mission_id: str) -> MissionRecord:
    """The mission. Read inside a transaction, nobody may change it before that commits."""
    document = reader.get(_safe_ref(mission_id))
    if document is None:
        raise _unknown(mission_id)
    return MissionRecord.known(document)


def load_tracks(tx: Transaction, mission: MissionRecord) -> dict[Track, TrackRecord]:
    """Both tracks' current attempts inside a transaction."""
    return {track: load_track(tx, mission, track) for track in mission.attempts}


def load_track(reader: Transaction | DocumentStore, mission: MissionRecord, track: Track) -> TrackRecord:
    """A track's current attempt. Read inside a transaction, nobody may change it before that commits."""
    document = reader.get(track_ref(mission.mission_id, track, mission.attempts[track]))
    return TrackRecord.known(document) if document else _new_track(mission, track)


def fence(mission: MissionRecord, caller: ExecutionRef) -> None:
    """Raise ``StaleEpoch`` unless the caller is the execution that owns the mission now."""
    if caller.epoch != mission.epoch or (caller.execution and mission.execution and caller.execution != mission.execution):
        raise StaleEpoch(
            f"Mission {mission.mission_id} is at epoch {mission.epoch} ({mission.execution}); "
            f"this call came from epoch {caller.epoch} ({caller.execution})."
        )


def events_query(mission_id: str) -> Query:
    """All audit events of a mission, by writer and number."""
    return Query(EVENTS, (Where("mission_id", "==", mission_id),))


def _new_track(mission: MissionRecord, track: Track) -> TrackRecord:
    enabled = mission.request.tracks.options(track).enabled
    status = TrackStatus.PENDING if enabled else TrackStatus.SKIPPED
    return _track_that_has_not_begun(mission.mission_id, track, mission.attempts[track], status, mission.created_at)


@lru_cache(maxsize=256)
def _track_that_has_not_begun(mission_id: str, track: Track, attempt: int, status: TrackStatus, created_at: datetime) -> TrackRecord:
    """Until its first slice it is looked at by every slice of the other one."""
    return TrackRecord(mission_id=mission_id, track=track, attempt=attempt, status=status, updated_at=created_at)


def _key_ref(owner: str, key: str) -> Ref:
    return Ref(IDEMPOTENCY, hashlib.sha256(f"{owner}\0{key}".encode()).hexdigest())


def _safe_ref(mission_id: str) -> Ref:
    if not mission_id or len(mission_id) > 64 or mission_id.startswith("_") or not mission_id.replace("_", "").isalnum():
        raise _unknown(mission_id)
    return mission_ref(mission_id)


def _unknown(mission_id: str) -> NotFound:
    return NotFound(f"There is no mission {mission_id[:64]!r} that you may see.", remedy="List yours with `kimera list`.")


def progress(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> int:
    """Finished slices and reports: whether an execution got anywhere is seen from how this grew."""
    return sum(track.next_seq for track in tracks.values()) + len(mission.reports)


def heartbeat(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> datetime:
    """When the mission last showed life."""
    return max([mission.updated_at, *(t.updated_at for t in tracks.values())])
