"""Spans read back from the local file (OTLP as JSON lines), for ``kimera inspect``.

A process that was killed leaves at most one broken line behind, which is left aside, as are the spans that were open then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, cast

from shared.documents import Json
from shared.telemetry import names

Attribute: TypeAlias = "str | int | float | bool"
_FAILED = 2  # opentelemetry-proto: STATUS_CODE_ERROR


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """A span that has ended. ``error`` is its error's code where it failed, ``message`` what was said about it."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start: datetime
    duration_s: float
    attributes: Mapping[str, Attribute]
    failed: bool
    message: str

    @property
    def phase(self) -> str:
        """What part of a mission's way it belongs to."""
        return str(self.attributes.get(names.PHASE) or self.name.partition(".")[0])

    @property
    def error(self) -> str | None:
        """The code of its error."""
        return str(self.attributes.get(names.ERROR_CODE, "unknown")) if self.failed else None


def mission_spans(path: Path, mission_id: str) -> list[SpanRecord]:
    """All spans of the traces in which the mission occurs, by start. The file may be large: it is read twice, line by line."""
    traces = {span.trace_id for span in _spans(path, lambda line: mission_id in line) if _is_about(span, mission_id)}
    others = _spans(path, lambda line: any(trace in line for trace in traces)) if traces else iter(())
    found = {span.span_id: span for span in others if span.attributes.get(names.MISSION_ID, mission_id) == mission_id}
    return sorted(found.values(), key=lambda span: (span.start, span.span_id))


def _is_about(span: SpanRecord, mission_id: str) -> bool:
    return span.attributes.get(names.MISSION_ID) == mission_id


def _spans(path: Path, wanted: Callable[[str], bool]) -> Iterator[SpanRecord]:
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if wanted(line):
                    yield from _of_line(line)
    except FileNotFoundError:
        return


def _of_line(line: str) -> Iterator[SpanRecord]:
    try:
        message = json.loads(line)
        for resource in message["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    yield _record(span)
    except (ValueError, KeyError, TypeError):
        return  # cut off by a kill


def _record(span: Mapping[str, Json]) -> SpanRecord:
    start, end = int(str(span["startTimeUnixNano"])), int(str(span["endTimeUnixNano"]))
    status = cast(dict[str, Json], span.get("status") or {})
    listed = cast(list[dict[str, Json]], span.get("attributes") or [])
    return SpanRecord(
        trace_id=str(span["traceId"]),
        span_id=str(span["spanId"]),
        parent_id=str(span["parentSpanId"]) if span.get("parentSpanId") else None,
        name=str(span["name"]),
        start=datetime.fromtimestamp(start / 1e9, UTC),
        duration_s=max(0, end - start) / 1e9,
        attributes={str(entry["key"]): _value(cast(dict[str, Json], entry["value"])) for entry in listed},
        failed=status.get("code") in (_FAILED, "STATUS_CODE_ERROR"),
        message=str(status.get("message", "")),
    )


def _value(value: Mapping[str, Json]) -> Attribute:
    kind, content = next(iter(value.items()))
    if kind == "intValue":
        return int(str(content))
    return content if isinstance(content, (str, float, bool)) else json.dumps(content)
