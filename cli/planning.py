"""``kimera run --plan``: how the question is read and what it can cost; nothing is run and nothing is spent."""

from __future__ import annotations

import os

from cli.asking import Prepared
from cli.console import print_json
from cli.running import budget_line
from infra.local.api import bearer
from infra.local.plan import Plan, plan_mission
from shared.ledger.money import dollars
from shared.runtime import Runtime
from shared.settings import Settings


def show_plan(settings: Settings, prepared: Prepared, *, as_json: bool) -> int:
    """Print the plan."""
    runtime = Runtime(settings)
    try:
        owner = runtime.identity.owner(bearer(os.environ.get("KIMERA_TOKEN")))
        plan = plan_mission(runtime, prepared.request, prepared.files, owner=owner)
    finally:
        runtime.close()
    if as_json:
        print_json(
            {
                "tier": str(prepared.request.tier),
                "cost_bound_usd": plan.bound_micro_usd / 1_000_000,
                "files": [file.as_json() for file in plan.files],
                "sub_questions": [question.as_json() for question in plan.sub_questions],
            }
        )
    else:
        print(budget_line(prepared.request, settings))
        print("\n".join(_lines(plan)))
    return 0


def _lines(plan: Plan) -> list[str]:
    lines = [f"{'' if file.usable else 'NOT USABLE  '}{file.kind}  {file.name}: {file.detail}" for file in plan.files]
    for question in plan.sub_questions:
        lines += ["", question.question, f"  {question.text}"]
        lines += [f"  {note}" for note in question.notes]
        if question.suggestions:
            lines += ["  You could ask:", *(f"  - {suggestion}" for suggestion in question.suggestions)]
    lines += ["", f"It costs at most {dollars(plan.bound_micro_usd)}. Nothing was run; leave --plan out to run it."]
    return lines
