"""The tracer of a process: spans that carry the call's identifiers, sent to one exporter.

Nothing global is set: the runtime holds a ``Tracing`` and hands it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.errors import KimeraError
from shared.telemetry import names
from shared.telemetry.context import current

if TYPE_CHECKING:
    from shared.telemetry.exporters import Flusher

Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """A span whose end is still to come."""

    span: Span

    @property
    def traceparent(self) -> str | None:
        """The span as the parent of others."""
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(self.span))
        return carrier.get("traceparent")

    def end(self, outcome: str, *, error: str | None = None) -> None:
        """End the span with its outcome; an ``error`` marks it failed."""
        self.span.set_attribute(names.OUTCOME, outcome)
        if error is not None:
            self.span.set_attribute(names.ERROR_CODE, outcome)
            self.span.set_status(Status(StatusCode.ERROR, error[:500]))
        self.span.end()


class TracerSource(Protocol):
    """Gives tracers: the library's ``TracerProvider``, or our own file."""

    def get_tracer(self, name: str, /) -> trace.Tracer: ...

    def shutdown(self) -> None:
        """Send what is left; spans that end later are dropped."""
        ...


@dataclass(frozen=True)
class Tracing:
    """Makes spans. Without a provider they are recorded nowhere, and cost next to nothing."""

    provider: TracerSource | None = None
    flusher: Flusher | None = None
    """Sends what waits; ``None`` where spans never wait."""

    @cached_property
    def _tracer(self) -> trace.Tracer:
        return self.provider.get_tracer("kimera") if self.provider else trace.NoOpTracer()

    def span(
        self, name: str, *, parent: str | None = None, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
    ) -> AbstractContextManager[Span]:
        """A span around the ``with``: under ``parent`` (a ``traceparent``) or the current span; an exception marks it failed."""
        everything = {**current().attributes(), **(attributes or {})}
        return _Around(self._tracer.start_span(name, context=_remote(parent) if parent else None, kind=kind, attributes=everything))

    def begin(self, name: str, *, parent: str | None = None, attributes: Attributes | None = None) -> OpenSpan:
        """A span that goes on after this call, until its ``end``: for what other threads carry out."""
        everything = {**current().attributes(), **(attributes or {})}
        return OpenSpan(self._tracer.start_span(name, context=_remote(parent) if parent else None, attributes=everything))

    def flush(self, bound_s: float) -> None:
        """Send the spans that have ended; what is not sent within ``bound_s`` goes on in the background."""
        if self.flusher:
            self.flusher.flush(bound_s)

    def close(self) -> None:
        """Send what is left."""
        if self.provider:
            self.provider.shutdown()


class _Around:
    """The current span inside of a ``with``."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        self._token = attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._span.set_attribute(names.ERROR_CODE, error.code if isinstance(error, KimeraError) else type(error).__name__)
            self._span.set_status(Status(StatusCode.ERROR, str(error)[:500]))
        detach(self._token)
        self._span.end()


@lru_cache(maxsize=1024)
def _remote(traceparent: str) -> Context:
    """The context under a span elsewhere: all calls of a mission's execution come under the same one."""
    return TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context=Context())
