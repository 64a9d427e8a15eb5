"""Module ``math``. Pages: stdlib/math/*."""

from __future__ import annotations

import math
from typing import Final

from infra.local.workflows.errors import value_failure
from infra.local.workflows.expressions.operators import checked_integer
from infra.local.workflows.stdlib.signature import function, number
from infra.local.workflows.values import Value


def _abs(value: Value) -> Value:
    found = number(value, "num")
    return checked_integer(abs(found)) if isinstance(found, int) else abs(found)


def _floor(value: Value) -> Value:
    found = number(value, "num")
    if isinstance(found, float) and not math.isfinite(found):
        raise value_failure(f"{found} has no floor")
    return checked_integer(math.floor(found))


FUNCTIONS: Final = (
    function("math.abs", "num", _abs),
    function("math.floor", "num", _floor),
    function("math.max", "num1 num2", lambda first, second: max(number(first, "num1"), number(second, "num2"))),
    function("math.min", "num1 num2", lambda first, second: min(number(first, "num1"), number(second, "num2"))),
)
