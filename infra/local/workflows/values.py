"""Values of the language, their type names and their sizes.

Lists and maps are never changed once made: an assignment to a part copies the path to it (``targets.py``). So handing a value to another
variable, a branch or a subworkflow costs nothing, and still behaves as the copy that the Variables page ("Passing by value") promises.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from infra.local.workflows.limits import CONTAINER_BYTES, SCALAR_BYTES


class FunctionRef:
    """A function or subworkflow as a value, as in ``predicate: ${my_predicate}``. It can be called by a retry and nothing else."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<function {self.name}>"


Value: TypeAlias = "None | bool | int | float | str | bytes | list[Value] | dict[str, Value] | FunctionRef"
Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"

_TYPE_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    FunctionRef: "function",
}


def type_name(value: object) -> str:
    """The name that ``get_type`` gives: null, boolean, integer, double, string, bytes, list, map or function."""
    return _TYPE_NAMES.get(type(value), type(value).__name__)


def size_of(value: Value) -> int:
    """Bytes that the service counts for a value (Variables page, "Memory usage")."""
    if isinstance(value, str):
        return _size_of_text(value)
    if isinstance(value, dict):
        size = CONTAINER_BYTES
        for key, item in value.items():
            size += _size_of_text(key) + (_size_of_text(item) if isinstance(item, str) else size_of(item))
        return size
    if isinstance(value, list):
        return CONTAINER_BYTES + sum(map(size_of, value))
    return CONTAINER_BYTES + len(value) if isinstance(value, bytes) else SCALAR_BYTES


def _size_of_text(text: str) -> int:
    return SCALAR_BYTES + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")))


def equal(left: Value, right: Value) -> bool:
    """Equality of two values: numbers by value whatever their type, everything else only with its own type."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(equal(item, right[key]) for key, item in left.items())
    if isinstance(left, FunctionRef):
        return isinstance(right, FunctionRef) and left.name == right.name
    return left == right


def _refuse(value: Value) -> Json:
    raise TypeError(f"{value} has no JSON form" if isinstance(value, float) else f"a value of type '{type_name(value)}' has no JSON form")


def to_json(value: Value, otherwise: Callable[[Value], Json] = _refuse) -> Json:
    """The value as JSON data that any reader takes: half a surrogate pair, which is no text, becomes U+FFFD.

    ``otherwise`` says what to put for bytes and functions (Data types page) and for doubles that are no number; it raises TypeError unless
    it is given.
    """
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, float) and not math.isfinite(value):
        return otherwise(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, list):
        return [to_json(item, otherwise) for item in value]
    if isinstance(value, dict):
        return {text_of(key): to_json(item, otherwise) for key, item in value.items()}
    return otherwise(value)


def text_of(text: str) -> str:
    """``text`` in valid Unicode."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
