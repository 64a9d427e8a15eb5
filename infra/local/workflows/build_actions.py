"""Compiles what a step does.

Blocks inside go back to the ``Builder``; calls are in ``build_calls``, ``for``, ``parallel`` and ``try`` in ``build_blocks``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.local.workflows import build_blocks
from infra.local.workflows.build_calls import build_call
from infra.local.workflows.errors import WorkflowError, type_failure
from infra.local.workflows.expressions.compiler import Evaluate
from infra.local.workflows.expressions.operators import truth
from infra.local.workflows.frames import Frame
from infra.local.workflows.interpreter import BlockCode, Returned, Running, Signal, StepCode, run_block
from infra.local.workflows.syntax import (
    Action,
    Assign,
    Call,
    Choice,
    For,
    Jump,
    Nested,
    Parallel,
    Raise,
    Return,
    Switch,
    Try,
    Unread,
    steps_inside,
)
from infra.local.workflows.targets import Store
from infra.local.workflows.values import type_name

if TYPE_CHECKING:
    from infra.local.workflows.build import Builder, Place

Plain = Callable[[Frame], Signal]


def kind_of(action: Action) -> str:
    """The word for the kind of step, as in a trace."""
    return "next" if isinstance(action, Jump) else "steps" if isinstance(action, Nested) else type(action).__name__.lower()


def build_action(builder: Builder, action: Action, place: Place, code: StepCode) -> None:
    """Fill in what ``code`` does."""
    match action:
        case Assign():
            code.plain = _assign(builder, action, place)
        case Call():
            build_call(builder, action, place, code)
        case Switch():
            _switch(builder, action, place, code)
        case Raise(error=error):
            code.plain = _raise(builder.data(error, place.scope))
        case Return(value=value):
            code.plain = _return(builder.data(value, place.scope))
        case Nested(body=body):
            _nested(builder.block(body, place), code)
        case For(loop=loop):
            code.general = build_blocks.build_for(builder, loop, place)
        case Parallel():
            code.general = build_blocks.build_parallel(builder, action, place, code.name)
        case Try():
            build_blocks.build_try(builder, action, place, code)
        case Jump() | Unread():
            code.plain = lambda frame: None


def _assign(builder: Builder, action: Assign, place: Place) -> Plain:
    """Each value is computed before its target is set, and one assignment after the other."""
    pairs: list[tuple[Evaluate, Store]] = []
    for target, data in action.assignments:
        value = builder.data(data, place.scope)
        pairs.append((value, builder.target(target, place.scope)))
    if len(pairs) == 1:
        only, put = pairs[0]

        def run_one(frame: Frame) -> Signal:
            put(frame, only(frame))
            return None

        return run_one

    def run(frame: Frame) -> Signal:
        for value, put in pairs:
            put(frame, value(frame))
        return None

    return run


def _raise(error: Evaluate) -> Plain:
    def run(frame: Frame) -> Signal:
        value = error(frame)
        if not isinstance(value, (str, dict)):
            raise type_failure(f"raise needs a string or a map, not '{type_name(value)}'")
        raise WorkflowError(value)

    return run


def _return(value: Evaluate) -> Plain:
    return lambda frame: Returned(value(frame))


def _nested(block: BlockCode, code: StepCode) -> None:
    code.general = lambda frame: run_block(block, frame)
    code.enter = lambda frame, step: run_block(block, frame, step)


def _switch(builder: Builder, action: Switch, place: Place, code: StepCode) -> None:
    """The first condition that holds decides; the others are not computed."""
    choices: list[tuple[Evaluate, StepCode]] = []
    for choice in action.choices:
        condition = builder.data(choice.condition, place.scope)
        inner = StepCode(code.name, "condition", choice.mark.line, place.routine)
        build_action(builder, choice.action or Jump(), place, inner)
        inner.after = builder.following(choice.next, choice.mark, place)
        choices.append((condition, inner))
    if all(inner.plain is not None for _, inner in choices):
        code.plain = _plain_switch([(condition, inner.plain, inner.after) for condition, inner in choices if inner.plain is not None])
        return

    def run(frame: Frame) -> Running:
        for condition, inner in choices:
            if truth(condition(frame), "a condition"):
                if inner.plain is not None:
                    signal = inner.plain(frame)
                else:
                    assert inner.general is not None
                    signal = yield from inner.general(frame)
                return inner.after if signal is None else signal
        return None

    inside = [(_steps_of(choice), inner) for choice, (_, inner) in zip(action.choices, choices, strict=True)]

    def enter(frame: Frame, step: str) -> Running:
        for names, inner in inside:
            if step in names and inner.enter is not None:
                signal = yield from inner.enter(frame, step)
                return inner.after if signal is None else signal
        raise AssertionError(f"no step {step} in this switch")

    code.general, code.enter = run, enter


def _steps_of(choice: Choice) -> frozenset[str]:
    return frozenset() if choice.action is None else steps_inside(choice.action)


def _plain_switch(choices: list[tuple[Evaluate, Plain, Signal]]) -> Plain:
    def run(frame: Frame) -> Signal:
        for condition, act, after in choices:
            if truth(condition(frame), "a condition"):
                signal = act(frame)
                return after if signal is None else signal
        return None

    return run
