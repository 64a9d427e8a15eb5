"""The slice engine: runs one slice of a track so that it happens once.

acquire: a finished ``seq`` returns its stored result; one that somebody works on answers BUSY; else the lease is stored, and with it
         what the slice freezes: its tier, and the other track's handoff. A track that waits for the other one is told to ask again,
         which writes nothing (``hearing.py``).
work:    the track's own logic, outside of any transaction.
commit:  one transaction that needs the lease and the epoch; it stores the result, the next state and the audit events together.
         Where the next slice follows at once and the call has time for it, its lease is stored here too, and the call goes on with it.

A kill between acquire and commit leaves a lease that ends by time or with the next epoch, and a state from which the slice is
simply run again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from schemas.mission import Track, TrackStatus
from schemas.steps import CANCELLED, HARD_DEADLINE, StepRequest, StepResult
from shared.artifacts import Artifact, ArtifactStore
from shared.clock import Clock
from shared.crash_points import reached
from shared.documents import DocumentStore, Json, Transaction
from shared.errors import Conflict, KimeraError, StaleEpoch
from shared.ids import Ids
from shared.missions.chain import FILES, Happening, append
from shared.missions.deadlines import needs_gate
from shared.missions.hearing import asks_again_in, begun
from shared.missions.records import Lease, MissionRecord, SliceDone, TrackRecord
from shared.missions.repository import fence, load, load_track
from shared.missions.slice_work import SliceWork, Worked
from shared.models.access import ModelAccess
from shared.telemetry.context import about_mission, current_trace_id
from shared.telemetry.rows import slice_row
from shared.telemetry.sink import NOWHERE, TelemetrySink
from shared.telemetry.tracing import Tracing
from shared.times import MAX_RETRY_AFTER_S, SLICE_LEASE_S
from shared.tracks import TrackLogic

StateT = TypeVar("StateT", bound=BaseModel)
_BUSY_RETRY_S = 2.0
_FILES_OF_AN_EVENT = 100
"""More are told by events of their own: one event is always kept whole, and a document may hold 1 MiB."""
_OTHER = {Track.DEEP_RESEARCH: Track.DS_STAR, Track.DS_STAR: Track.DEEP_RESEARCH}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Leased:
    """A slice that this call may work on."""

    mission: MissionRecord
    track: TrackRecord
    holder: str


@dataclass(frozen=True, slots=True)
class _Finished:
    """A slice that is committed, now or before."""

    track: TrackRecord
    result: StepResult
    next: _Leased | None = None
    """The slice after it, where it was leased with the commit."""


class SliceEngine:
    """Runs slices for the two tracks' functions."""

    def __init__(
        self,
        *,
        documents: DocumentStore,
        artifacts: ArtifactStore,
        clock: Clock,
        ids: Ids,
        tracing: Tracing,
        scratch: Path,
        models: ModelAccess | None = None,
        telemetry: TelemetrySink = NOWHERE,
        go_on_s: float = 0,
        lease_s: float = SLICE_LEASE_S,
    ) -> None:
        """``go_on_s``: seconds from its start in which a call begins further slices that follow at once. ``lease_s``: of each slice."""
        self._documents = documents
        self._artifacts = artifacts
        self._work = SliceWork(documents, artifacts, clock, scratch, models)
        self._clock = clock
        self._ids = ids
        self._tracing = tracing
        self._models = models
        self._telemetry = telemetry
        self._go_on_s = go_on_s
        self._lease_s = lease_s
        self._abandoned: set[str] = set()
        """Holders of this process that work no longer and could not give their lease back."""

    def run(self, logic: TrackLogic[StateT], request: StepRequest) -> StepResult:
        """The result of the slice, stored now or before; of the last one where others followed it in this call.

        Raises ``StaleEpoch``, ``Conflict``, and what is worth a retry.
        """
        until = self._clock.monotonic() + self._go_on_s
        with _about(request):
            leased = self._documents.transact(lambda tx: self._acquire(tx, request))
        if isinstance(leased, _Finished):
            self._tell(leased.track, request.seq)  # whoever committed it may have died before it told
            return leased.result
        if isinstance(leased, StepResult):
            return leased
        finished = self._do(logic, request, leased, until)
        while finished.next is not None:
            request = request.model_copy(update={"seq": request.seq + 1})
            try:
                finished = self._do(logic, request, finished.next, until)
            except KimeraError as error:
                if not error.retryable:
                    raise
                # What is committed is the answer: the slice that failed is asked for again, as one that came in a call of its own.
                _log.info("Slice %s of %s is left to a call of its own: %s", request.seq, request.track, error)
                break
        return finished.result

    def _do(self, logic: TrackLogic[StateT], request: StepRequest, leased: _Leased, until: float) -> _Finished:
        """Work on a slice that is leased, and commit it. With time left until ``until`` the next one may be leased with it."""
        with _about(request):
            reached("slice.leased")
            began = self._clock.monotonic()
            try:
                with self._tracing.span(f"{request.track}.slice"):
                    outcome = self._work.do(logic, request, leased.mission, leased.track)
                ended = self._clock.monotonic()
                outcome = replace(outcome, seconds=ended - began)
                reached("slice.worked")
                finished = self._documents.transact(lambda tx: self._commit(tx, request, leased.holder, outcome, goes_on=ended < until))
            except KimeraError as error:
                if error.retryable:
                    self._release(request, leased.holder)
                self._settle(request.mission_id)
                raise
            reached("slice.committed")
            self._tell(finished.track, request.seq)
            return finished

    def _tell(self, track: TrackRecord, seq: int) -> None:
        row = slice_row(track, seq)
        if row is not None:
            self._telemetry.write([row])

    def _acquire(self, tx: Transaction, request: StepRequest) -> StepResult | _Finished | _Leased:
        mission, track = self._load(tx, request)
        if stored := track.results.get(str(request.seq)):
            return _Finished(track, stored)
        if track.status.final or (track.detached and not mission.late):
            asking = needs_gate(mission, self._clock.now())
            return StepResult(outcome="FINAL", next_seq=track.next_seq, track_status=track.status, ask_gate=asking)
        if request.seq != track.next_seq:
            raise Conflict(f"The next slice of {request.track} is {track.next_seq}, not {request.seq}.")
        now = self._clock.now()
        if track.hearing is not None and request.close is None:
            # Read beside the transaction, as when a slice freezes what it heard.
            wait = asks_again_in(track.hearing, load_track(self._documents, mission, _OTHER[request.track]), now)
            if wait > 0:
                asking = needs_gate(mission, now)
                return StepResult(outcome="WAIT", next_seq=request.seq, retry_after_s=wait, track_status=track.status, ask_gate=asking)
        lease = track.lease
        if lease and lease.epoch == request.epoch and lease.until > now and lease.holder not in self._abandoned:
            wait = min(_BUSY_RETRY_S, MAX_RETRY_AFTER_S, (lease.until - now).total_seconds())
            asking = needs_gate(mission, now)
            return StepResult(outcome="BUSY", next_seq=request.seq, retry_after_s=wait, track_status=track.status, ask_gate=asking)
        leased = self._leased(tx, request, mission, track, now)
        leased.track.put(tx)
        return leased

    def _leased(self, tx: Transaction, request: StepRequest, mission: MissionRecord, track: TrackRecord, now: datetime) -> _Leased:
        """The track's next slice, leased and with what it freezes: to be stored."""
        lease = Lease(seq=track.next_seq, holder=self._ids.new("h"), epoch=request.epoch, until=now + timedelta(seconds=self._lease_s))
        frozen = None
        if self._models is not None and self._models.freezes(mission, request.track.value):
            # Read beside the transaction: what the other track offers at some moment is all that is asked, and it writes all the time.
            frozen = self._models.freeze(tx, mission, track, load_track(self._documents, mission, _OTHER[request.track]))
        changed = {
            "lease": lease,
            "frozen": frozen,
            "hearing": None,
            "status": track.status if track.detached else TrackStatus.RUNNING,
            "started_at": track.started_at or now,
            "tries": track.tries + 1,
            "updated_at": now,
        }
        return _Leased(mission, track.model_copy(update=changed), lease.holder)

    def _commit(self, tx: Transaction, request: StepRequest, holder: str, worked: Worked, *, goes_on: bool) -> _Finished:
        mission, track = self._load(tx, request)
        if track.lease is None or track.lease.holder != holder:
            raise StaleEpoch(f"The lease of slice {request.seq} of {request.track} went to another call.")
        now = self._clock.now()
        status = _status_after(worked, request, mission)
        detached = worked.final and not status.final
        hearing = begun(track.frozen, now, worked.until) if worked.until is not None else None
        wait_s = asks_again_in(hearing, None, now) if hearing is not None else min(worked.wait_s, MAX_RETRY_AFTER_S)
        result = StepResult(
            outcome="FINAL" if worked.final else ("WAIT" if wait_s > 0 else "CONTINUE"),
            next_seq=request.seq + 1,
            retry_after_s=wait_s,
            track_status=status,
            ask_gate=needs_gate(mission, now),
        )
        committed = Happening(
            "slice.committed",
            {
                "seq": request.seq,
                "attempt": request.attempt,
                "epoch": request.epoch,
                "outcome": result.outcome,
                "status": status,
            }
            | _named("state", worked.state)
            | _named("handoff", worked.handoff)
            | ({"progress": worked.progress[:300]} if worked.progress else {})
            | ({"error": worked.error.code} if worked.error else {})
            | ({FILES: {**worked.files}} if 0 < len(worked.files) <= _FILES_OF_AN_EVENT else {}),
        )
        chain = append(
            tx,
            track.chain,
            [*worked.happenings, *_many_files(worked), committed],
            mission_id=request.mission_id,
            writer=request.track,
            at=now,
            trace_id=current_trace_id(),
        )
        done = SliceDone(
            at=now,
            epoch=request.epoch,
            seconds=worked.seconds,
            retries=max(0, track.tries - 1),
            error=worked.error.code if worked.error else None,
        )
        changed = track.model_copy(
            update={
                "status": status,
                "next_seq": request.seq + 1,
                "lease": None,
                "results": track.results | {str(request.seq): result},
                "done": track.done | {str(request.seq): done},
                "tries": 0,
                # A detached track goes on from where it was, not from what closing made of it.
                "state_uri": track.state_uri if detached or worked.state is None else worked.state.uri,
                "handoff_uri": worked.handoff.uri if worked.handoff else track.handoff_uri,
                "offers_uri": worked.offers_uri or track.offers_uri,
                "hearing": hearing,
                "closed_because": request.close,
                "waiting_for": worked.waiting_for,
                "progress": worked.progress or track.progress,
                "flags": tuple(dict.fromkeys([*track.flags, *worked.flags])),
                "error": worked.error,
                "head": chain.head,
                "tail": chain.tail,
                "updated_at": now,
            }
        )
        follows = None
        if goes_on and result.outcome == "CONTINUE" and not result.ask_gate and request.close is None:
            follows = self._leased(tx, request, mission, changed, now)
            changed = follows.track
        changed.put(tx)
        return _Finished(changed, result, follows)

    def _release(self, request: StepRequest, holder: str) -> None:
        """Give the lease back after a passing fault, so that the retry need not wait for it; where that fails too, this process
        takes it over, and elsewhere it ends by time.
        """

        def work(tx: Transaction) -> None:
            _, track = self._load(tx, request)
            if track.lease and track.lease.holder == holder:
                track.model_copy(update={"lease": None, "updated_at": self._clock.now()}).put(tx)

        try:
            self._documents.transact(work)
        except KimeraError as error:  # the fault that led here says more to whoever asked for the slice
            self._abandoned.add(holder)
            _log.warning("The lease of %s on %s could not be given back: %s", holder, request.mission_id, error)

    def _settle(self, mission_id: str) -> None:
        """Leave nothing of a slice without a commit for later: its mission may have been deleted, and what is stored by now is looked for
        again (``erasing.py``).
        """
        try:
            self._artifacts.settle()
        except KimeraError as error:  # as above
            _log.warning("What a slice of %s without a commit has put could not be stored: %s", mission_id, error)

    def _load(self, tx: Transaction, request: StepRequest) -> tuple[MissionRecord, TrackRecord]:
        mission = load(tx, request.mission_id)
        fence(mission, request)
        if mission.over:
            raise StaleEpoch(f"Mission {mission.mission_id} has ended: {mission.status}.")
        track = load_track(tx, mission, request.track)
        if track.attempt != request.attempt:
            raise StaleEpoch(f"{request.track} is at attempt {track.attempt}, not {request.attempt}.")
        return mission, track


