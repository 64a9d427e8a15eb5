"""Finds the steps that no execution can come to.

Every step has a place where it begins and one where it is done. What may follow what is an edge; a step is reachable if a path leads to
where it begins. Where the way is not certain, an edge too many is drawn: what is called unreachable here surely is.
"""

from __future__ import annotations

from collections.abc import Iterator

from infra.local.workflows.syntax import (
    Action,
    Block,
    Choice,
    Constant,
    For,
    Nested,
    Parallel,
    Raise,
    Return,
    Routine,
    Step,
    Switch,
    Try,
    all_steps,
    closed_blocks,
    inner_blocks,
)

# A step and whether it is meant where it is done (True) or where it begins.
_Place = tuple[int, bool]


def unreachable(routine: Routine) -> Iterator[Step]:
    """The first step of every stretch of steps that nothing leads to, in the order of the text."""
    graph = _Graph()
    if routine.body:
        graph.block(routine.body, None, None)
        yield from _first(routine.body, graph.reached(routine.body[0]))


def _first(block: Block, reached: set[int]) -> Iterator[Step]:
    before = True
    for step in block:
        parts = (*inner_blocks(step.action), *closed_blocks(step.action))
        here = id(step) in reached or any(id(inner) in reached for part in parts for inner in all_steps(part))
        if here:
            for part in parts:
                yield from _first(part, reached)
        elif before:
            yield step
        before = here


class _Graph:
    def __init__(self) -> None:
        self.edges: dict[_Place, list[_Place]] = {}
        self.named: dict[str, Step] = {}
        self.jumps: list[tuple[_Place, str]] = []

    def reached(self, start: Step) -> set[int]:
        """Ids of the steps that begin on some path from ``start``."""
        for place, name in self.jumps:
            if name in self.named:
                self.edge(place, (id(self.named[name]), False))
        seen: set[_Place] = set()
        left: list[_Place] = [(id(start), False)]
        while left:
            place = left.pop()
            if place not in seen:
                seen.add(place)
                left += self.edges.get(place, [])
        return {step for step, done in seen if not done}

    def edge(self, start: _Place, end: _Place) -> None:
        self.edges.setdefault(start, []).append(end)

    def block(self, block: Block, end: _Place | None, loop: _Place | None) -> None:
        """Draw the edges in ``block``. ``end`` follows its last step; ``loop`` is where a break or continue leads."""
        for step, following in zip(block, [*block[1:], None], strict=True) if block else ():
            self.named.setdefault(step.name, step)
            self.action(step.action, (id(step), False), (id(step), True), loop)
            after = end if following is None else (id(following), False)
            self.leave((id(step), True), step.next, after, loop)

    def leave(self, place: _Place, jump: str | None, after: _Place | None, loop: _Place | None) -> None:
        """What comes after ``place``: where ``next`` says, or ``after``."""
        if jump is None:
            if after is not None:
                self.edge(place, after)
        elif jump in ("break", "continue"):
            if loop is not None:
                self.edge(place, loop)
        elif jump != "end":
            self.jumps.append((place, jump))

    def inside(self, block: Block, start: _Place, end: _Place, loop: _Place | None) -> None:
        """``block`` between two places."""
        self.edge(start, (id(block[0]), False) if block else end)
        self.block(block, end, loop)

    def action(self, action: Action, start: _Place, end: _Place, loop: _Place | None) -> None:
        match action:
            case Return() | Raise():
                pass
            case Nested(body=body):
                self.inside(body, start, end, loop)
            case Switch(choices=choices):
                for choice in choices:
                    self.choice(choice, start, end, loop)
                    if isinstance(choice.condition, Constant) and choice.condition.value is True:
                        return  # the default: nothing passes it by
                self.edge(start, end)
            case For(loop=head):
                self.inside(head.body, start, end, end)
                self.edge(start, end)
            case Parallel(branches=branches, loop=iterations):
                for branch in branches:
                    self.inside(branch.body, start, end, None)
                if iterations is not None:
                    self.inside(iterations.body, start, end, end)
                self.edge(start, end)
            case Try(body=body, handler=handler):
                self.inside(body, start, end, loop)
                if handler is not None:
                    self.inside(handler.body, start, end, loop)
            case _:
                self.edge(start, end)

    def choice(self, choice: Choice, start: _Place, end: _Place, loop: _Place | None) -> None:
        done: _Place = (id(choice), True)
        if choice.action is None:
            self.edge(start, done)
        else:
            self.action(choice.action, start, done, loop)
        self.leave(done, choice.next, end, loop)
