"""Answers of one's own endpoint may take longer by a setting, and questions wait for their turn there: then a slice keeps its lease, and a
mission may be silent, as much longer.
"""

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
from shared.tracks import SliceContext, SliceOutcome
from tests.support.clock import FrozenClock
from tests.support.house import REQUEST, Count, CountingTrack, ListedExecutions, step

SLOWEST_S = times.SLICE_BUDGET_S * times.CHECKPOINT_SHARE + times.MAX_ANSWERS * (times.LONGEST_ANSWER_S + times.ANSWER_GRACE_S)
"""A slice whose last question brings three answers, each as late as may be."""

LAST_TURN_S = times.SLICE_BUDGET_S * times.CHECKPOINT_SHARE + times.turn_patience_s(times.ANSWER_S) + times.ANSWER_S + times.ANSWER_GRACE_S
"""A slice whose last question had its turn as late as may be, and its answer likewise."""


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


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
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
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


def test_nobody_takes_a_slice_over_while_its_questions_may_still_have_their_turn(
    runtime: Callable[[int], Runtime], clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    waiting = runtime(times.ANSWER_S)
    mission_id = claimed(waiting)

    class Waiting(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            clock.advance(LAST_TURN_S)
            assert waiting.slices.run(CountingTrack(), step(mission_id, 0)).outcome == "BUSY"
            client = httpx.Client(transport=httpx.WSGITransport(app=internal_app(waiting)))
            assert client.post(f"{INTERNAL_ROOT}/lifecycle/reconcile", json={}).json()["restarted"] == []
            return super().step(context, state)

    assert waiting.slices.run(Waiting(), step(mission_id, 0)).outcome == "CONTINUE"


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": "x"}, {"GEMINI_API_KEY": "x"}], ids=["none", "openai", "gemini"])
def test_without_an_endpoint_of_ones_own_a_lease_is_as_short_as_ever(
    runtime: Callable[[int], Runtime], monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert runtime(times.ANSWER_S).heartbeat_stale_s == times.HEARTBEAT_STALE_S
