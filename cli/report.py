"""``kimera report``: a mission's report on stdout or as a folder, its versions, and what two of them differ in."""

from __future__ import annotations

import os
import re
import sys
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, MissionId, log_to, new_app, note, print_json
from cli.results import shown, summary
from shared.documents import Json
from shared.errors import BadInput

if TYPE_CHECKING:
    from functions.missions.answers import ReportChange, ReportDifference
    from schemas.mission import MissionState

app = new_app("Print or save a mission's report; compare its versions.")
_RANGE = re.compile(r"(?:(?P<old>\d{1,6})?\.\.)?(?P<new>\d{1,6})?")
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


class Format(StrEnum):
    """What a report can be printed as."""

    MD = "md"
    HTML = "html"
    JSON = "json"


@app.command()
def report(
    mission: MissionId,
    versions: Annotated[
        str | None,
        typer.Argument(metavar="[OLD..NEW]", help="With --diff: which versions; else the newest and the one before.", show_default=False),
    ] = None,
    form: Annotated[Format | None, typer.Option("--format", help="Which format is printed.  [default: md]")] = None,
    version: Annotated[int | None, typer.Option("--version", min=1, help="An earlier version; else the newest.")] = None,
    list_versions: Annotated[bool, typer.Option("--versions", help="List the versions that were published.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Say what two versions differ in.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the whole folder there: charts, tables, scripts.")] = None,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Print a report (Markdown unless --format says otherwise), or save it as a folder with --out. --json prints the JSON format.

    A partial report is followed by a final one, and that by an upgrade where a track was late: `--versions` lists them,
    `--diff` says what statements, figures, verdicts and flags were added, removed or changed.
    """
    from infra.local.access import any_access, artifacts_at_hand
    from infra.local.reports import save_report

    if ((diff or list_versions) and (out is not None or version is not None)) or (diff and list_versions):
        raise BadInput("--diff, --versions, --version and --out exclude each other.", remedy="Ask for one thing at a time.")
    _require_one_form(form, as_json=as_json, instead="--diff" if diff else "--versions" if list_versions else "--out" if out else None)
    if versions is not None and not diff:
        raise BadInput(f"{versions[:40]!r} names versions to compare.", remedy="Use --diff with it, or --version N for one version.")
    old, new = _range(versions)
    settings = load_settings()
    log_to(settings.home)
    with any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        if diff:
            return _tell_difference(api.report_changes(mission, old=old, new=new), as_json=as_json)
        if list_versions:
            return _tell_versions(api.state(mission), as_json=as_json)
        if out is None:
            wanted = Format.JSON if as_json else form or Format.MD
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


def _require_one_form(form: Format | None, *, as_json: bool, instead: str | None) -> None:
    """Refuse a ``--format`` that would be passed over. ``instead`` is the option in whose place no report is printed."""
    if form is None:
        return
    if instead == "--out":
        raise BadInput("--format is of what is printed, and --out writes a folder with every format.", remedy="Leave one of them out.")
    if instead is not None:
        raise BadInput(
            f"--format is of a report, and {instead} prints none.", remedy=f"{instead} alone is text for a person, --json is JSON."
        )
    if as_json and form is not Format.JSON:
        raise BadInput(f"--json prints the JSON format, and --format {form} another one.", remedy="Leave one of them out.")


def _range(text: str | None) -> tuple[int | None, int | None]:
    """The versions to compare; ``None`` where the text leaves one open."""
    found = _RANGE.fullmatch(text or "")
    if found is None or text == "..":
        raise BadInput(f"{(text or '')[:40]!r} names no versions.", remedy="Write them like 1..2; `--versions` lists them.")
    old, new = ((int(part) if part else None) for part in found.group("old", "new"))
    if 0 in (old, new):
        raise BadInput("Versions are counted from 1.", remedy="`--versions` lists them.")
    return old, new


def _tell_versions(state: MissionState, *, as_json: bool) -> int:
    if as_json:
        listed: list[Json] = [{"version": r.version, "kind": r.kind, "created_at": r.created_at.isoformat()} for r in state.reports]
        print_json({"mission_id": state.mission_id, "fusion_status": str(state.fusion_status), "versions": listed})
        return 0
    for published in state.reports:
        print(f"{published.version}  {published.kind:<8}  {published.created_at:%Y-%m-%d %H:%M:%S} UTC")
    if not state.reports:
        note(f"Mission {state.mission_id} has no report{'' if state.status.terminal else ' yet'}: it is {state.status}.")
    elif state.late_until is not None:
        note(f"A late track goes on until {state.late_until:%Y-%m-%d %H:%M} UTC; what it brings makes a further version.")
    return 0


def _tell_difference(found: ReportDifference, *, as_json: bool) -> int:
    if as_json:
        print_json(found)
        return 0
    old, new = found.old, found.new
    print(f"version {old.version} ({old.kind}, {old.created_at:%Y-%m-%d %H:%M:%S} UTC) -> ", end="")
    print(f"version {new.version} ({new.kind}, {new.created_at:%Y-%m-%d %H:%M:%S} UTC)")
    if not found.changes:
        print("They say the same.")
    for what, changes in groupby(found.changes, key=lambda change: change.what):
        print(f"\n{what}")
        for change in changes:
            print("\n".join(_lines(change)))
    if found.changes:
        counts = {kind: sum(change.change == kind for change in found.changes) for kind in _SIGNS}
        print("\n" + ", ".join(f"{count} {kind}" for kind, count in counts.items() if count))
    return 0


def _lines(change: ReportChange) -> list[str]:
    """A change for a person: what it is of, then what was said before and what is said now."""
    sign, about = _SIGNS[change.change], change.about
    if change.before is None or change.after is None:
        text = change.before if change.after is None else change.after
        return [f"  {sign} {about}: {text}" if about else f"  {sign} {text}"]
    if len(about) + len(change.before) + len(change.after) < 100:
        return [f"  {sign} {about}: {change.before} -> {change.after}" if about else f"  {sign} {change.before} -> {change.after}"]
    return [f"  {sign} {about}" if about else f"  {sign}", f"      before: {change.before}", f"      now:    {change.after}"]
