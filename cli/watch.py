"""``kimera watch``: follow a mission until it ends."""

from __future__ import annotations

import os

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app

app = new_app("Follow a mission until it ends.")
_POLL_S = 0.5


@app.command()
def watch(mission: MissionId, endpoint: Endpoint = None, as_json: AsJson = False) -> int:
    """Follow a mission until it ends, then print its answer. Ctrl-C stops watching; the mission goes on."""
    from cli.progress import on_stderr
    from cli.results import answer_lines, ended, note_unused_model, summary
    from cli.watching import watch as follow
    from infra.local.access import running_platform
    from schemas.outcome import MissionOutcomePackage
    from shared.clock import SystemClock

    settings = load_settings()
    log_to(settings.home)
    clock = SystemClock()
    with running_platform(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        state = follow(lambda: api.state(mission), view=on_stderr(clock), clock=clock, every_s=_POLL_S)
        outcome = MissionOutcomePackage.model_validate_json(api.report(mission, form="json")) if state.reports else None
    if as_json:
        from cli.console import print_json

        print_json(summary(state, None))
    elif outcome is not None:
        print("\n".join(answer_lines(outcome)))
        note_unused_model(state)
    return ended(state)
