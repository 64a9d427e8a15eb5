"""A store that can be read and takes nothing (a quota, a disk that fails): who waits for a mission is told, and it goes on afterwards.

The limit of a file's size has that effect on one process, and can be taken away again: see setrlimit(2).
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import Kimera, Running

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(240)]
QUESTION = "What is the mean temp by city?"
TOLD = "Waiting until that has passed, for 30 s at most."


@pytest.fixture
def kimera(bubblewrap: object, tmp_path: Path) -> Kimera:
    tmp_path.joinpath("a.csv").write_text("city,temp\nBern,12\nBern,13\nBasel,15\nBasel,14\n")
    return Kimera(tmp_path)


@contextmanager
def nothing_written_by(running: Running) -> Iterator[None]:
    pid, before = running.process.pid, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    if running.process.poll() is None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_run_says_that_nothing_can_be_stored_and_goes_on_when_it_can(kimera: Kimera) -> None:
    with kimera.started("run", QUESTION, "--data", "a.csv") as running:
        running.line_with("DS-STAR        running")
        with nothing_written_by(running):
            running.line_with(TOLD)
        running.line_with("It goes on.")
        ended = running.ended()
    assert ended.code == 0, ended.err


def test_a_run_gives_up_in_the_end_and_names_the_command_that_goes_on(kimera: Kimera) -> None:
    with kimera.started("run", QUESTION, "--data", "a.csv") as running:
        running.line_with("DS-STAR        running")
        with nothing_written_by(running):
            ended = running.ended()
    assert ended.code == 3 and "kimera run --resume m_" in ended.err, ended.err
    resumed = kimera("run", "--resume", ended.err.rpartition("--resume ")[2].strip(" )\n"))
    assert resumed.code == 0, resumed.err


def test_who_watches_a_platform_is_told_too(kimera: Kimera) -> None:
    with kimera.started("serve", "--port", "0") as platform:
        platform.line_with("KIMERA is at")
        with kimera.started("run", QUESTION, "--data", "a.csv") as running:
            running.line_with("DS-STAR        running")
            with nothing_written_by(platform):
                running.line_with(TOLD)
            running.line_with("It goes on.")
            ended = running.ended()
    assert ended.code == 0, ended.err
