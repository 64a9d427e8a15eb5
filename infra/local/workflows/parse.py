"""Turns a YAML or JSON definition into the tree of ``syntax``. Every problem found names file, step and line."""

from __future__ import annotations

import re
from typing import Final

from infra.local.workflows import actions
from infra.local.workflows.errors import DefinitionError, Problem
from infra.local.workflows.expressions import parser as expressions
from infra.local.workflows.expressions.lexer import ExpressionError
from infra.local.workflows.expressions.tree import Expression
from infra.local.workflows.limits import INT64_MAX, INT64_MIN
from infra.local.workflows.source import ListNode, MapNode, Mark, Node, ScalarNode, read
from infra.local.workflows.syntax import Block, Constant, Data, Formula, ListData, MapData, Parameter, Program, Routine, Step, Target

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse(text: str, file: str = "<workflow>") -> Program:
    """The tree of the definition in ``text``. Raises DefinitionError with every problem found."""
    return Parser(file).program(read(text, file))


class Fault(Exception):
    """Leaves the part of the definition being parsed; the problem is recorded already."""


class Parser:
    """Parses routines, steps and data; the actions of a step are in ``actions``. Goes on after a fault, at the next step."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.routine = ""
        self.step = ""

    # Problems

    def report(self, message: str, mark: Mark, code: str = "invalid") -> None:
        self.problems.append(Problem(message, mark.line, mark.column, self.routine, self.step, code=code))

    def fault(self, message: str, mark: Mark, code: str = "invalid") -> Fault:
        self.report(message, mark, code)
        return Fault()

    # Routines

    def program(self, node: Node) -> Program:
        routines: dict[str, Routine] = {}
        if isinstance(node, ListNode):
            self.add(routines, "main", node, node.mark)
        elif isinstance(node, MapNode):
            for name, mark, body in node.entries:
                self.add(routines, name, body, mark)
            if "main" not in routines and not self.problems:
                self.report("the definition has no 'main'", node.mark, "no_main")
        else:
            self.report("a definition is a map of workflows with 'main', or a list of steps", node.mark)
        if self.problems:
            raise DefinitionError(self.file, self.problems)
        return Program(self.file, routines)

    def add(self, routines: dict[str, Routine], name: str, node: Node, mark: Mark) -> None:
        self.routine, self.step = name, ""
        try:
            routines[name] = self.parse_routine(name, node, mark)
        except Fault:
            pass

    def parse_routine(self, name: str, node: Node, mark: Mark) -> Routine:
        if not _IDENTIFIER.fullmatch(name):
            self.report(f"{name!r} is not a workflow name: letters, digits and underscores, not starting with a digit", mark)
        if isinstance(node, ListNode):
            return Routine(name, (), self.block(node), mark)
        fields = self.fields(node, {"params", "steps"}, f"workflow {name!r}")
        parameters = self.parameters(fields["params"]) if "params" in fields else ()
        if name == "main" and len(parameters) > 1:
            self.report("'main' takes one parameter: the argument of the execution", fields["params"].mark, "main_parameters")
        if "steps" not in fields:
            raise self.fault(f"workflow {name!r} has no 'steps'", node.mark)
        return Routine(name, parameters, self.block(fields["steps"]), mark)

    def parameters(self, node: Node) -> tuple[Parameter, ...]:
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
        items = self.items(node, "steps")
        if not items:
            raise self.fault("a block needs at least one step", node.mark, "no_steps")
        outer = self.step
        steps: list[Step] = []
        for item in items:
            try:
                steps.append(self.parse_step(item))
            except Fault:
                pass
            self.step = outer
        return tuple(steps)

    def parse_step(self, node: Node) -> Step:
        if not isinstance(node, MapNode) or len(node.entries) != 1:
            raise self.fault(
                "a step is a map with one key, its name: '- name: ...' with everything else indented below the name", node.mark
            )
        name, mark, body = node.entries[0]
        self.step = name
        action, following = actions.parse_body(self, body, name)
        return Step(name, action, following, mark, *actions.keyword_of(body))

    # Data

    def data(self, node: Node) -> Data:
        if isinstance(node, ListNode):
            return ListData(tuple(self.data(item) for item in node.items), node.mark)
        if isinstance(node, MapNode):
            return MapData(tuple((self.formula(key, mark) or key, self.data(value)) for key, mark, value in node.entries), node.mark)
        value = node.value
        if isinstance(value, str):
            formula = self.formula(value, node.mark)
            if formula is not None:
                return formula
        elif isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            raise self.fault(f"the integer {value} does not fit in 64 bits", node.mark, "integer_too_large")
        return Constant(value, node.mark)

    def formula(self, text: str, mark: Mark) -> Formula | None:
        """The expression that ``text`` is, or None if it is plain text."""
        stripped = text.strip()
        if stripped.startswith("${") and stripped.endswith("}"):
            return Formula(self.expression(stripped[2:-1], mark), stripped, mark)
        return None

    def expression(self, text: str, mark: Mark) -> Expression:
        try:
            return expressions.parse(text)
        except ExpressionError as problem:
            raise self.fault(f"in the expression ${{{_shown(text)}}}: {problem.message}", mark, "expression") from None

    def target(self, text: str, mark: Mark) -> Target:
        stripped = text.strip()
        if stripped.startswith("${") and stripped.endswith("}"):
            raise self.fault("an assignment target is written without ${}", mark, "target")
        try:
            return Target(expressions.parse_target(text), text, mark)
        except ExpressionError as problem:
            raise self.fault(f"in the assignment target {_shown(text)!r}: {problem.message}", mark, "target") from None

    # Parts of nodes

    def fields(self, node: Node, allowed: set[str], what: str) -> dict[str, Node]:
        """The entries of a map whose keys are all in ``allowed``."""
        if not isinstance(node, MapNode):
            raise self.fault(f"{what} is a map with {_listed(allowed)}", node.mark)
        for key, mark, _ in node.entries:
            if key not in allowed:
                self.report(f"{what} has no key {key!r}; it may have {_listed(allowed)}", mark, "unknown_key")
        return {key: value for key, _, value in node.entries}

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
