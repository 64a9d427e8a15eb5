"""A mission that is watched through the pauses of its platform: what is said, when watching gives up, and what Ctrl-C does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import pytest

from cli.interruption import Interruption
from cli.watching import Stopping, watch
from schemas.mission import Cost, FusionStatus, MissionState, MissionStatus, Tier
from shared.errors import SandboxUnavailable, Unavailable
from tests.support.clock import START, FrozenClock

AWAY = "The platform at http://127.0.0.1:8700 cannot be reached."


@dataclass
class Heard:
    """A view that keeps what it was told."""

    said: list[str] = field(default_factory=list)

    def show(self, state: MissionState) -> None:
        """Not looked at."""

    def say(self, text: str) -> None:
        self.said.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing was opened."""


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def view() -> Heard:
    return Heard()


def state(status: MissionStatus) -> MissionState:
    return MissionState(
        mission_id="m",
        session_id=None,
        owner="o",
        knowledge_space="default",
        question="How many?",
        status=status,
        track_status={},
        fusion_status=FusionStatus.PENDING,
        cost_so_far=Cost(),
        tier=Tier.EXTRACTIVE,
        epoch=1,
        execution=None,
        created_at=START,
        updated_at=START,
    )


def platform(clock: FrozenClock, *, away: tuple[float, float], ends_at: float) -> Callable[[], MissionState]:
    """A platform that does not answer between two moments, in seconds."""

    def read() -> MissionState:
        if away[0] <= clock.monotonic() < away[1]:
            raise Unavailable(AWAY if clock.monotonic() < away[0] + 5 else "There is no room left.")
        return state(MissionStatus.DONE if clock.monotonic() >= ends_at else MissionStatus.RUNNING)

    return read


def test_a_short_pause_is_not_spoken_of(clock: FrozenClock, view: Heard) -> None:
    read = platform(clock, away=(1.0, 2.5), ends_at=4.0)
    assert watch(read, view=view, clock=clock, every_s=0.5).status is MissionStatus.DONE
    assert view.said == []


def test_a_long_pause_is_told_once_and_so_is_its_end(clock: FrozenClock, view: Heard) -> None:
    read = platform(clock, away=(1.0, 21.0), ends_at=22.0)
    assert watch(read, view=view, clock=clock, every_s=0.5).status is MissionStatus.DONE
    assert view.said == [f"{AWAY} Waiting until that has passed, for 30 s at most.", "It goes on."]


@pytest.mark.parametrize("every_s", [0.1, 5.0])
def test_a_platform_that_does_not_come_back_is_given_up_after_half_a_minute(clock: FrozenClock, view: Heard, every_s: float) -> None:
    with pytest.raises(Unavailable, match="no room left"):
        watch(platform(clock, away=(0.0, 10_000.0), ends_at=0.0), view=view, clock=clock, every_s=every_s)
    assert 30.0 <= clock.monotonic() <= 30.0 + every_s


def test_a_platform_that_hangs_is_told_of_when_the_first_request_is_given_up(clock: FrozenClock, view: Heard) -> None:
    def read() -> MissionState:
        clock.advance(15)
        raise Unavailable(AWAY)

    with pytest.raises(Unavailable):
        watch(read, view=view, clock=clock, every_s=0.5)
    assert view.said == [f"{AWAY} Waiting until that has passed, for 30 s at most."]
    assert clock.monotonic() < 50


def test_two_pauses_have_their_patience_each(clock: FrozenClock, view: Heard) -> None:
    def read() -> MissionState:
        if clock.monotonic() % 25 < 20:
            raise Unavailable(AWAY)
        return state(MissionStatus.DONE if clock.monotonic() > 90 else MissionStatus.RUNNING)

    assert watch(read, view=view, clock=clock, every_s=1.0).status is MissionStatus.DONE


def test_what_waiting_does_not_mend_is_raised_at_once(clock: FrozenClock, view: Heard) -> None:
    def read() -> MissionState:
        raise SandboxUnavailable("bubblewrap is missing.")

    with pytest.raises(SandboxUnavailable):
        watch(read, view=view, clock=clock, every_s=0.5)
    assert clock.monotonic() == 0.0


def test_a_stop_that_could_not_be_passed_on_is_passed_on_once_the_platform_answers(clock: FrozenClock, view: Heard) -> None:
    interruption = Interruption("kimera run --resume m")
    interruption.wanted = True
    asked: list[float] = []

    def cancel() -> None:
        asked.append(clock.monotonic())
        if clock.monotonic() < 5.0:
            raise Unavailable(AWAY)

    read = platform(clock, away=(1.0, 4.0), ends_at=8.0)
    watch(read, view=view, clock=clock, every_s=1.0, stopping=Stopping(interruption, cancel))
    assert asked == [0.0, 4.0, 5.0]
    assert view.said[0] == "It will be asked to stop as soon as it answers. Ctrl-C again leaves at once."
    assert view.said[-2:] == ["Stopping: what there is gets fused into a report. Ctrl-C again leaves at once.", "It goes on."]
