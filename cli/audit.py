"""``kimera audit verify``: whether the audit chains are what was written (invariant 9)."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, print_json
from shared.documents import Json
from shared.errors import NotFound

app = new_app("Verify the audit chains.")


@app.callback()
def audit() -> None:
    """Verify the audit chains."""


@app.command()
def verify(
    mission: Annotated[str | None, typer.Argument(metavar="[MISSION]", help="One mission; else all.", show_default=False)] = None,
    as_json: AsJson = False,
) -> int:
    """Find any change, reordering or removal in the audit chains up to their last anchor. Exit 1 where there is one."""
    from infra.local.access import stored

    settings = load_settings()
    log_to(settings.home)
    with stored(settings) as runtime:
        result = runtime.audit.verify(mission)
    if mission is not None and not result.events and not result.breaks:
        raise NotFound(f"There are no audit events of a mission {mission[:64]!r}.", remedy="List missions with `kimera list`.")
    if as_json:
        breaks: list[Json] = [{"mission_id": b.mission_id, "writer": b.writer, "n": b.n, "what": b.what} for b in result.breaks]
        counts = {"missions": result.missions, "events": result.events, "anchors": result.anchors}
        print_json({"ok": not breaks, **counts, "breaks": breaks})
    else:
        for found in result.breaks:
            print(f"BROKEN  {found.mission_id}  {found.writer} entry {found.n}: {found.what}")
        verdict = f"{len(result.breaks)} break(s)" if result.breaks else "intact"
        print(f"{verdict}: {result.events} events of {result.missions} mission(s), {result.anchors} anchors")
    return 1 if result.breaks else 0
