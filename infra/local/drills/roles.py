"""Every role that a model plays, found where roles live: a role that is added to a function is here without being listed anywhere."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import functions
from shared.models.roles import ModelRole


def every_role() -> dict[str, ModelRole[Any]]:
    """The roles of all functions by the id of their prompt, which is unique: two tracks may each have a planner."""
    found: dict[str, ModelRole[Any]] = {}
    for module in pkgutil.walk_packages(functions.__path__, "functions."):
        if ".roles." in module.name:
            values = vars(importlib.import_module(module.name)).values()
            found |= {value.prompt.front.id: value for value in values if isinstance(value, ModelRole)}
    return dict(sorted(found.items()))
