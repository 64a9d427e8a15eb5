"""Sandboxes that are started ahead: a job that needs what is slow to import finds it there, and nothing of the job before.

The inputs of one that was started ahead are further names of the host's files, so that a script sees in which kind it runs.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox, find_bubblewrap
from shared.adapters.sandbox_python import find_sandbox_python
from shared.adapters.spare_sandboxes import IMPORTS, Ahead, start_spare
from shared.errors import SandboxUnavailable
from shared.sandbox import SandboxInput, SandboxJob, SandboxResult
from tests.support.command import eventually
from tests.support.sandbox_service import require_isolation
from tests.support.sandboxes import ROOT, recorded

pytestmark = pytest.mark.bubblewrap
LOOK = """
import os
record("ahead", os.stat("inputs/in.csv").st_nlink > 1)
record("left", os.path.exists("/tmp/left"))
open("/tmp/left", "w").close()
import pandas
record("rows", len(pandas.read_csv("inputs/in.csv")))
open("outputs/held.txt", "w").write("never closed")
held = open("outputs/open.txt", "w"); held.write("kept")
"""
Look = Callable[[Path], SandboxResult]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where spares wait for their inputs."""
    return tmp_path / "sandboxes"


@pytest.fixture
def sandbox(folder: Path) -> Iterator[BubblewrapSandbox]:
    """One that may keep two spares."""
    require_isolation()
    sandbox = BubblewrapSandbox(find_sandbox_python(os.environ, ROOT), ahead=Ahead(folder, most=2))
    yield sandbox
    sandbox.close()
    assert not folder.exists() or not list(folder.iterdir())


@pytest.fixture
def look(tmp_path: Path, sandbox: BubblewrapSandbox) -> Look:
    """Run the script on a table; its folder of outputs is a new one."""
    count = iter(range(9))
    return lambda table: sandbox.run(SandboxJob(LOOK, inputs=(SandboxInput("in.csv", table),)), outputs_to=tmp_path / f"out-{next(count)}")


def spare_waits(folder: Path) -> None:
    eventually(lambda: folder.is_dir() and any(folder.iterdir()), "a spare waits")


IMPORTED = """
import sys
was_there = [name for name in parameters["modules"] if name in sys.modules]
import pandas
record("there", len(was_there))
"""


def test_the_next_job_gets_one_that_was_started_ahead_and_nothing_of_the_one_before(look: Look, tmp_path: Path, folder: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("a\n1\n2\n")
    assert recorded(look(table)) == {"ahead": False, "left": False, "rows": 2}
    spare_waits(folder)
    result = look(table)
    assert recorded(result) == {"ahead": True, "left": False, "rows": 2}
    assert {file.name: file.path.read_text() for file in result.outputs} == {"held.txt": "never closed", "open.txt": "kept"}
    assert table.stat().st_nlink == 1 and table.read_text() == "a\n1\n2\n"


def test_an_input_of_another_file_system_gets_a_new_sandbox(look: Look, tmp_path: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        table = Path(elsewhere) / "in.csv"
        table.write_text("a\n1\n")
        assert table.stat().st_dev != tmp_path.stat().st_dev
        look(table)
        spare_waits(folder)
        assert recorded(look(table)) == {"ahead": False, "left": False, "rows": 1}


@pytest.mark.parametrize("waited", [True, False])
def test_a_job_finds_what_was_imported_before_it_came_and_waits_for_no_more(tmp_path: Path, waited: bool) -> None:
    require_isolation()
    spare = start_spare(find_bubblewrap(find_sandbox_python(os.environ, ROOT)), tmp_path / "spares")
    if waited:
        assert spare.started.ready(60)
    result = spare.run(SandboxJob(IMPORTED, parameters={"modules": list(IMPORTS)}), outputs_to=tmp_path / "out")
    there = recorded(result)["there"]
    assert there == len(IMPORTS) if waited else there in range(len(IMPORTS) - 1)


def test_a_job_that_was_expected_gets_the_one_that_waits_for_it_alone(
    sandbox: BubblewrapSandbox, look: Look, tmp_path: Path, folder: Path
) -> None:
    table = tmp_path / "in.csv"
    table.write_text("a\n1\n")
    for _ in range(3):
        sandbox.expect()
        spare_waits(folder)
    assert len(list(folder.iterdir())) == 1
    assert recorded(look(table)) == {"ahead": True, "left": False, "rows": 1}


def test_nothing_is_expected_of_one_that_is_closed(sandbox: BubblewrapSandbox, folder: Path) -> None:
    sandbox.close()
    sandbox.expect()
    sandbox.check()
    sandbox.expect()
    time.sleep(0.5)  # one would be there by now
    assert not folder.exists()


def test_an_expectation_that_cannot_be_met_is_told_to_who_has_a_job(folder: Path) -> None:
    sandbox = BubblewrapSandbox(Path("/nowhere/python3"), bwrap="no-bwrap", ahead=Ahead(folder, most=1))
    sandbox.expect()
    with pytest.raises(SandboxUnavailable, match="is not installed"):
        sandbox.check()
    sandbox.close()
