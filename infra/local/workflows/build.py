"""Compiles a parsed definition: routines, blocks and data. What single steps do is compiled in ``build_actions``.

Here the service's checks at deployment are made: unknown names, jumps to nowhere, wrong arguments, writes to unshared variables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from infra.local.workflows import build_actions
from infra.local.workflows.errors import Problem, type_failure
from infra.local.workflows.expressions.compiler import Evaluate, compile_expression
from infra.local.workflows.expressions.tree import Name
from infra.local.workflows.frames import Frame
from infra.local.workflows.interpreter import BREAK, CONTINUE, END, BlockCode, Jump, RoutineCode, Signal, StepCode
from infra.local.workflows.naming import NameFault, ScopedNames, unfinished
from infra.local.workflows.scopes import Layout, NotShared, Scope, root_name
from infra.local.workflows.source import Mark
from infra.local.workflows.syntax import (
    Block,
    Constant,
    Data,
    Formula,
    ListData,
    Program,
    Routine,
    Step,
    Target,
    Unread,
    all_steps,
    jump_targets,
    steps_inside,
)
from infra.local.workflows.targets import Store, store, store_part
from infra.local.workflows.values import Value, type_name


def build(program: Program) -> tuple[dict[str, RoutineCode], list[Problem]]:
    """Compiled routines by name, and every problem. They must not run if there is one, here or in parsing."""
    builder = Builder(program.unread)
    for routine in program.routines.values():
        parameters: list[tuple[str, Evaluate | None]] = [(parameter.name, None) for parameter in routine.parameters]
        builder.routines[routine.name] = RoutineCode(routine.name, parameters, open=routine.open)
    for routine in program.routines.values():
        builder.declare_parameters(routine)
    for routine in program.routines.values():
        builder.build_routine(routine)
    return builder.routines, builder.problems


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block stands: its scope, the steps it may jump to, and the loop around it."""

    routine: str
    scope: Scope
    targets: frozenset[str]
    loop: str = ""  # "", "for" or "parallel for"


