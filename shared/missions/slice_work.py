"""The work of a slice: the track's own logic with what it may use, outside of any transaction, and what it leaves stored."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from schemas.mission import MissionError
from schemas.steps import StepRequest
from shared.artifacts import Artifact, ArtifactStore
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.doing import Doing
from shared.errors import KimeraError, StaleEpoch, Unavailable
from shared.missions.activity import Activity
from shared.missions.chain import Happening
from shared.missions.deadlines import soft_deadline
from shared.missions.records import MissionRecord, TrackRecord
from shared.models.access import ModelAccess, OpenSlice
from shared.models.flags import MODEL_UNAVAILABLE
from shared.scratch import Scratch
from shared.times import CHECKPOINT_SHARE, SLICE_BUDGET_S
from shared.tracks import SliceContext, SliceOutcome, TrackLogic

StateT = TypeVar("StateT", bound=BaseModel)
_USED_UP = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT)
"""Files, memory, processes or room that the machine has none of for now: that is no defect, and passes."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Worked:
    """What a slice's work came to, stored but not committed."""

    state: Artifact | None
    handoff: Artifact | None
    final: bool
    offers_uri: str | None = None
    error: MissionError | None = None
    wait_s: float = 0
    until: datetime | None = None
    waiting_for: str | None = None
    progress: str = ""
    flags: tuple[str, ...] = ()
    happenings: tuple[Happening, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    """What else it has stored, and the answers that it was given: the sha256 of each, by address."""
    seconds: float = 0


class SliceWork:
    """Does the work of slices; the slice engine leases and commits them."""

    def __init__(self, documents: DocumentStore, artifacts: ArtifactStore, clock: Clock, scratch: Path, models: ModelAccess | None) -> None:
        self._documents = documents
        self._artifacts = artifacts
        self._clock = clock
        self._scratch = scratch
        self._models = models

    def do(self, logic: TrackLogic[StateT], request: StepRequest, mission: MissionRecord, track: TrackRecord) -> Worked:
        """What the slice that ``track`` has leased came to. Raises ``StaleEpoch``, and what is worth a retry; all else ends the track."""
        state = self._read_state(logic, track)
        began = self._clock.monotonic()
        stored: dict[str, str] = {}
        with Scratch(self._scratch) as scratch, Activity(self._documents, track) as activity:
            context = partial(self._context, request, mission, scratch, activity.say, began, stored)
            opened = OpenSlice()
            try:
                opened = self._open(mission, track, began, activity.say)
                asking = context(opened)
                if request.close is not None:
                    outcome = logic.close(asking, state, request.close)
                else:
                    outcome = logic.step(asking, state)
            except StaleEpoch:
                raise
            except KimeraError as error:
                if error.retryable:
                    raise
                if error.place:
                    _log.warning("The track %s of mission %s: %s: %s", request.track, request.mission_id, error.message, error.place)
                failure = MissionError(code=error.code, message=error.message, remedy=error.remedy)
                return self._failed(logic, context(OpenSlice(jobs=opened.jobs)), state, failure, opened)
            except Exception as error:  # a defect ends the track, and not the mission
                if isinstance(error, OSError) and error.errno in _USED_UP:
                    told = f"The machine has nothing left for this work ({error.strerror})."
                    raise Unavailable(told, remedy="Raise its limit (`ulimit -a` shows it), or lower max_running.") from error
                _log.exception("The track %s of mission %s failed", request.track, request.mission_id)
                failure = MissionError(
                    code="internal", message=f"a defect of KIMERA ({type(error).__name__})", remedy="The log has the details."
                )
                return self._failed(logic, context(OpenSlice(jobs=opened.jobs)), state, failure, opened)
            return self._stored(asking, outcome, opened, error=None)

    def _open(self, mission: MissionRecord, track: TrackRecord, began: float, doing: Doing) -> OpenSlice:
        """The models of the slice. Who asked to stop pays for nothing more."""
        if self._models is None:
            return OpenSlice()
        if mission.cancel_requested:
            return self._models.closing(mission, track.track.value)
        return self._models.open(mission, track.frozen, time_left=partial(self._time_left, began), doing=doing)

    def _failed(self, logic: TrackLogic[StateT], context: SliceContext, state: StateT, error: MissionError, opened: OpenSlice) -> Worked:
        """The end of a track that failed: its handoff with what there is, made without a model, or none if even that fails."""
        try:
            outcome = logic.close(context, state, f"failed: {error.message}")
        except Exception:  # noqa: BLE001 - the track has failed already; this says that not even its handoff could be made
            _log.exception("The failed track %s of mission %s could not hand off", context.track, context.mission_id)
            return Worked(state=None, handoff=None, final=True, error=error, flags=opened.flags())
        return self._stored(context, outcome, opened, error=error)

    def _stored(self, context: SliceContext, outcome: SliceOutcome[StateT], opened: OpenSlice, *, error: MissionError | None) -> Worked:
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
            )
        told = {artifact.uri for artifact in (state, handoff) if artifact is not None}
        return Worked(
            state=state,
            handoff=handoff,
            offers_uri=offers,
            final=outcome.package is not None,
            error=error,
            wait_s=outcome.wait_s,
            until=outcome.until,
            waiting_for=outcome.waiting_for,
            progress=outcome.progress,
            flags=(*outcome.flags, *opened.flags()),
            happenings=(*_lowered(context, opened), *(Happening(note.kind, note.detail) for note in outcome.notes)),
            files={uri: sha256 for uri, sha256 in (context.stored | opened.answers).items() if uri not in told},
        )

    def _read_state(self, logic: TrackLogic[StateT], track: TrackRecord) -> StateT:
        if track.state_uri is None:
            return logic.state_type()
        return logic.state_type.model_validate_json(self._artifacts.get(track.state_uri))

    def _time_left(self, began: float) -> float:
        return SLICE_BUDGET_S * CHECKPOINT_SHARE - (self._clock.monotonic() - began)

    def _context(
        self,
        request: StepRequest,
        mission: MissionRecord,
        scratch: Scratch,
        doing: Doing,
        began: float,
        stored: dict[str, str],
        opened: OpenSlice,
    ) -> SliceContext:
        return SliceContext(
            mission_id=request.mission_id,
            owner=mission.owner,
            track=request.track,
            attempt=request.attempt,
            seq=request.seq,
            epoch=request.epoch,
            request=mission.request,
            artifacts=self._artifacts,
            clock=self._clock,
            scratch=scratch,
            time_left=partial(self._time_left, began),
            models=opened.models,
            jobs=opened.jobs,
            search=opened.search,
            other_handoff_uri=opened.handoff_uri,
            other_ended=opened.other_ended,
            soft_deadline=soft_deadline(mission),
            doing=doing,
            stored=stored,
        )


def _lowered(context: SliceContext, opened: OpenSlice) -> tuple[Happening, ...]:
    """Why the slice did not have the mission's own tier: money was spent, or the provider's circuit was open when it began."""
    if not opened.frozen:
        return ()
    because = ["circuit_open" if flag == MODEL_UNAVAILABLE else flag for flag in opened.frozen]
    return (Happening("tier.lowered", {"seq": context.seq, "tier": opened.tier, "because": [*because]}),)
