"""``kimera run --plan``: how the question is read and what it can cost; nothing is run and nothing is spent."""

from __future__ import annotations

from cli.asking import Prepared
from cli.running import budget_line
from shared.settings import Settings


def show_plan(settings: Settings, prepared: Prepared, *, as_json: bool) -> int:
    """Print the plan; 0."""
    print(budget_line(prepared.request))
    return 0
