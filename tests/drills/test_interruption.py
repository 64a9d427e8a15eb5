"""Ctrl-C ends the drill that runs with all that it started, tells of those that had ended, and disturbs no cleaning up."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local.drills.drill import Drill, Scene
from infra.local.drills.interruption import Interruption
from infra.local.drills.processes import processes
from infra.local.drills.running import run_all
from shared.errors import KimeraError
from tests.support.command import Kimera, eventually


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the drills' folders are made; at the end there is none."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def passes(scene: Scene) -> None:
    scene.hurt("a thing", proof="it broke")
    scene.check("a promise", True, "as it was")


def never(scene: Scene) -> None:
    raise AssertionError("it was interrupted before")


def told(*drills: Drill, starting: Callable[[Drill], None] = lambda _: None) -> list[str]:
    """The drills whose results came, which have all passed, up to the interruption."""
    with Interruption() as interruption:
        results = list(run_all(drills, repeat=1, keep=False, starting=lambda drill, _: starting(drill), interruption=interruption))
        assert interruption.wanted
    assert all(result.passed for result in results)
    return [result.name for result in results]


@pytest.mark.parametrize("fails", [False, True], ids=["ended well", "what was started cannot be ended"])
def test_the_drill_that_runs_is_ended_and_those_before_it_are_told(folders: Path, fails: bool) -> None:
    ended: list[str] = []
    begins: list[str] = []

    def end() -> None:
        ended.append("yes")
        if fails:
            raise KimeraError("It cannot be ended.")

    def attack(scene: Scene) -> None:
        scene.folder.joinpath("data").write_text("x")
        scene.closing.callback(end)
        interrupt()
        never(scene)

    drills = (Drill("made.first", "", passes), Drill("made.cut", "", attack), Drill("made.last", "", never))
    assert told(*drills, starting=lambda drill: begins.append(drill.name)) == ["made.first"]
    assert (ended, begins) == (["yes"], ["made.first", "made.cut"])


def test_what_a_drill_started_is_ended_undisturbed_and_its_result_told(folders: Path) -> None:
    ended: list[str] = []

    def end() -> None:
        interrupt()
        ended.append("first")

    def attack(scene: Scene) -> None:
        scene.closing.callback(lambda: ended.append("second"))
        scene.closing.callback(end)
        passes(scene)

    assert told(Drill("made.first", "", attack), Drill("made.last", "", never)) == ["made.first"]
    assert ended == ["first", "second"]


def test_a_drill_that_is_about_to_begin_is_none_any_more(folders: Path) -> None:
    assert told(Drill("made.last", "", never), starting=lambda _: interrupt()) == []


def test_a_second_interruption_does_not_wait() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        interrupt()
        assert interruption.wanted and not interruption.cut_off
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("drills")
def test_the_command_tells_of_the_drills_that_ended_and_leaves_nothing_behind(bubblewrap: Path, tmp_path: Path) -> None:
    folders = tmp_path / "folders"
    folders.mkdir()
    with Kimera(tmp_path, ahead=True).started("drill", "run", "sandbox.files", "--repeat", "3", "--json", TMPDIR=str(folders)) as running:
        running.line_with("(round 2 of 3)")
        eventually(lambda: bool(processes("serve", folders)), "the platform of the second round runs")
        running.interrupt()
        ended = running.ended()
    found = json.loads(ended.out)
    assert ended.code == 130 and ended.err.rstrip().endswith("interrupted")
    assert (found["passed"], found["failed"], found["interrupted"], found["not_ended"]) == (1, 0, True, 2)
    assert [drill["name"] for drill in found["drills"]] == ["sandbox.files"]
    assert [left for left in folders.iterdir() if left.is_dir()] == []  # the file of given ports stays: it is no run's own
    assert processes("", folders) == []
