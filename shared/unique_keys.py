"""YAML and JSON that a person wrote: a key that stands twice is refused, where both would take its last value without a word."""

from __future__ import annotations

import json
from typing import Any

import yaml

from shared.documents import Json

_SHOWN_CHARS = 80


class UniqueKeys(yaml.SafeLoader):
    """Raises ``YAMLError`` that says in which two lines a key of one map stands. It is the same one where ``loads`` of JSON says so."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401 - a name or None; the stubs say another type
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                if key.value in lines:
                    shown = f"{key.value[:_SHOWN_CHARS]!r}"
                    raise yaml.YAMLError(f"the key {shown} is written twice, in line {lines[key.value]} and in line {line}")
                lines[key.value] = line
        return node


def loads_json(raw: bytes) -> Json:
    """The value in ``raw``; ``ValueError`` for what is no JSON, and names a key that one object has twice."""
    found: Json = json.loads(raw, object_pairs_hook=_once)
    return found


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:_SHOWN_CHARS]!r} is written twice")
        found[key] = value
    return found
