"""``kimera inspect``: a mission's whole story in time order."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app, note, print_json
from cli.progress import TITLES, describe, describe_mission
from shared.ledger.money import dollars

if TYPE_CHECKING:
    from infra.local.story import Moment, Story
    from schemas.outcome import HandedOver

app = new_app("Tell a mission's whole story in time order, failed or not.")
_KEPT_SPANS = ("sandbox.", "fusion.", "orchestration.", ".slice")
_HIDDEN = {
    "state",
    "state_sha256",
    "handoff",
    "handoff_sha256",
    "files",
    "script",
    "request_sha256",
    "request_id",
    "error",
    "error.type",
    "track",
    "attempt",
    "epoch",
}


@app.command()
def inspect(
    mission: MissionId,
    everything: Annotated[bool, typer.Option("--all", help="Every single call too, and every detail.")] = False,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Tell a mission's whole story in time order: events, slices, sandbox runs, retries, and why it failed if it did."""
    from infra.local.access import any_access
    from infra.local.story import tell_story
    from schemas.outcome import MissionOutcomePackage
    from shared.telemetry.reading import mission_spans

    settings = load_settings()
    log_to(settings.home)
    with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        state = api.state(mission)
        events = api.events(mission)
        newest = api.report(mission, form="json") if state.reports else None
    if endpoint is not None:
        note("The spans lie with that platform; this is the story from its audit events.")
    spans = mission_spans(settings.home / "telemetry" / "traces.jsonl", mission) if endpoint is None else []
    handoffs = MissionOutcomePackage.model_validate_json(newest).handoffs if newest is not None else ()
    story = tell_story(state, events, spans, handoffs)
    if as_json:
        print_json(story.as_json())
    else:
        _print(story, everything)
    return 0


def _print(story: Story, everything: bool) -> None:
    state = story.state
    print(f"mission {state.mission_id}: {describe_mission(state)}")
    print(f"question: {' '.join(state.question.split())}")
    cost = dollars(state.cost_so_far.settled_micro_usd)
    print(f"owner {state.owner}, space {state.knowledge_space}, tier {state.tier}, cost {cost}, epoch {state.epoch}")
    if state.flags:
        print(f"flags: {', '.join(state.flags)}")
    for track, found in sorted(state.track_status.items()):
        print(f"{TITLES[track]}: attempt {found.attempt}, next slice {found.next_seq}, {describe(found)}")
    print("\nWhat happened (UTC; seconds since the mission was created)")
    for moment in story.moments:
        if everything or _matters(moment):
            print(_line(moment, state.created_at, everything))
    if story.handoffs:
        print("\nWhat the tracks asked of each other")
        for handed in story.handoffs:
            print(_handed(handed))
    if story.phases:
        print(f"\n{'What it took':<34}{'calls':>6}{'total':>10}{'slowest':>10}{'retries':>9}  errors")
        for phase in story.phases:
            if everything or not phase.name.startswith("missions "):
                errors = ", ".join(phase.errors)
                print(
                    f"{phase.name:<34}{phase.calls:>6}{phase.total_s:>9.2f}s{phase.slowest_s:>9.2f}s{phase.retries:>9}  {errors}".rstrip()
                )
    if story.reasons:
        print("\nWhat went wrong")
        for reason in story.reasons:
            print(f"- {reason}")


def _handed(handed: HandedOver) -> str:
    """What was handed over, why, and what came of it."""
    by = "the documents suggest" if handed.by == "documents" else "the analysis asks for"
    why = handed.source or handed.because
    came_to = handed.status.replace("_", " ")
    return f"- {by}: {handed.text}{f' ({why})' if why else ''} -> {came_to}{f': {handed.note}' if handed.note else ''}"


def _matters(moment: Moment) -> bool:
    """Events, failures, and the spans of real work; plain calls only fill the page."""
    return moment.took_s is None or moment.error is not None or any(kept in moment.what for kept in _KEPT_SPANS)


def _line(moment: Moment, began: datetime, everything: bool) -> str:
    after = (moment.at - began).total_seconds()
    took = f"took {moment.took_s:.2f}s" if moment.took_s is not None else ""
    error = f"FAILED: {moment.error}" if moment.error else ""
    details = " ".join(f"{key}={_short(value)}" for key, value in moment.detail.items() if everything or key not in _HIDDEN)
    told = "  ".join(part for part in (took, error, details) if part)
    return f"{moment.at:%H:%M:%S}  {after:>8.2f}s  {moment.who:<14} {moment.what:<24} {told}".rstrip()


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 120 else text[:119] + "…"
