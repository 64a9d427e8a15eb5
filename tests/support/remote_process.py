"""A process that takes a mission's remote research to its end, until it is killed: ``python -m tests.support.remote_process HOME PORT``.

The remote agent is where the environment says, as in production; the web is the small one on ``PORT``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from functions.deep_research.track import DeepResearchTrack
from functions.lifecycle.dispatch import claim
from functions.lifecycle.ending import Ending
from functions.lifecycle.reconcile import raise_epoch
from schemas.lifecycle import ClaimRequest, CompensateRequest
from schemas.mission import MissionError, Track
from shared.runtime import Runtime
from shared.settings import Settings
from shared.web.addresses import AddressGuard
from shared.web.fetch import WebFetch
from tests.support.clock import ShiftedClock
from tests.support.house import step
from tests.support.remote_research import asked


def main(arguments: list[str]) -> int:
    home, port = Path(arguments[0]), int(arguments[1])
    clock = ShiftedClock()
    runtime = Runtime(Settings(home=home), clock=clock)
    found = runtime.missions.page().missions
    request = asked(cap="11")  # a second job's ceiling fits beside the first one's
    mission = raise_epoch(runtime.missions, found[0]) if found else runtime.missions.create(request, owner="ann", idempotency_key=None)[0]
    me = {"epoch": mission.epoch, "execution": f"x{mission.epoch}"}
    claim(runtime.missions, runtime.clock, ClaimRequest.model_validate({"mission_id": mission.mission_id, **me}))
    guard = AddressGuard(lambda host, at: ["10.0.0.9" if host == "gone.example" else "127.0.0.1"], exempt=frozenset({("127.0.0.1", port)}))
    track = DeepResearchTrack(runtime.sandbox, runtime.knowledge, WebFetch(guard))
    outcome = ""
    while outcome != "FINAL":
        seq = runtime.missions.tracks(runtime.missions.get(mission.mission_id))[Track.DEEP_RESEARCH].next_seq
        order = step(mission.mission_id, seq, track=Track.DEEP_RESEARCH).model_copy(update=me)
        result = runtime.slices.run(track, order)
        outcome = result.outcome
        clock.advance(result.retry_after_s)
    ending = Ending(runtime.missions, runtime.audit, runtime.clock, runtime.models)
    over = MissionError(code="over", message="the test has seen enough")
    ending.compensate(CompensateRequest.model_validate({"mission_id": mission.mission_id, "error": over, **me}))
    runtime.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
