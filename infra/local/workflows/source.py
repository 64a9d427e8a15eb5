"""Reads YAML or JSON text into nodes that know their line.

Works on the parser's events, so that aliases, depth and size are bounded before anything is built: a document of nested aliases, a cyclic
anchor or ten thousand brackets gives an error, not a dead process. Scalars follow YAML 1.2: ``yes`` and ``on`` are strings, as they are
for the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import yaml

from infra.local.workflows.errors import DefinitionError, Problem
from infra.local.workflows.limits import SERVICE
from infra.local.workflows.values import Json

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Scalar: TypeAlias = "None | bool | int | float | str"

_TAGS: Final = {None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))}
_NULL: Final = {"", "~", "null", "Null", "NULL"}
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text. Both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A scalar with the value YAML 1.2 gives it."""

    value: Scalar
    mark: Mark


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping, its keys as they are written."""

    entries: tuple[tuple[str, Mark, Node], ...]
    mark: Mark

    def get(self, key: str) -> Node | None:
        return next((node for name, _, node in self.entries if name == key), None)


Node: TypeAlias = "ScalarNode | ListNode | MapNode"


@dataclass(frozen=True, slots=True)
class Document:
    """A document without the entries of maps that make no sense, such as a key written twice, and the problems with those."""

    root: Node
    problems: list[Problem]
    dropped: list[Node]


def read(text: str, file: str, limit: int = SERVICE.source_bytes) -> Node:
    """The document in ``text``. Raises DefinitionError for anything that is not one well-formed document within the limits."""
    document = read_all(text, file, limit)
    if document.problems:
        raise DefinitionError(file, document.problems)
    return document.root


def read_all(text: str, file: str, limit: int = SERVICE.source_bytes) -> Document:
    """As ``read``, for a document with problems too. Raises DefinitionError, with those, where nothing can be read any further."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise _error(file, f"the definition has {size} bytes; the limit is {limit}", Mark(1, 1), "source_too_large")
    builder = _Builder(yaml.parse(text, Loader=_LOADER), file)
    try:
        return Document(builder.document(), builder.problems, builder.dropped)
    except DefinitionError as error:
        problems = error.problems
    except yaml.MarkedYAMLError as problem:
        at = problem.problem_mark or problem.context_mark
        mark = Mark(at.line + 1, at.column + 1) if at else Mark(1, 1)
        problems = _error(file, f"not well-formed YAML: {problem.problem or problem.context}", mark, "yaml").problems
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as problem:
        problems = _error(file, f"not well-formed YAML: {problem}", Mark(1, 1), "yaml").problems
    raise DefinitionError(file, builder.problems + problems)


def plain(node: Node) -> Json:
    """The data that ``node`` spells out."""
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    if isinstance(node, MapNode):
        return {key: plain(value) for key, _, value in node.entries}
    return node.value


def texts(node: Node) -> Iterator[str]:
    """Every key and every string in ``node``."""
    if isinstance(node, ListNode):
        for item in node.items:
            yield from texts(item)
    elif isinstance(node, MapNode):
        for key, _, value in node.entries:
            yield key
            yield from texts(value)
    elif isinstance(node.value, str):
        yield node.value


def _error(file: str, message: str, mark: Mark, code: str) -> DefinitionError:
    return DefinitionError(file, [Problem(message, mark.line, mark.column, code=code)])


