"""The report as JSON: the outcome itself, each recorded value in full."""

from __future__ import annotations

from pydantic_core import to_json

from schemas.outcome import MissionOutcomePackage

_MAPPINGS = ("uris", "attempts", "closed_because")


def render_json(outcome: MissionOutcomePackage) -> str:
    """Indented JSON, fields in the contract's order, mappings by key."""
    data = outcome.model_dump(mode="json")
    data["cost_per_track"] = dict(sorted(outcome.cost_per_track.items()))
    for name in _MAPPINGS:
        data["provenance"][name] = dict(sorted(data["provenance"][name].items()))
    return to_json(data, indent=2).decode() + "\n"
