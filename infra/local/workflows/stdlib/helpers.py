"""The built-in functions that belong to no module.

Page: stdlib/expression-helpers. ``if`` is here for its arguments only: expressions evaluate just the branch it chooses.
"""

from __future__ import annotations

import math
import re
from typing import Final

from infra.local.workflows.errors import type_failure, value_failure
from infra.local.workflows.expressions.operators import checked_integer, chooses_first, truth
from infra.local.workflows.stdlib.signature import function, mapping
from infra.local.workflows.values import Value, type_name

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _default(value: Value, fallback: Value) -> Value:
    return fallback if value is None else value


def _double(value: Value) -> Value:
    if type(value) is int or isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value.strip()):
            raise value_failure(f"could not convert string to double: '{value}'")
        return float(value)
    raise type_failure(f"unsupported operand type for double(): '{type_name(value)}'")


def _int(value: Value) -> Value:
    if type(value) is int:
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise value_failure(f"could not convert {value} to an integer")
        return checked_integer(int(value))
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value.strip()) or len(value) > 100:
            raise value_failure(f"could not convert string to integer: '{value}'")
        return checked_integer(int(value))
    raise type_failure(f"unsupported operand type for int(): '{type_name(value)}'")


def _string(value: Value) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return value
    raise type_failure(f"unsupported operand type for string(): '{type_name(value)}'")


def _len(value: Value) -> Value:
    if isinstance(value, (list, dict, str, bytes)):
        return len(value)
    raise type_failure(f"unsupported operand type for len(): '{type_name(value)}'")


def _keys(value: Value) -> Value:
    return list(mapping(value, "the argument of keys()"))


def _if(condition: Value, positive: Value, negative: Value) -> Value:
    return positive if chooses_first(condition) else negative


FUNCTIONS: Final = (
    function("default", "val defaultVal", _default),
    function("double", "value", _double),
    function("get_type", "value", type_name),
    function("if", "condition ifTrue ifFalse", _if),
    function("int", "value", _int),
    function("keys", "map", _keys),
    function("len", "value", _len),
    function("not", "value", lambda value: not truth(value, "not")),
    function("string", "value", _string),
)
