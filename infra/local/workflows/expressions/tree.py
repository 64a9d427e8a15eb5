"""The syntax tree of an expression. ``at`` is the offset in the expression's text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string, a boolean or null."""

    value: None | bool | int | float | str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, or the name of a subworkflow used as a value."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Member:
    """``target.field``"""

    target: Expression
    field: str
    at: int


@dataclass(frozen=True, slots=True)
class Index:
    """``target[index]``"""

    target: Expression
    index: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments)``; ``function`` is the dotted name as written."""

    function: str
    arguments: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` or ``not x``"""

    operator: str
    operand: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``"""

    operator: str
    left: Expression
    right: Expression
    at: int


@dataclass(frozen=True, slots=True)
class ListDisplay:
    """``[a, b]``"""

    items: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class MapDisplay:
    """``{key: value}``; keys are expressions too."""

    entries: tuple[tuple[Expression, Expression], ...]
    at: int


Expression: TypeAlias = "Literal | Name | Member | Index | Call | Unary | Binary | ListDisplay | MapDisplay"


def dotted(node: Expression) -> str | None:
    """``a.b.c`` for a name or a chain of members of a name; None for anything else."""
    parts: list[str] = []
    while isinstance(node, Member):
        parts.append(node.field)
        node = node.target
    if not isinstance(node, Name):
        return None
    return ".".join([node.name, *reversed(parts)])
