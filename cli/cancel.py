"""``kimera cancel``: stop a mission; what it has so far is fused into a report."""

from __future__ import annotations

import os

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app, note, print_json

app = new_app("Stop a mission; what it has so far is fused into a report.")


@app.command()
def cancel(mission: MissionId, endpoint: Endpoint = None, as_json: AsJson = False) -> int:
    """Stop a mission; what it has so far is fused into a report."""
    from infra.local.access import any_access, holder_of

    settings = load_settings()
    log_to(settings.home)
    with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        state = api.cancel(mission)
    if as_json:
        print_json(state)
    elif state.status.terminal:
        note(f"It has ended already: {state.status}.")
    elif endpoint is None and holder_of(settings) is None:
        note(f"Noted. Nothing runs on this data folder now; `kimera run --resume {mission}` closes it with what it has.")
    else:
        note(f"It stops within one slice; follow it with `kimera watch {mission}`.")
    return 0
