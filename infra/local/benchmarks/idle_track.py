"""A track whose slices do nothing but return 2 KB: what is left of a mission's time is what its orchestration takes.

Five slices, the last of which hands off what all five returned. Everything around them is the platform's own: leases, states, commits,
audit events, the gate, fusion and the report.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from pydantic import BaseModel

from schemas.analysis import AnalysisAnswer, AnalyticalReportPackage
from schemas.evidence import Lineage, ResearchAnswer, ResearchEvidencePackage, SubQuestion
from schemas.mission import Track
from shared.tracks import Package, SliceContext, SliceOutcome

SLICES = 5
RESULT_BYTES = 2_048
_NOTE = "nothing was asked of this track"


class IdleState(BaseModel):
    """What the slices so far returned."""

    started_at: datetime | None = None
    results: tuple[str, ...] = ()


class IdleTrack:
    """The logic of either track."""

    @property
    def state_type(self) -> type[IdleState]:
        """``IdleState``."""
        return IdleState

    def step(self, context: SliceContext, state: IdleState) -> SliceOutcome[IdleState]:
        """2 KB more; after five slices the handoff. See ``TrackLogic.step``."""
        result = result_of(context.track, len(state.results))
        state = IdleState(started_at=state.started_at or context.clock.now(), results=(*state.results, result))
        if len(state.results) < SLICES:
            return SliceOutcome(state, progress=f"{len(state.results)} of {SLICES}")
        return SliceOutcome(state, package=_package(context, state, None), progress="handed off")

    def close(self, context: SliceContext, state: IdleState, reason: str) -> SliceOutcome[IdleState]:
        """The handoff with what there is. See ``TrackLogic.close``."""
        return SliceOutcome(state, package=_package(context, state, reason), progress=reason)


def result_of(track: Track, n: int) -> str:
    """The 2 KB of a track's slice: always the same, and no two alike, so that no store can save one of them."""
    seed = f"{track}-{n}".encode()
    return "".join(hashlib.sha256(seed + bytes([part])).hexdigest() for part in range(RESULT_BYTES // 64))


def _package(context: SliceContext, state: IdleState, reason: str | None) -> Package:
    question = context.request.question
    asked = (SubQuestion(id="q1", text=question),)
    now = context.clock.now()
    lineage = Lineage(
        mission_id=context.mission_id,
        track=context.track,
        attempt=context.attempt,
        epoch=context.epoch,
        started_at=state.started_at or now,
        finished_at=now,
        closed_because=reason,
    )
    if context.track is Track.DEEP_RESEARCH:
        answered = (ResearchAnswer(question_id="q1", status="not_answered", note=_NOTE),)
        return ResearchEvidencePackage(
            question=question, scope=_NOTE, sub_questions=asked, answers=answered, limitations=state.results, lineage=lineage
        )
    return AnalyticalReportPackage(
        question=question,
        sub_questions=asked,
        answers=(AnalysisAnswer(question_id="q1", status="not_answered", note=_NOTE),),
        limitations=state.results,
        lineage=lineage,
    )
