"""The identifiers of the current call, as they came in and as they go on with every call from here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.telemetry import names

REQUEST_ID_HEADER = "X-Request-Id"


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a call is about. ``None`` where it is about no mission or no track."""

    request_id: str | None = None
    mission_id: str | None = None
    track: str | None = None
    attempt: int | None = None
    seq: int | None = None
    epoch: int | None = None

    def attributes(self) -> dict[str, str | int]:
        """The context as span attributes."""
        pairs: dict[str, str | int | None] = {
            names.REQUEST_ID: self.request_id,
            names.MISSION_ID: self.mission_id,
            names.TRACK: self.track,
            names.ATTEMPT: self.attempt,
            names.SEQ: self.seq,
            names.EPOCH: self.epoch,
        }
        return {key: value for key, value in pairs.items() if value is not None}


_EMPTY = CallContext()
_current: ContextVar[CallContext] = ContextVar("kimera_call", default=_EMPTY)


def current() -> CallContext:
    """The context of the current call."""
    return _current.get()


def about(context: CallContext) -> AbstractContextManager[None]:
    """Make ``context`` the current one inside the ``with``."""
    return _About(context)


def about_mission(
    mission_id: str, *, track: str | None = None, attempt: int | None = None, seq: int | None = None, epoch: int | None = None
) -> AbstractContextManager[None]:
    """Narrow the current context to a mission, and perhaps to one of its slices."""
    return _About(CallContext(current().request_id, mission_id, track, attempt, seq, epoch))


class _About:
    __slots__ = ("_context", "_token")

    def __init__(self, context: CallContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = _current.set(self._context)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _current.reset(self._token)


def current_traceparent() -> str | None:
    """The W3C ``traceparent`` of the current span, or ``None`` outside of any."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """The trace id of the current span in hexadecimal, or ``None`` outside of any."""
    span = trace.get_current_span().get_span_context()
    return f"{span.trace_id:032x}" if span.is_valid else None


def outgoing_headers() -> Mapping[str, str]:
    """The headers that carry this call's identifiers to the next service."""
    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    if request_id := current().request_id:
        headers[REQUEST_ID_HEADER] = request_id
    return headers
