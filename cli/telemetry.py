"""``kimera telemetry``: the dashboards' figures of this machine's missions."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, note, print_json
from shared.documents import Json

app = new_app("Show the dashboards' figures: success, latency, cost, errors, tokens.")


@app.command()
def telemetry(
    view: Annotated[str | None, typer.Argument(metavar="VIEW", help="Which figures; without it, the views are listed.")] = None,
    as_json: AsJson = False,
) -> int:
    """Show what a view says of this machine's missions: the queries are those of the cloud's dashboards."""
    from infra.local.telemetry_queries import as_lines, ask
    from shared.telemetry.tables import view as find
    from shared.telemetry.tables import views

    settings = load_settings()
    log_to(settings.home)
    if view is None:
        listed: list[Json] = [{"view": known.name, "title": known.title} for known in views()]
        if as_json:
            print_json({"views": listed})
        else:
            print("\n".join(f"{known.name:<22} {known.title}" for known in views()))
        return 0
    wanted = find(view)
    answer = ask(settings.home / "telemetry", wanted)
    if as_json:
        rows: list[Json] = [dict(row) for row in answer.as_json()]
        print_json({"view": wanted.name, "rows": rows})
        return 0
    note(wanted.title)
    print("\n".join(as_lines(answer)))
    return 0
