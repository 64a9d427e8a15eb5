"""Parses what a step does: ``assign``, ``call``, ``switch``, ``for``, ``parallel``, ``try``, ``raise``, ``return``, ``steps``, ``next``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from infra.local.workflows.limits import SERVICE
from infra.local.workflows.source import ListNode, MapNode, Mark, Node, ScalarNode
from infra.local.workflows.syntax import (
    Action,
    Assign,
    Block,
    Branch,
    Call,
    Choice,
    Data,
    Except,
    For,
    Jump,
    Loop,
    Nested,
    Parallel,
    Raise,
    Retry,
    Return,
    Step,
    Switch,
    Target,
    Try,
    Unread,
)

if TYPE_CHECKING:
    from infra.local.workflows.parse import Parser

_COMPANIONS: Final[dict[str, set[str]]] = {
    "assign": {"next"},
    "call": {"args", "result", "next"},
    "switch": {"next"},
    "for": {"next"},
    "parallel": {"next"},
    "try": {"retry", "except", "next"},
    "raise": {"next"},  # never followed; published definitions of the service's own demos write it all the same
    "return": {"next"},
    "steps": {"next"},
}


def parse_body(parser: Parser, node: Node, name: str, also: frozenset[str] = frozenset()) -> tuple[Action, str | None]:
    """The action of a step and the step to go to after it, from the map below the step's name.

    ``also`` are keys the caller reads itself.
    """
    if not isinstance(node, MapNode):
        raise parser.fault(f"a step is a map with one of {', '.join(_COMPANIONS)} or next", node.mark)
    keys = {key for key, _, _ in node.entries} - also
    actions = [key for key in _COMPANIONS if key in keys]
    if len(actions) > 1:
        raise parser.fault(f"a step does one thing; this one has {' and '.join(map(repr, actions))}", node.mark, "two_actions")
    if not actions and not keys:
        raise parser.fault(f"the step does nothing: it needs one of {', '.join(_COMPANIONS)} or next", node.mark, "empty_step")
    allowed = {actions[0], *_COMPANIONS[actions[0]]} if actions else {"next"}
    fields = parser.fields(node, allowed | also, f"a step with {actions[0]!r}" if actions else "a step without an action")
    following = _next(parser, fields["next"]) if "next" in fields else None
    if actions:
        return _PARSERS[actions[0]](parser, fields, node.mark), following
    return (Jump() if keys == {"next"} else Unread(node.mark)), following


def _next(parser: Parser, node: Node) -> str | None:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return node.value
    parser.report("'next' has to be a string", node.mark)
    return None


def keyword_of(node: Node) -> tuple[Mark, str]:
    """Where the word for the action of a step stands in the map below the step's name, and the word."""
    entries = node.entries if isinstance(node, MapNode) else ()
    found = [(mark, key) for key, mark, _ in entries if key in _COMPANIONS] or [(mark, key) for key, mark, _ in entries]
    return found[0] if found else (node.mark, "")


def _assign(parser: Parser, fields: dict[str, Node], mark: Mark) -> Action:
    node = fields["assign"]
    assignments: list[tuple[Target, Data]] = []
    for item in (node,) if isinstance(node, MapNode) else parser.items(node, "'assign'"):
        if isinstance(item, MapNode) and item.entries:
            for text, at, value in item.entries:
                target, data = parser.target(text, at), parser.data(value)
                assignments += [] if target is None else [(target, data)]
        else:
            parser.report("an assignment is a map: '- variable: value'", item.mark)
            parser.skip(item)
    if len(assignments) > SERVICE.assignments_per_step:
        parser.report(f"{len(assignments)} assignments in one step; the limit is {SERVICE.assignments_per_step}", node.mark, "limit")
    return Assign(tuple(assignments))


def _call(parser: Parser, fields: dict[str, Node], mark: Mark) -> Action:
    arguments = parser.data(fields["args"]) if "args" in fields else None
    result = parser.target(parser.text(fields["result"], "'result'"), fields["result"].mark) if "result" in fields else None
    return Call(parser.text(fields["call"], "'call'"), arguments, result, fields["call"].mark)


def _switch(parser: Parser, fields: dict[str, Node], mark: Mark) -> Action:
    items = parser.items(fields["switch"], "'switch'")
    if not items:
        raise parser.fault("a switch needs at least one condition", mark)
    if len(items) > SERVICE.conditions_per_switch:
        parser.report(f"{len(items)} conditions in one switch; the limit is {SERVICE.conditions_per_switch}", mark, "limit")
    return Switch(tuple(_choice(parser, item) for item in items))


def _choice(parser: Parser, node: Node) -> Choice:
    keys = {key for key, _, _ in node.entries} if isinstance(node, MapNode) else set()
    condition = node.get("condition") if isinstance(node, MapNode) else None
    if condition is None and keys <= {"next", *_COMPANIONS, "args", "result", "retry", "except"}:
        parser.report("each entry of a switch has a 'condition'", node.mark)
    if not keys:
        parser.skip(node)
        return Choice(Unread(node.mark), Unread(node.mark), None, node.mark)
    data = parser.data(condition) if condition is not None else Unread(node.mark)
    action, following = parser.action(node, parser.step, frozenset({"condition"}))
    return Choice(data, None if isinstance(action, Jump) else action, following, node.mark)


