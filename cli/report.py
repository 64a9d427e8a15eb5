"""``kimera report``: a mission's report on stdout, or as a folder."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app, note, print_json
from cli.results import shown, summary

app = new_app("Print or save a mission's report.")


class Format(StrEnum):
    """What a report can be printed as."""

    MD = "md"
    HTML = "html"
    JSON = "json"


@app.command()
def report(
    mission: MissionId,
    form: Annotated[Format, typer.Option("--format", help="Which format is printed.")] = Format.MD,
    version: Annotated[int | None, typer.Option("--version", min=1, help="An earlier version; else the newest.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the whole folder there: charts, tables, scripts.")] = None,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Print a report (Markdown unless --format says otherwise), or save it as a folder with --out. --json prints the JSON format."""
    from infra.local.access import any_access, artifacts_at_hand
    from infra.local.reports import save_report

    settings = load_settings()
    log_to(settings.home)
    with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        if out is None:
            wanted = Format.JSON if as_json else form
            sys.stdout.buffer.write(api.report(mission, form=wanted, version=version).rstrip(b"\n") + b"\n")
            return 0
        state = api.state(mission)
        with artifacts_at_hand(settings, endpoint) as artifacts:
            saved = save_report(api, state, out, artifacts, version=version)
    if as_json:
        print_json(summary(state, saved))
    else:
        note(f"report: {shown(saved.files['html'])}")
    return 0
