"""Compiles assignments. A nested target copies the lists and maps on its path, so no other variable sees the change."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.workflows.errors import type_failure
from infra.local.workflows.expressions.compiler import Evaluate, Names, compile_expression, element, index_failure
from infra.local.workflows.expressions.tree import Expression, Index, Member
from infra.local.workflows.frames import Frame
from infra.local.workflows.limits import SCALAR_BYTES
from infra.local.workflows.values import Value, size_of, type_name

Store = Callable[[Frame, Value], None]


def holder(frame: Frame, frames: int) -> Frame:
    """The frame that many branches outwards."""
    while frames:
        assert frame.parent is not None
        frame = frame.parent
        frames -= 1
    return frame


def store(frames: int, position: int) -> Store:
    """Sets a variable."""

    def here(frame: Frame, value: Value) -> None:
        frame.slots[position] = value
        frame.run.memory.grow(SCALAR_BYTES if type(value) is int else size_of(value))

    def outwards(frame: Frame, value: Value) -> None:
        holder(frame, frames).slots[position] = value
        frame.run.memory.grow(size_of(value))

    return outwards if frames else here


def store_part(frames: int, position: int, root: Evaluate, target: Expression, names: Names) -> Store:
    """Sets a part of a variable: ``name.field``, ``name[index]`` and so on."""
    path = _path(target, names)

    def run(frame: Frame, value: Value) -> None:
        keys = [key(frame) for key in path]
        holder(frame, frames).slots[position] = replaced(root(frame), keys, 0, value)
        frame.run.memory.grow(size_of(value) + size_of(keys))

    return run


def _path(target: Expression, names: Names) -> list[Evaluate]:
    path: list[Evaluate] = []
    while isinstance(target, (Member, Index)):
        path.append(_constant(target.field) if isinstance(target, Member) else compile_expression(target.index, names))
        target = target.target
    path.reverse()
    return path


def _constant(value: str) -> Evaluate:
    return lambda frame: value


def replaced(container: Value, keys: list[Value], depth: int, value: Value) -> Value:
    """A copy of ``container`` with ``value`` at the path ``keys[depth:]``. A missing map key is added at the end of the path only."""
    key = keys[depth]
    last = depth == len(keys) - 1
    if isinstance(container, dict):
        if not isinstance(key, str):
            raise type_failure(f"a map key is a string, not '{type_name(key)}'")
        return {**container, key: value if last else replaced(element(container, key), keys, depth + 1, value)}
    if isinstance(container, list):
        if type(key) is not int:
            raise type_failure(f"a list index is an integer, not '{type_name(key)}'")
        if not 0 <= key < len(container):
            raise index_failure(key, len(container))
        copy = list(container)
        copy[key] = value if last else replaced(container[key], keys, depth + 1, value)
        return copy
    raise type_failure(f"cannot assign to a part of a value of type '{type_name(container)}'")
