"""``kimera doctor``: what is installed, configured and reachable, and what to do."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli.asking import PriceOf
from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, print_json
from shared.counted import counted
from shared.documents import Json
from shared.errors import BadInput

app = new_app("Say what is installed, configured and reachable, and what to do.")
_MARKS = {"ok": "ok", "note": "note", "missing": "MISSING"}


@app.command()
def doctor(
    model: Annotated[
        str | None, typer.Option("--model", metavar="P:NAME", help="Ask this model three small questions, for at most $0.02.")
    ] = None,
    price: PriceOf = None,
    as_json: AsJson = False,
) -> int:
    """Say what is installed, configured, reachable and healthy, and what to do. Exit 3 if something needed is missing."""
    from infra.local.doctor import examine, probe_model, settings_with_origin
    from infra.local.finding import Finding

    if price is not None and model is None:
        raise BadInput("--price is the price of a model, and none is asked.", remedy="Name it with --model P:NAME.")
    settings = load_settings()
    log_to(settings.home)
    findings: list[Finding] = []
    area = ""
    looked_at = examine(settings, os.environ.get("KIMERA_TOKEN")) if model is None else probe_model(settings, model, price)
    for finding in looked_at:
        findings.append(finding)
        if as_json:
            continue
        if finding.area != area:
            area = finding.area
            print(f"\n{area}")
        print(f"  {_MARKS[finding.verdict]:<8} {finding.name:<18} {finding.detail}", flush=True)
        if finding.remedy:
            print(f"  {'':<8} {'':<18} -> {finding.remedy}")
    configured = list(settings_with_origin(settings))
    missing = [finding for finding in findings if finding.verdict == "missing"]
    if as_json:
        looked: list[Json] = [
            {"area": f.area, "name": f.name, "verdict": f.verdict, "detail": f.detail, "remedy": f.remedy} for f in findings
        ]
        set_to: list[Json] = [{"name": s.name, "value": s.value, "origin": s.origin} for s in configured]
        print_json({"ok": not missing, "findings": looked, "settings": set_to})
    else:
        print("\nconfigured")
        for setting in configured:
            print(f"  {setting.name:<18} {setting.value:<28} {setting.origin}")
        lacking = f"{counted(len(missing), 'thing that is needed is', 'things that are needed are')} missing: see above."
        print(f"\n{lacking}" if missing else "\nEverything that missions need is there.")
    return 3 if missing else 0
