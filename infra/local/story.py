"""A mission's whole story: its audit events joined with its spans, in time order, with what each phase took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.events import AuditEvent
from schemas.mission import MissionState
from schemas.outcome import HandedOver
from shared.documents import Json
from shared.telemetry import names
from shared.telemetry.reading import SpanRecord


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the story. ``took_s`` is there for what lasted (a span), ``error`` for what failed."""

    at: datetime
    who: str
    what: str
    detail: dict[str, Json]
    took_s: float | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Json]:
        """The line for a program."""
        return {
            "at": self.at.isoformat(),
            "who": self.who,
            "what": self.what,
            "detail": self.detail,
            "took_s": self.took_s,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Phase:
    """What one phase came to. ``retries``: calls that failed and were made again."""

    name: str
    calls: int
    total_s: float
    slowest_s: float
    retries: int
    errors: tuple[str, ...]
    cost_micro_usd: int

    def as_json(self) -> dict[str, Json]:
        """The phase for a program."""
        return {
            "phase": self.name,
            "calls": self.calls,
            "total_s": round(self.total_s, 6),
            "slowest_s": round(self.slowest_s, 6),
            "retries": self.retries,
            "errors": list(self.errors),
            "cost_usd": self.cost_micro_usd / 1_000_000,
        }


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is known of a mission."""

    state: MissionState
    moments: tuple[Moment, ...]
    phases: tuple[Phase, ...]
    reasons: tuple[str, ...]
    handoffs: tuple[HandedOver, ...] = ()
    """What the tracks asked of each other, and what came of it, as the newest report has it: events hold no content."""

    def as_json(self) -> dict[str, Json]:
        """The story for a program."""
        mission: Json = self.state.model_dump(mode="json")
        return {
            "mission": mission,
            "epochs": self.state.epoch,
            "timeline": [moment.as_json() for moment in self.moments],
            "phases": [phase.as_json() for phase in self.phases],
            "reasons": list(self.reasons),
            "handoffs": [handed.model_dump(mode="json") for handed in self.handoffs],
        }


def tell_story(
    state: MissionState, events: Sequence[AuditEvent], spans: Sequence[SpanRecord], handoffs: Sequence[HandedOver] = ()
) -> Story:
    """Join them."""
    moments = [*(_of_event(event) for event in events), *(_of_span(span) for span in spans)]
    # Of equal times the event comes first: it is what the span's work led to or began with.
    ordered = sorted(moments, key=lambda m: (m.at, m.took_s is not None))
    return Story(state, tuple(ordered), tuple(_phases(spans)), tuple(_reasons(state, spans)), tuple(handoffs))


def _of_event(event: AuditEvent) -> Moment:
    detail: dict[str, Json] = dict(event.detail)
    error = detail.get("error")
    return Moment(event.at, event.writer, event.kind, detail, error=str(error) if error else None)


def _of_span(span: SpanRecord) -> Moment:
    ours = {key.removeprefix("kimera."): value for key, value in span.attributes.items() if key not in (names.MISSION_ID, names.PHASE)}
    detail: dict[str, Json] = {**ours}
    if span.message:
        detail["message"] = span.message
    return Moment(span.start, span.phase, span.name, detail, took_s=span.duration_s, error=span.error)


def _phases(spans: Sequence[SpanRecord]) -> Iterable[Phase]:
    """One for each kind of work, in the order in which they began. A call's span and that of its work count apart."""
    by_name: dict[str, list[SpanRecord]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(span)
    for name, group in by_name.items():
        last = group[-1]
        yield Phase(
            name=name,
            calls=len(group),
            total_s=sum(span.duration_s for span in group),
            slowest_s=max(span.duration_s for span in group),
            retries=sum(span.failed and span is not last for span in group),
            errors=tuple(sorted({span.error for span in group if span.error})),
            cost_micro_usd=sum(int(span.attributes.get(names.COST_MICRO_USD, 0)) for span in group),
        )


def _reasons(state: MissionState, spans: Sequence[SpanRecord]) -> Iterable[str]:
    """Why it did not go well, the mission's own reason first."""
    if state.error is not None:
        yield f"mission: {state.error.message} {state.error.remedy}".rstrip()
    for track, found in sorted(state.track_status.items()):
        if found.error is not None:
            yield f"{track}: {found.error.message} {found.error.remedy}".rstrip()
    seen: set[str] = set()
    for span in spans:
        text = f"{span.name}: {span.error}: {span.message}"
        if span.failed and text not in seen:
            seen.add(text)
            yield text
