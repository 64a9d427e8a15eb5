"""Runs compiled steps: blocks, jumps, calls of routines.

A step is either ``plain`` (a function: it can neither wait nor contain steps) or ``general`` (a generator function that yields effects).
Both give None to go on, or a signal.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from infra.local.workflows.effects import PAUSE, Coroutine, Effect, Pause
from infra.local.workflows.errors import Place, WorkflowError, failure, too_deep, type_failure
from infra.local.workflows.expressions.compiler import Evaluate
from infra.local.workflows.frames import UNSET, Frame, Run, StepEvent, Unset
from infra.local.workflows.values import Value, size_of

FAIR_SHARE: Final = 256  # steps after which an execution lets the others run


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at the step of that name, in the block that has it."""

    step: str


@dataclass(frozen=True, slots=True)
class Returned:
    """Leave the routine with this value."""

    value: Value


@dataclass(frozen=True, slots=True)
class Leave:
    """``break``, ``continue`` or ``end``."""

    word: str


BREAK: Final = Leave("break")
CONTINUE: Final = Leave("continue")
END: Final = Leave("end")

Signal: TypeAlias = "None | Jump | Returned | Leave"
Running: TypeAlias = "Generator[Effect, object, Signal]"


@dataclass(slots=True)
class StepCode:
    """A compiled step. ``line``, ``column`` and ``length`` are those of its action's keyword.

    ``after`` is what follows it if it gives no signal of its own; ``enter`` goes to a step inside it.
    """

    name: str
    kind: str
    line: int
    routine: str
    plain: Callable[[Frame], Signal] | None = None
    general: Callable[[Frame], Running] | None = None
    enter: Callable[[Frame, str], Running] | None = None
    after: Signal = None
    column: int = 1
    length: int = 0


@dataclass(slots=True)
class BlockCode:
    """Compiled steps, and the position of the step that is or contains each jump target."""

    steps: list[StepCode] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class RoutineCode:
    """A compiled routine. Parameters take the first positions of its frame. ``open``: they are not known, and it must not run."""

    name: str
    parameters: list[tuple[str, Evaluate | None]]
    body: BlockCode = field(default_factory=BlockCode)
    size: int = 0
    open: bool = False


def run_block(block: BlockCode, frame: Frame, at: str | None = None) -> Running:
    """Run the steps of ``block``, from the step ``at`` if given (it may be inside one of the steps)."""
    run, steps, positions = frame.run, block.steps, block.positions
    position = positions[at] if at is not None else 0
    while position < len(steps):
        step = steps[position]
        run.count_step()
        run.last_step = step
        if run.on_step is not None:
            run.on_step(StepEvent(run.execution_id, run.now(), step.routine, step.name, step.kind, step.line, frame.branch))
        if frame.branch or run.steps % FAIR_SHARE == 0:
            yield PAUSE
        try:
            if step.plain is not None:
                signal = step.plain(frame)
            elif at is not None and at != step.name and step.enter is not None:
                signal = yield from step.enter(frame, at)
            else:
                assert step.general is not None
                signal = yield from step.general(frame)
        except WorkflowError as error:
            locate(error, step)
            raise
        except RecursionError:
            deep = too_deep()
            locate(deep, step)
            raise deep from None
        at = None
        if signal is None:
            signal = step.after
        if signal is None:
            position += 1
        elif isinstance(signal, Jump) and signal.step in positions:
            position, at = positions[signal.step], signal.step
        else:
            return signal
    return None


def locate(error: WorkflowError, step: StepCode) -> None:
    """Add the step to the trace of the error, unless a step inside it is there already."""
    places = error.trace.places
    if not places or places[-1].routine != step.routine:
        places.append(Place(step.name, step.routine, step.line, step.column, step.length))


def invoke(routine: RoutineCode, arguments: list[Value | Unset], run: Run, caller: Frame | None) -> Coroutine:
    """Call a routine with one argument per parameter, UNSET for those not given; the value is what it returns."""
    depth, branch, nesting = (caller.depth + 1, caller.branch, caller.nesting) if caller is not None else (1, "", 0)
    if depth > run.limits.call_depth:
        raise failure("RecursionError", f"the call stack is deeper than {run.limits.call_depth} in '{routine.name}'")
    frame = Frame(routine.size, run, depth, branch=branch, nesting=nesting)
    run.memory.frames.add(frame)
    try:
        for position, (argument, (name, default)) in enumerate(zip(arguments, routine.parameters, strict=True)):
            if isinstance(argument, Unset):
                if default is None:
                    raise type_failure(f"'{routine.name}' needs the argument '{name}'")
                argument = default(frame)
            frame.slots[position] = argument
            run.memory.grow(size_of(argument))
        signal = yield from run_block(routine.body, frame)
    finally:
        run.memory.frames.discard(frame)
    return signal.value if isinstance(signal, Returned) else None


def invoke_now(routine: RoutineCode, arguments: list[Value], frame: Frame) -> Value:
    """Call a routine from inside an expression, where nothing may wait (Expressions page, "Blocking calls")."""
    given: list[Value | Unset] = [*arguments, *[UNSET] * (len(routine.parameters) - len(arguments))]
    coroutine = invoke(routine, given, frame.run, frame)
    try:
        while True:
            effect = next(coroutine)
            if not isinstance(effect, Pause):
                coroutine.close()
                raise failure("SystemError", f"'{routine.name}' is called in an expression and makes a blocking call; use a call step")
    except StopIteration as finished:
        value: Value = finished.value
        return value
