"""Compiles ``for``, ``parallel`` and ``try``. Pages: syntax/iteration, syntax/parallel-steps, syntax/catching-errors, syntax/retrying."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infra.local.workflows.effects import Coroutine, Fork, Sleep
from infra.local.workflows.errors import WorkflowError, branch_failure, failure, limit_reached, value_failure
from infra.local.workflows.frames import UNSET, Frame
from infra.local.workflows.interpreter import BREAK, CONTINUE, BlockCode, Running, StepCode, run_block
from infra.local.workflows.retrying import Policy, decide, read_policy
from infra.local.workflows.scopes import Layout, Scope
from infra.local.workflows.stdlib.signature import integer, number, sequence
from infra.local.workflows.syntax import Loop, Parallel, Try, jump_targets
from infra.local.workflows.values import Value, size_of

if TYPE_CHECKING:
    from infra.local.workflows.build import Builder, Place


@dataclass(frozen=True, slots=True)
class Span:
    """``count`` numbers, each one more than the one before: a range, which may be too long to be written out."""

    start: int | float
    count: int

    def __iter__(self) -> Iterator[Value]:
        return (self.start + step for step in range(self.count))

    def __getitem__(self, position: int) -> Value:
        return self.start + position


# For: gives the values to iterate over.
Items = Callable[[Frame], "list[Value] | Span"]


def _items(builder: Builder, loop: Loop, scope: Scope) -> Items:
    if loop.items is not None:
        items = builder.data(loop.items, scope)
        return lambda frame: sequence(items(frame), "the 'in' of a for loop")
    assert loop.bounds is not None
    bounds = builder.data(loop.bounds, scope)

    def run(frame: Frame) -> Span:
        ends = sequence(bounds(frame), "the 'range' of a for loop")
        if len(ends) != 2:
            raise value_failure(f"the 'range' of a for loop has two ends, not {len(ends)}")
        start, end = number(ends[0], "the start of the range"), number(ends[1], "the end of the range")
        if not (math.isfinite(start) and math.isfinite(end)):
            raise value_failure(f"a range from {start} to {end} has no end")
        return Span(start, _whole_steps(start, end))

    return run


def _whole_steps(start: float, end: float) -> int:
    """How many of ``start``, ``start + 1``, ``start + 2``... are at most ``end``; a difference of doubles alone may be one off."""
    guess = max(0, math.floor(end - start) + 1)
    return guess + (start + guess <= end) - (guess > 0 and start + guess - 1 > end)


def _declare(builder: Builder, loop: Loop, place: Place, scope: Scope) -> tuple[int, int | None]:
    """Positions of the loop's variables, whose names nothing around the loop may use (Iteration page)."""
    for name in (loop.value, loop.index):
        if name is not None and place.scope.read(name) is not None:
            builder.report(
                f"the loop variable '{name}' is a variable outside the loop too; loops inside each other need names of their own",
                loop.mark,
                "loop_variable",
            )
    if loop.value == loop.index:
        builder.report(f"the value and the index of the loop are both '{loop.value}'", loop.mark, "loop_variable")
    return scope.declare(loop.value), scope.declare(loop.index) if loop.index is not None else None


def build_for(builder: Builder, loop: Loop, place: Place) -> Callable[[Frame], Running]:
    """Variables first assigned in the body are new in every iteration and gone after the loop."""
    items = _items(builder, loop, place.scope)
    scope = Scope(place.scope.layout, place.scope)
    value, index = _declare(builder, loop, place, scope)
    body = builder.block(loop.body, builder.inside(place, scope, loop.body, "for"))
    own = scope.slots()

    def run(frame: Frame) -> Running:
        slots, grow = frame.slots, frame.run.memory.grow
        try:
            for position, item in enumerate(items(frame)):
                for slot in own:
                    slots[slot] = UNSET
                slots[value] = item
                grow(size_of(item))
                if index is not None:
                    slots[index] = position
                signal = yield from run_block(body, frame)
                if signal is None or signal is CONTINUE:
                    continue
                if signal is BREAK:
                    break
                return signal
        finally:
            for slot in own:
                slots[slot] = UNSET
        return None

    return run


# Parallel


def build_parallel(builder: Builder, action: Parallel, place: Place, step: str) -> Callable[[Frame], Running]:
    """Each branch and iteration has a frame of its own. All run to their end; then the errors of those that failed are raised as one."""
    limit = builder.data(action.limit, place.scope) if action.limit is not None else None
    _check_shared(builder, action, place)
    branches = _iterations(builder, action, action.loop, place) if action.loop is not None else _branches(builder, action, place)

    def run(frame: Frame) -> Running:
        if frame.nesting >= frame.run.limits.parallel_nesting:
            raise failure("ParallelNestingError", f"parallel steps are nested more than {frame.run.limits.parallel_nesting} levels deep")
        at_once = None if limit is None else integer(limit(frame), "concurrency_limit")
        if at_once is not None and at_once < 1:
            raise value_failure("concurrency_limit has to be a positive integer")
        made = branches(frame, f"{frame.branch}/{step}" if frame.branch else step)
        errors = yield Fork(made.count, made.start, at_once)
        assert isinstance(errors, list)
        if errors:
            failed: list[tuple[str, WorkflowError]] = [(made.name(position), error) for position, error in errors]
            raise branch_failure(failed, frame.run.limits.unhandled_exceptions)
        return None

    return run


