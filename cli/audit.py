"""``kimera audit verify``: whether the audit chains are what was written (invariant 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, note, print_json
from shared.documents import Json
from shared.errors import NotFound

if TYPE_CHECKING:
    from shared.missions.audit import CheckedMission
    from shared.missions.verifying import Break

app = new_app("Verify the audit chains.")
_PROGRESS_EVERY = 500


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
    missions, events, anchors = 0, 0, 0
    breaks: list[Break] = []
    chains: list[Json] = []
    with stored(settings) as runtime:
        for checked in runtime.audit.checked(mission):
            missions += bool(checked.chains)
            events += checked.events
            anchors += checked.anchors
            breaks += checked.breaks
            if not as_json:
                _print(checked, every_chain=mission is not None)
            elif mission is not None:
                chains += [{"writer": c.writer, "events": c.events, "anchored": c.anchored} for c in checked.chains]
            if missions and missions % _PROGRESS_EVERY == 0:
                note(f"{missions} missions with {events} events verified, {len(breaks)} break(s) so far")
    if mission is not None and not events and not breaks:
        raise NotFound(f"There are no audit events of a mission {mission[:64]!r}.", remedy="List missions with `kimera list`.")
    if as_json:
        found: list[Json] = [{"mission_id": b.mission_id, "writer": b.writer, "n": b.n, "what": b.what} for b in breaks]
        counts: dict[str, Json] = {"missions": missions, "events": events, "anchors": anchors}
        print_json({"ok": not found, **counts, **({"chains": chains} if mission is not None else {}), "breaks": found})
    else:
        verdict = f"{len(breaks)} break(s)" if breaks else "intact"
        print(f"{verdict}: {events} events of {missions} mission(s), {anchors} anchors")
    return 1 if breaks else 0


def _print(checked: CheckedMission, *, every_chain: bool) -> None:
    for chain in checked.chains if every_chain else ():
        anchored = f"anchored up to {chain.anchored}" if chain.anchored else "not anchored yet"
        print(f"{'BROKEN' if chain.breaks else 'ok':<7} {chain.writer:<14} {chain.events} entries, {anchored}")
    for found in checked.breaks:
        print(f"BROKEN  {_place(found)}: {found.what}")


def _place(found: Break) -> str:
    return "  ".join(part for part in (found.mission_id, f"{found.writer} entry {found.n}" if found.n else found.writer) if part)
