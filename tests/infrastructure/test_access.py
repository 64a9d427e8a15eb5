"""Each role of the manifest means something: a function that has just this one is given something that one without any is not."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from functions.manifest import MANIFEST, Dependencies, FunctionRow, Role, Trigger
from tests.infrastructure.declared import stack

BY_SECRET = {Role.KNOWLEDGE_READ, Role.KNOWLEDGE_WRITE}
"""These mean a password, which the row names among its secrets."""


def row(name: str, *roles: Role) -> FunctionRow:
    return FunctionRow(
        name=name, trigger=Trigger.INTERNAL, job="a test", memory_mb=256, dependencies=Dependencies.CONTROL, roles=frozenset(roles)
    )


def test_every_role_is_a_grant_and_no_role_is_none(tmp_path: Path) -> None:
    alone = {role: row(f"only_{n}", role) for n, role in enumerate(Role)}
    declared = stack(tmp_path, manifest=(*MANIFEST, row("without"), *alone.values()))
    given: dict[str, set[str]] = defaultdict(set)
    for resource in declared.resources:
        if resource.kind.lower().endswith("member"):
            given[str(resource.inputs["member"]).partition("@")[0]].add(f"{resource.type} {resource.inputs['role']}")
    assert given["serviceAccount:kimera-without"] == set()
    without_a_grant = {role for role, only in alone.items() if not given[f"serviceAccount:kimera-{only.service}"]}
    assert without_a_grant == BY_SECRET
