"""A process that takes a mission's asking track to its end, until it is killed: ``python -m tests.support.asking_process HOME SCRIPT``."""

from __future__ import annotations

import sys
from pathlib import Path

from functions.lifecycle.dispatch import claim
from functions.lifecycle.reconcile import raise_epoch
from schemas.lifecycle import ClaimRequest
from schemas.mission import ModelChoice, Track
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.chain import ASKING, PRICE, AskingTrack, adder
from tests.support.house import step

SLICES, QUESTIONS = 2, 3
PRICED = ASKING.model_copy(update={"model": ModelChoice(name="openai:mine", input_usd=PRICE.input_usd, output_usd=PRICE.output_usd)})


def main(home: Path, script: Path) -> None:
    runtime = Runtime(Settings(home=home, model_cassette=f"script:{script}"))
    found = runtime.missions.page().missions
    mission = raise_epoch(runtime.missions, found[0]) if found else runtime.missions.create(PRICED, owner="ann", idempotency_key=None)[0]
    me = {"epoch": mission.epoch, "execution": f"x{mission.epoch}"}
    claim(runtime.missions, runtime.clock, ClaimRequest(mission_id=mission.mission_id, epoch=mission.epoch, execution=f"x{mission.epoch}"))
    track = AskingTrack(adder(home), slices=SLICES, questions=QUESTIONS)
    outcome = ""
    while outcome != "FINAL":
        seq = runtime.missions.tracks(runtime.missions.get(mission.mission_id))[Track.DS_STAR].next_seq
        request = step(mission.mission_id, seq).model_copy(update=me)
        outcome = runtime.slices.run(track, request).outcome
    print(track.heard)
    runtime.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
