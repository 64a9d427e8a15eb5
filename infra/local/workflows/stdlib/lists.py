"""Module ``list``. Pages: stdlib/list/*. Both give a new list."""

from __future__ import annotations

from typing import Final

from infra.local.workflows.stdlib.signature import function, sequence

FUNCTIONS: Final = (
    function("list.concat", "objs val", lambda items, value: [*sequence(items, "objs"), value]),
    function("list.prepend", "objs val", lambda items, value: [value, *sequence(items, "objs")]),
)
