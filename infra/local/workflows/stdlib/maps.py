"""Module ``map``. Pages: stdlib/map/*. Every function gives a new map."""

from __future__ import annotations

from typing import Final

from infra.local.workflows.errors import type_failure
from infra.local.workflows.stdlib.signature import function, mapping, string
from infra.local.workflows.values import Value, type_name


def _delete(source: Value, key: Value) -> Value:
    """A copy without ``key``, which need not be there (map.delete page)."""
    entries, name = mapping(source, "map"), string(key, "key")
    return {existing: value for existing, value in entries.items() if existing != name}


def _get(source: Value, keys: Value) -> Value:
    """Null for a missing key, and for a map that is none; a list of keys goes down one map per key."""
    path = keys if isinstance(keys, list) else [keys]
    for key in path:
        if not isinstance(key, str):
            raise type_failure(f"keys has to be a string or a list of strings, not '{type_name(keys)}'")
    for key in path:
        if not isinstance(source, dict):
            return None
        assert isinstance(key, str)
        source = source.get(key)
    return source


def _merge(first: Value, second: Value) -> Value:
    return {**mapping(first, "first"), **mapping(second, "second")}


def _merge_nested(first: Value, second: Value) -> Value:
    merged = dict(mapping(first, "first"))
    for key, value in mapping(second, "second").items():
        existing = merged.get(key)
        merged[key] = _merge_nested(existing, value) if isinstance(existing, dict) and isinstance(value, dict) else value
    return merged


FUNCTIONS: Final = (
    function("map.delete", "map key", _delete),
    function("map.get", "map keys", _get),
    function("map.merge", "first second", _merge),
    function("map.merge_nested", "first second", _merge_nested),
)