@dataclass(frozen=True, slots=True)
class Made:
    """The branches or iterations of a parallel step that is about to run: how many, and by position the name and the start of each."""

    count: int
    name: Callable[[int], str]
    start: Callable[[int], Coroutine]


def _check_shared(builder: Builder, action: Parallel, place: Place) -> None:
    for name in action.shared:
        if place.scope.read(name) is None and name not in builder.unread:
            builder.report(f"the shared variable '{name}' is not assigned before the parallel step", action.mark, "unknown_name")


def _branch_scope(action: Parallel, place: Place) -> Scope:
    return Scope(Layout(), place.scope, frozenset(action.shared))


def _branches(builder: Builder, action: Parallel, place: Place) -> Callable[[Frame, str], Made]:
    compiled: list[tuple[str, BlockCode, Layout]] = []
    for branch in action.branches:
        scope = _branch_scope(action, place)
        compiled.append((branch.name, builder.block(branch.body, builder.inside(place, scope, branch.body, "")), scope.layout))

    def make(frame: Frame, path: str) -> Made:
        def start(position: int) -> Coroutine:
            name, body, layout = compiled[position]
            return _run_branch(body, len(layout.names), frame, f"{path}/{name}", {})

        return Made(len(compiled), lambda position: compiled[position][0], start)

    return make


def _iterations(builder: Builder, action: Parallel, loop: Loop, place: Place) -> Callable[[Frame, str], Made]:
    items = _items(builder, loop, place.scope)
    scope = _branch_scope(action, place)
    value, index = _declare(builder, loop, place, scope)
    body = builder.block(loop.body, builder.inside(place, scope, loop.body, "parallel for"))
    layout = scope.layout

    def make(frame: Frame, path: str) -> Made:
        over = items(frame)
        count = over.count if isinstance(over, Span) else len(over)
        if count > frame.run.limits.steps:
            raise limit_reached(f"a parallel step has more than {frame.run.limits.steps} iterations")

        def start(position: int) -> Coroutine:
            values: dict[int, Value] = {value: over[position]} if index is None else {value: over[position], index: position}
            return _run_branch(body, len(layout.names), frame, f"{path}/{position}", values)

        return Made(count, str, start)

    return make


def _run_branch(body: BlockCode, size: int, parent: Frame, path: str, values: dict[int, Value]) -> Coroutine:
    frame = Frame(size, parent.run, parent.depth, parent, path, parent.nesting + 1)
    memory = parent.run.memory
    memory.frames.add(frame)
    try:
        for slot, value in values.items():
            frame.slots[slot] = value
            memory.grow(size_of(value))
        yield from run_block(body, frame)
    finally:
        memory.frames.discard(frame)
    return None


# Try


def build_try(builder: Builder, action: Try, place: Place, code: StepCode) -> None:
    """Errors first go to ``retry``, and to ``except`` once it gives up. Limits of the execution go to neither."""
    body = builder.block(action.body, place)
    policy = builder.data(action.retry.policy, place.scope) if action.retry is not None else None
    handle = _handler(builder, action, place)

    def run(frame: Frame, at: str | None = None) -> Running:
        retries = 0
        parts: Policy | None = None
        while True:
            try:
                return (yield from run_block(body, frame, at))
            except WorkflowError as caught:
                if caught.fatal:
                    raise
                error = caught
            at = None
            if policy is not None:
                parts = parts or read_policy(policy(frame))
                if retries < parts.max_retries and (yield from decide(parts, error, frame, builder.routines)):
                    yield Sleep(frame.run.now() + parts.delay(retries))
                    retries += 1
                    continue
            if handle is None:
                raise error
            return (yield from handle(frame, error))

    code.general = run
    code.enter = run


def _handler(builder: Builder, action: Try, place: Place) -> Callable[[Frame, WorkflowError], Running] | None:
    if action.handler is None:
        return None
    scope = Scope(place.scope.layout, place.scope)
    name = scope.declare(action.handler.name)
    body = builder.block(action.handler.body, replace(place, scope=scope, targets=place.targets | jump_targets(action.handler.body)))
    own = scope.slots()

    def handle(frame: Frame, error: WorkflowError) -> Running:
        for slot in own:
            frame.slots[slot] = UNSET
        frame.slots[name] = error.payload
        frame.run.memory.grow(size_of(error.payload))
        try:
            return (yield from run_block(body, frame))
        finally:
            for slot in own:
                frame.slots[slot] = UNSET

    return handle
