"""What is wrong and what is doubtful in a definition: warnings beside the errors that ``load`` raises, all at once.

A mistake is named where it is made and nowhere else: what follows from it only, such as the steps that a misspelled jump no longer
reaches, is not looked for until it is mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infra.local.workflows.check_values import doubtful_values
from infra.local.workflows.definition import look
from infra.local.workflows.errors import DefinitionError, Problem
from infra.local.workflows.limits import SERVICE
from infra.local.workflows.reachability import unreachable
from infra.local.workflows.source import Mark
from infra.local.workflows.stdlib import FUNCTIONS
from infra.local.workflows.syntax import (
    Action,
    Assign,
    Block,
    Call,
    Constant,
    Formula,
    Parallel,
    Program,
    Return,
    Routine,
    Step,
    all_steps,
    closed_blocks,
    data_of,
    inner_blocks,
    leaves,
    own_actions,
)

_RESERVED = ("end", "break", "continue")


def check(source: Path | str, *, name: str | None = None) -> list[Problem]:
    """Every error and warning of a definition, given as a file name or as text; empty for a clean one."""
    try:
        reading = look(source, name=name)
    except DefinitionError as error:
        return error.problems
    program, wrong = reading.program, {problem.routine for problem in reading.problems}
    found = [*reading.problems, *_hiding(program)]
    said = {(problem.code, problem.line, problem.column) for problem in reading.problems}
    if not wrong:
        found += _unused(program)
    for routine in program.routines.values():
        if routine.name not in wrong:
            found += [_warning("the step is never reached", step.mark, "unreachable", routine, step) for step in unreachable(routine)]
        found += _parallel_warnings(routine, routine.body, 0)
        for step in all_steps(routine.body):
            found += [warning for warning in _step_warnings(routine, step) if (warning.code, warning.line, warning.column) not in said]
    return sorted(found, key=lambda problem: (problem.line, problem.severity == "warning", problem.column))


def _warning(message: str, mark: Mark, code: str, routine: Routine, step: Step | None = None) -> Problem:
    return Problem(message, mark.line, mark.column, routine.name, step.name if step is not None else "", "warning", code)


def _hiding(program: Program) -> Iterator[Problem]:
    for name, routine in program.routines.items():
        if name in FUNCTIONS:
            yield _warning(f"the subworkflow '{name}' hides the function of that name", routine.mark, "hides_function", routine)


def _unused(program: Program) -> Iterator[Problem]:
    used = {"main"}
    for routine in program.routines.values():
        for parameter in routine.parameters:
            if parameter.default is not None:
                used |= {word for leaf in leaves(parameter.default) if isinstance(leaf, Formula) for word in _words(leaf.text)}
        for step in all_steps(routine.body):
            for action in own_actions(step.action):
                used |= _mentioned(action)
    for name, routine in program.routines.items():
        if name not in used:
            yield _warning(f"the subworkflow '{name}' is never used", routine.mark, "unused_subworkflow", routine)


def _mentioned(action: Action) -> set[str]:
    """Names in an action that may be subworkflows: what it calls, and every identifier in its expressions and targets."""
    words = {action.function} if isinstance(action, Call) else set()
    for data in data_of(action):
        words |= {word for leaf in leaves(data) if isinstance(leaf, Formula) for word in _words(leaf.text)}
    if isinstance(action, Assign):
        words |= {word for target, _ in action.assignments for word in _words(target.text)}
    return words


def _words(text: str) -> list[str]:
    return "".join(character if character.isalnum() or character == "_" else " " for character in text).split()


def _parallel_warnings(routine: Routine, block: Block, depth: int) -> Iterator[Problem]:
    """Returns in branches, and parallel steps inside more of their kind than the limit; ``depth`` counts those around ``block``."""
    for step in block:
        for action in own_actions(step.action):
            if isinstance(action, Return) and depth:
                yield _warning("a return in a parallel step ends its branch only", step.mark, "return_in_parallel", routine, step)
            if isinstance(action, Parallel) and depth == SERVICE.parallel_nesting:
                text = f"parallel steps are nested more than {depth} levels deep; it fails with ParallelNestingError"
                yield _warning(text, step.mark, "limit", routine, step)
        inner = depth + any(isinstance(action, Parallel) for action in own_actions(step.action))
        for part in (*inner_blocks(step.action), *closed_blocks(step.action)):
            yield from _parallel_warnings(routine, part, inner)


def _step_warnings(routine: Routine, step: Step) -> Iterator[Problem]:
    if step.name in _RESERVED and not step.implied:
        yield _warning(
            f"no jump can go to a step named '{step.name}': the word has a meaning of its own", step.mark, "reserved", routine, step
        )
    for action in own_actions(step.action):
        for leaf in (leaf for data in data_of(action) for leaf in leaves(data)):
            if isinstance(leaf, Constant) and isinstance(leaf.value, str) and "${" in leaf.value:
                text = "'${' inside a longer string is text: write ${\"...\" + value}"
                yield _warning(text, leaf.mark, "not_an_expression", routine, step)
        for message, mark in doubtful_values(action):
            yield _warning(message, mark, "fails", routine, step)
