"""Reads what a script wrote to its channel: strictly, since every byte of it may be forged.

The channel is a pipe of JSON lines (``shared/sandbox_runtime/kimera_runtime.py`` writes them). Anything that line discipline does
not allow ends the reading: what was read before it stands, and ``malformed`` says what was wrong.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

from shared.documents import Json
from shared.sandbox import MAX_RECORDS, MAX_RESULT_BYTES, RecordedScalar, RecordedValue

MAX_SMALL_LINE = 65_536
"""Bytes of a line that is not the result: a record of the longest texts, every character of them escaped, fits."""
MAX_LINE = MAX_RESULT_BYTES + 1_024
MAX_WARNINGS = 50
MAX_DEPTH = 64
MAX_NAME = 200
MAX_TEXT = 2_000
_LARGEST_INT = 2**63


class _Malformed(Exception):
    """A line that the runtime would not have written."""


@dataclass(slots=True)
class ChannelReader:
    """Fed with chunks as they arrive; holds what they said so far."""

    values: list[RecordedValue] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    result: dict[str, Json] | None = None
    traceback: str = ""
    out_of_memory: bool = False
    started: bool = False
    cpu_s_before: float = 0.0
    """CPU time that the start took, what was imported ahead included: not the script's."""
    malformed: str = ""
    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Never raises; after the first malformed line it ignores the rest."""
        if self.malformed:
            return
        self._rest += chunk
        *lines, rest = self._rest.split(b"\n") if b"\n" in chunk else [self._rest]
        self._rest = bytearray(rest)
        try:
            for line in lines:
                self._line(bytes(line))
            if len(self._rest) > MAX_LINE:
                raise _Malformed("a line is too long")
        except _Malformed as wrong:
            self._stop(str(wrong))

    def end(self) -> None:
        """The channel is closed: half a line is malformed unless the run was cut off (then nobody calls this)."""
        if self._rest and not self.malformed:
            self._stop("it ends in the middle of a line")

    def _stop(self, why: str) -> None:
        self.malformed = why
        self._rest.clear()

    def _line(self, line: bytes) -> None:
        if len(line) > MAX_LINE:
            raise _Malformed("a line is too long")
        message = _parse(line)
        kind = message.get("t")
        if kind != "emit" and len(line) > MAX_SMALL_LINE:
            raise _Malformed(f"a line of {len(line):,} bytes")
        if kind == "record":
            self._record(message)
        elif kind == "emit":
            self._emit(message)
        elif kind == "error":
            self.traceback = _text(message, "text", MAX_SMALL_LINE)
            self.out_of_memory = message.get("memory") is True
        elif kind == "warning":
            if len(self.warnings) < MAX_WARNINGS:
                self.warnings.append(_text(message, "text", MAX_TEXT))
        elif kind == "start" and not self.started:
            self.started = True
            self.cpu_s_before = float(_scalar(message.get("cpu_s")) or 0)
        else:
            raise _Malformed("a line of no known kind")

    def _record(self, message: dict[str, Json]) -> None:
        if len(self.values) >= MAX_RECORDS:
            raise _Malformed(f"more than {MAX_RECORDS:,} recorded values")
        if message.keys() != {"t", "name", "value", "unit", "n", "filters", "line"}:
            raise _Malformed("a recorded value with missing or unknown fields")
        name = _text(message, "name", MAX_NAME)
        if not name:
            raise _Malformed("a recorded value without a name")
        n = None if message["n"] is None else _count(message["n"], "n")
        self.values.append(
            RecordedValue(
                name=name,
                value=_scalar(message["value"]),
                unit=_optional_text(message, "unit"),
                n=n,
                filters=_optional_text(message, "filters"),
                line=_count(message["line"], "line"),
            )
        )

    def _emit(self, message: dict[str, Json]) -> None:
        result = message.get("result")
        if self.result is not None:
            raise _Malformed("two results")
        if not isinstance(result, dict) or message.keys() != {"t", "result"}:
            raise _Malformed("a result that is not an object")
        _check_tree(result)
        self.result = result


def _parse(line: bytes) -> dict[str, Json]:
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as wrong:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise _Malformed(f"a line that is not JSON ({type(wrong).__name__})") from wrong
    if not isinstance(message, dict):
        raise _Malformed("a line that is not a JSON object")
    return message


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _text(message: dict[str, Json], key: str, limit: int) -> str:
    text = message.get(key)
    if not isinstance(text, str) or len(text) > limit or not _is_unicode(text):
        raise _Malformed(f"{key} is not a text of at most {limit:,} characters")
    return text


def _optional_text(message: dict[str, Json], key: str) -> str | None:
    return None if message[key] is None else _text(message, key, MAX_TEXT)


def _count(value: Json, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST_INT:
        raise _Malformed(f"{key} is not a count")
    return value


def _scalar(value: Json) -> RecordedScalar:
    if isinstance(value, str) and len(value) <= MAX_TEXT and _is_unicode(value):
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) < _LARGEST_INT:
        return value
    raise _Malformed("a recorded value that is no finite number, short text, truth value or null")


def _is_unicode(text: str) -> bool:
    """False for lone surrogates, which JSON escapes let through and no encoder takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_tree(root: dict[str, Json]) -> None:
    """Raise for what could not be stored as JSON again: infinities (``1e999``), lone surrogates, endless nesting, huge integers."""
    level: list[Json] = [root]
    for _ in range(MAX_DEPTH):
        below: list[Json] = []
        for node in level:
            children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
            if isinstance(node, dict) and not all(map(_is_unicode, node)):
                raise _Malformed("a key of the result is not Unicode")
            for child in children:
                if isinstance(child, dict | list):
                    below.append(child)
                elif not _is_storable(child):
                    raise _Malformed("a value in the result is not Unicode or not finite")
        if not below:
            return
        level = below
    raise _Malformed(f"a result nested deeper than {MAX_DEPTH}")


def _is_storable(value: str | int | float | bool | None) -> bool:
    if isinstance(value, str):
        return _is_unicode(value)
    return not isinstance(value, int | float) or (math.isfinite(value) if isinstance(value, float) else abs(value) < 2**256)
