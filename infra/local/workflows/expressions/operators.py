"""What each operator does to two values, with the types it accepts (Data types page).

Integers have 64 bits: a result outside raises. ``/`` always gives a double, ``//`` rounds towards minus infinity, ``%`` has the sign of
its right side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from infra.local.workflows.errors import WorkflowError, failure, limit_reached, overflow, type_failure
from infra.local.workflows.limits import INT64_MAX, INT64_MIN, SERVICE
from infra.local.workflows.values import Value, equal, type_name

Operator = Callable[[Value, Value], Value]


def _mismatch(symbol: str, left: Value, right: Value) -> WorkflowError:
    return type_failure(f"unsupported operand types for {symbol}: '{type_name(left)}' and '{type_name(right)}'")


def _is_number(value: Value) -> bool:
    return type(value) is int or type(value) is float


def checked_integer(value: int) -> int:
    """``value``, if 64 bits hold it."""
    if INT64_MIN <= value <= INT64_MAX:
        return value
    raise overflow()


def checked_string(value: str) -> str:
    """``value``, if it is not longer than the limit."""
    if len(value) * 4 > SERVICE.string_bytes and len(value.encode("utf-8", "surrogatepass")) > SERVICE.string_bytes:
        raise limit_reached(f"a string has more than {SERVICE.string_bytes} bytes")
    return value


def add(left: Value, right: Value) -> Value:
    """``left + right`` of two numbers, or of a string and a string, a number or a boolean, which become text as by ``string``.

    Page: syntax/datatypes, "Implicit data type conversions".
    """
    if type(left) is int and type(right) is int:
        return checked_integer(left + right)
    if isinstance(left, str) and isinstance(right, str):
        return checked_string(left + right)
    if _is_number(left) and _is_number(right):
        return left + right  # type: ignore[operator]  # both are numbers
    first, second = _as_text(left), _as_text(right)
    if first is not None and second is not None and (isinstance(left, str) or isinstance(right, str)):
        return checked_string(first + second)
    raise _mismatch("+", left, right)


def _as_text(value: Value) -> str | None:
    """What a string, a number or a boolean adds to a string; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def subtract(left: Value, right: Value) -> Value:
    """``left - right`` of two numbers."""
    if type(left) is int and type(right) is int:
        return checked_integer(left - right)
    if _is_number(left) and _is_number(right):
        return left - right  # type: ignore[operator]  # both are numbers
    raise _mismatch("-", left, right)


def multiply(left: Value, right: Value) -> Value:
    """``left * right`` of two numbers."""
    if type(left) is int and type(right) is int:
        return checked_integer(left * right)
    if _is_number(left) and _is_number(right):
        return left * right  # type: ignore[operator]  # both are numbers
    raise _mismatch("*", left, right)


def _numbers(symbol: str, left: Value, right: Value) -> tuple[int | float, int | float]:
    if not (_is_number(left) and _is_number(right)):
        raise _mismatch(symbol, left, right)
    assert isinstance(left, (int, float)) and isinstance(right, (int, float))
    if right == 0:
        raise failure("ZeroDivisionError", f"division by zero in {left} {symbol} {right}")
    return left, right


def divide(left: Value, right: Value) -> Value:
    """``left / right`` of two numbers, as a double."""
    a, b = _numbers("/", left, right)
    return float(a) / float(b)


def floor_divide(left: Value, right: Value) -> Value:
    """``left // right`` of two numbers: an integer of integers."""
    a, b = _numbers("//", left, right)
    if isinstance(a, int) and isinstance(b, int):
        return checked_integer(a // b)
    return float(a // b)


def remainder(left: Value, right: Value) -> Value:
    """``left % right`` of two numbers, with the sign of ``right``."""
    a, b = _numbers("%", left, right)
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    return math.nan if math.isinf(a) or math.isnan(a) else float(a % b)


def _ordered(symbol: str, compare: Callable[[float | int, float | int], bool], compare_text: Callable[[str, str], bool]) -> Operator:
    def run(left: Value, right: Value) -> Value:
        if (type(left) is int or type(left) is float) and (type(right) is int or type(right) is float):
            return compare(left, right)
        if isinstance(left, str) and isinstance(right, str):
            return compare_text(left, right)
        raise _mismatch(symbol, left, right)

    return run


def contains(item: Value, container: Value) -> Value:
    """``item in container``: an element of a list, or a key of a map."""
    if isinstance(container, dict):
        if not isinstance(item, str):
            raise type_failure(f"a map key is a string, not '{type_name(item)}'")
        return item in container
    if isinstance(container, list):
        return any(equal(item, element) for element in container)
    raise type_failure(f"'in' needs a list or a map on its right, not '{type_name(container)}'")


def negate(value: Value) -> Value:
    """``-value`` of a number."""
    if type(value) is int:
        return checked_integer(-value)
    if isinstance(value, float):
        return -value
    raise type_failure(f"unsupported operand type for unary -: '{type_name(value)}'")


def truth(value: Value, where: str) -> bool:
    """``value``, which has to be a boolean: the logical operators take nothing else."""
    if value is True or value is False:
        return value
    raise type_failure(f"{where} needs a boolean, not '{type_name(value)}'")


def chooses_first(condition: Value) -> bool:
    """Whether ``if`` gives its second argument: null counts as false there (Expression helpers page), and nowhere else."""
    return condition is not None and truth(condition, "the condition of if()")


BINARY: Final[dict[str, Operator]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": remainder,
    "<": _ordered("<", lambda a, b: a < b, lambda a, b: a < b),
    "<=": _ordered("<=", lambda a, b: a <= b, lambda a, b: a <= b),
    ">": _ordered(">", lambda a, b: a > b, lambda a, b: a > b),
    ">=": _ordered(">=", lambda a, b: a >= b, lambda a, b: a >= b),
    "==": equal,
    "!=": lambda a, b: not equal(a, b),
    "in": contains,
}
