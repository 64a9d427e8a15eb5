"""How library functions are described, and the checks of argument types they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.local.workflows.effects import Coroutine
from infra.local.workflows.errors import type_failure
from infra.local.workflows.values import Value, type_name


class Required:
    """The default of a parameter that has none."""


REQUIRED: Final = Required()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter and what it is when left out."""

    name: str
    default: Value | Required = REQUIRED


@dataclass(frozen=True, slots=True)
class Function:
    """A function that answers at once. ``run`` gets the execution first if ``uses_run``, then one value per parameter."""

    name: str
    parameters: tuple[Parameter, ...]
    run: Callable[..., Value]
    uses_run: bool = False


@dataclass(frozen=True, slots=True)
class BlockingFunction:
    """A function that waits: allowed in a call step only (Expressions page, "Blocking calls"). ``start`` gets the execution first."""

    name: str
    parameters: tuple[Parameter, ...]
    start: Callable[..., Coroutine]


def parameters(text: str) -> tuple[Parameter, ...]:
    """Parameters from their names; ``?`` marks one that may be left out and is null then."""
    return tuple(Parameter(name.rstrip("?"), None if name.endswith("?") else REQUIRED) for name in text.split())


def function(name: str, names: str, run: Callable[..., Value], uses_run: bool = False) -> Function:
    """A function described by the names of its parameters: see ``parameters``."""
    return Function(name, parameters(names), run, uses_run)


def blocking(name: str, names: str, start: Callable[..., Coroutine]) -> BlockingFunction:
    """A blocking function described by the names of its parameters."""
    return BlockingFunction(name, parameters(names), start)


def string(value: Value, what: str) -> str:
    """``value`` if it is a string; raises the TypeError of the workflow otherwise, as the checks below."""
    if isinstance(value, str):
        return value
    raise type_failure(f"{what} has to be a string, not '{type_name(value)}'")


def octets(value: Value, what: str) -> bytes:
    """``value`` if it is bytes."""
    if isinstance(value, bytes):
        return value
    raise type_failure(f"{what} has to be bytes, not '{type_name(value)}'")


def integer(value: Value, what: str) -> int:
    """``value`` if it is an integer."""
    if type(value) is int:
        return value
    raise type_failure(f"{what} has to be an integer, not '{type_name(value)}'")


def number(value: Value, what: str) -> int | float:
    """``value`` if it is an integer or a double."""
    if type(value) is int or isinstance(value, float):
        return value
    raise type_failure(f"{what} has to be a number, not '{type_name(value)}'")


def boolean(value: Value, what: str) -> bool:
    """``value`` if it is a boolean."""
    if isinstance(value, bool):
        return value
    raise type_failure(f"{what} has to be a boolean, not '{type_name(value)}'")


def sequence(value: Value, what: str) -> list[Value]:
    """``value`` if it is a list."""
    if isinstance(value, list):
        return value
    raise type_failure(f"{what} has to be a list, not '{type_name(value)}'")


def mapping(value: Value, what: str) -> dict[str, Value]:
    """``value`` if it is a map."""
    if isinstance(value, dict):
        return value
    raise type_failure(f"{what} has to be a map, not '{type_name(value)}'")
