"""``kimera delete``: remove a mission that has ended, with everything it wrote."""

from __future__ import annotations

import os

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app, note, print_json

app = new_app("Delete a mission that has ended, with everything it wrote.")


@app.command()
def delete(mission: MissionId, endpoint: Endpoint = None, as_json: AsJson = False) -> int:
    """Delete a mission that has ended, with everything it wrote. Its audit chain stays."""
    from infra.local.access import any_access

    settings = load_settings()
    log_to(settings.home)
    with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        deleted = api.delete(mission)
    if as_json:
        print_json(deleted)
    else:
        note(f"Deleted, with {deleted.artifacts} stored files. The audit chain stays as the proof of what was done.")
    return 0
