"""Turns a YAML or JSON definition into the tree of ``syntax``. Every problem found names file, step and line.

What cannot be read becomes ``Unread``, as small a part as can be, and the rest is read all the same: so one look finds every mistake. The
names in an unread part are kept, for a variable or a step that the rest refers to may be one of them.
"""

from __future__ import annotations

import re
from typing import Final

from infra.local.workflows import actions
from infra.local.workflows.errors import Problem
from infra.local.workflows.expressions import parser as expressions
from infra.local.workflows.expressions.lexer import ExpressionError
from infra.local.workflows.limits import INT64_MAX, INT64_MIN
from infra.local.workflows.source import ListNode, MapNode, Mark, Node, ScalarNode, read_all, texts
from infra.local.workflows.syntax import (
    Action,
    Block,
    Constant,
    Data,
    Formula,
    ListData,
    MapData,
    Parameter,
    Program,
    Routine,
    Step,
    Target,
    Unread,
)

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse(text: str, file: str = "<workflow>") -> tuple[Program, list[Problem]]:
    """What can be read of the definition in ``text``, and every problem. Raises DefinitionError if it is no YAML or JSON at all."""
    document = read_all(text, file)
    parser = Parser(file, document.problems)
    for node in document.dropped:
        parser.skip(node)
    return parser.program(document.root), parser.problems


class Fault(Exception):
    """Leaves the part of the definition being parsed; the problem is recorded already."""


