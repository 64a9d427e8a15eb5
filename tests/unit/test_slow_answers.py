"""Answers of one's own endpoint may take longer by a setting: then a slice keeps its lease, and a mission may be silent, as much longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from functions.lifecycle.dispatch import claim
from infra.local.functions import INTERNAL_ROOT, internal_app
from schemas.lifecycle import ClaimRequest
from shared import times
from shared.executions import ExecutionState
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.house import REQUEST, CountingTrack, ListedExecutions, step

SLOWEST_S = times.SLICE_BUDGET_S * times.CHECKPOINT_SHARE + times.MAX_ANSWERS * (times.LONGEST_ANSWER_S + times.ANSWER_GRACE_S)
"""A slice whose last question brings three answers, each as late as may be."""


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def runtime(tmp_path: Path, clock: FrozenClock) -> Iterator[Callable[[int], Runtime]]:
    """A runtime whose answers may take so many seconds."""
    made: list[Runtime] = []

    def make(answer_timeout_s: int) -> Runtime:
        settings = Settings(home=tmp_path, owners={}, answer_timeout_s=answer_timeout_s)
        made.append(Runtime(settings, clock=clock, executions=ListedExecutions(states={"x1": ExecutionState.ACTIVE})))
        return made[-1]

    yield make
    for runtime in made:
        runtime.close()


def claimed(runtime: Runtime) -> str:
    mission, _ = runtime.missions.create(REQUEST, owner="local", idempotency_key=None)
    claim(runtime.missions, runtime.clock, ClaimRequest(mission_id=mission.mission_id, epoch=1, execution="x1"))
    return mission.mission_id


def test_nobody_takes_a_slice_over_while_its_answers_may_still_come(runtime: Callable[[int], Runtime], clock: FrozenClock) -> None:
    patient = runtime(times.LONGEST_ANSWER_S)
    mission_id = claimed(patient)

    class Waiting(CountingTrack):
        def step(self, context, state):  # type: ignore[no-untyped-def]
            clock.advance(SLOWEST_S)
            assert patient.slices.run(CountingTrack(), step(mission_id, 0)).outcome == "BUSY"
            return super().step(context, state)

    assert patient.slices.run(Waiting(), step(mission_id, 0)).outcome == "CONTINUE"


@pytest.mark.parametrize(("answer_timeout_s", "taken_for_dead"), [(times.ANSWER_S, True), (times.LONGEST_ANSWER_S, False)])
def test_a_mission_that_waits_for_answers_is_not_taken_for_dead(
    runtime: Callable[[int], Runtime], clock: FrozenClock, answer_timeout_s: int, *, taken_for_dead: bool
) -> None:
    made = runtime(answer_timeout_s)
    mission_id = claimed(made)
    clock.advance(SLOWEST_S)
    client = httpx.Client(transport=httpx.WSGITransport(app=internal_app(made)))
    done = client.post(f"{INTERNAL_ROOT}/lifecycle/reconcile", json={}).json()
    assert done["restarted"] == ([mission_id] if taken_for_dead else [])
