"""How a mission's end is told: the answer and the report's path for a person, one object for a program."""

from __future__ import annotations

from pathlib import Path

from cli.console import note, print_json
from infra.local.reports import SavedReport
from schemas.mission import MissionState, MissionStatus
from schemas.outcome import MissionOutcomePackage
from shared.counted import counted
from shared.dead_letters import GIVEN_UP_CODES, failed_letter
from shared.documents import Json
from shared.ledger.money import dollars
from shared.models.flags import TIER_EXTRACTIVE

MAX_LIMITATIONS = 3
"""Limitations that are told on the console; all stand in the report."""


def tell(state: MissionState, saved: SavedReport | None, *, as_json: bool) -> int:
    """Print it; the exit code: 0 for DONE, else 1."""
    if as_json:
        print_json(summary(state, saved))
    else:
        if saved is not None:
            print("\n".join(answer_lines(saved.outcome)))
            print(f"\nreport: {shown(saved.files['html'])}")
            print(f"folder: {shown(saved.folder)}/")
        note_unused_model(state)
    return ended(state)


def note_unused_model(state: MissionState) -> None:
    """Say on stderr where a model was asked for and could not be used: the answer alone does not show it."""
    if TIER_EXTRACTIVE in state.flags:
        note(f"A model was asked for, and some of the work was done without it. Why:  kimera inspect {state.mission_id}")


def ended(state: MissionState) -> int:
    """The exit code of a mission that has ended; what did not end well is explained on stderr."""
    if state.status is MissionStatus.DONE:
        return 0
    why = f"{state.error.message} {state.error.remedy}".strip() if state.error else "no reason was recorded"
    note(f"The mission is {state.status}: {why}")
    note(f"The whole story:  kimera inspect {state.mission_id}")
    if state.status is MissionStatus.FAILED and state.error is not None and state.error.code in GIVEN_UP_CODES:
        note(f"The same again, as a new mission:  kimera dead-letters replay {failed_letter(state.mission_id)}")
    return 1


def summary(state: MissionState, saved: SavedReport | None) -> dict[str, Json]:
    """The machine contract of ``run --json``."""
    reports: dict[str, Json] = {form: str(saved.files[form].absolute()) if saved else None for form in ("md", "html", "json")}
    told: dict[str, Json] = {
        "mission_id": state.mission_id,
        "status": str(state.status),
        "fusion_status": str(state.fusion_status),
        "cost_usd": float(state.cost_so_far.usd),
        "flags": list(state.flags),
        "reports": reports,
    }
    if state.error is not None:
        told["error"] = {"code": state.error.code, "message": state.error.message, "remedy": state.error.remedy}
    return told


def answer_lines(outcome: MissionOutcomePackage) -> list[str]:
    """The answer in a few lines, and what a reader has to know first."""
    lines = ["", *outcome.notices, *outcome.answer]
    if not outcome.answer:
        lines.append("Not answered.")
    if outcome.status != "answered":  # what stood in the way, a file that could not be read for one, is no detail of the report then
        lines += [f"- {limitation}" for limitation in outcome.limitations[:MAX_LIMITATIONS]]
    if outcome.conflicts:
        lines.append(f"{counted(len(outcome.conflicts), 'conflict')} between the sources: see the report.")
    trust = outcome.trust
    cost = dollars(trust.cost_micro_usd)
    lines.append(f"({counted(trust.verified, 'statement')} verified, {trust.unverified} not; tier {trust.tier}; cost {cost})")
    return lines


def shown(path: Path) -> str:
    """The path as the user would type it from here."""
    absolute = path.absolute()
    try:
        return str(absolute.relative_to(Path.cwd()))
    except ValueError:
        return str(absolute)
