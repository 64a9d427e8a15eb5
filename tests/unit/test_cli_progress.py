"""What is said of a mission that runs where no terminal is: each change once, and now and then that there is none."""

from __future__ import annotations

from io import StringIO

import pytest

from cli.progress import PlainLines
from schemas.mission import MissionState, MissionStatus, Track, TrackState, TrackStatus
from tests.support.clock import FrozenClock
from tests.unit.test_cli_watching import state


def running(progress: str, status: MissionStatus = MissionStatus.RUNNING) -> MissionState:
    research = TrackState(status=TrackStatus.DONE, attempt=1, next_seq=2, progress="2 quotes")
    analysis = TrackState(status=TrackStatus.RUNNING, attempt=1, next_seq=1, progress=progress)
    return state(status).model_copy(update={"track_status": {Track.DEEP_RESEARCH: research, Track.DS_STAR: analysis}})


class Told:
    """The lines of a view that is shown a state every second."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self._stream = StringIO()
        self._view = PlainLines(self._stream, self.clock)

    def shown(self, what: MissionState, seconds: int) -> list[str]:
        before = self._stream.tell()
        for _ in range(seconds):
            self._view.show(what)
            self.clock.advance(1)
        return self._stream.getvalue()[before:].splitlines()


@pytest.fixture
def told() -> Told:
    return Told()


def test_each_change_is_one_line(told: Told) -> None:
    assert len(told.shown(running("round 1"), 30)) == 3
    assert told.shown(running("round 2"), 30) == ["[  30.0s] DS-STAR        running: round 2"]


def test_a_long_step_is_no_silence_and_no_flood(told: Told) -> None:
    told.shown(running("round 1"), 1)
    quiet = told.shown(running("round 1"), 600)
    assert [line.partition("  nothing new for ")[2] for line in quiet] == [f"{s} s; at work: DS-STAR" for s in (60, 120, 240, 480)]
    told.shown(running("round 2"), 1)
    again = told.shown(running("round 2"), 60)
    assert [line.partition("  nothing new for ")[2] for line in again] == ["60 s; at work: DS-STAR"], "from the last change on"


def test_what_has_ended_is_not_waited_for(told: Told) -> None:
    told.shown(running("round 1", MissionStatus.DONE), 1)
    assert told.shown(running("round 1", MissionStatus.DONE), 200) == []