def _for(parser: Parser, fields: dict[str, Node], mark: Mark) -> Action:
    return For(_loop(parser, fields["for"]))


def _loop(parser: Parser, node: Node) -> Loop:
    fields = parser.fields(node, {"value", "index", "in", "range", "steps"}, "'for'", needs=(("value",), ("steps",), ("in", "range")))
    items = parser.data(fields["in"]) if "in" in fields else None
    bounds = parser.data(fields["range"]) if "range" in fields else None
    body = parser.block(fields["steps"]) if "steps" in fields else ()
    if "range" in fields and "index" in fields:
        parser.report("'for' with 'range' has no 'index': the value is the number itself", fields["index"].mark)
    value = parser.name(parser.needed(fields, "value"), "loop variable")
    index = parser.name(fields["index"], "index variable") if "index" in fields else None
    return Loop(value, index, items or (Unread(node.mark) if bounds is None else None), bounds, body, node.mark)


def _parallel(parser: Parser, fields: dict[str, Node], mark: Mark) -> Action:
    node = fields["parallel"]
    allowed = {"exception_policy", "shared", "concurrency_limit", "branches", "for"}
    parts = parser.fields(node, allowed, "'parallel'", needs=(("branches", "for"),))
    limit = parser.data(parts["concurrency_limit"]) if "concurrency_limit" in parts else None
    branches = _branches(parser, parts["branches"]) if "branches" in parts else ()
    policy = parts.get("exception_policy")
    if policy is not None and parser.text(policy, "'exception_policy'") != "continueAll":
        parser.report("the only exception policy is continueAll", policy.mark, "exception_policy")
    loop = _loop(parser, parts["for"]) if "for" in parts else None
    shared = tuple(parser.name(item, "shared variable") for item in parser.items(parts["shared"], "'shared'")) if "shared" in parts else ()
    return Parallel(shared, limit, branches, loop, node.mark)


def _branches(parser: Parser, node: Node) -> tuple[Branch, ...]:
    items = parser.items(node, "'branches'")
    if not items:
        raise parser.fault("'branches' needs at least one branch", node.mark)
    if len(items) > SERVICE.branches_per_step:
        parser.report(f"{len(items)} branches in one parallel step; the limit is {SERVICE.branches_per_step}", node.mark, "limit")
    branches: list[Branch] = []
    for item in items:
        if isinstance(item, MapNode) and len(item.entries) == 1:
            name, mark, body = item.entries[0]
            branches.append(Branch(name, _body(parser, body, name), mark))
        else:
            parser.report("a branch is a map with one key, its name", item.mark)
            parser.skip(item)
    return tuple(branches)


def _body(parser: Parser, node: Node, name: str) -> Block:
    """A block, or a single action standing for a block of one step."""
    steps = node.get("steps") if isinstance(node, MapNode) else None
    if steps is not None and isinstance(node, MapNode) and len(node.entries) == 1:
        return parser.block(steps)
    action, following = parser.action(node, name)
    return (Step(name, action, following, node.mark, *keyword_of(node), implied=True),)


def _try(parser: Parser, fields: dict[str, Node], mark: Mark) -> Action:
    node = fields["try"]
    body = parser.block(node) if isinstance(node, ListNode) else _body(parser, node, parser.step)
    handler = _except(parser, fields["except"]) if "except" in fields else None
    retry = _retry(parser, fields["retry"]) if "retry" in fields else None
    if handler is None and retry is None and fields.keys() <= {"try", *_COMPANIONS["try"], "condition"}:
        parser.report("'try' needs 'retry', 'except' or both", mark)
    return Try(body, retry, handler)


def _retry(parser: Parser, node: Node) -> Retry:
    policy = parser.data(node)
    _policy_fields(parser, node)
    return Retry(policy, node.mark)


def _policy_fields(parser: Parser, node: Node) -> None:
    if not isinstance(node, ScalarNode):
        fields = parser.fields(node, {"predicate", "max_retries", "backoff"}, "'retry'")
        if "backoff" in fields and not isinstance(fields["backoff"], ScalarNode):
            parser.fields(fields["backoff"], {"initial_delay", "max_delay", "multiplier"}, "'backoff'")


def _except(parser: Parser, node: Node) -> Except:
    """Without steps the error is caught and nothing else happens (Catch errors page: "the steps block is optional")."""
    fields = parser.fields(node, {"as", "steps"}, "'except'", needs=(("as",),))
    body = parser.block(fields["steps"]) if "steps" in fields else ()
    return Except(parser.name(parser.needed(fields, "as"), "error variable"), body, node.mark)


_PARSERS: Final[dict[str, Callable[[Parser, dict[str, Node], Mark], Action]]] = {
    "assign": _assign,
    "call": _call,
    "switch": _switch,
    "for": _for,
    "parallel": _parallel,
    "try": _try,
    "raise": lambda parser, fields, mark: Raise(parser.data(fields["raise"])),
    "return": lambda parser, fields, mark: Return(parser.data(fields["return"])),
    "steps": lambda parser, fields, mark: Nested(parser.block(fields["steps"])),
}
