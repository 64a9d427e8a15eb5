"""The slice engine: runs one slice of a track so that it happens once.

acquire: a finished ``seq`` returns its stored result; one that somebody works on answers BUSY; else the lease is stored, and with it
         what the slice freezes: its tier, and the other track's handoff.
work:    the track's own logic, outside of any transaction.
commit:  one transaction that needs the lease and the epoch; it stores the result, the next state and the audit events together.
         Where the next slice buys nothing and follows at once, its lease is stored here too (``leases_ahead``): what it would freeze is
         what this one did, and where the other track has offered more meanwhile, it is leased anew.

A kill between acquire and commit leaves a lease that ends by time or with the next epoch, and a state from which the slice is
simply run again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias, TypeVar

from pydantic import BaseModel

from schemas.mission import MissionError, Track, TrackStatus
from schemas.steps import StepRequest, StepResult
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.crash_points import reached
from shared.documents import DocumentStore, Transaction
from shared.errors import Conflict, KimeraError, StaleEpoch
from shared.ids import Ids
from shared.missions.chain import Happening, append
from shared.missions.leases_ahead import LeasesAhead
from shared.missions.records import Lease, MissionRecord, SliceDone, SliceRecord, TrackRecord
from shared.missions.repository import fence, load, load_track
from shared.missions.view import needs_gate
from shared.models.access import ModelAccess, OpenSlice
from shared.models.flags import MODEL_UNAVAILABLE
from shared.scratch import Scratch
from shared.telemetry.context import about_mission, current_trace_id
from shared.telemetry.rows import slice_row
from shared.telemetry.sink import NOWHERE, TelemetrySink
from shared.telemetry.tracing import Tracing
from shared.times import CHECKPOINT_SHARE, MAX_RETRY_AFTER_S, SLICE_BUDGET_S, SLICE_LEASE_S
from shared.tracks import CANCELLED, HARD_DEADLINE, SliceContext, SliceOutcome, TrackLogic

StateT = TypeVar("StateT", bound=BaseModel)
Leasing: TypeAlias = "dict[str, Lease | SliceRecord | int | None]"
_BUSY_RETRY_S = 2.0
_TAKEN_UP_S = 10.0
"""How soon a slice that was leased ahead has to begin: later it is leased anew, for the whole time."""
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
        alone: bool = False,
    ) -> None:
        """``alone``: no other process runs slices of these missions."""
        self._documents = documents
        self._artifacts = artifacts
        self._clock = clock
        self._ids = ids
        self._tracing = tracing
        self._scratch = scratch
        self._models = models
        self._telemetry = telemetry
        self._ahead = LeasesAhead() if alone else None
        self._abandoned: set[str] = set()
        """Holders of this process that work no longer and could not give their lease back."""

    def run(self, logic: TrackLogic[StateT], request: StepRequest) -> StepResult:
        """The result of the slice, stored now or before. Raises ``StaleEpoch``, ``Conflict``, and what is worth a retry."""
        with about_mission(request.mission_id, track=request.track, attempt=request.attempt, seq=request.seq, epoch=request.epoch):
            leased = self._lease(request)
            if isinstance(leased, _Finished):
                self._tell(leased.track, request.seq)  # whoever committed it may have died before it told
                return leased.result
            if isinstance(leased, StepResult):
                return leased
            reached("slice.leased")
            began = self._clock.monotonic()
            try:
                with self._tracing.span(f"{request.track}.slice"):
                    outcome = self._work(logic, request, leased)
                outcome = replace(outcome, seconds=self._clock.monotonic() - began)
                reached("slice.worked")
                finished = self._finish(request, leased.holder, outcome)
            except KimeraError as error:
                if error.retryable:
                    self._release(request, leased.holder)
                raise
            reached("slice.committed")
            self._tell(finished.track, request.seq)
            return finished.result

    def _tell(self, track: TrackRecord, seq: int) -> None:
        row = slice_row(track, seq)
        if row is not None:
            self._telemetry.write([row])

    def _lease(self, request: StepRequest) -> StepResult | _Finished | _Leased:
        """The lease that was stored ahead, if it still is what the slice needs; else a new one, if there is one to have."""
        ahead = self._ahead.take(request) if self._ahead is not None else None
        if ahead is None:
            return self._documents.transact(lambda tx: self._acquire(tx, request))
        try:
            return self._taken_up(request, ahead) or self._documents.transact(lambda tx: self._acquire(tx, request, unbegun=ahead))
        except BaseException:
            self._abandoned.add(ahead)  # nobody works on it
            raise

    def _taken_up(self, request: StepRequest, ahead: str) -> _Leased | None:
        """The slice as it was leased ahead: it froze the newest that the other track offers, and nothing asks it to stop."""
        mission, track = self._load(self._documents, request)
        now = self._clock.now()
        lease, frozen = track.lease, track.frozen
        if lease is None or lease.holder != ahead or lease.seq != request.seq or request.close is not None or needs_gate(mission, now):
            return None
        if (lease.until - now).total_seconds() < SLICE_LEASE_S - _TAKEN_UP_S:
            return None
        if frozen is not None and load_track(self._documents, mission, _OTHER[request.track]).offers_uri != frozen.handoff_uri:
            return None
        return _Leased(mission, track, ahead)

    def _acquire(self, tx: Transaction, request: StepRequest, *, unbegun: str | None = None) -> StepResult | _Finished | _Leased:
        """``unbegun`` holds a lease under which nothing was done."""
        mission, track = self._load(tx, request)
        if unbegun is not None and track.lease is not None and track.lease.holder == unbegun:
            track = track.model_copy(update={"lease": None, "frozen": None, "tries": 0})
        if stored := track.results.get(str(request.seq)):
            return _Finished(track, stored)
        if track.status.final or (track.detached and not mission.late):
            asking = needs_gate(mission, self._clock.now())
            return StepResult(outcome="FINAL", next_seq=track.next_seq, track_status=track.status, ask_gate=asking)
        if request.seq != track.next_seq:
            raise Conflict(f"The next slice of {request.track} is {track.next_seq}, not {request.seq}.")
        now = self._clock.now()
        lease = track.lease
        if lease and lease.epoch == request.epoch and lease.until > now and lease.holder not in self._abandoned:
            wait = min(_BUSY_RETRY_S, MAX_RETRY_AFTER_S, (lease.until - now).total_seconds())
            asking = needs_gate(mission, now)
            return StepResult(outcome="BUSY", next_seq=request.seq, retry_after_s=wait, track_status=track.status, ask_gate=asking)
        holder = self._ids.new("h")
        lease = Lease(seq=request.seq, holder=holder, epoch=request.epoch, until=now + timedelta(seconds=SLICE_LEASE_S))
        frozen = None
        if self._models is not None and self._models.freezes(mission, request.track.value):
            # Read beside the transaction: what the other track offers at some moment is all that is asked, and it writes all the time.
            frozen = self._models.freeze(tx, mission, track, load_track(self._documents, mission, _OTHER[request.track]))
        started = track.started_at or now
        status = track.status if track.detached else TrackStatus.RUNNING
        track = track.model_copy(
            update={
                "lease": lease,
                "frozen": frozen,
                "status": status,
                "started_at": started,
                "tries": track.tries + 1,
                "updated_at": now,
            }
        )
        track.put(tx)
        return _Leased(mission, track, holder)

    def _work(self, logic: TrackLogic[StateT], request: StepRequest, leased: _Leased) -> _Worked:
        state = self._read_state(logic, leased.track)
        with Scratch(self._scratch) as scratch:
            context = self._context(request, leased, scratch)
            opened = OpenSlice()
            try:
                opened = self._open(context, leased)
                context = replace(context, jobs=opened.jobs)
                asking = replace(context, models=opened.models, search=opened.search, other_handoff_uri=opened.handoff_uri)
                if request.close is not None:
                    outcome = logic.close(asking, state, request.close)
                else:
                    outcome = logic.step(asking, state)
            except StaleEpoch:
                raise
            except KimeraError as error:
                if error.retryable:
                    raise
                failure = MissionError(code=error.code, message=error.message, remedy=error.remedy)
                return self._failed(logic, context, state, failure, opened)
            except Exception as error:  # noqa: BLE001 - a defect of ours: recorded as the track's end, with the traceback in the log
                _log.exception("The track %s of mission %s failed", request.track, request.mission_id)
                failure = MissionError(code="internal", message=f"{type(error).__name__}: {error}")
                return self._failed(logic, context, state, failure, opened)
            return self._stored(context, outcome, opened, error=None)

    def _open(self, context: SliceContext, leased: _Leased) -> OpenSlice:
        """The models of the slice. Who asked to stop pays for nothing more."""
        if self._models is None:
            return OpenSlice()
        if leased.mission.cancel_requested:
            return self._models.closing(leased.mission, context.track.value)
        return self._models.open(leased.mission, leased.track.frozen, time_left=context.time_left)

    def _failed(self, logic: TrackLogic[StateT], context: SliceContext, state: StateT, error: MissionError, opened: OpenSlice) -> _Worked:
        """The end of a track that failed: its handoff with what there is, made without a model, or none if even that fails."""
        try:
            outcome = logic.close(context, state, f"failed: {error.message}")
        except Exception:  # noqa: BLE001 - the track has failed already; this says that not even its handoff could be made
            _log.exception("The failed track %s of mission %s could not hand off", context.track, context.mission_id)
            return _Worked(state_uri=None, handoff_uri=None, final=True, error=error, flags=opened.flags())
        return self._stored(context, outcome, opened, error=error)

    def _stored(self, context: SliceContext, outcome: SliceOutcome[StateT], opened: OpenSlice, *, error: MissionError | None) -> _Worked:
        """Put the state and the package where the commit can point to them."""
        state = context.put_artifact(f"state-{context.seq}.json", outcome.state.model_dump_json().encode(), media_type="application/json")
        handoff = None
        offers = None
        if outcome.offers is not None:
            data = outcome.offers.model_dump_json().encode()
            offers = context.put_artifact("offers.json", data, media_type="application/json").uri
        if outcome.package is not None:
            handoff = context.put_artifact(
                "handoff.json", outcome.package.model_dump_json(indent=1).encode(), media_type="application/json"
            ).uri
        return _Worked(
            state_uri=state.uri,
            handoff_uri=handoff,
            offers_uri=offers,
            final=outcome.package is not None,
            error=error,
            wait_s=outcome.wait_s,
            waiting_for=outcome.waiting_for,
            progress=outcome.progress,
            flags=(*outcome.flags, *opened.flags()),
            happenings=(*_lowered(context, opened), *(Happening(note.kind, note.detail) for note in outcome.notes)),
        )

    def _finish(self, request: StepRequest, holder: str, worked: _Worked) -> _Finished:
        """Commit, and keep the lease of the next slice where one was stored. Promised first: a commit whose answer is lost may hold."""
        if self._ahead is None:
            return self._documents.transact(lambda tx: self._commit(tx, request, holder, worked, None))
        ahead = self._ids.new("h")
        self._ahead.promise(request, ahead)
        finished = self._documents.transact(lambda tx: self._commit(tx, request, holder, worked, ahead))
        if finished.track.lease is None:
            self._ahead.withdraw(request)
        return finished

    def _next_lease(self, request: StepRequest, mission: MissionRecord, track: TrackRecord, result: StepResult, ahead: str) -> Leasing:
        """What the next slice's lease changes in the track's document; nothing where it is not to be leased yet."""
        frozen = track.frozen
        buys = self._models is not None and self._models.buys(mission, request.track.value)
        if buys or result.outcome != "CONTINUE" or result.ask_gate or (frozen is not None and frozen.seq != request.seq):
            return {}
        seq, now = result.next_seq, self._clock.now()
        if frozen is not None:
            frozen = frozen.model_copy(update={"seq": seq, "run": 1, "epoch": request.epoch, "frozen_at": now})
        lease = Lease(seq=seq, holder=ahead, epoch=request.epoch, until=now + timedelta(seconds=SLICE_LEASE_S))
        return {"lease": lease, "frozen": frozen, "tries": 1}

    def _commit(self, tx: Transaction, request: StepRequest, holder: str, worked: _Worked, ahead: str | None) -> _Finished:
        mission, track = self._load(tx, request)
        if track.lease is None or track.lease.holder != holder:
            raise StaleEpoch(f"The lease of slice {request.seq} of {request.track} went to another call.")
        now = self._clock.now()
        status = _status_after(worked, request, mission)
        detached = worked.final and not status.final
        result = StepResult(
            outcome="FINAL" if worked.final else ("WAIT" if worked.wait_s > 0 else "CONTINUE"),
            next_seq=request.seq + 1,
            retry_after_s=min(worked.wait_s, MAX_RETRY_AFTER_S),
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
                "state": worked.state_uri,
            }
            | ({"handoff": worked.handoff_uri} if worked.handoff_uri else {})
            | ({"progress": worked.progress[:300]} if worked.progress else {})
            | ({"error": worked.error.code} if worked.error else {}),
        )
        chain = append(
            tx,
            track.chain,
            [*worked.happenings, committed],
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
                "state_uri": track.state_uri if detached else worked.state_uri or track.state_uri,
                "handoff_uri": worked.handoff_uri or track.handoff_uri,
                "offers_uri": worked.offers_uri or track.offers_uri,
                "closed_because": request.close,
                "waiting_for": worked.waiting_for,
                "progress": worked.progress or track.progress,
                "flags": tuple(dict.fromkeys([*track.flags, *worked.flags])),
                "error": worked.error,
                "head": chain.head,
                "tail": chain.tail,
                "updated_at": now,
            }
            | (self._next_lease(request, mission, track, result, ahead) if ahead is not None else {})
        )
        changed.put(tx)
        return _Finished(changed, result)

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

    def _load(self, reader: Transaction | DocumentStore, request: StepRequest) -> tuple[MissionRecord, TrackRecord]:
        mission = load(reader, request.mission_id)
        fence(mission, request)
        if mission.over:
            raise StaleEpoch(f"Mission {mission.mission_id} has ended: {mission.status}.")
        track = load_track(reader, mission, request.track)
        if track.attempt != request.attempt:
            raise StaleEpoch(f"{request.track} is at attempt {track.attempt}, not {request.attempt}.")
        return mission, track

    def _read_state(self, logic: TrackLogic[StateT], track: TrackRecord) -> StateT:
        if track.state_uri is None:
            return logic.state_type()
        return logic.state_type.model_validate_json(self._artifacts.get(track.state_uri))

    def _context(self, request: StepRequest, leased: _Leased, scratch: Scratch) -> SliceContext:
        began = self._clock.monotonic()
        return SliceContext(
            mission_id=request.mission_id,
            owner=leased.mission.owner,
            track=request.track,
            attempt=request.attempt,
            seq=request.seq,
            epoch=request.epoch,
            request=leased.mission.request,
            artifacts=self._artifacts,
            clock=self._clock,
            scratch=scratch,
            time_left=lambda: SLICE_BUDGET_S * CHECKPOINT_SHARE - (self._clock.monotonic() - began),
        )


@dataclass(frozen=True, slots=True)
class _Worked:
    """What a slice's work came to, stored but not committed."""

    state_uri: str | None
    handoff_uri: str | None
    final: bool
    offers_uri: str | None = None
    error: MissionError | None = None
    wait_s: float = 0
    waiting_for: str | None = None
    progress: str = ""
    flags: tuple[str, ...] = ()
    happenings: tuple[Happening, ...] = ()
    seconds: float = 0


def _lowered(context: SliceContext, opened: OpenSlice) -> tuple[Happening, ...]:
    """Why the slice did not have the mission's own tier: money was spent, or the provider's circuit was open when it began."""
    if not opened.frozen:
        return ()
    because = ["circuit_open" if flag == MODEL_UNAVAILABLE else flag for flag in opened.frozen]
    return (Happening("tier.lowered", {"seq": context.seq, "tier": opened.tier, "because": [*because]}),)


def _status_after(worked: _Worked, request: StepRequest, mission: MissionRecord) -> TrackStatus:
    if worked.error is not None:
        return TrackStatus.FAILED
    if not worked.final:
        return TrackStatus.DELAYED if mission.late else TrackStatus.RUNNING
    deadlines = mission.request.deadlines
    if request.close == HARD_DEADLINE and deadlines.late_s > deadlines.hard_s:
        return TrackStatus.DELAYED
    return TrackStatus.CANCELLED if request.close == CANCELLED else TrackStatus.DONE
