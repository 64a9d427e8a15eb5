"""``kimera audit verify``: whether the audit chains are what was written (invariant 9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, note, print_json
from shared.counted import counted
from shared.documents import Json
from shared.errors import NotFound

if TYPE_CHECKING:
    from shared.missions.audit import CheckedMission
    from shared.missions.verifying import Break

app = new_app("Verify the audit chains.")
_PROGRESS_EVERY = 500
_ADVICE = (
    "What is broken was changed after it was written: keep a copy as it is, restore it from a backup, and compare that with anchors that "
    "were copied elsewhere. docs/operating.md says what each line means."
)


@app.callback()
def audit() -> None:
    """Verify the audit chains."""


@app.command()
def verify(
    mission: Annotated[str | None, typer.Argument(metavar="[MISSION]", help="One mission; else all.", show_default=False)] = None,
    events_only: Annotated[
        bool, typer.Option("--events-only", help="Read no file: only events, and the documents that they tell of.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Find any change, reordering or removal in the audit chains up to their last anchor, and whatever is stored otherwise than the
    events say: a mission's request and inputs, the tracks' states and packages, the reports with their files, its end and what it had
    spent. Exit 1 where there is one.
    """
    from infra.local.access import stored

    settings = load_settings()
    log_to(settings.home)
    total = _Total()
    breaks: list[Json] = []
    chains: list[Json] = []
    with stored(settings) as runtime:
        if mission is None:
            note("reading the hourly anchors")
        for checked in runtime.audit.checked(mission, None if events_only else runtime.artifacts):
            if total.add(checked) and total.missions % _PROGRESS_EVERY == 0:
                read = f" and {counted(total.files, 'file')}" if total.files else ""
                seen = f"{counted(total.missions, 'mission')} with {counted(total.events, 'event')}{read}"
                note(f"{seen} verified, {counted(total.breaks, 'break')} so far")
            if not as_json:
                _print(checked, every_chain=mission is not None)
                continue
            breaks += [{"mission_id": b.mission_id, "writer": b.writer, "n": b.n, "what": b.what} for b in checked.breaks]
            if mission is not None:
                chains += [{"writer": c.writer, "events": c.events, "anchored": c.anchored} for c in checked.chains]
    if mission is not None and not total.events and not total.breaks:
        raise NotFound(f"There are no audit events of a mission {mission[:64]!r}.", remedy="List missions with `kimera list`.")
    if as_json:
        counts: dict[str, Json] = {
            "missions": total.missions,
            "events": total.events,
            "letter_events": total.letter_events,
            "unanchored": total.unanchored,
            "anchors": total.anchors,
            "files": total.files,
            "undigested": total.undigested,
        }
        print_json({"ok": not breaks, **counts, **({"chains": chains} if mission is not None else {}), "breaks": breaks})
    else:
        for line in total.lines():
            print(line)
        if total.breaks:
            note(_ADVICE)
    return 1 if total.breaks else 0


@dataclass(slots=True)
class _Total:
    """What was found of all missions so far."""

    missions: int = 0
    events: int = 0
    letter_events: int = 0
    unanchored: int = 0
    anchors: int = 0
    files: int = 0
    undigested: int = 0
    breaks: int = 0

    def add(self, checked: CheckedMission) -> bool:
        """Count it; whether it was a mission."""
        is_mission = bool(checked.chains) and not checked.of_letters
        self.missions += is_mission
        self.events += checked.events
        self.letter_events += checked.events if checked.of_letters else 0
        self.unanchored += checked.unanchored
        self.anchors += checked.anchors
        self.files += checked.files
        self.undigested += checked.undigested
        self.breaks += len(checked.breaks)
        return is_mission

    def lines(self) -> Iterator[str]:
        """The verdict, and what it does not cover."""
        verdict = counted(self.breaks, "break") if self.breaks else "intact"
        letters = f", {self.letter_events} of dead letters without a mission" if self.letter_events else ""
        of_missions = f"{counted(self.events - self.letter_events, 'event')} of {counted(self.missions, 'mission')}"
        yield f"{verdict}: {of_missions}{letters}, {counted(self.anchors, 'anchor')}, {counted(self.files, 'file')}"
        if self.unanchored:
            yield (
                f"not covered by an anchor: {self.unanchored} of these events (dead letters never are, a mission's within the hour). "
                "A change of one is found; that the last ones were cut off is found only while their writer's own document tells."
            )
        if self.undigested:
            yield (
                f"not covered by a digest: {counted(self.undigested, 'file')} of reports, published by an earlier version. Its events "
                "name the JSON format alone by its digest."
            )


def _print(checked: CheckedMission, *, every_chain: bool) -> None:
    for chain in checked.chains if every_chain else ():
        anchored = f"anchored up to {chain.anchored}" if chain.anchored else "not anchored yet"
        print(f"{'BROKEN' if chain.breaks else 'ok':<7} {chain.writer:<14} {counted(chain.events, 'entry', 'entries')}, {anchored}")
    for found in checked.breaks:
        print(f"BROKEN  {_place(found)}: {found.what}")


def _place(found: Break) -> str:
    return "  ".join(part for part in (found.mission_id, f"{found.writer} entry {found.n}" if found.n else found.writer) if part)
