"""``kimera cancel``: stop a mission; what it has so far is fused into a report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app, note, print_json
from shared.counted import counted

if TYPE_CHECKING:
    from schemas.mission import MissionState
    from shared.settings import Settings

_POLL_S = 0.1
app = new_app("Stop a mission; what it has so far is fused into a report.")


@app.command()
def cancel(mission: MissionId, endpoint: Endpoint = None, as_json: AsJson = False) -> int:
    """Stop a mission; what it has so far is fused into a report."""
    from infra.local.access import any_access, holder_of

    settings = load_settings()
    log_to(settings.home)
    with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        state = api.cancel(mission)
    if not state.over and endpoint is None and holder_of(settings) is None:
        state = _close_here(settings, mission, late=state.status.terminal)
    if as_json:
        print_json(state)
    elif state.over:
        note(f"It has ended: {state.status}, with {counted(len(state.reports), 'report')}.")
    else:
        note(f"It stops within one slice; follow it with `kimera watch {mission}`.")
    return 0


def _close_here(settings: Settings, mission_id: str, *, late: bool) -> MissionState:
    """Nobody runs the mission, so nobody would see the cancel: bring a platform up until it has ended."""
    from infra.local.platform import OneMission, Platform

    note("Nothing runs on this data folder; closing the mission with what it has.")
    with Platform(settings, command="kimera cancel", only=OneMission(mission_id, late)) as platform:
        runtime = platform.runtime
        while True:
            mission = runtime.missions.get(mission_id)
            if mission.over:
                return runtime.missions.state(mission)
            runtime.clock.sleep(_POLL_S)
