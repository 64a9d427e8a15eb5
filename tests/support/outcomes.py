"""What tests read from how an execution ended."""

from __future__ import annotations

from infra.local.workflows import Outcome
from infra.local.workflows.values import Json


def tags(outcome: Outcome) -> list[Json]:
    """Those of the error that ended it."""
    assert outcome.error is not None and isinstance(outcome.error.payload, dict)
    found = outcome.error.payload["tags"]
    assert isinstance(found, list)
    return found