def _named(what: str, artifact: Artifact | None) -> dict[str, Json]:
    """How an event names what a slice has stored: by address and digest."""
    return {what: artifact.uri, f"{what}_sha256": artifact.sha256} if artifact else {}


def _many_files(worked: Worked) -> Iterator[Happening]:
    """What a slice has stored, where it is too much for the event of its commit: the tables of many documents."""
    if len(worked.files) > _FILES_OF_AN_EVENT:
        files = sorted(worked.files.items())
        for first in range(0, len(files), _FILES_OF_AN_EVENT):
            yield Happening("files.stored", {FILES: dict(files[first : first + _FILES_OF_AN_EVENT])})


def _about(request: StepRequest) -> AbstractContextManager[None]:
    return about_mission(request.mission_id, track=request.track, attempt=request.attempt, seq=request.seq, epoch=request.epoch)


def _status_after(worked: Worked, request: StepRequest, mission: MissionRecord) -> TrackStatus:
    if worked.error is not None:
        return TrackStatus.FAILED
    if not worked.final:
        return TrackStatus.DELAYED if mission.late else TrackStatus.RUNNING
    deadlines = mission.request.deadlines
    if request.close == HARD_DEADLINE and deadlines.late_s > deadlines.hard_s:
        return TrackStatus.DELAYED
    return TrackStatus.CANCELLED if request.close == CANCELLED else TrackStatus.DONE
