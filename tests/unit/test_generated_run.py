"""Generated code in the sandbox: what is kept of a run, that its script runs outside KIMERA, and how its failures are told."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from functions.ds_star.failures import MAX_SHOWN, NOTHING_RECORDED, summary_of
from functions.ds_star.generated import MAX_VALUES, run_generated
from functions.ds_star.loop_state import GeneratedRun
from functions.ds_star.state import DataFile
from schemas.mission import MissionRequest, Track
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sandbox_python import find_sandbox_python
from shared.clock import SystemClock
from shared.errors import Corrupt
from shared.sandbox import CodeSandbox, RunStatus, SandboxResult
from shared.scratch import Scratch
from shared.tracks import SliceContext
from tests.support.artifacts import damage
from tests.support.sandboxes import ROOT, sandbox

__all__ = ["sandbox"]

DATA = "station;temp (°C)\nBern;1,5\nBasel;2,5\nBern;3,5\n"
CODE = """from tables import load
import matplotlib.pyplot as plt
from pathlib import Path

frame = load(inputs["weather.csv"], "weather")
for station, group in frame.groupby("station"):
    record(f"mean, {station}", group["temp (°C)"].mean(), "°C", n=len(group), filters=f"station is {station}")
plt.bar(["Bern"], [2.5])
plt.savefig("outputs/mean temperature.svg")
frame.to_csv("outputs/weather.csv", index=False)
Path("outputs/notes.txt").write_text("not kept")
print("mean = 99")
"""


def mission(tmp_path: Path) -> tuple[SliceContext, list[DataFile]]:
    store = FolderArtifacts(tmp_path / "store")
    stored = store.put("inputs/weather.csv", DATA.encode())
    (tmp_path / "work").mkdir(exist_ok=True)
    request = MissionRequest(question="What is the mean?")
    context = SliceContext("m", "o", Track.DS_STAR, 1, 0, 1, request, store, SystemClock(), Scratch(tmp_path / "work"), lambda: 9.0)
    return context, [DataFile(name="weather.csv", uri=stored.uri, sha256=stored.sha256)]


@pytest.fixture(scope="module")
def ran(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[SliceContext, GeneratedRun]:
    context, files = mission(tmp_path_factory.mktemp("generated"))
    return context, run_generated(sandbox, context, files, CODE, place="01-0", number=1)


@pytest.mark.bubblewrap
def test_values_charts_and_tables_are_kept_and_nothing_that_was_printed(ran: tuple[SliceContext, GeneratedRun]) -> None:
    context, run = ran
    assert (run.status, run.problem) == ("ok", "")
    assert [(v.name, v.value, v.unit, v.n, v.line) for v in run.values] == [
        ("mean, Basel", 2.5, "°C", 1, 7),
        ("mean, Bern", 2.5, "°C", 2, 7),
    ]
    assert [(o.name, o.kind) for o in run.outputs] == [("01-mean-temperature.svg", "chart"), ("01-weather.csv", "table")]
    assert any("notes.txt is not kept" in warning for warning in run.warnings)
    assert "99" not in run.model_dump_json(include={"values", "warnings"})
    script = context.artifacts.get(run.script).decode().splitlines()
    assert script[run.lines_before + 7 - 1] == CODE.splitlines()[6], "a value's line is found in the script"


@pytest.mark.bubblewrap
def test_the_script_runs_again_outside_kimera_and_gives_the_same_values(ran: tuple[SliceContext, GeneratedRun], tmp_path: Path) -> None:
    context, run = ran
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "weather.csv").write_text(DATA)
    (tmp_path / run.script_name).write_bytes(context.artifacts.get(run.script))
    python = find_sandbox_python(os.environ, ROOT)
    command = [str(python), run.script_name, "data"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    again = json.loads((tmp_path / "outputs" / "result.json").read_text())
    assert [(v["name"], v["value"], v["n"]) for v in again["values"]] == [(v.name, v.value, v.n) for v in run.values]
    assert (tmp_path / "outputs" / "mean temperature.svg").exists()


@pytest.mark.bubblewrap
def test_a_run_is_kept_by_its_place_and_its_code(sandbox: CodeSandbox, tmp_path: Path) -> None:
    context, files = mission(tmp_path)
    code = "import secrets\nrecord('chance', secrets.randbelow(10**15))\n"
    first = run_generated(sandbox, context, files, code, place="01-0", number=1)
    other = run_generated(sandbox, context, files, code, place="02-0", number=2)
    assert first.values[0].value != other.values[0].value
    no_sandbox = BubblewrapSandbox(tmp_path / "no-python", bwrap="no-bwrap")
    assert run_generated(no_sandbox, context, files, code, place="01-0", number=1) == first, "what is known needs no further run"
    again = replace(context, stored={})
    run_generated(no_sandbox, again, files, code, place="01-0", number=1)
    ((named, _),) = again.stored.items()
    assert "/runs/01-0-" in named, "the event of a slice that is run again names it, too"


@pytest.mark.bubblewrap
def test_a_damaged_run_is_made_again_where_the_same_comes_of_it_to_the_byte(
    sandbox: CodeSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context, files = mission(tmp_path)
    first = run_generated(sandbox, context, files, CODE, place="01-0", number=1)
    damage(tmp_path / "store", run_key(context))
    context, files = mission(tmp_path)  # the slice is run again, in a folder of its own
    assert run_generated(sandbox, context, files, CODE, place="01-0", number=1) == first
    assert "the same was made anew" in caplog.text
    no_sandbox = BubblewrapSandbox(tmp_path / "no-python", bwrap="no-bwrap")
    assert run_generated(no_sandbox, context, files, CODE, place="01-0", number=1) == first, "and is kept"


@pytest.mark.bubblewrap
def test_a_damaged_run_that_another_run_does_not_repeat_is_told_and_replaced_by_nothing(sandbox: CodeSandbox, tmp_path: Path) -> None:
    """The models were asked with what the first run gave: with other figures, they would be asked something else."""
    context, files = mission(tmp_path)
    code = "import secrets\nrecord('chance', secrets.randbelow(10**15))\n"
    run_generated(sandbox, context, files, code, place="01-0", number=1)
    damage(tmp_path / "store", run_key(context))
    for _ in range(2):
        with pytest.raises(Corrupt):
            run_generated(sandbox, context, files, code, place="01-0", number=1)
    assert len(list(context.artifacts.list("missions/m/ds_star/1/runs/"))) == 1


def run_key(context: SliceContext) -> str:
    (run,) = context.artifacts.list("missions/m/ds_star/1/runs/")
    return run.key


@pytest.mark.bubblewrap
def test_of_a_flood_of_values_a_few_are_kept_and_it_is_said(sandbox: CodeSandbox, tmp_path: Path) -> None:
    context, files = mission(tmp_path)
    code = "for i in range(1000):\n    record(f'value {i}', 'x' * 2000, filters='y' * 2000)\n"
    run = run_generated(sandbox, context, files, code, place="01-0", number=1)
    assert len(run.values) == MAX_VALUES and len(run.model_dump_json()) < 200_000
    assert any("1000 values were recorded" in warning for warning in run.warnings)


def ended(status: RunStatus, traceback: str = "", **more: object) -> SandboxResult:
    fields = {"exit_code": 1, "stdout": "", "stderr": "", "values": (), "result": None, "outputs": (), "warnings": ()} | more
    return SandboxResult(status=status, traceback=traceback, wall_s=1, cpu_s=1, peak_mb=1, **fields)  # type: ignore[arg-type]  # its fields by name


def test_an_error_is_told_with_its_message_and_the_lines_it_went_through() -> None:
    code = "def mean(rows):\n    return rows['no such column']\nmean({})\n"
    told = summary_of(
        ended(
            "error",
            'Traceback (most recent call last):\n  File "script.py", line 3, in <module>\n    mean({})\n'
            '  File "script.py", line 2, in mean\n    return rows[...]\n'
            "  File \"python/lib/pandas/frame.py\", line 9, in get\n    raise it\nKeyError: 'no such column' at 0x7f00aa11bb22\n",
        ),
        code,
    )
    assert told.splitlines() == [
        "The script failed:",
        "KeyError: 'no such column' at 0x...",
        "It went through",
        "  line 3: mean({})",
        "  line 2: return rows['no such column']",
    ]


def test_an_endless_error_is_cut_and_other_ends_say_what_to_do() -> None:
    assert len(summary_of(ended("error", "ValueError: " + "x" * 50_000), "x")) <= MAX_SHOWN
    assert "the minute" in summary_of(ended("timeout"), "x") and "memory" in summary_of(ended("memory"), "x")
    assert "exit code 1" in summary_of(ended("error", stderr="sorry"), "x")
    assert summary_of(ended("ok"), "x") == NOTHING_RECORDED
