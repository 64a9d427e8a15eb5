"""Module ``base64``. Pages: stdlib/base64/*."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from infra.local.workflows.errors import value_failure
from infra.local.workflows.stdlib.signature import boolean, function, octets, string
from infra.local.workflows.values import Value

_LINE_BREAKS: Final = {ord("\r"): None, ord("\n"): None}  # base64.decode page: ignored


def _encode(data: Value, padding: Value) -> Value:
    text = base64.b64encode(octets(data, "data")).decode("ascii")
    return text if padding is None or boolean(padding, "padding") else text.rstrip("=")


def _decode(data: Value, padding: Value) -> Value:
    text = string(data, "data").translate(_LINE_BREAKS)
    if padding is not None and not boolean(padding, "padding"):
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as problem:
        raise value_failure(f"the data is not Base64: {problem}") from None


FUNCTIONS: Final = (
    function("base64.decode", "data padding?", _decode),
    function("base64.encode", "data padding?", _encode),
)
