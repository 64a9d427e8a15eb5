"""Compiles call steps: library functions, subworkflows and connectors, with arguments by name or by position (Calls page)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.local.workflows.connectors import no_connector
from infra.local.workflows.errors import type_failure
from infra.local.workflows.expressions.compiler import Evaluate
from infra.local.workflows.frames import UNSET, Frame, Unset
from infra.local.workflows.interpreter import RoutineCode, Running, Signal, StepCode, invoke
from infra.local.workflows.naming import NameFault, Signature, function_call, function_signature, named, positional, routine_signature
from infra.local.workflows.source import Mark
from infra.local.workflows.stdlib import FUNCTIONS, is_connector
from infra.local.workflows.stdlib.signature import BlockingFunction
from infra.local.workflows.syntax import Call, Constant, Data, Formula, ListData, MapData, Unread
from infra.local.workflows.targets import Store
from infra.local.workflows.values import Value, type_name

if TYPE_CHECKING:
    from infra.local.workflows.build import Builder, Place

# Gives one value per parameter, UNSET where the default is to be used.
Bind = Callable[[Frame], "list[Value | Unset]"]


def build_call(builder: Builder, action: Call, place: Place, code: StepCode) -> None:
    """Fill in what ``code`` does for a call step. A result is stored after the arguments were computed."""
    try:
        _choose(builder, action, place, code)
    except NameFault as fault:
        builder.report(str(fault), _where(action, fault), "unknown_name")
        code.plain = lambda frame: None


def _where(action: Call, fault: NameFault) -> Mark:
    """Where the argument stands that the fault is about, or what is called."""
    match action.arguments:
        case MapData(entries=entries, keys=keys):
            return next((mark for (name, _), mark in zip(entries, keys, strict=True) if name == fault.argument), action.mark)
        case ListData(items=items) if isinstance(fault.argument, int):
            return items[fault.argument].mark
        case Constant(mark=mark) if fault.argument is not None:
            return mark
    return action.mark


def _choose(builder: Builder, action: Call, place: Place, code: StepCode) -> None:
    name = action.function
    routine = builder.routines.get(name)
    found = FUNCTIONS.get(name)
    if routine is None and found is None and not is_connector(name):
        raise NameFault(f"there is no function or subworkflow '{name}'")
    if isinstance(action.arguments, Unread) or (routine is not None and routine.open):
        _unbound(builder, action, place, code)
    elif routine is not None:
        bind = _bind(builder, name, routine_signature(routine), action.arguments, place)
        code.general = _routine(routine, bind, _result(builder, action, place))
    elif is_connector(name):
        arguments = builder.data(action.arguments, place.scope) if action.arguments is not None else None
        code.general = _connector(name, arguments, _result(builder, action, place))
    elif isinstance(found, BlockingFunction):
        bind = _bind(builder, name, function_signature(found), action.arguments, place)
        code.general = _blocking(found, bind, _result(builder, action, place))
    else:
        assert found is not None
        static = _static(builder, name, function_signature(found), action.arguments, place)
        if static is None:
            raise NameFault(f"the arguments of '{name}' have to be written out as a map or a list")
        code.plain = _plain(function_call(found, static), _result(builder, action, place))


def _unbound(builder: Builder, action: Call, place: Place, code: StepCode) -> None:
    """A call whose arguments, or whose parameters, could not be read: the rest of it is checked all the same."""
    if action.arguments is not None:
        builder.data(action.arguments, place.scope)
    _result(builder, action, place)
    code.plain = lambda frame: None


def _result(builder: Builder, action: Call, place: Place) -> Store | None:
    return None if action.result is None else builder.target(action.result, place.scope)


def _static(builder: Builder, name: str, signature: Signature, arguments: Data | None, place: Place) -> list[Evaluate | Unset] | None:
    """The bound arguments; None if their names are known only when they are computed."""
    if arguments is None:
        return named(name, signature, {})
    if isinstance(arguments, MapData):
        if any(isinstance(key, Formula) for key, _ in arguments.entries):
            return None
        return named(name, signature, {key: builder.data(value, place.scope) for key, value in arguments.entries if isinstance(key, str)})
    if isinstance(arguments, ListData):
        return positional(name, signature, [builder.data(item, place.scope) for item in arguments.items])
    if not isinstance(arguments, Constant):
        return None
    if arguments.value is None:
        return named(name, signature, {})
    raise NameFault(f"the arguments of '{name}' are a map of names or a list", 0)


def _bind(builder: Builder, name: str, signature: Signature, arguments: Data | None, place: Place) -> Bind:
    static = _static(builder, name, signature, arguments, place)
    if static is not None:
        return lambda frame: [UNSET if isinstance(argument, Unset) else argument(frame) for argument in static]
    assert arguments is not None
    given = builder.data(arguments, place.scope)
    names = [parameter for parameter, _ in signature]
    required = [parameter for parameter, default in signature if default is None]

    def bind(frame: Frame) -> list[Value | Unset]:
        value = given(frame)
        if isinstance(value, list):
            if len(value) > len(names):
                raise type_failure(f"'{name}' takes at most {len(names)} arguments, {len(value)} are given")
            value = dict(zip(names, value, strict=False))
        if not isinstance(value, dict):
            raise type_failure(f"the arguments of '{name}' have to be a map or a list, not '{type_name(value)}'")
        wrong = [key for key in value if key not in names] or [key for key in required if key not in value]
        if wrong:
            raise type_failure(f"'{name}' does not take the arguments given: see '{wrong[0]}'")
        return [value.get(key, UNSET) for key in names]

    return bind


def _plain(call: Evaluate, put: Store | None) -> Callable[[Frame], Signal]:
    def run(frame: Frame) -> Signal:
        value = call(frame)
        if put is not None:
            put(frame, value)
        return None

    return run


def _routine(routine: RoutineCode, bind: Bind, put: Store | None) -> Callable[[Frame], Running]:
    def run(frame: Frame) -> Running:
        value = yield from invoke(routine, bind(frame), frame.run, frame)
        if put is not None:
            put(frame, value)
        return None

    return run


def _blocking(function: BlockingFunction, bind: Bind, put: Store | None) -> Callable[[Frame], Running]:
    def run(frame: Frame) -> Running:
        arguments = [None if isinstance(value, Unset) else value for value in bind(frame)]
        value = yield from function.start(frame.run, *arguments)
        if put is not None:
            put(frame, value)
        return None

    return run


def _connector(name: str, arguments: Evaluate | None, put: Store | None) -> Callable[[Frame], Running]:
    """Without connectors the error names the one that is missing."""

    def run(frame: Frame) -> Running:
        given = arguments(frame) if arguments is not None else {}
        if not isinstance(given, dict):
            raise type_failure(f"the arguments of '{name}' have to be a map, not '{type_name(given)}'")
        connectors = frame.run.connectors
        if connectors is None:
            raise no_connector(name)
        value = yield from connectors.start(frame.run, name, given)
        if put is not None:
            put(frame, value)
        return None

    return run
