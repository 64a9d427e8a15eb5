"""What a mission takes of Google Cloud, counted on the emulated one, against the figures that the design promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from infra.local.drills.standin import Reply
from infra.local.drills.standin.playing import METHOD, QUESTION, TABLE, plan, plays_well
from infra.local.drills.standin.requests import Asked
from schemas.mission import MissionStatus
from tests.support.emulated import EmulatedPlatform

ROUNDS = 5
FILES = {"heights.csv": ("data", TABLE), "method.md": ("document", f"# Method\n\n{METHOD}\n")}
STANDARD = {"tier": "standard", "model": {"name": "openai:stand-in", "input_usd": "1", "output_usd": "4"}}


def test_a_mission_of_five_rounds_is_counted_against_the_promised_figures(emulated_cloud: EmulatedPlatform) -> None:
    plays_long(emulated_cloud)
    try:
        mission_id = emulated_cloud.submit(QUESTION, FILES, **STANDARD)
        ended = emulated_cloud.until_over(mission_id, seconds=240)
    finally:
        plays_well(emulated_cloud.standin)
    assert ended.status is MissionStatus.DONE, ended.error
    rounds = [event for event in emulated_cloud.events(mission_id) if event.kind == "round.finished"]
    assert len(rounds) == ROUNDS

    command = [sys.executable, "-m", "cli.main", "bench", "cost", mission_id]
    environment = {**os.environ, "KIMERA_HOME": str(emulated_cloud.home)}
    told = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    print(shown.stdout)
    counted = json.loads(told.stdout)
    counts = {name: row["count"] for name, row in counted["counted"].items()}
    calls = counted["paid_calls"]
    assert counted["slices"]["deep_research"] == 6 and calls >= 20, "five of work, and the end after the wait for the analysis"
    assert counts["workflow steps"] <= 110
    assert counted["commits"]["paid calls"] <= 2 * calls
    assert counts["writes of paid calls"] <= 4 * calls
    assert counts["orchestration writes"] <= 40
    assert (told.returncode, shown.returncode, counted["exceeded"]) == (0, 0, []), told.stderr
    assert counted["invocations"]["lifecycle"] >= 4 and counted["invocations"]["sandbox"] >= ROUNDS
    assert 0 < float(counted["usd"]) < 0.05


def plays_long(platform: EmulatedPlatform) -> None:
    """The stand-in is satisfied with the fifth round only."""
    steps = iter(f"Calculate the mean height of each team, look {n}." for n in range(1, 20))

    def planner(asked: Asked) -> Reply:
        if "research" in asked.system.casefold():
            return plan(asked)
        return Reply({"step": next(steps), "question_ids": ["q1"], "impossible": ""})

    platform.standin.always("PlannerAnswer", planner)
    more = Reply({"verdict": "insufficient", "missing": "Another look is needed.", "answered": []})
    platform.standin.answers("VerifierAnswer", *[more] * (ROUNDS - 1))
