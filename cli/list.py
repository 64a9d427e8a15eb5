"""``kimera list``: missions, newest first."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, log_to, new_app, note, print_json
from schemas.mission import MissionState, MissionStatus
from shared.documents import Json
from shared.ledger.money import dollars

app = new_app("List missions, newest first.")


@app.command()
def list_missions(
    status: Annotated[MissionStatus | None, typer.Option("--status", case_sensitive=False, help="Those of one status alone.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many at most.")] = 100,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """List missions, newest first."""
    from infra.local.access import NoMissionsYet, any_access

    settings = load_settings()
    log_to(settings.home)
    missions: tuple[MissionState, ...] = ()
    unreadable: tuple[str, ...] = ()
    try:
        with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
            page = api.all_missions(limit=limit, status=status)
            missions, unreadable = page.missions, page.unreadable
    except NoMissionsYet:
        pass  # none is an answer here
    if as_json:
        shown: dict[str, Json] = {"missions": [mission.model_dump(mode="json") for mission in missions]}
        print_json(shown | ({"unreadable": [*unreadable]} if unreadable else {}))
        return 0
    for mission in missions:
        question, cost = " ".join(mission.question.split()), dollars(mission.cost_so_far.settled_micro_usd)
        print(f"{mission.mission_id}  {mission.status:<9}  {mission.created_at:%Y-%m-%d %H:%M} UTC  {cost:>9}  {question[:80]}")
    for mission_id in unreadable:
        note(f"{mission_id}  cannot be read: its stored documents are damaged. `kimera status {mission_id}` says which.")
    if not missions and not unreadable:
        note(f"No mission is {status}." if status else "There are no missions yet. Begin with `kimera run`.")
    return 0
