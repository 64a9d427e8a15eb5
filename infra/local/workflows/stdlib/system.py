"""Modules ``sys`` and ``uuid``. Pages: stdlib/sys/*, stdlib/uuid/generate, environment-variables."""

from __future__ import annotations

import math
from typing import Final

from infra.local.workflows.effects import Coroutine, Sleep
from infra.local.workflows.errors import WorkflowError, key_failure, type_failure, value_failure
from infra.local.workflows.frames import LogEntry, Run
from infra.local.workflows.stdlib.jsons import encode
from infra.local.workflows.stdlib.signature import blocking, function, number, string
from infra.local.workflows.stdlib.times import parse_moment
from infra.local.workflows.values import Value, text_of, type_name

_SEVERITIES: Final = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")


def _get_env(run: Run, name: Value, default: Value) -> Value:
    key = string(name, "name")
    fallback = None if default is None else string(default, "default")
    if key in run.environment:
        return run.environment[key]
    if fallback is None:
        raise key_failure(f"environment variable not found: {key}")
    return fallback


def _log(run: Run, data: Value, severity: Value, text: Value, json: Value, timeout: Value) -> Coroutine:
    given = [value for value in (data, text, json) if value is not None]
    if len(given) != 1:
        raise type_failure("sys.log takes one of data, text and json")
    if json is not None and not isinstance(json, dict):
        raise type_failure(f"json has to be a map, not '{type_name(json)}'")
    payload = _payload(given[0], as_text=text is not None)
    level = "DEFAULT" if severity is None else string(severity, "severity")
    if level not in _SEVERITIES:
        raise value_failure(f"severity has to be one of {', '.join(_SEVERITIES)}")
    run.log(LogEntry(run.execution_id, run.now(), level, payload))
    yield from ()  # a generator like every blocking function, though nothing here waits
    return None


def _payload(value: Value, *, as_text: bool) -> Value:
    """A map as it is, unless it was given as text, and everything else as text (log page: jsonPayload and textPayload)."""
    try:
        written = encode(value)
    except WorkflowError as problem:
        raise type_failure(f"what is logged has to have a JSON form: {problem.message}") from None
    if isinstance(value, str):
        return text_of(value)
    return value if isinstance(value, dict) and not as_text else written


def _sleep(run: Run, seconds: Value) -> Coroutine:
    duration = number(seconds, "seconds")
    if not math.isfinite(duration):
        raise value_failure(f"cannot sleep for {duration} seconds")
    yield Sleep(run.now() + max(0.0, float(duration)))
    return None


def _sleep_until(run: Run, time: Value) -> Coroutine:
    yield Sleep(parse_moment(string(time, "time")))
    return None


FUNCTIONS: Final = (
    function("sys.get_env", "name default?", _get_env, uses_run=True),
    blocking("sys.log", "data? severity? text? json? timeout?", _log),
    function("sys.now", "", lambda run: run.now(), uses_run=True),
    blocking("sys.sleep", "seconds", _sleep),
    blocking("sys.sleep_until", "time", _sleep_until),
    function("uuid.generate", "", lambda run: run.unique(), uses_run=True),
)
