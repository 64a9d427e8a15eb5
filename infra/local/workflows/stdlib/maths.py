"""Module ``math``. Pages: stdlib/math/*."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from infra.local.workflows.errors import value_failure
from infra.local.workflows.expressions.operators import checked_integer
from infra.local.workflows.stdlib.signature import function, number
from infra.local.workflows.values import Value


def _abs(x: Value) -> Value:
    """An integer of an integer: of the smallest one it does not exist (abs page: ValueError)."""
    found = number(x, "x")
    return checked_integer(abs(found)) if isinstance(found, int) else abs(found)


def _floor(x: Value) -> Value:
    found = number(x, "x")
    if isinstance(found, float) and not math.isfinite(found):
        raise value_failure(f"{found} has no floor")
    return checked_integer(math.floor(found))


def _of_two(choose: Callable[[int | float, int | float], int | float]) -> Callable[[Value, Value], Value]:
    """The chosen of two numbers: an integer if both are integers, a double otherwise (max and min pages)."""

    def run(x: Value, y: Value) -> Value:
        first, second = number(x, "x"), number(y, "y")
        chosen = choose(first, second)
        return chosen if isinstance(first, int) and isinstance(second, int) else float(chosen)

    return run


FUNCTIONS: Final = (
    function("math.abs", "x", _abs),
    function("math.floor", "x", _floor),
    function("math.max", "x y", _of_two(max)),
    function("math.min", "x y", _of_two(min)),
)