class _Builder:
    def __init__(self, events: Iterator[yaml.Event], file: str) -> None:
        self.events = events
        self.file = file
        self.problems: list[Problem] = []  # those that the reading went on after
        self.dropped: list[Node] = []
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[int, int] = {}  # id of an anchored node (kept alive by `anchors`) -> nodes in it once expanded
        self.nodes = 0
        self.depth = 0

    def document(self) -> Node:
        node: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    self.report("more than one YAML document in the file", event)
                    break
                node = self.node(next(self.events))
        if node is None:
            raise _error(self.file, "the definition is empty", Mark(1, 1), "empty")
        return node

    def fault(self, message: str, event: yaml.Event, code: str = "yaml") -> DefinitionError:
        return _error(self.file, message, _mark(event), code)

    def report(self, message: str, event: yaml.Event, code: str = "yaml") -> None:
        self.problems += self.fault(message, event, code).problems

    def node(self, event: yaml.Event) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        before = self.nodes
        self.count(1, event)
        built = self.collection(event) if isinstance(event, yaml.CollectionStartEvent) else self.scalar(event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = built
            self.sizes[id(built)] = self.nodes - before
        return built

    def count(self, nodes: int, event: yaml.Event) -> None:
        self.nodes += nodes
        if self.nodes > SERVICE.expanded_nodes:
            raise self.fault(
                f"with its aliases followed, the document has more than {SERVICE.expanded_nodes} nodes", event, "too_many_nodes"
            )

    def alias(self, event: yaml.AliasEvent) -> Node:
        node = self.anchors.get(event.anchor or "")
        if node is None:
            raise self.fault(f"the alias *{event.anchor} refers to no anchor before it, or to one that contains it", event)
        self.count(self.sizes[id(node)], event)
        return node

    def collection(self, event: yaml.CollectionStartEvent) -> Node:
        self.depth += 1
        if self.depth > SERVICE.nesting:
            raise self.fault(f"nested more than {SERVICE.nesting} levels deep", event, "too_deep")
        built = self.map(event) if isinstance(event, yaml.MappingStartEvent) else self.list(event)
        self.depth -= 1
        return built

    def list(self, start: yaml.Event) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event))
        return ListNode(tuple(items), _mark(start))

    def map(self, start: yaml.Event) -> MapNode:
        entries: dict[str, tuple[str, Mark, Node]] = {}
        merged: dict[str, tuple[str, Mark, Node]] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event)
            value = self.node(next(self.events))
            if key == "<<" and isinstance(value, (MapNode, ListNode)):
                self.merge(value, merged, event)
            elif key in entries:
                self.report(f"the key {key!r} is written twice, first in line {entries[key][1].line}", event, "duplicate_key")
                self.dropped.append(value)
            elif key is None:
                self.dropped.append(value)
            else:
                entries[key] = (key, _mark(event), value)
        return MapNode(tuple({**merged, **entries}.values()), _mark(start))

    def merge(self, value: MapNode | ListNode, into: dict[str, tuple[str, Mark, Node]], event: yaml.Event) -> None:
        for source in value.items if isinstance(value, ListNode) else (value,):
            if not isinstance(source, MapNode):
                self.report("'<<' merges maps", event)
                continue
            for entry in source.entries:
                into.setdefault(entry[0], entry)

    def key(self, event: yaml.Event) -> str | None:
        """The key, or None for one that is no string."""
        if isinstance(event, yaml.ScalarEvent):
            self.count(1, event)
            return str(event.value)
        node = self.node(event)
        if isinstance(event, yaml.AliasEvent) and isinstance(node, ScalarNode) and isinstance(node.value, str):
            return node.value
        self.report("a key has to be a string", event)
        return None

    def scalar(self, event: yaml.Event) -> ScalarNode:
        assert isinstance(event, yaml.ScalarEvent)
        text = str(event.value)
        if event.tag == "tag:yaml.org,2002:str" or (event.tag in (None, "!") and not event.implicit[0]):
            return ScalarNode(text, _mark(event))
        if event.tag not in _TAGS:
            self.report(f"the tag {event.tag} has no meaning here", event)
            return ScalarNode(text, _mark(event))
        return ScalarNode(_plain(text), _mark(event))


def _plain(text: str) -> Scalar:
    """The value of a scalar written without quotes."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 40 else float(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _mark(event: yaml.Event) -> Mark:
    mark = event.start_mark
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
