"""``kimera costs``: what a mission or a day has cost, who or what the money went to, and what is left of the day's cap."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, log_to, new_app, print_json
from shared.errors import BadInput
from shared.ledger.money import dollars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions.missions.answers import CapState, CostReport, UnknownCall
    from shared.settings import Settings

app = new_app("Say what a mission or a day has cost, and what is left of the day's cap.")


class By(StrEnum):
    """What the shares are of."""

    TRACK = "track"
    ROLE = "role"
    MODEL = "model"
    TOOL = "tool"
    MISSION = "mission"


@app.command()
def costs(
    named: Annotated[str | None, typer.Argument(metavar="[MISSION]", help="One mission instead of a day.", show_default=False)] = None,
    day: Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="A day in UTC; else today.")] = None,
    mission: Annotated[str | None, typer.Option("--mission", metavar="MISSION", help="The same.")] = None,
    by: Annotated[By | None, typer.Option("--by", help="What the money went to; else the track.")] = None,
    track: Annotated[bool, typer.Option("--track", help="The same as --by track.")] = False,
    model: Annotated[bool, typer.Option("--model", help="The same as --by model.")] = False,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Say what a day (or a mission) has cost by track, role, model, tool or mission, and what was charged without an answer."""
    if named is not None and mission is not None and named != mission:
        raise BadInput("Two missions are named, and the costs are of one.", remedy="Name one; without any, the costs of a day are said.")
    mission = mission or named
    if day is not None and mission is not None:
        raise BadInput("--day and --mission exclude each other.", remedy="Ask for a day, or for a mission.")
    wanted = _wanted(by, track=track, model=model)
    settings = load_settings()
    log_to(settings.home)
    report = _read(settings, day, mission, wanted, endpoint)
    if as_json:
        print_json(report)
    else:
        print("\n".join(_lines(report)))
    return 0


def _wanted(by: By | None, *, track: bool, model: bool) -> By:
    """What the shares are to be of."""
    named = {by} if by is not None else set()
    named |= {By.TRACK} if track else set()
    named |= {By.MODEL} if model else set()
    if len(named) > 1:
        raise BadInput(f"The money goes to {' or '.join(sorted(named))}, not to both at once.", remedy="Say one of --by, --track, --model.")
    return next(iter(named), By.TRACK)


def _read(settings: Settings, day: str | None, mission: str | None, by: By, endpoint: str | None) -> CostReport:
    from infra.local.access import NoMissionsYet, any_access

    try:
        with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
            return api.costs_of_mission(mission, by=by) if mission is not None else api.costs_of_day(day, by=by)
    except NoMissionsYet:
        if mission is not None:
            raise
    from functions.missions.costs import nothing_spent
    from shared.clock import SystemClock

    today = f"{SystemClock().now():%Y-%m-%d}"
    return nothing_spent(day, by.value, today=today, day_cap_micro_usd=settings.day_budget_micro_usd)


def _lines(report: CostReport) -> list[str]:
    """The report for a person."""
    about = f"mission {report.mission_id}" if report.mission_id else f"{report.day} (UTC), all missions"
    lines = [f"{about}: {_state(report.whole)}"]
    if report.shares:
        rows = [(f"by {report.by}", "track", "calls", "tokens in", "tokens out", "cost", "under way")]
        rows += [
            (
                share.name,
                share.track or "",
                f"{share.calls:,}",
                f"{share.input_tokens:,}",
                f"{share.output_tokens:,}",
                dollars(share.settled_micro_usd),
                dollars(share.reserved_micro_usd),
            )
            for share in report.shares
        ]
        if report.unattributed_micro_usd:
            rows.append(("not attributed", "", "", "", "", dollars(report.unattributed_micro_usd), ""))
        roles = report.by == By.ROLE.value
        lines += ["", *_table(rows if roles else [(name, *figures) for name, _, *figures in rows], left=2 if roles else 1)]
    elif report.unattributed_micro_usd:
        lines.append(f"Not attributed: {dollars(report.unattributed_micro_usd)}, of missions that were deleted or are somebody else's.")
    if report.unknown:
        lines += ["", f"Charged at their bound, since no answer says what they cost ({len(report.unknown)}):"]
        for why, calls in _by_reason(report.unknown).items():
            lines += [f"- {why or 'no reason is told'}", *(f"  {line}" for line in _table([_charged(c) for c in calls], left=5))]
    if report.overruns:
        lines += ["", f"Cost more than they could by their prices ({len(report.overruns)}); these missions buy nothing more:"]
        lines += _table(
            [
                (f"{o.at:%Y-%m-%d %H:%M:%S} UTC", o.mission_id, o.track, f"{dollars(o.cost_micro_usd)} of {dollars(o.reserved_micro_usd)}")
                for o in report.overruns
            ],
            left=3,
        )
    if report.day != report.today:
        lines += ["", f"today, {report.today} (UTC): {_state(report.today_whole)}"]
    return lines


def _by_reason(calls: Sequence[UnknownCall]) -> dict[str, list[UnknownCall]]:
    """The calls by why they were charged at their bound, so that each reason is told once."""
    found: dict[str, list[UnknownCall]] = {}
    for call in calls:
        found.setdefault(call.why, []).append(call)
    return found


def _charged(call: UnknownCall) -> tuple[str, ...]:
    to_the_second = (call.sent_at or "")[:19].replace("T", " ")  # stored in UTC
    return (
        f"{to_the_second} UTC" if to_the_second else "",
        call.mission_id,
        call.track,
        call.role,
        call.model,
        dollars(call.charged_micro_usd),
    )


def _state(whole: CapState) -> str:
    aside = f", {dollars(whole.reserved_micro_usd)} set aside for calls under way" if whole.reserved_micro_usd else ""
    return f"{dollars(whole.settled_micro_usd)} spent{aside}; {dollars(whole.left_micro_usd)} left of {dollars(whole.cap_micro_usd)}"


def _table(rows: Sequence[tuple[str, ...]], *, left: int = 1) -> list[str]:
    """Rows in columns; the first ``left`` columns begin at the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [
        [cell.ljust(width) if at < left else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    ]
    return ["  ".join(cells).rstrip() for cells in padded]
