"""The policies of the cloud: each takes a declared stack and gives back what breaks it, in words; nothing, where it holds.

They are in the files ``policies_of_*.py`` beside this one, a subject in each. A new file is found by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from tests.infrastructure.declared import Stack

Policy: TypeAlias = "Callable[[Stack], list[str]]"
POLICIES: list[Policy] = []
"""Those of the modules that were imported so far; ``every_policy`` gives all."""


def policy(check: Policy) -> Policy:
    """Make ``check`` one of the policies."""
    POLICIES.append(check)
    return check


def modules() -> list[str]:
    """The names of all modules of policies."""
    return sorted(f"tests.infrastructure.{path.stem}" for path in Path(__file__).parent.glob("policies_of_*.py"))


def every_policy() -> list[Policy]:
    """The policies of all modules."""
    for name in modules():
        import_module(name)
    return list(POLICIES)
