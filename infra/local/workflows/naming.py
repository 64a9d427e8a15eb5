"""Resolves names at compile time: variables, subworkflows, library functions; and binds arguments to parameters."""

from __future__ import annotations

from collections.abc import Sequence

from infra.local.workflows.errors import failure, key_failure
from infra.local.workflows.expressions.compiler import Evaluate
from infra.local.workflows.frames import UNSET, Frame, Unset
from infra.local.workflows.interpreter import RoutineCode, invoke_now
from infra.local.workflows.scopes import Scope
from infra.local.workflows.stdlib import CONSTANTS, FUNCTIONS, is_connector
from infra.local.workflows.stdlib.signature import BlockingFunction, Function, Required
from infra.local.workflows.targets import holder
from infra.local.workflows.values import FunctionRef, Value


class NameFault(Exception):
    """A name that means nothing, or arguments that do not fit: the service refuses to deploy it.

    ``argument`` is the name or the position of the argument that is one too many.
    """

    def __init__(self, message: str, argument: str | int | None = None) -> None:
        super().__init__(message)
        self.argument = argument


def unfinished(frame: object) -> Value:
    """Stands for a closure whose compilation failed or is still to come."""
    raise AssertionError("this definition has problems and must not run")


class ScopedNames:
    """The names visible in one scope of one program. Those in ``unread`` may be variables that a part which is not known assigns."""

    def __init__(self, scope: Scope, routines: dict[str, RoutineCode], unread: frozenset[str] = frozenset()) -> None:
        self.scope = scope
        self.routines = routines
        self.unread = unread

    def variable(self, name: str) -> Evaluate | None:
        found = self.scope.read(name)
        if found is not None:
            return _reader(name, *found)
        return unfinished if name in self.unread else None

    def constant(self, name: str) -> Evaluate:
        if name in CONSTANTS:
            value: Value = CONSTANTS[name]
        elif name in FUNCTIONS or name in self.routines:
            value = FunctionRef(name)
        else:
            raise NameFault(f"symbol '{name.partition('.')[0]}' is neither a variable nor a sub-workflow name")
        return lambda frame: value

    def is_constant(self, name: str) -> bool:
        return name in CONSTANTS or name in FUNCTIONS or name in self.routines

    def call(self, function: str, arguments: list[Evaluate]) -> Evaluate:
        if function in self.routines:
            return _routine_call(self.routines[function], arguments)
        found = FUNCTIONS.get(function)
        if is_connector(function):
            return _connector_call(function)
        if isinstance(found, BlockingFunction):
            raise NameFault(f"'{function}' is a blocking call, which an expression cannot make; use a call step")
        if found is None:
            raise NameFault(f"there is no function or subworkflow '{function}'")
        return function_call(found, positional(function, _signature(found), arguments))


def _reader(name: str, frames: int, position: int) -> Evaluate:
    def here(frame: Frame) -> Value:
        value = frame.slots[position]
        if isinstance(value, Unset):
            raise key_failure(f"variable not found: {name}")
        return value

    def outwards(frame: Frame) -> Value:
        return here(holder(frame, frames))

    return outwards if frames else here


def _routine_call(routine: RoutineCode, arguments: list[Evaluate]) -> Evaluate:
    if routine.open:
        return unfinished
    positional(routine.name, routine_signature(routine), arguments)
    return lambda frame: invoke_now(routine, [argument(frame) for argument in arguments], frame)


def _connector_call(name: str) -> Evaluate:
    """The service lets expressions call connectors that answer at once; here a call needs a thread, so it says what to do instead."""

    def run(frame: Frame) -> Value:
        raise failure("SystemError", f"the local runner cannot call the connector '{name}' in an expression; use a call step")

    return run


# Signatures: the parameters' names, with the closure of the default, or None where the caller has to give one.

Signature = Sequence[tuple[str, "Evaluate | None"]]


def _signature(function: Function | BlockingFunction) -> Signature:
    return [
        (parameter.name, None if isinstance(parameter.default, Required) else _always(parameter.default))
        for parameter in function.parameters
    ]


def function_signature(function: Function | BlockingFunction) -> Signature:
    """The signature of a library function."""
    return _signature(function)


def routine_signature(routine: RoutineCode) -> Signature:
    """Defaults of a routine are computed in its own frame, so a left-out argument is passed as UNSET."""
    return [(name, None if default is None else _always(None)) for name, default in routine.parameters]


def _always(value: Value) -> Evaluate:
    return lambda frame: value


def positional(function: str, signature: Signature, arguments: list[Evaluate]) -> list[Evaluate | Unset]:
    """One entry per parameter, UNSET where the default is to be used. Raises NameFault when the number does not fit."""
    if len(arguments) > len(signature):
        raise NameFault(f"'{function}' takes at most {len(signature)} arguments, {len(arguments)} are given", len(signature))
    bound: list[Evaluate | Unset] = [*arguments, *[UNSET] * (len(signature) - len(arguments))]
    return _complete(function, signature, bound)


def named(function: str, signature: Signature, arguments: dict[str, Evaluate]) -> list[Evaluate | Unset]:
    """As ``positional``, for arguments given by name."""
    known = [name for name, _ in signature]
    for name in arguments:
        if name not in known:
            raise NameFault(f"'{function}' has no parameter '{name}'; it has {', '.join(known) or 'none'}", name)
    return _complete(function, signature, [arguments.get(name, UNSET) for name in known])


def _complete(function: str, signature: Signature, bound: list[Evaluate | Unset]) -> list[Evaluate | Unset]:
    missing = [name for (name, default), argument in zip(signature, bound, strict=True) if default is None and isinstance(argument, Unset)]
    if missing:
        raise NameFault(f"'{function}' needs the argument '{missing[0]}'")
    return bound


def with_defaults(signature: Signature, bound: list[Evaluate | Unset]) -> list[Evaluate]:
    """The closures of all arguments, those of the defaults included."""
    filled: list[Evaluate] = []
    for (_, default), argument in zip(signature, bound, strict=True):
        chosen = default if isinstance(argument, Unset) else argument
        assert chosen is not None
        filled.append(chosen)
    return filled


def function_call(function: Function, bound: list[Evaluate | Unset]) -> Evaluate:
    """The closure that calls a library function."""
    arguments = with_defaults(_signature(function), bound)
    run = function.run
    if function.uses_run:
        return lambda frame: run(frame.run, *[argument(frame) for argument in arguments])
    if len(arguments) == 1:
        only = arguments[0]
        return lambda frame: run(only(frame))
    if len(arguments) == 2:
        first, second = arguments
        return lambda frame: run(first(frame), second(frame))
    return lambda frame: run(*[argument(frame) for argument in arguments])
