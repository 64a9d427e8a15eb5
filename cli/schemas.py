"""``kimera schemas``: the contracts as JSON Schemas and the HTTP API as OpenAPI, exported and checked."""

from __future__ import annotations

from typing import Annotated

import typer
import yaml

from cli.console import AsJson, new_app, print_json
from functions.missions import openapi
from schemas import release
from schemas.compatibility import Difference, differences
from schemas.release import Stale
from shared.counted import counted
from shared.documents import Json
from shared.errors import Conflict

app = new_app("Export the contracts, or check them against the released ones.")
OPENAPI = release.FOLDER.parent / "openapi.yaml"


@app.command()
def export(
    accept_breaking: Annotated[
        bool, typer.Option("--accept-breaking", help="Write breaking changes too: for contracts that nobody uses yet.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Write schemas/v1/*.json and schemas/openapi.yaml from the code. Breaking changes are refused."""
    breaking = [d for found in _stale() for d in found.breaking]
    if breaking and not accept_breaking:
        raise Conflict(
            "These changes break released contracts: " + "; ".join(map(str, breaking)) + ".",
            remedy="Keep the old field, or release a new version with an upcast. --accept-breaking writes them anyway.",
        )
    changed = release.export()
    text = openapi.text()
    if not OPENAPI.exists() or OPENAPI.read_text(encoding="utf-8") != text:
        OPENAPI.write_text(text, encoding="utf-8")
        changed.append(OPENAPI.name)
    if as_json:
        print_json({"changed": [*changed]})
    else:
        print(f"{counted(len(changed), 'file')} changed" + (": " + ", ".join(changed) if changed else ""))
    return 0


@app.command()
def check(as_json: AsJson = False) -> int:
    """Compare the code with the released contracts; exit 1 on a breaking change, and where an export is due."""
    found = _stale()
    breaking = any(one.breaking for one in found)
    if as_json:
        files: list[Json] = [
            {"file": s.file, "what": s.what, "changes": [{"where": d.where, "what": d.what, "breaking": d.breaking} for d in s.differences]}
            for s in found
        ]
        print_json({"ok": not found, "breaking": breaking, "stale": files})
        return 1 if found else 0
    for one in found:
        print(f"{one.file}: {one.what or 'changed'}")
        for difference in one.differences:
            print(f"  {'BREAKING' if difference.breaking else 'added   '}  {difference}")
    if breaking:
        print("Breaking changes: keep what was released, or release a new version (schemas/v2, an upcast on read).")
    elif found:
        print("Nothing breaks. Write it down with `kimera schemas export`.")
    else:
        print(f"{len(release.TOP_LEVEL)} contracts and the HTTP API are as released.")
    return 1 if found else 0


def _stale() -> list[Stale]:
    return [*release.stale(), *_stale_api()]


def _stale_api() -> list[Stale]:
    if not OPENAPI.exists():
        return [Stale(OPENAPI.name, (), "it was never exported")]
    released = OPENAPI.read_text(encoding="utf-8")
    current = openapi.text()
    if released == current:
        return []
    old, new = yaml.safe_load(released), yaml.safe_load(current)
    routes = [
        Difference(f"{method.upper()} {path}", "the route was removed", True)
        for path, methods in old["paths"].items()
        for method in methods
        if method not in new["paths"].get(path, {})
    ]
    parts = [
        difference
        for name, schema in old["components"]["schemas"].items()
        for difference in differences(name, {**old, **schema}, {**new, **new["components"]["schemas"].get(name, {})})
    ]
    found = tuple(dict.fromkeys([*routes, *parts]))
    return [Stale(OPENAPI.name, found, "" if found else "only texts changed, or something was added")]
