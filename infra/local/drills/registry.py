"""All drills by name, and those that a person means."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from infra.local.drills import (
    clock_jumps,
    day_cap,
    deliveries,
    endless_research,
    executions,
    function_kills,
    kills,
    poison,
    provider_faults,
    sandbox_attacks,
    store_trouble,
    worker_kills,
)
from infra.local.drills.drill import Drill
from shared.errors import BadInput

_KINDS = (
    kills,
    provider_faults,
    deliveries,
    executions,
    day_cap,
    store_trouble,
    clock_jumps,
    endless_research,
    poison,
    sandbox_attacks,
    worker_kills,
    function_kills,
)
"""A new kind of drill is a module with ``drills()``, and one entry here."""


def all_drills() -> dict[str, Drill]:
    """Every drill by its name, in the order in which all of them run."""
    found: dict[str, Drill] = {}
    for drill in (drill for kind in _KINDS for drill in kind.drills()):
        assert drill.name not in found, f"two drills are called {drill.name}"
        found[drill.name] = drill
    return found


def select(names: Iterable[str]) -> list[Drill]:
    """The drills of these names; the name of a kind means all of its drills. ``BadInput`` for a name that is neither, with near ones."""
    known = all_drills()
    kinds = list(dict.fromkeys(drill.kind for drill in known.values()))
    chosen: dict[str, Drill] = {}
    for name in names:
        found = [drill for drill in known.values() if name in (drill.name, drill.kind)]
        if not found:
            near = get_close_matches(name, [*known, *kinds], n=3, cutoff=0.5) or [n for n in known if name.casefold() in n][:3]
            remedy = f"Did you mean {' or '.join(near)}?" if near else "`kimera drill list` shows all."
            raise BadInput(f"There is no drill {name[:80]!r}.", remedy=remedy)
        chosen |= {drill.name: drill for drill in found}
    return list(chosen.values())
