"""A few of the drills, whole; `kimera drill run --all` runs all of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from infra.local.drills import kills
from infra.local.drills.drill import Drill
from infra.local.drills.registry import all_drills
from infra.local.drills.running import run
from tests.support.command import Kimera, eventually

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap, pytest.mark.timeout(400), pytest.mark.xdist_group("drills")]


@pytest.mark.parametrize("name", ["kill.model.answered", "delivery.unruly"])
def test_a_drill_passes(name: str, bubblewrap: Path) -> None:
    result = run(all_drills()[name], keep=False)
    assert result.passed, result.why
    assert len(result.checks) >= 5


def test_a_kill_that_never_comes_fails_its_drill(bubblewrap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kills.LATER, "slice.leased", 9_999)
    result = run(Drill("kill.slice.leased", "", partial(kills.asking, "slice.leased")), keep=False)
    assert not result.passed and "nothing was killed" in result.error


def test_ctrl_c_leaves_nothing_running(bubblewrap: Path, tmp_path: Path) -> None:
    with Kimera(tmp_path, ahead=True).started("drill", "run", "kill.slice.worked", TMPDIR=str(tmp_path)) as running:
        eventually(lambda: any(str(tmp_path) in environment for environment in platforms()), "the platform of the drill")
        running.interrupt()
        assert running.ended().code == 130
    eventually(lambda: not any(str(tmp_path) in environment for environment in platforms()), "its end")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("kimera-drill-")]


def platforms() -> list[str]:
    """The environments of all processes that serve a platform."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if b"cli.main\0serve" in (entry / "cmdline").read_bytes():
                found.append((entry / "environ").read_text(errors="replace"))
        except OSError:
            continue  # no process, or one that has just ended
    return found
