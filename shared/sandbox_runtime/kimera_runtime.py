"""What a script in the sandbox is given: ``record``, ``emit``, ``inputs`` and ``parameters``.

The bootstrap puts the four names into the script's globals; a helper module imports them from here. Everything else in this file
belongs to the bootstrap. Runs in the sandbox's interpreter: the standard library only.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import types
from datetime import date

SCRIPT = "script.py"
MAX_NAME = 200
MAX_TEXT = 2_000
MAX_EMIT_BYTES = 8_000_000
_LARGEST_INT = 2**63

inputs: dict[str, str] = {}
"""Name of each input -> its path relative to the working directory."""
parameters: dict[str, object] = {}
"""The job's parameters."""

_channel = -1
_lock = threading.Lock()
_emitted = False


def open_channel(descriptor: int) -> None:
    """Called once by the bootstrap, when everything is ready for a job."""
    global _channel
    _channel = descriptor


def give(input_names: list[str], job_parameters: dict[str, object]) -> None:
    """Called once by the bootstrap, before the script starts."""
    inputs.update({name: f"inputs/{name}" for name in input_names})
    parameters.update(job_parameters)


def send(message: dict[str, object]) -> None:
    """Write one line to the channel."""
    line = memoryview(json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n")
    with _lock:
        while line:
            line = line[os.write(_channel, line) :]


def record(name: object, value: object, unit: str | None = None, n: object = None, filters: str | None = None) -> None:
    """Report one figure. ``n``: how many rows it rests on; ``filters``: which rows those are. NaN and infinity are refused."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise ValueError(f"record: the name must be a text of 1 to {MAX_NAME} characters, not {name!r:.80}")
    count = _plain(n, f"record({name!r}): n")
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise ValueError(f"record({name!r}): n must be a count of rows, not {n!r:.80}")
    send(
        {
            "t": "record",
            "name": name,
            "value": _plain(value, f"record({name!r})"),
            "unit": _text(unit, f"record({name!r}): unit"),
            "n": count,
            "filters": _text(filters, f"record({name!r}): filters"),
            "line": _script_line(),
        }
    )


def emit(result: object) -> None:
    """Hand over the run's one result, a JSON object of at most 8 MB."""
    global _emitted
    if not isinstance(result, dict):
        raise TypeError(f"emit takes a dict, not {type(result).__name__}")
    if _emitted:
        raise RuntimeError("emit can be called once only")
    text = json.dumps(result, allow_nan=False, separators=(",", ":"))
    if len(text) > MAX_EMIT_BYTES:
        raise ValueError(f"emit: {len(text):,} bytes are more than {MAX_EMIT_BYTES:,}")
    send({"t": "emit", "result": result})
    _emitted = True


def _plain(value: object, what: str) -> int | float | str | bool | None:
    """The value as JSON knows it: numpy and pandas scalars are unwrapped, dates become ISO texts."""
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, (int, float, str)):
        size = getattr(value, "size", 1)
        if size != 1:
            raise ValueError(f"{what}: one value is needed, not an array of {size}")
        value = item()
    if isinstance(value, date):
        value = value.isoformat()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < _LARGEST_INT:
        return int(value)
    if isinstance(value, str):
        return _text(value, what)
    if not isinstance(value, (int, float)) and not hasattr(value, "__float__"):
        raise TypeError(f"{what}: a number, a text, a truth value or None is needed, not {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{what}: {number} is not a finite number; record None where there is no value")
    return number


def _text(value: object, what: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError(f"{what} must be a text of at most {MAX_TEXT} characters")
    return str(value)


def _script_line() -> int:
    """The line of the script that is being run: of the innermost of its frames."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == SCRIPT:
            return frame.f_lineno
        frame = frame.f_back
    return 0
