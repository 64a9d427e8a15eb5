"""What is doubtful in a definition that would be deployed: warnings beside the errors that ``load`` raises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infra.local.workflows.errors import DefinitionError, Problem
from infra.local.workflows.runner import load
from infra.local.workflows.source import Mark
from infra.local.workflows.syntax import (
    Action,
    Assign,
    Block,
    Call,
    Constant,
    Data,
    Formula,
    ListData,
    MapData,
    Parallel,
    Program,
    Raise,
    Return,
    Routine,
    Step,
    Switch,
    all_steps,
    closed_blocks,
    inner_blocks,
)


def check(source: Path | str, *, name: str | None = None) -> list[Problem]:
    """Every error and warning of a definition, given as a file name or as text; empty for a clean one."""
    try:
        program = load(source, name=name).program
    except DefinitionError as error:
        return error.problems
    found = list(_unused_routines(program))
    for routine in program.routines.values():
        found += _unreachable(routine, routine.body)
        for step in all_steps(routine.body):
            found += _step_warnings(routine, step)
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def _warning(message: str, mark: Mark, code: str, routine: str, step: str = "") -> Problem:
    return Problem(message, mark.line, mark.column, routine, step, "warning", code)


def _unused_routines(program: Program) -> Iterator[Problem]:
    used = {"main"}
    for routine in program.routines.values():
        for step in all_steps(routine.body):
            used |= _mentioned(step.action)
    for name, routine in program.routines.items():
        if name not in used:
            yield _warning(f"the subworkflow '{name}' is never used", routine.mark, "unused_subworkflow", name)


def _mentioned(action: Action) -> set[str]:
    """Names in an action that may be subworkflows: what it calls, and every identifier in its expressions."""
    words: set[str] = {action.function} if isinstance(action, Call) else set()
    for data in _data_of(action):
        if isinstance(data, Formula):
            words |= set("".join(character if character.isalnum() or character == "_" else " " for character in data.text).split())
    return words


def _unreachable(routine: Routine, block: Block) -> Iterator[Problem]:
    """Steps that no step before them reaches and no jump names."""
    named = {step.next for step in all_steps(routine.body)} | {
        choice.next for step in all_steps(routine.body) if isinstance(step.action, Switch) for choice in step.action.choices
    }
    reached = True
    for step in block:
        inside = {inner.name for part in inner_blocks(step.action) for inner in all_steps(part)}
        reached = reached or bool(named & {step.name, *inside})
        if not reached:
            yield _warning("the step is never reached", step.mark, "unreachable", routine.name, step.name)
            reached = True
        for part in (*inner_blocks(step.action), *closed_blocks(step.action)):
            yield from _unreachable(routine, part)
        reached = step.next is None and not isinstance(step.action, (Return, Raise))


def _step_warnings(routine: Routine, step: Step) -> Iterator[Problem]:
    for data in _data_of(step.action):
        if isinstance(data, Constant) and isinstance(data.value, str) and "${" in data.value:
            yield _warning(
                "'${' inside a longer string is text: write ${\"...\" + value}", data.mark, "not_an_expression", routine.name, step.name
            )
    if isinstance(step.action, Parallel):
        for inner in (inner for part in closed_blocks(step.action) for inner in all_steps(part)):
            if isinstance(inner.action, Return):
                yield _warning(
                    "a return in a parallel step ends its branch only", inner.mark, "return_in_parallel", routine.name, inner.name
                )


def _data_of(action: Action) -> Iterator[Data]:
    """The data written in an action itself, down to its leaves."""
    match action:
        case Assign(assignments=assignments):
            for _, data in assignments:
                yield from _leaves(data)
        case Call(arguments=arguments) if arguments is not None:
            yield from _leaves(arguments)
        case Return(value=data) | Raise(error=data):
            yield from _leaves(data)
        case Switch(choices=choices):
            for choice in choices:
                yield from _leaves(choice.condition)
                if choice.action is not None:
                    yield from _data_of(choice.action)
        case _:
            policy = getattr(getattr(action, "retry", None), "policy", None)
            for given in (policy, getattr(action, "limit", None)):
                if given is not None:
                    yield from _leaves(given)


def _leaves(data: Data) -> Iterator[Data]:
    if isinstance(data, ListData):
        for item in data.items:
            yield from _leaves(item)
    elif isinstance(data, MapData):
        for key, item in data.entries:
            if isinstance(key, Formula):
                yield key
            yield from _leaves(item)
    else:
        yield data
