"""Spans as lines of a file: each an OTLP/JSON export request of its own (opentelemetry.io/docs/specs/otel/protocol/file-exporter).

The library's exporter builds an object for each part of a span first, which costs more than all that the span tells of.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from shared.documents import Json

_KINDS = {SpanKind.INTERNAL: 1, SpanKind.SERVER: 2, SpanKind.CLIENT: 3, SpanKind.PRODUCER: 4, SpanKind.CONSUMER: 5}
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
"""opentelemetry-proto, SpanFlags."""
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
_log = logging.getLogger(__name__)


class SpanLines(SpanProcessor):
    """Appends each span to the file when it ends, so that a kill loses only the open ones. Several processes may share the file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._closed = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing is known yet."""

    def on_end(self, span: ReadableSpan) -> None:
        """Write the span: in one piece, so that lines of other threads and processes do not mix with it."""
        if self._closed:
            return
        try:
            os.write(self._file, line(span))
        except OSError as error:
            _log.warning("A span could not be written to %s: %s", self._path, error)

    def shutdown(self) -> None:
        """Close the file; spans that end later are dropped."""
        if not self._closed:
            self._closed = True
            os.close(self._file)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits."""
        return True


def line(span: ReadableSpan) -> bytes:
    """The line of a span."""
    scope = span.instrumentation_scope
    message: dict[str, Json] = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(span.resource.attributes)},
                "scopeSpans": [{"scope": {"name": scope.name if scope else ""}, "spans": [_span(span)]}],
            }
        ]
    }
    return (_encode(message) + "\n").encode("ascii")


def _span(span: ReadableSpan) -> dict[str, Json]:
    context, parent, status = span.get_span_context(), span.parent, span.status
    told: dict[str, Json] = {
        "traceId": f"{context.trace_id:032x}" if context else "",
        "spanId": f"{context.span_id:016x}" if context else "",
    }
    if parent is not None:
        told["parentSpanId"] = f"{parent.span_id:016x}"
    return told | {
        "flags": _HAS_IS_REMOTE | (_IS_REMOTE if parent is not None and parent.is_remote else 0),
        "name": span.name,
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes or {}),
        "events": [{"timeUnixNano": str(e.timestamp), "name": e.name, "attributes": _attributes(e.attributes or {})} for e in span.events],
        "status": {"code": status.status_code.value} | ({"message": status.description} if status.description else {}),
    }


def _attributes(attributes: Mapping[str, object]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: object) -> dict[str, Json]:
    match value:
        case str():
            return {"stringValue": value}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case Sequence():
            return {"arrayValue": {"values": [_value(part) for part in value]}}
        case _:
            return {"stringValue": str(value)}
