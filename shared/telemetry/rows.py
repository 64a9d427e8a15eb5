"""The rows of the telemetry tables: what happened, in figures and names, never with content.

``event_id`` is the same for every telling of one event, so a row may be written twice: the views count it once. The truth is in the
document store; these rows are for dashboards.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from shared.missions.records import MissionRecord, TrackRecord
from shared.models.rows import JournalRow


class Row(BaseModel):
    """A row of ``table``. ``happened_at`` is in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    table: ClassVar[str]
    description: ClassVar[str]

    event_id: str
    happened_at: datetime


class MissionRow(Row):
    """A mission ended: once when its status became final, and again when a late track did."""

    table = "missions"
    description = "One row for each end of a mission; the last one of a mission holds."

    mission_id: str
    status: str
    fusion_status: str
    tier: str
    error: str | None
    flags: str
    """Joined by commas."""
    epochs: int
    reports: int
    created_at: datetime
    started_at: datetime | None
    first_report_at: datetime | None
    ended_at: datetime
    queued_s: float | None
    first_report_s: float | None
    """From the start to the first report, partial or not."""
    total_s: float | None
    """From the start to the end."""
    cost_micro_usd: int
    deep_research_micro_usd: int
    ds_star_micro_usd: int
    fusion_micro_usd: int


class SliceRow(Row):
    """A slice of a track was committed, or a report of fusion was published (``seq`` is its version then)."""

    table = "slices"
    description = "One row for each committed slice of a track and each published report."

    mission_id: str
    track: str
    attempt: int
    seq: int
    epoch: int
    seconds: float
    wait_s: float
    """What it asked to be left alone for afterwards."""
    outcome: str
    status: str
    error: str | None
    retries: int
    """Earlier tries that did not commit."""


class ModelCallRow(Row):
    """A request to a model was settled, or its answer rejected; one call has a row for each of its requests' states."""

    table = "model_calls"
    description = "One row for each state that a request to a model came to; the last one of a request holds."

    request_id: str
    mission_id: str
    track: str
    attempt: int
    seq: int
    role: str
    ordinal: int
    send: int
    model: str
    tier: str
    prompt_id: str
    outcome: str
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    bound_micro_usd: int
    cost_micro_usd: int
    overrun: bool
    seconds: float | None


TABLES: tuple[type[Row], ...] = (MissionRow, SliceRow, ModelCallRow)


def mission_row(mission: MissionRecord, settled: Mapping[str, int]) -> MissionRow:
    """The row of a mission that has ended. ``settled`` is what it cost, by account."""
    assert mission.ended_at is not None
    first = mission.reports[0].created_at if mission.reports else None
    return MissionRow(
        event_id=f"{mission.mission_id}:{mission.status}:{mission.fusion_status}:{mission.over}",
        happened_at=mission.updated_at,
        mission_id=mission.mission_id,
        status=mission.status,
        fusion_status=mission.fusion_status,
        tier=mission.tier,
        error=mission.error.code if mission.error else None,
        flags=",".join(mission.flags),
        epochs=mission.epoch,
        reports=len(mission.reports),
        created_at=mission.created_at,
        started_at=mission.started_at,
        first_report_at=first,
        ended_at=mission.ended_at,
        queued_s=_between(mission.created_at, mission.started_at),
        first_report_s=_between(mission.started_at, first),
        total_s=_between(mission.started_at, mission.ended_at),
        cost_micro_usd=sum(settled.values()),
        deep_research_micro_usd=settled.get("deep_research", 0),
        ds_star_micro_usd=settled.get("ds_star", 0),
        fusion_micro_usd=settled.get("fusion", 0),
    )


def slice_row(track: TrackRecord, seq: int) -> SliceRow | None:
    """The row of a committed slice; ``None`` for one that an earlier version committed without its figures."""
    done, result = track.done.get(str(seq)), track.results.get(str(seq))
    if done is None or result is None:
        return None
    return SliceRow(
        event_id=f"{track.mission_id}:{track.track}:{track.attempt}:{seq}",
        happened_at=done.at,
        mission_id=track.mission_id,
        track=track.track,
        attempt=track.attempt,
        seq=seq,
        epoch=done.epoch,
        seconds=done.seconds,
        wait_s=result.retry_after_s,
        outcome=result.outcome,
        status=result.track_status,
        error=done.error,
        retries=done.retries,
    )


def report_row(mission: MissionRecord, *, version: int, mode: str, seconds: float, at: datetime) -> SliceRow:
    """The row of a published report."""
    return SliceRow(
        event_id=f"{mission.mission_id}:fusion:1:{version}",
        happened_at=at,
        mission_id=mission.mission_id,
        track="fusion",
        attempt=1,
        seq=version,
        epoch=mission.epoch,
        seconds=seconds,
        wait_s=0,
        outcome=mode.upper(),
        status=mission.fusion_status,
        error=None,
        retries=0,
    )


def slice_rows(track: TrackRecord) -> list[SliceRow]:
    """The rows of all committed slices of a track's attempt."""
    rows = [slice_row(track, int(seq)) for seq in track.done]
    return [row for row in rows if row is not None]


def model_call_row(row: JournalRow) -> ModelCallRow:
    """The row of a request as its journal row stands."""
    outcome = row.state.lower()
    return ModelCallRow(
        event_id=f"{row.ref.id}:{outcome}",
        happened_at=row.ended_at or row.sent_at,
        request_id=row.ref.id,
        mission_id=row.mission_id,
        track=row.account,
        attempt=row.attempt,
        seq=row.seq,
        role=row.role,
        ordinal=row.ordinal,
        send=row.send,
        model=row.model,
        tier=row.tier,
        prompt_id=row.prompt_id,
        outcome=outcome,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_tokens=row.cached_tokens,
        bound_micro_usd=row.bound_micro_usd,
        cost_micro_usd=row.cost_micro_usd,
        overrun=row.overrun,
        seconds=_between(row.sent_at, row.ended_at),
    )


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return max(0.0, (end - start).total_seconds()) if start is not None and end is not None else None
