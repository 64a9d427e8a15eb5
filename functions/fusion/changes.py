"""What is new since the version that a report replaces, in sentences without numbers of their own."""

from __future__ import annotations

from functions.fusion.measures import plain
from functions.fusion.wording import STATUS_WORDS
from schemas.outcome import MissionOutcomePackage


def changes_since(outcome: MissionOutcomePackage, previous: MissionOutcomePackage) -> tuple[str, ...]:
    """Sentences on what this version adds, removes or turns round; one sentence where nothing did."""
    kinds = {"partial": "a partial report", "final": "a final report", "upgrade": "an upgrade"}
    changes = [f"It replaces {kinds[previous.kind]}."]
    if outcome.status != previous.status:
        before, now = STATUS_WORDS[previous.status], STATUS_WORDS[outcome.status]
        changes.append(f"The question was “{before.lower()}” before and is “{now.lower()}” now.")
    if outcome.answer != previous.answer:
        changes.append("The answer has changed.")
    for name, new, old in (
        ("findings from data", _texts(outcome, "data"), _texts(previous, "data")),
        ("passages from documents", _texts(outcome, "document"), _texts(previous, "document")),
        (
            "conflicts",
            {plain(c.reason + c.first.text) for c in outcome.conflicts},
            {plain(c.reason + c.first.text) for c in previous.conflicts},
        ),
    ):
        if new - old:
            changes.append(f"There are new {name}.")
        if old - new:
            changes.append(f"Some {name} are gone.")
    return tuple(changes) if len(changes) > 1 else (*changes, "Nothing of substance has changed.")


def _texts(outcome: MissionOutcomePackage, origin: str) -> set[str]:
    return {plain(c.text) for s in outcome.sections for c in (*s.findings, *s.passages) if c.origin == origin}
