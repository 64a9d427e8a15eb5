"""Module ``json``. Pages: stdlib/json/*."""

from __future__ import annotations

import json
from typing import Final

from infra.local.workflows.errors import type_failure, value_failure
from infra.local.workflows.expressions.operators import checked_string
from infra.local.workflows.limits import INT64_MAX, INT64_MIN
from infra.local.workflows.stdlib.signature import function, string
from infra.local.workflows.stdlib.texts import decoded
from infra.local.workflows.values import Value, to_json, type_name


def _integer(text: str) -> int | float:
    """An integer of 64 bits, or the nearest double of a larger one."""
    value = int(text) if len(text) < 25 else None
    return value if value is not None and INT64_MIN <= value <= INT64_MAX else float(text)


def _not_json(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_int=_integer, parse_constant=_not_json)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def decode(text: str) -> Value:
    """The value that the JSON ``text`` describes. Raises ValueError, or RecursionError for absurd nesting."""
    value: Value = _DECODER.decode(text)
    return value


def encode(value: Value) -> str:
    """JSON text without spaces. Raises the workflow's ValueError for what has no JSON form."""
    try:
        return _ENCODER.encode(to_json(value))
    except (TypeError, ValueError) as problem:
        raise value_failure(f"the value cannot be encoded as JSON: {problem}") from None


def _decode(data: Value) -> Value:
    """Bytes are first decoded as ``text.decode`` does (json.decode page)."""
    if not isinstance(data, (str, bytes)):
        raise type_failure(f"data has to be a string or bytes, not '{type_name(data)}'")
    try:
        return decode(data if isinstance(data, str) else decoded(data, None))
    except (ValueError, RecursionError) as problem:
        raise value_failure(f"the data is not JSON: {problem}") from None


def _text(data: Value, indent: Value) -> str:
    if indent is None or indent is False:
        return encode(data)
    options = {} if indent is True else indent
    if not isinstance(options, dict) or not set(options) <= {"prefix", "indent"}:
        raise type_failure("indent has to be a boolean or a map with the keys prefix and indent")
    prefix, step = string(options.get("prefix", ""), "prefix"), string(options.get("indent", "    "), "indent")
    encode(data)
    return json.dumps(to_json(data), ensure_ascii=False, indent=step).replace("\n", "\n" + prefix)


FUNCTIONS: Final = (
    function("json.decode", "data", _decode),
    function("json.encode", "data indent?", lambda data, indent: _text(data, indent).encode("utf-8", "surrogatepass")),
    function("json.encode_to_string", "data indent?", lambda data, indent: checked_string(_text(data, indent))),
)
