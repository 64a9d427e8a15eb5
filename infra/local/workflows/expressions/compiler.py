"""Compiles expression trees into Python closures, once per definition. A closure takes the frame and gives the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from infra.local.workflows.errors import WorkflowError, failure, key_failure, type_failure
from infra.local.workflows.expressions.operators import BINARY, chooses_first, negate, truth
from infra.local.workflows.expressions.tree import (
    Binary,
    Call,
    Expression,
    Index,
    ListDisplay,
    Literal,
    MapDisplay,
    Member,
    Name,
    Unary,
    dotted,
)
from infra.local.workflows.frames import Frame
from infra.local.workflows.values import Value, type_name

Evaluate: TypeAlias = Callable[[Frame], Value]


class Names(Protocol):
    """What the names in an expression mean where it stands. Both raise the definition error for a name that means nothing."""

    def variable(self, name: str) -> Evaluate | None:
        """A reader of the variable, or None if there is no such variable."""
        ...

    def constant(self, name: str) -> Evaluate:
        """A reader of a subworkflow or a library member used as a value."""
        ...

    def is_constant(self, name: str) -> bool:
        """Whether ``constant`` knows the name."""
        ...

    def call(self, function: str, arguments: list[Evaluate]) -> Evaluate: ...


def compile_expression(node: Expression, names: Names) -> Evaluate:
    """The closure of ``node``."""
    match node:
        case Literal(value=value):
            return lambda frame: value
        case Name(name=name):
            return names.variable(name) or names.constant(name)
        case Member():
            return _member(node, names)
        case Index(target=target, index=index):
            return _index(compile_expression(target, names), compile_expression(index, names))
        case Call(function=function, arguments=arguments):
            return _call(function, [compile_expression(argument, names) for argument in arguments], names)
        case Unary(operator=operator, operand=operand):
            return _unary(operator, compile_expression(operand, names))
        case Binary(operator=operator, left=left, right=right):
            return _binary(operator, compile_expression(left, names), compile_expression(right, names))
        case ListDisplay(items=items):
            parts = [compile_expression(item, names) for item in items]
            return lambda frame: [part(frame) for part in parts]
        case MapDisplay(entries=entries):
            return _map([(compile_expression(key, names), compile_expression(value, names)) for key, value in entries])


def _member(node: Member, names: Names) -> Evaluate:
    path = dotted(node)
    if path is not None and names.variable(path.partition(".")[0]) is None and (names.is_constant(path) or isinstance(node.target, Name)):
        return names.constant(path)
    target, field = compile_expression(node.target, names), node.field

    def run(frame: Frame) -> Value:
        value = target(frame)
        if isinstance(value, dict):
            try:
                return value[field]
            except KeyError:
                raise key_failure(f"key not found: {field}") from None
        raise type_failure(f"cannot read the field '{field}' of a value of type '{type_name(value)}'")

    return run


def element(container: Value, index: Value) -> Value:
    """``container[index]``: an element of a list by number from 0, or an entry of a map by key."""
    if isinstance(container, list):
        if type(index) is not int:
            raise type_failure(f"a list index is an integer, not '{type_name(index)}'")
        if 0 <= index < len(container):
            return container[index]
        raise index_failure(index, len(container))
    if isinstance(container, dict):
        if not isinstance(index, str):
            raise type_failure(f"a map key is a string, not '{type_name(index)}'")
        try:
            return container[index]
        except KeyError:
            raise key_failure(f"key not found: {index}") from None
    raise type_failure(f"cannot index a value of type '{type_name(container)}'")


def index_failure(index: int, length: int) -> WorkflowError:
    """A list index outside ``length`` elements; negative ones are always outside."""
    return failure("IndexError", f"index {index} is outside a list of {length} elements")


def _index(target: Evaluate, index: Evaluate) -> Evaluate:
    return lambda frame: element(target(frame), index(frame))


def _call(function: str, arguments: list[Evaluate], names: Names) -> Evaluate:
    """Only the branch of ``if`` that is chosen is evaluated, so it can guard a lookup."""
    if function == "if" and len(arguments) == 3:
        condition, positive, negative = arguments
        return lambda frame: positive(frame) if chooses_first(condition(frame)) else negative(frame)
    return names.call(function, arguments)


def _unary(operator: str, operand: Evaluate) -> Evaluate:
    if operator == "not":
        return lambda frame: not truth(operand(frame), "not")
    return lambda frame: negate(operand(frame))


def _binary(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if operator == "and":
        return lambda frame: truth(left(frame), "and") and truth(right(frame), "and")
    if operator == "or":
        return lambda frame: truth(left(frame), "or") or truth(right(frame), "or")
    apply = BINARY[operator]
    return lambda frame: apply(left(frame), right(frame))


def _map(entries: list[tuple[Evaluate, Evaluate]]) -> Evaluate:
    def run(frame: Frame) -> Value:
        built: dict[str, Value] = {}
        for key, value in entries:
            name = key(frame)
            if not isinstance(name, str):
                raise type_failure(f"a map key is a string, not '{type_name(name)}'")
            built[name] = value(frame)
        return built

    return run
