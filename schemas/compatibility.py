"""Whether a JSON Schema still accepts everything that an earlier one did, and what changed.

A change is breaking where a document that was valid is not any more: a field removed or renamed, a type or enumeration narrowed, a
bound tightened, a field newly required. Texts (titles, descriptions, defaults) never break anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

Schema = Mapping[str, JsonValue]
_CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_EXACT = ("pattern", "format", "multipleOf", "uniqueItems")
_ALL_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: where it is and what it is."""

    where: str
    what: str
    breaking: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def differences(name: str, old: Schema, new: Schema) -> list[Difference]:
    """All changes from ``old`` to ``new`` that matter to a validator, each once."""
    return list(dict.fromkeys(_Comparison(old, new).compare(name, old, new)))


class _Comparison:
    """Compares two schemas with their own definitions; each pair of definitions is followed once."""

    def __init__(self, old_root: Schema, new_root: Schema) -> None:
        self._old_root = old_root
        self._new_root = new_root
        self._followed: set[tuple[str, str]] = set()

    def compare(self, where: str, old: JsonValue | Schema, new: JsonValue | Schema) -> Iterator[Difference]:
        pair = (_reference(old), _reference(new))
        if pair[0] and pair[1]:
            if pair in self._followed:
                return
            self._followed.add(pair)
        old_schema, new_schema = _resolved(old, self._old_root), _resolved(new, self._new_root)
        if old_schema is None or new_schema is None:  # the schemas `true` and `false`
            if old_schema is None and new_schema is not None and _narrows(new_schema):
                yield Difference(where, "took anything, and takes less now", True)
            return
        if "anyOf" in old_schema or "anyOf" in new_schema:
            yield from self._branches(where, old_schema, new_schema)
            return
        yield from _types(where, old_schema, new_schema)
        yield from _values(where, old_schema, new_schema)
        yield from _bounds(where, old_schema, new_schema)
        yield from self._fields(where, old_schema, new_schema)
        yield from self._contents(where, old_schema, new_schema)

    def _branches(self, where: str, old: Schema, new: Schema) -> Iterator[Difference]:
        """Each alternative that was possible has to be accepted by one that is; a new alternative widens."""
        old_branches, new_branches = _alternatives(old), _alternatives(new)
        for branch in old_branches:
            attempts = [list(_Comparison(self._old_root, self._new_root).compare(where, branch, other)) for other in new_branches]
            if not any(all(not d.breaking for d in attempt) for attempt in attempts):
                yield Difference(where, f"{_called(branch)} is no longer taken", True)
        for branch in new_branches:
            if not any(_called(branch) == _called(other) for other in old_branches):
                yield Difference(where, f"{_called(branch)} is taken too", False)

    def _fields(self, where: str, old: Schema, new: Schema) -> Iterator[Difference]:
        before, after = _map(old.get("properties")), _map(new.get("properties"))
        needed_before, needed_after = _names(old.get("required")), _names(new.get("required"))
        for field, schema in before.items():
            if field not in after:
                yield Difference(f"{where}.{field}", "the field was removed or renamed", True)
            else:
                yield from self.compare(f"{where}.{field}", schema, after[field])
        for field in after:
            if field in needed_after and field not in needed_before:
                yield Difference(f"{where}.{field}", "the field is required now", True)
            elif field not in before:
                yield Difference(f"{where}.{field}", "a new optional field", False)
        closed_before, closed_after = (s.get("additionalProperties") is False for s in (old, new))
        if closed_after and not closed_before:
            yield Difference(where, "unknown fields are refused now", True)

    def _contents(self, where: str, old: Schema, new: Schema) -> Iterator[Difference]:
        for key, label in (("items", "[]"), ("additionalProperties", "{}"), ("propertyNames", "{keys}")):
            if key in new and isinstance(new[key], dict):
                yield from self.compare(where + label, old.get(key, True), new[key])
        before, after = _list(old.get("prefixItems")), _list(new.get("prefixItems"))
        for n, (first, second) in enumerate(zip(before, after, strict=False)):
            yield from self.compare(f"{where}[{n}]", first, second)


def _types(where: str, old: Schema, new: Schema) -> Iterator[Difference]:
    before, after = _type_set(old), _type_set(new)
    lost = {t for t in before if t not in after and not (t == "integer" and "number" in after)}
    if lost:
        yield Difference(where, f"the type was {_either(before)}, is {_either(after)}", True)
    elif before != after:
        yield Difference(where, f"the type was {_either(before)}, is {_either(after)}", False)


def _values(where: str, old: Schema, new: Schema) -> Iterator[Difference]:
    before, after = _allowed(old), _allowed(new)
    if after is None:
        if before is not None:
            yield Difference(where, "any value is taken now", False)
        return
    if before is None:
        yield Difference(where, f"only {', '.join(map(str, after))} are taken now", True)
        return
    lost, won = [v for v in before if v not in after], [v for v in after if v not in before]
    if lost:
        yield Difference(where, f"no longer taken: {', '.join(map(str, lost))}", True)
    if won:
        yield Difference(where, f"taken too: {', '.join(map(str, won))}", False)


def _bounds(where: str, old: Schema, new: Schema) -> Iterator[Difference]:
    for keys, sign in ((_CEILINGS, 1), (_FLOORS, -1)):
        for key in keys:
            before, after = _number(old.get(key)), _number(new.get(key))
            if before == after:
                continue
            tighter = after is not None and (before is None or sign * (after - before) < 0)
            yield Difference(where, f"{key} was {_or_none(before)}, is {_or_none(after)}", tighter)
    for key in _EXACT:
        if old.get(key) != new.get(key):
            yield Difference(where, f"{key} was {_or_none(old.get(key))}, is {_or_none(new.get(key))}", new.get(key) is not None)


def _reference(schema: JsonValue | Schema) -> str:
    found = schema.get("$ref") if isinstance(schema, Mapping) else None
    return found if isinstance(found, str) else ""


def _resolved(schema: JsonValue | Schema, root: Schema) -> Schema | None:
    """The schema with its reference followed; ``None`` for a schema that takes anything (or is none)."""
    while reference := _reference(schema):
        target: JsonValue | Schema = root
        for part in reference.removeprefix("#/").split("/"):
            target = target.get(part, {}) if isinstance(target, Mapping) else {}
        schema = target
    return schema if isinstance(schema, Mapping) else None


def _narrows(schema: Schema) -> bool:
    return any(key not in ("title", "description", "default", "examples") for key in schema)


def _alternatives(schema: Schema) -> list[JsonValue | Schema]:
    found = schema.get("anyOf")
    return list(found) if isinstance(found, list) else [schema]


def _called(branch: JsonValue | Schema) -> str:
    if not isinstance(branch, Mapping):
        return "anything"
    return _reference(branch).rpartition("/")[2] or _either(_type_set(branch))


def _type_set(schema: Schema) -> frozenset[str]:
    found = schema.get("type")
    if isinstance(found, str):
        return frozenset({found})
    return frozenset(map(str, found)) if isinstance(found, list) else _ALL_TYPES


def _allowed(schema: Schema) -> list[JsonValue] | None:
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return found if isinstance(found, list) else None


def _either(types: frozenset[str]) -> str:
    return "anything" if types == _ALL_TYPES else " or ".join(sorted(types))


def _number(value: JsonValue) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _or_none(value: JsonValue) -> str:
    return "none" if value is None else str(value)


def _map(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _names(value: JsonValue) -> set[str]:
    return {str(name) for name in _list(value)}
