"""A mission's whole story: its audit events joined with its spans, in time order, with what each phase took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.fusion.wording import flag_sentence
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
    return Story(state, tuple(ordered), tuple(_phases(spans)), tuple(_reasons(state, events, spans)), tuple(handoffs))


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


_LOWERED = "tier.lowered"
_CIRCUIT_OPEN = "The model's provider had failed too often in a row to be asked then."
_ABOUT_MODELS = {
    "budget_overrun": "",
    "answer_rejected": "",
    "budget_exhausted": "budget_refused",
    "day_budget_exhausted": "day_budget_refused",
    "model_unavailable": "model_unavailable",
    "request_withheld": "request_withheld",
    "out_of_time": "out_of_time",
}
"""Flags that say why a step was done without a model, each with the error of the span that tells more of it, where one does."""


def _reasons(state: MissionState, events: Sequence[AuditEvent], spans: Sequence[SpanRecord]) -> Iterable[str]:
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
    for text in _lowered(events):
        if text not in seen:
            seen.add(text)
            yield text
    told = {str(code) for event in events if event.kind == _LOWERED for code in _listed(event.detail.get("because"))}
    told |= {span.error for span in spans if span.error}
    told |= {"model_unavailable"} if "circuit_open" in told else set()
    for flag in state.flags:
        if (error := _ABOUT_MODELS.get(flag)) is not None and told.isdisjoint((flag, error)):
            yield f"models: {flag_sentence(flag)}"


def _lowered(events: Sequence[AuditEvent]) -> Iterable[str]:
    """Who worked at a lower tier than was asked for, and why; not from when on, so that each reason is told once."""
    for event in events:
        if event.kind == _LOWERED:
            codes = [str(code) for code in _listed(event.detail.get("because")) if not str(code).startswith("tier_")]
            why = " ".join(_CIRCUIT_OPEN if code == "circuit_open" else flag_sentence(code) for code in codes)
            yield f"{event.writer}: worked at the tier {event.detail.get('tier')}. {why}".rstrip()


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