class Builder:
    """Compiles one definition. Problems are collected; a closure that could not be compiled is replaced and never runs.

    ``unread`` are names that parts which could not be read may give a meaning: nothing is said of those.
    """

    def __init__(self, unread: frozenset[str]) -> None:
        self.unread = unread
        self.problems: list[Problem] = []
        self.routines: dict[str, RoutineCode] = {}
        self.routine = ""
        self.step = ""

    def report(self, message: str, mark: Mark, code: str) -> None:
        self.problems.append(Problem(message, mark.line, mark.column, self.routine, self.step, code=code))

    # Routines and blocks

    def declare_parameters(self, routine: Routine) -> None:
        """Note which parameters have defaults: calls are checked against that, before the defaults themselves are compiled."""
        code = self.routines[routine.name]
        code.parameters = [(parameter.name, None if parameter.default is None else unfinished) for parameter in routine.parameters]

    def build_routine(self, routine: Routine) -> None:
        self.routine, self.step = routine.name, ""
        code = self.routines[routine.name]
        layout = Layout()
        scope = Scope(layout)
        for position, parameter in enumerate(routine.parameters):
            if parameter.default is not None:
                code.parameters[position] = (parameter.name, self.data(parameter.default, scope))
            scope.declare(parameter.name)
        self.check_unique(routine.body)
        code.body = self.block(routine.body, Place(routine.name, scope, jump_targets(routine.body)))
        code.size = len(layout.names)

    def check_unique(self, block: Block) -> None:
        seen: dict[str, Mark] = {}
        for step in all_steps(block):
            if step.implied:
                continue
            if step.name in seen:
                self.step = step.name
                self.report(
                    f"the step name '{step.name}' is used twice; line {seen[step.name].line} has it too", step.mark, "duplicate_step"
                )
            seen.setdefault(step.name, step.mark)

    def block(self, block: Block, place: Place) -> BlockCode:
        place.scope.expect(block)
        code = BlockCode()
        for position, step in enumerate(block):
            for name in {step.name, *steps_inside(step.action)}:
                code.positions.setdefault(name, position)
        outer = self.step
        for step in block:
            self.step = step.name
            code.steps.append(self.build_step(step, place))
        self.step = outer
        return code

    def build_step(self, step: Step, place: Place) -> StepCode:
        if step.name in ("break", "continue") and place.loop and not step.implied:
            self.report(
                f"a step inside a for loop cannot be named '{step.name}': the loop has that jump target itself", step.mark, "reserved"
            )
        code = StepCode(
            step.name, build_actions.kind_of(step.action), step.at.line, place.routine, column=step.at.column, length=len(step.keyword)
        )
        build_actions.build_action(self, step.action, place, code)
        code.after = self.following(step.next, step.mark, place)
        return code

    def following(self, name: str | None, mark: Mark, place: Place) -> Signal:
        """The signal for ``next: name``."""
        if name is None:
            return None
        if name == "end":
            return END
        if name in ("break", "continue"):
            if not place.loop:
                self.report(f"'next: {name}' is not inside a for loop", mark, "not_in_loop")
            elif name == "break" and place.loop == "parallel for":
                self.report("'next: break' cannot end the iterations of a parallel for", mark, "break_in_parallel")
            return BREAK if name == "break" else CONTINUE
        if name not in place.targets and name not in self.unread:
            self.report(f"'next: {name}' goes to a step that does not exist here", mark, "unknown_step")
        return Jump(name)

    # Data and names

    def names(self, scope: Scope) -> ScopedNames:
        return ScopedNames(scope, self.routines, self.unread)

    def data(self, data: Data, scope: Scope) -> Evaluate:
        """The closure that makes the value of ``data``. What holds no expression is made once."""
        fixed = _fixed(data)
        if fixed is not None:
            value = fixed[0]
            return lambda frame: value
        if isinstance(data, Formula):
            return self.named(lambda: compile_expression(data.tree, self.names(scope)), data.mark)
        if isinstance(data, ListData):
            parts = [self.data(item, scope) for item in data.items]
            return lambda frame: [part(frame) for part in parts]
        if isinstance(data, Unread):
            return unfinished
        assert not isinstance(data, Constant)
        entries = [(self.data(key, scope) if isinstance(key, Formula) else key, self.data(value, scope)) for key, value in data.entries]
        return lambda frame: {_key(key, frame): part(frame) for key, part in entries}

    def named(self, make: Callable[[], Evaluate], mark: Mark) -> Evaluate:
        try:
            return make()
        except NameFault as fault:
            self.report(str(fault), mark, "unknown_name")
            return unfinished

    def target(self, target: Target, scope: Scope) -> Store:
        """The closure that assigns to ``target``."""
        name = root_name(target)
        names = self.names(scope)
        try:
            if isinstance(target.tree, Name):
                return store(*scope.write(name))
            root = names.variable(name)
            if root is None:
                self.report(f"'{target.text}' assigns to a part of '{name}', which is no variable", target.mark, "unknown_name")
                return lambda frame, value: None
            frames, position = scope.write(name)
            return store_part(frames, position, root, target.tree, names)
        except NotShared:
            self.report(f"'{name}' belongs to the outside of the parallel step and is not in its 'shared'", target.mark, "not_shared")
        except NameFault as fault:
            self.report(str(fault), target.mark, "unknown_name")
        return lambda frame, value: None

    def inside(self, place: Place, scope: Scope, block: Block, loop: str) -> Place:
        """The place of a block that no jump enters or leaves."""
        return replace(place, scope=scope, targets=jump_targets(block), loop=loop)


def _key(key: str | Evaluate, frame: Frame) -> str:
    name = key if isinstance(key, str) else key(frame)
    if not isinstance(name, str):
        raise type_failure(f"a map key is a string, not '{type_name(name)}'")
    return name


def _fixed(data: Data) -> tuple[Value] | None:
    """The value of data without expressions, in a tuple because it may be null."""
    if isinstance(data, Constant):
        return (data.value,)
    if isinstance(data, (Formula, Unread)):
        return None
    if isinstance(data, ListData):
        items = [_fixed(item) for item in data.items]
        return None if None in items else ([item[0] for item in items if item is not None],)
    entries = [(key, _fixed(value)) for key, value in data.entries]
    if any(value is None or isinstance(key, Formula) for key, value in entries):
        return None
    return ({key: value[0] for key, value in entries if value is not None and isinstance(key, str)},)
