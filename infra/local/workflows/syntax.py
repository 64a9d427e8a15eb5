"""The syntax tree of a definition: routines, steps and the data in them.

A step holds exactly one action. Pages: syntax/syntax-search ("Reserved words") and the page of each action.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from infra.local.workflows.expressions.tree import Expression
from infra.local.workflows.source import Mark


@dataclass(frozen=True, slots=True)
class Constant:
    """A scalar as written."""

    value: None | bool | int | float | str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Formula:
    """``${expression}``"""

    tree: Expression
    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class ListData:
    """A list with data in it."""

    items: tuple[Data, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class MapData:
    """A map with data in it. A key may be an expression (Maps page, "Map definition"). ``keys`` is where each key stands."""

    entries: tuple[tuple[str | Formula, Data], ...]
    mark: Mark
    keys: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """Data, or what a step does, that could not be read: its problem is reported, and nothing else is known of it."""

    mark: Mark


Data: TypeAlias = "Constant | Formula | ListData | MapData | Unread"


@dataclass(frozen=True, slots=True)
class Target:
    """The left side of an assignment: ``name``, ``name.field``, ``name[index]``..."""

    tree: Expression
    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Assign:
    """``assign``: targets and values in order."""

    assignments: tuple[tuple[Target, Data], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """``call``: a function or subworkflow, its arguments and the variable for its result."""

    function: str
    arguments: Data | None
    result: Target | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Choice:
    """One condition of a switch and what to do when it holds: an action, a jump, or both."""

    condition: Data
    action: Action | None
    next: str | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Switch:
    """``switch``: conditions in order."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """The head and body of a ``for``: over ``items`` or over ``bounds`` (first and last, both included)."""

    value: str
    index: str | None
    items: Data | None
    bounds: Data | None
    body: Block
    mark: Mark


@dataclass(frozen=True, slots=True)
class For:
    """``for``"""

    loop: Loop


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a parallel step."""

    name: str
    body: Block
    mark: Mark


@dataclass(frozen=True, slots=True)
class Parallel:
    """``parallel``: branches, or one loop whose iterations run at the same time."""

    shared: tuple[str, ...]
    limit: Data | None
    branches: tuple[Branch, ...]
    loop: Loop | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Retry:
    """``policy`` is a map with predicate, max_retries and backoff, or an expression that gives one."""

    policy: Data
    mark: Mark


@dataclass(frozen=True, slots=True)
class Except:
    """``except``: the variable for the error and the steps that handle it."""

    name: str
    body: Block
    mark: Mark


@dataclass(frozen=True, slots=True)
class Try:
    """``try`` with its ``retry`` and its ``except``."""

    body: Block
    retry: Retry | None
    handler: Except | None


@dataclass(frozen=True, slots=True)
class Raise:
    """``raise``"""

    error: Data


@dataclass(frozen=True, slots=True)
class Return:
    """``return``"""

    value: Data


@dataclass(frozen=True, slots=True)
class Nested:
    """``steps`` inside a step."""

    body: Block


@dataclass(frozen=True, slots=True)
class Jump:
    """A step that only has ``next``."""


Action: TypeAlias = "Assign | Call | Switch | For | Parallel | Try | Raise | Return | Nested | Jump | Unread"


@dataclass(frozen=True, slots=True)
class Step:
    """A step. ``keyword`` is the first word of its action, such as ``call``, at ``at``: there the service says an error happened.

    ``implied`` marks the step that stands for an action written without steps, as in ``try: {call: ...}``.
    """

    name: str
    action: Action
    next: str | None
    mark: Mark
    at: Mark
    keyword: str
    implied: bool = False


Block: TypeAlias = "tuple[Step, ...]"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; ``default`` is None when the caller has to give it."""

    name: str
    default: Data | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Routine:
    """``main`` or a subworkflow. ``open``: what its parameters are could not be read."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Block
    mark: Mark
    open: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A parsed definition, its routines in the order of the text. ``unread`` are the names in the parts that could not be read."""

    file: str
    routines: dict[str, Routine]
    unread: frozenset[str] = frozenset()


def inner_blocks(action: Action) -> Iterator[Block]:
    """The blocks inside ``action`` that run in the same jump domain: a jump may go from one to another (Jumps page)."""
    if isinstance(action, Nested):
        yield action.body
    elif isinstance(action, Switch):
        for choice in action.choices:
            if choice.action is not None:
                yield from inner_blocks(choice.action)
    elif isinstance(action, Try):
        yield action.body


def closed_blocks(action: Action) -> Iterator[Block]:
    """The blocks inside ``action`` that no jump enters: bodies of loops and branches, and handlers."""
    if isinstance(action, For):
        yield action.loop.body
    elif isinstance(action, Parallel):
        if action.loop is not None:
            yield action.loop.body
        for branch in action.branches:
            yield branch.body
    elif isinstance(action, Try):
        if action.handler is not None:
            yield action.handler.body
    elif isinstance(action, Switch):
        for choice in action.choices:
            if choice.action is not None:
                yield from closed_blocks(choice.action)


def all_steps(block: Block) -> Iterator[Step]:
    """Every step of ``block`` and of the blocks inside it, in the order of the text."""
    for step in block:
        yield step
        for inner in (*inner_blocks(step.action), *closed_blocks(step.action)):
            yield from all_steps(inner)


def steps_inside(action: Action) -> frozenset[str]:
    """Names of the steps inside ``action`` that a jump may go to."""
    return frozenset(name for block in inner_blocks(action) for name in jump_targets(block))


def jump_targets(block: Block) -> frozenset[str]:
    """Names of the steps that a step of ``block`` may jump to."""
    return frozenset(name for step in block for name in {step.name, *steps_inside(step.action)})


def own_actions(action: Action) -> Iterator[Action]:
    """``action``, and the actions that stand in the conditions of a switch without steps around them."""
    yield action
    if isinstance(action, Switch):
        for choice in action.choices:
            if choice.action is not None:
                yield from own_actions(choice.action)


def data_of(action: Action) -> Iterator[Data]:
    """The data written in ``action`` itself, not in actions and steps inside it."""
    match action:
        case Assign(assignments=assignments):
            for _, data in assignments:
                yield data
        case Call(arguments=arguments) if arguments is not None:
            yield arguments
        case Return(value=data) | Raise(error=data):
            yield data
        case Switch(choices=choices):
            for choice in choices:
                yield choice.condition
        case For(loop=loop):
            yield from _data_of_loop(loop)
        case Parallel(limit=limit, loop=iterations):
            if limit is not None:
                yield limit
            if iterations is not None:
                yield from _data_of_loop(iterations)
        case Try(retry=retry) if retry is not None:
            yield retry.policy
        case _:
            pass


def _data_of_loop(loop: Loop) -> Iterator[Data]:
    for data in (loop.items, loop.bounds):
        if data is not None:
            yield data


def leaves(data: Data) -> Iterator[Constant | Formula]:
    """The constants and expressions in ``data``, keys that are expressions included."""
    if isinstance(data, ListData):
        for item in data.items:
            yield from leaves(item)
    elif isinstance(data, MapData):
        for key, item in data.entries:
            if isinstance(key, Formula):
                yield key
            yield from leaves(item)
    elif not isinstance(data, Unread):
        yield data
