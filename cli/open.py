"""``kimera open``: the report in the browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app, note, print_json
from cli.results import shown

app = new_app("Open a mission's report in the browser.")


@app.command(name="open")
def open_report(
    mission: MissionId,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where it is saved.  [default: kimera-report/<mission>]")] = None,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Save a mission's report as a folder and open its page in the browser. Prints the path in any case."""
    from infra.local.access import any_access, artifacts_at_hand
    from infra.local.reports import save_report

    settings = load_settings()
    log_to(settings.home)
    with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        state = api.state(mission)
        with artifacts_at_hand(settings, endpoint) as artifacts:
            saved = save_report(api, state, out or Path("kimera-report") / state.mission_id, artifacts)
    page = saved.files["html"].absolute()
    opened = _open(page)
    if as_json:
        print_json({"mission_id": state.mission_id, "path": str(page), "opened": opened})
    else:
        print(shown(page))
        if not opened:
            note("No browser could be started here; open the file yourself.")
    return 0


def _open(page: Path) -> bool:
    import webbrowser

    try:
        return webbrowser.open(page.as_uri())
    except webbrowser.Error:
        return False
