"""``kimera status``: where a mission stands."""

from __future__ import annotations

import os

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app, print_json
from cli.progress import TITLES, describe, describe_mission
from schemas.mission import Cost
from shared.counted import counted
from shared.ledger.money import dollars

app = new_app("Say where a mission stands.")


@app.command()
def status(mission: MissionId, endpoint: Endpoint = None, as_json: AsJson = False) -> int:
    """Say where a mission stands."""
    from infra.local.access import any_access

    settings = load_settings()
    log_to(settings.home)
    with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        state = api.state(mission)
    if as_json:
        print_json(state)
        return 0
    print(f"mission        {state.mission_id}: {describe_mission(state)}")
    print(f"question       {' '.join(state.question.split())[:200]}")
    for track, found in sorted(state.track_status.items()):
        print(f"{TITLES[track]:<13}  {describe(found)}")
    print(f"report         {state.fusion_status.value.lower()}, {counted(len(state.reports), 'version')}")
    print(f"cost           {_cost(state.cost_so_far)}, tier {state.tier}")
    if state.flags:
        print(f"flags          {', '.join(state.flags)}")
    if state.error is not None:
        print(f"why            {state.error.message} {state.error.remedy}".rstrip())
    return 0


def _cost(cost: Cost) -> str:
    aside = f" and {dollars(cost.reserved_micro_usd)} set aside for calls under way" if cost.reserved_micro_usd else ""
    return dollars(cost.settled_micro_usd) + aside
