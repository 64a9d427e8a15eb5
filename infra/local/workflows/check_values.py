"""Values written in a definition that make their step fail whenever it runs, though the definition can be deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from infra.local.workflows.connectors import read_params
from infra.local.workflows.errors import WorkflowError
from infra.local.workflows.expressions.tree import dotted
from infra.local.workflows.retrying import read_policy
from infra.local.workflows.source import Mark
from infra.local.workflows.stdlib import CONSTANTS, FUNCTIONS, is_connector
from infra.local.workflows.stdlib.events import METHODS as CALLBACK_METHODS
from infra.local.workflows.stdlib.http import METHODS as HTTP_METHODS
from infra.local.workflows.syntax import (
    Action,
    Call,
    Constant,
    Data,
    For,
    Formula,
    ListData,
    Loop,
    MapData,
    Parallel,
    Raise,
    Switch,
    Try,
    Unread,
)
from infra.local.workflows.values import FunctionRef, Value, type_name

Finding = tuple[str, Mark]
_UNKNOWN: Final = object()  # what an expression will give


def doubtful_values(action: Action) -> Iterator[Finding]:
    """What fails and where, for an action without the steps inside it."""
    match action:
        case Switch(choices=choices):
            for choice in choices:
                yield from _is(choice.condition, bool, "a condition needs a boolean")
        case Raise(error=error):
            yield from _is(error, (str, dict), "raise needs a string or a map")
        case For(loop=loop):
            yield from _loop(loop)
        case Parallel(limit=limit, loop=iterations):
            if isinstance(limit, Constant) and not (type(limit.value) is int and limit.value >= 1):
                yield "concurrency_limit has to be a positive integer", limit.mark
            if iterations is not None:
                yield from _loop(iterations)
        case Try(retry=retry) if retry is not None:
            for part, mark in _one_at_a_time(retry.policy, retry.mark):
                yield from _attempt(read_policy, _policy(part), mark)
        case Call():
            yield from _call(action)
        case _:
            pass


def _is(data: Data, kinds: type | tuple[type, ...], message: str) -> Iterator[Finding]:
    value = _known(data)
    if value is not _UNKNOWN and not isinstance(value, kinds):
        yield f"{message}, not '{type_name(value)}'", data.mark


def _known(data: Data) -> object:
    """The value of ``data`` as far as its type goes: parts that are expressions do not matter for that."""
    if isinstance(data, (Formula, Unread)):
        return _UNKNOWN
    if isinstance(data, Constant):
        return data.value
    return [] if isinstance(data, ListData) else {}


def _loop(loop: Loop) -> Iterator[Finding]:
    if loop.items is not None:
        yield from _is(loop.items, list, "the 'in' of a for loop has to be a list")
    if loop.bounds is not None:
        yield from _is(loop.bounds, list, "the 'range' of a for loop has to be a list")
        if isinstance(loop.bounds, ListData):
            if len(loop.bounds.items) != 2:
                yield f"the 'range' of a for loop has two ends, not {len(loop.bounds.items)}", loop.bounds.mark
            for end in loop.bounds.items:
                if isinstance(end, Constant) and type(end.value) not in (int, float):
                    yield f"an end of a range has to be a number, not '{type_name(end.value)}'", end.mark


# Retries and connectors: what their readers refuse. A part that is an expression is left out, as if it were not written.


def _attempt(read: Callable[[Value], object], value: Value, mark: Mark) -> Iterator[Finding]:
    try:
        read(value)
    except WorkflowError as error:
        yield error.message, mark


def _one_at_a_time(data: Data, mark: Mark) -> Iterator[tuple[Data, Mark]]:
    """``data`` with one part of it left and the others at their defaults, for each of its parts, and where that part stands."""
    if not isinstance(data, MapData):
        yield data, mark
        return
    for (key, value), at in zip(data.entries, data.keys, strict=True):
        for part, place in _one_at_a_time(value, at):
            yield MapData(((key, part),), data.mark, (at,)), place


def _read_params(params: Value) -> object:
    return read_params({"connector_params": params})


def _policy(data: Data) -> Value:
    if isinstance(data, Formula):
        path = dotted(data.tree)
        if path in CONSTANTS:
            return CONSTANTS[path]
        return FunctionRef(path) if path in FUNCTIONS else {}
    found = _written(data)
    if isinstance(data, MapData) and isinstance(found, dict):
        for key, value in data.entries:
            if key in ("predicate", "backoff") and isinstance(value, Formula) and dotted(value.tree) in CONSTANTS:
                found[str(key)] = CONSTANTS[str(dotted(value.tree))]
    return found


def _written(data: Data) -> Value:
    if isinstance(data, Constant):
        return data.value
    if isinstance(data, ListData):
        return [_written(item) for item in data.items if not isinstance(item, (Formula, Unread))]
    if isinstance(data, MapData):
        entries = [(key, value) for key, value in data.entries if not isinstance(value, (Formula, Unread))]
        return {key: _written(value) for key, value in entries if isinstance(key, str)}
    return {}


def _call(action: Call) -> Iterator[Finding]:
    arguments = action.arguments
    if not isinstance(arguments, MapData):
        return
    given = {key: value for key, value in arguments.entries if isinstance(key, str)}
    if is_connector(action.function) and "connector_params" in given:
        params = given["connector_params"]
        for part, mark in _one_at_a_time(params, params.mark):
            yield from _attempt(_read_params, _written(part), mark)
    if action.function == "sys.log" and len({"data", "text", "json"} & given.keys()) != 1:
        yield "sys.log takes one of data, text and json", action.mark
    if action.function == "http.request":
        yield from _one_of(given.get("method"), "method", HTTP_METHODS)
    if action.function == "events.create_callback_endpoint":
        yield from _one_of(given.get("http_callback_method"), "http_callback_method", CALLBACK_METHODS)


def _one_of(data: Data | None, what: str, known: tuple[str, ...]) -> Iterator[Finding]:
    if isinstance(data, Constant) and str(data.value).upper() not in known:
        yield f"{what} has to be one of {', '.join(known)}", data.mark
