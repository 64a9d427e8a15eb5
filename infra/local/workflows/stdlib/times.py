"""Module ``time``. Pages: stdlib/time/*."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from infra.local.workflows.errors import value_failure
from infra.local.workflows.stdlib.signature import function, number, string
from infra.local.workflows.values import Value

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _format(seconds: Value, timezone: Value) -> Value:
    name = "UTC" if timezone is None else string(timezone, "timezone") or "UTC"
    try:
        moment = (_EPOCH + timedelta(seconds=number(seconds, "seconds"))).astimezone(ZoneInfo(name))
    except (OverflowError, ValueError, OSError) as problem:
        raise value_failure(f"the time has no text: {problem}") from None
    except KeyError:
        raise value_failure(f"unknown time zone: {name}") from None
    text = moment.isoformat(timespec="microseconds")
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _parse(value: Value) -> Value:
    """Seconds since the epoch of a timestamp of RFC 3339, section 5.6: date, time and offset are all there."""
    text = string(value, "value")
    if not _RFC_3339.fullmatch(text):
        raise value_failure(f"not an RFC 3339 timestamp: '{text}'")
    return parse_moment(text.upper())


def parse_moment(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 timestamp, of which ``sys.sleep_until`` takes any; one without an offset is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise value_failure(f"not an ISO 8601 timestamp: '{text}'") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


FUNCTIONS: Final = (
    function("time.format", "seconds timezone?", _format),
    function("time.parse", "value", _parse),
)
