"""Decides, before anything runs, which variable each name means.

Variables page, "Variable scope": a variable belongs to the workflow; one first assigned inside a ``for`` or ``except`` belongs to that
block. Parallel steps page: a branch has variables of its own, reads those around it, and writes those around it that are ``shared``.
"""

from __future__ import annotations

from infra.local.workflows.expressions.tree import Index, Member, Name
from infra.local.workflows.syntax import Action, Assign, Block, Call, Switch, Target, Try, inner_blocks


class NotShared(Exception):
    """An assignment in a branch to a variable of the outside that the parallel step does not share."""


class Layout:
    """The variables of a frame, by position."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def add(self, name: str) -> int:
        self.names.append(name)
        return len(self.names) - 1


class Scope:
    """Names visible in a block. ``shared`` is given for the outermost block of a branch: what it may write outside itself."""

    def __init__(self, layout: Layout, parent: Scope | None = None, shared: frozenset[str] | None = None) -> None:
        self.layout = layout
        self.parent = parent
        self.shared = shared
        self.first = len(layout.names)
        self.names: dict[str, int] = {}
        self.later: dict[str, int] = {}

    def expect(self, block: Block) -> None:
        """Note the variables that ``block`` assigns, so that steps before the assignment can name them: a jump may come back."""
        for name in declared(block):
            if name not in self.names and name not in self.later:
                self.later[name] = self.layout.add(name)

    def declare(self, name: str) -> int:
        """A new variable of this very scope, hiding any outside it."""
        if name not in self.names:
            self.names[name] = self.later.pop(name) if name in self.later else self.layout.add(name)
        return self.names[name]

    def slots(self) -> list[int]:
        """Positions of this scope's own variables."""
        return [*self.names.values(), *self.later.values()]

    def read(self, name: str) -> tuple[int, int] | None:
        """(frames outwards, position) of the variable that ``name`` means, or None."""
        return self._find(name, later=False) or self._find(name, later=True)

    def _find(self, name: str, later: bool) -> tuple[int, int] | None:
        scope: Scope | None = self
        frames = 0
        while scope is not None:
            found = scope.later if later else scope.names
            if name in found:
                return frames, found[name]
            frames += scope.shared is not None
            scope = scope.parent
        return None

    def write(self, name: str) -> tuple[int, int]:
        """(frames outwards, position) of the variable an assignment to ``name`` sets; a new one of this scope if there is none.

        Raises NotShared when a branch may not write it.
        """
        scope: Scope | None = self
        frames = 0
        forbidden = False
        while scope is not None:
            if name in scope.names:
                if forbidden:
                    raise NotShared(name)
                return frames, scope.names[name]
            if scope.shared is not None:
                frames += 1
                forbidden = forbidden or name not in scope.shared
            scope = scope.parent
        return 0, self.declare(name)


def root_name(target: Target) -> str:
    """The variable that an assignment target changes."""
    node = target.tree
    while isinstance(node, (Member, Index)):
        node = node.target
    assert isinstance(node, Name)
    return node.name


def declared(block: Block) -> list[str]:
    """Variables assigned in ``block`` and in the blocks inside it that share its scope."""
    names: list[str] = []
    for step in block:
        names += _assigned(step.action)
    return names


def _assigned(action: Action) -> list[str]:
    match action:
        case Assign(assignments=assignments):
            return [target.tree.name for target, _ in assignments if isinstance(target.tree, Name)]
        case Call(result=result):
            return [result.tree.name] if result is not None and isinstance(result.tree, Name) else []
        case Switch(choices=choices):
            return [name for choice in choices if choice.action is not None for name in _assigned(choice.action)]
        case Try(body=body):
            return declared(body)
        case _:
            return [name for block in inner_blocks(action) for name in declared(block)]
