"""YAML that a person wrote: a key that stands twice is refused, where YAML would take its last value without a word."""

from __future__ import annotations

from typing import Any

import yaml

_SHOWN_CHARS = 80


class UniqueKeys(yaml.SafeLoader):
    """Raises ``YAMLError`` that says in which two lines a key of one map stands."""

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