class Parser:
    """Parses routines, steps and data; the actions of a step are in ``actions``."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = list(problems)
        self.unread: set[str] = set()
        self.routine = ""
        self.step = ""

    # Problems

    def report(self, message: str, mark: Mark, code: str = "invalid") -> None:
        self.problems.append(Problem(message, mark.line, mark.column, self.routine, self.step, code=code))

    def fault(self, message: str, mark: Mark, code: str = "invalid") -> Fault:
        self.report(message, mark, code)
        return Fault()

    def skip(self, node: Node | str) -> None:
        """Note the names in a part that cannot be read."""
        for text in (node,) if isinstance(node, str) else texts(node):
            self.unread |= {text, *_IDENTIFIER.findall(text)}

    # Routines

    def program(self, node: Node) -> Program:
        routines: dict[str, Routine] = {}
        if isinstance(node, ListNode):
            self.add(routines, "main", node, node.mark)
        elif isinstance(node, MapNode):
            for name, mark, body in node.entries:
                self.add(routines, name, body, mark)
            self.routine = ""
            if "main" not in routines:
                self.report("the definition has no 'main'", node.mark, "no_main")
        else:
            self.report("a definition is a map of workflows with 'main', or a list of steps", node.mark)
        return Program(self.file, routines, frozenset(self.unread))

    def add(self, routines: dict[str, Routine], name: str, node: Node, mark: Mark) -> None:
        self.routine, self.step = name, ""
        try:
            routines[name] = self.parse_routine(name, node, mark)
        except Fault:
            self.skip(node)
            routines[name] = Routine(name, (), (), mark, open=True)

    def parse_routine(self, name: str, node: Node, mark: Mark) -> Routine:
        if not _IDENTIFIER.fullmatch(name):
            self.report(f"{name!r} is not a workflow name: letters, digits and underscores, not starting with a digit", mark)
        if isinstance(node, ListNode):
            return Routine(name, (), self.block(node), mark)
        fields = self.fields(node, {"params", "steps"}, f"workflow {name!r}", needs=(("steps",),))
        parameters = self.parameters(fields["params"]) if "params" in fields else ()
        if name == "main" and parameters is not None and len(parameters) > 1:
            self.report("'main' takes one parameter: the argument of the execution", fields["params"].mark, "main_parameters")
        body = self.block(fields["steps"]) if "steps" in fields else ()
        return Routine(name, parameters or (), body, mark, open=parameters is None)

    def parameters(self, node: Node) -> tuple[Parameter, ...] | None:
        """None if they cannot be read."""
        try:
            return self.read_parameters(node)
        except Fault:
            self.skip(node)
            return None

    def read_parameters(self, node: Node) -> tuple[Parameter, ...]:
        found: dict[str, Parameter] = {}
        for item in self.items(node, "'params'"):
            if isinstance(item, MapNode) and len(item.entries) == 1:
                name, mark, default = item.entries[0]
                parameter = Parameter(self.identifier(name, mark, "parameter"), self.data(default), mark)
            else:
                parameter = Parameter(self.name(item, "parameter"), None, item.mark)
            if parameter.name in found:
                self.report(f"the parameter {parameter.name!r} is written twice", item.mark)
            found[parameter.name] = parameter
        return tuple(found.values())

    # Steps

    def block(self, node: Node) -> Block:
        """The steps that can be read; none is left out whose name can be."""
        if not isinstance(node, ListNode) or not node.items:
            message = "a block needs at least one step" if isinstance(node, ListNode) else "steps has to be a list"
            self.report(message, node.mark, "no_steps")
            self.skip(node)
            return ()
        outer = self.step
        steps: list[Step] = []
        for item in node.items:
            if isinstance(item, MapNode) and len(item.entries) == 1:
                steps.append(self.parse_step(*item.entries[0]))
            else:
                text = "a step is a map with one key, its name: '- name: ...' with everything else indented below the name"
                self.report(text, item.mark)
                self.skip(item)
            self.step = outer
        return tuple(steps)

    def parse_step(self, name: str, mark: Mark, body: Node) -> Step:
        self.step = name
        action, following = self.action(body, name)
        return Step(name, action, following, mark, *actions.keyword_of(body))

    def action(self, node: Node, name: str, also: frozenset[str] = frozenset()) -> tuple[Action, str | None]:
        """What ``actions.parse_body`` gives, or Unread."""
        try:
            return actions.parse_body(self, node, name, also)
        except Fault:
            self.skip(node)
            return Unread(node.mark), None

    # Data

    def data(self, node: Node) -> Data:
        if isinstance(node, ListNode):
            return ListData(tuple(self.data(item) for item in node.items), node.mark)
        if isinstance(node, MapNode):
            return self.map_data(node)
        value = node.value
        if isinstance(value, str):
            formula = self.formula(value, node.mark)
            if formula is not None:
                return formula
        elif isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            self.report(f"the integer {value} does not fit in 64 bits", node.mark, "integer_too_large")
            return Unread(node.mark)
        return Constant(value, node.mark)

    def map_data(self, node: MapNode) -> Data:
        """Unread as a whole if a key is: which keys it has then is not known."""
        entries: list[tuple[str | Formula, Data]] = []
        complete = True
        for key, mark, value in node.entries:
            formula = self.formula(key, mark)
            if isinstance(formula, Unread):
                complete = False
            else:
                entries.append((formula or key, self.data(value)))
        return MapData(tuple(entries), node.mark, tuple(mark for _, mark, _ in node.entries)) if complete else Unread(node.mark)

    def formula(self, text: str, mark: Mark) -> Formula | Unread | None:
        """The expression that ``text`` is, or None if it is plain text."""
        stripped = text.strip()
        if not (stripped.startswith("${") and stripped.endswith("}")):
            return None
        expression = stripped[2:-1]
        try:
            return Formula(expressions.parse(expression), stripped, mark)
        except ExpressionError as problem:
            self.report(f"in the expression ${{{_shown(expression)}}}: {problem.message}", mark, "expression")
            return Unread(mark)

    def target(self, text: str, mark: Mark) -> Target | None:
        """None if it cannot be read."""
        stripped = text.strip()
        if stripped.startswith("${") and stripped.endswith("}"):
            message = "an assignment target is written without ${}"
        else:
            try:
                return Target(expressions.parse_target(text), text, mark)
            except ExpressionError as problem:
                message = f"in the assignment target {_shown(text)!r}: {problem.message}"
        self.report(message, mark, "target")
        self.skip(text)
        return None

    # Parts of nodes

    def fields(self, node: Node, allowed: set[str], what: str, needs: tuple[tuple[str, ...], ...] = ()) -> dict[str, Node]:
        """The entries of a map whose keys should all be in ``allowed``, with exactly one of each group in ``needs``.

        That one is missing is not said beside an unknown key, which may be that one misspelled.
        """
        if not isinstance(node, MapNode):
            raise self.fault(f"{what} is a map with {_listed(allowed)}", node.mark)
        found = {key: value for key, _, value in node.entries}
        unknown = [(key, mark) for key, mark, _ in node.entries if key not in allowed]
        for key, mark in unknown:
            self.report(f"{what} has no key {key!r}; it may have {_listed(allowed)}", mark, "unknown_key")
            self.skip(key)
            self.skip(found[key])
        for group in needs:
            given = [mark for key, mark, _ in node.entries if key in group]
            if len(given) > 1 or not (given or unknown):
                at = given[-1] if given else node.mark
                self.report(f"{what} needs {'either ' if len(group) > 1 else ''}{' or '.join(map(repr, group))}", at)
        return found

    def needed(self, fields: dict[str, Node], key: str) -> Node:
        """The entry. Leaves the part where it is missing: that is reported already."""
        if key not in fields:
            raise Fault
        return fields[key]

    def items(self, node: Node, what: str) -> tuple[Node, ...]:
        if not isinstance(node, ListNode):
            raise self.fault(f"{what} has to be a list", node.mark)
        return node.items

    def text(self, node: Node, what: str) -> str:
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            raise self.fault(f"{what} has to be a string", node.mark)
        return node.value

    def name(self, node: Node, what: str) -> str:
        return self.identifier(self.text(node, f"the name of a {what}"), node.mark, what)

    def identifier(self, name: str, mark: Mark, what: str) -> str:
        if not _IDENTIFIER.fullmatch(name):
            raise self.fault(f"{name!r} is not the name of a {what}: letters, digits and underscores, not starting with a digit", mark)
        return name


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _listed(names: set[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
