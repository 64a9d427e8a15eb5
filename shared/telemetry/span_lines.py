"""Spans as lines of a file: each an OTLP/JSON export request of its own (opentelemetry.io/docs/specs/otel/protocol/file-exporter).

A tracer of its own, since a mission on one machine has dozens of spans: the library's makes an object for each part of each of them,
which costs more than what most of them tell of. For the same reason a line is put together as text: its shape is always the same.
"""

from __future__ import annotations

import json
import logging
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from json.encoder import encode_basestring_ascii as _text
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from shared.telemetry.appended_file import AppendedFile

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes, AttributeValue

_KINDS = {SpanKind.INTERNAL: 1, SpanKind.SERVER: 2, SpanKind.CLIENT: 3, SpanKind.PRODUCER: 4, SpanKind.CONSUMER: 5}
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
"""opentelemetry-proto, SpanFlags."""
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_TAIL = "}]}]}]}\n"
_LONGEST_S = 10.0
"""How long the end waits for a write."""
_log = logging.getLogger(__name__)


class SpanLines:
    """Appends each span to the file when it ends. Several processes may share the file.

    One thread at a time writes, also what the others bring meanwhile, and none waits for it: a thread that waits with a lock for the
    interpreter, as after every write, would hold up all that end a span. A kill loses the open spans and those of the last moment.
    """

    def __init__(self, path: Path, *, service: str, randomness: random.Random | None = None) -> None:
        self._path = path
        self._file = AppendedFile(path)
        self._file.open()
        self._lock = threading.Lock()
        self._written = threading.Condition(self._lock)
        self._lines: list[bytes] = []
        self._writing = False
        self._closed = False
        self._random = randomness or random.Random(os.urandom(16))
        self._head = f'{{"resourceSpans":[{{"resource":{{"attributes":[{_attribute("service.name", service)}]}},"scopeSpans":'

    def get_tracer(self, name: str) -> trace.Tracer:
        """A tracer whose spans are written here."""
        return _Tracer(self, name)

    def shutdown(self) -> None:
        """Close the file; spans that end later are dropped."""
        with self._lock:
            if not self._closed:
                self._closed = True
                if self._written.wait_for(lambda: not self._writing, _LONGEST_S):
                    self._file.close()

    def new_id(self, bits: int) -> int:
        """An id of a trace or a span; zero is none."""
        return self._random.getrandbits(bits) or 1

    def head(self, scope: str) -> str:
        """How the line of a span of ``scope`` begins; it ends with ``_TAIL``."""
        return f'{self._head}[{{"scope":{{"name":{_text(scope)}}},"spans":['

    def write(self, text: str) -> None:
        """Write the span's line: in one piece, so that lines of other processes do not mix with it."""
        line = text.encode("ascii")
        with self._lock:
            if self._closed:
                return
            self._lines.append(line)
            if self._writing:
                return
            self._writing = True
        while lines := self._taken():
            try:
                self._file.write(b"".join(lines))
            except OSError as error:
                _log.warning("%s spans could not be written to %s: %s", len(lines), self._path, error)

    def _taken(self) -> list[bytes]:
        """The lines that wait to be written; where there are none, this thread writes no more."""
        with self._lock:
            lines, self._lines = self._lines, []
            if not lines:
                self._writing = False
                self._written.notify_all()
            return lines


class _Tracer(trace.Tracer):
    def __init__(self, lines: SpanLines, scope: str) -> None:
        self._lines = lines
        self._head = lines.head(scope)

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        parent = trace.get_current_span(context).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else self._lines.new_id(128)
        own = SpanContext(trace_id, self._lines.new_id(64), is_remote=False, trace_flags=_SAMPLED)
        return _Span(self._lines, self._head, own, parent if parent.is_valid else None, name, kind, dict(attributes or {}), start_time)

    @contextmanager
    def start_as_current_span(  # type: ignore[override]  # the library's own context manager does the same
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[trace.Span]:
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with trace.use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span


class _Span(trace.Span):
    def __init__(
        self,
        lines: SpanLines,
        head: str,
        context: SpanContext,
        parent: SpanContext | None,
        name: str,
        kind: SpanKind,
        attributes: dict[str, AttributeValue],
        start: int | None,
    ) -> None:
        self._lines = lines
        self._head = head
        self._context = context
        self._parent = parent
        self._name = name
        self._kind = kind
        self.attributes = attributes
        self._start = start if start is not None else time.time_ns()
        self._events: list[str] = []
        self._status = Status(StatusCode.UNSET)
        self._ended = False

    def get_span_context(self) -> SpanContext:
        return self._context

    def is_recording(self) -> bool:
        return not self._ended

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        self.attributes.update(attributes)

    def update_name(self, name: str) -> None:
        self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self._status = status if isinstance(status, Status) else Status(status, description)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        at = timestamp if timestamp is not None else time.time_ns()
        self._events.append(f'{{"timeUnixNano":"{at}","name":{_text(name)},"attributes":{_attributes(attributes or {})}}}')

    def record_exception(
        self, exception: BaseException, attributes: Attributes = None, timestamp: int | None = None, escaped: bool = False
    ) -> None:
        said: dict[str, AttributeValue] = {"exception.type": type(exception).__name__, "exception.message": str(exception)}
        self.add_event("exception", {**said, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        context, parent, status = self._context, self._parent, self._status
        said = f',"message":{_text(status.description)}' if status.description else ""
        self._lines.write(
            f'{self._head}{{"traceId":"{context.trace_id:032x}","spanId":"{context.span_id:016x}"'
            + (f',"parentSpanId":"{parent.span_id:016x}"' if parent is not None else "")
            + f',"flags":{_HAS_IS_REMOTE | (_IS_REMOTE if parent is not None and parent.is_remote else 0)}'
            f',"name":{_text(self._name)},"kind":{_KINDS[self._kind]}'
            f',"startTimeUnixNano":"{self._start}","endTimeUnixNano":"{end_time if end_time is not None else time.time_ns()}"'
            f',"attributes":{_attributes(self.attributes)},"status":{{"code":{status.status_code.value}{said}}}'
            + (f',"events":[{",".join(self._events)}]' if self._events else "")
            + _TAIL
        )


def _attributes(attributes: Mapping[str, AttributeValue]) -> str:
    return f"[{','.join([_attribute(key, value) for key, value in attributes.items()])}]"


def _attribute(key: str, value: AttributeValue) -> str:
    return f'{{"key":{_text(key)},"value":{_value(value)}}}'


def _value(value: AttributeValue) -> str:
    if isinstance(value, str):
        return f'{{"stringValue":{_text(value)}}}'
    if isinstance(value, bool):
        return f'{{"boolValue":{"true" if value else "false"}}}'
    if isinstance(value, int):
        return f'{{"intValue":"{int(value)}"}}'
    if isinstance(value, float):
        return f'{{"doubleValue":{json.dumps(value)}}}'
    if isinstance(value, Sequence):
        return f'{{"arrayValue":{{"values":[{",".join([_value(part) for part in value])}]}}}}'
    return f'{{"stringValue":{_text(str(value))}}}'
