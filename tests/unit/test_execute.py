"""``run_operation``: charts and tables come back, equal runs are equal, and the script runs again outside KIMERA."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from functions.ds_star.execute import MODULES, SCRIPTS, OperationRun, run_operation
from functions.ds_star.libraries import FOLDER
from functions.ds_star.operation import OperationSpec
from schemas.analysis import FileDescription
from shared.adapters.sandbox_python import find_sandbox_python
from shared.sandbox import CodeSandbox, SandboxLimits
from tests.support.operations import spec, write
from tests.support.sandboxes import ROOT, sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

ROWS = "\n".join(f"S{i % 4},{'north' if i % 4 < 2 else 'south'},{2000 + i // 4},{(i * 37 % 11) / 2 + i // 4}" for i in range(48))
DATA = f"station,region,year,temp\n{ROWS}\n"
TREND = spec("weather 'x'.csv", "trend", measure="temp", time="year", by=("region",))


@pytest.fixture(scope="module")
def runs(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OperationRun, OperationRun]:
    folder = tmp_path_factory.mktemp("execute")
    data = write(folder, "weather 'x'.csv", DATA)
    first, second = (run_operation(sandbox, TREND, {}, [data], folder / name) for name in ("one", "two"))
    return folder, first, second


def test_a_run_brings_back_findings_values_charts_and_tables(runs: tuple[Path, OperationRun, OperationRun]) -> None:
    _, run, _ = runs
    assert (run.refusal, run.failure, run.script_name) == (None, None, "op_trend")
    assert len(run.findings) == 2 and {v.name for v in run.values} >= {n for f in run.findings for n in f.values}
    assert all(v.line > 0 for v in run.values)
    assert [c.file.media_type for c in run.charts] == ["image/svg+xml"] and run.charts[0].caption == "Yearly means of temp by region"
    assert run.tables[0].file.path.read_text().splitlines()[0] == "region,year,mean,trend,rows"


def test_the_same_run_twice_gives_the_same_bytes(runs: tuple[Path, OperationRun, OperationRun]) -> None:
    _, first, second = runs
    assert first.values == second.values and first.findings == second.findings and first.standalone == second.standalone
    assert [c.file.sha256 for c in (*first.charts, *first.tables)] == [c.file.sha256 for c in (*second.charts, *second.tables)]


def test_the_script_runs_again_outside_kimera_and_gives_the_same_values(runs: tuple[Path, OperationRun, OperationRun]) -> None:
    folder, run, _ = runs
    outside = folder / "outside"
    outside.mkdir()
    (outside / "trend.py").write_text(run.standalone)
    python = find_sandbox_python(os.environ, ROOT)
    done = subprocess.run([python, "trend.py", str(folder)], cwd=outside, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    again = json.loads((outside / "outputs" / "result.json").read_text())
    assert [(v["name"], v["value"], v["unit"]) for v in again["values"]] == [(v.name, v.value, v.unit) for v in run.values]
    assert (outside / "outputs" / run.charts[0].file.name).read_bytes() == run.charts[0].file.path.read_bytes()
    assert "Traceback" not in done.stderr and "* " in done.stdout


def test_a_file_that_could_not_be_read_is_refused_without_a_run(sandbox: CodeSandbox, tmp_path: Path) -> None:
    data = write(tmp_path, "a.csv", "x\n1\n")
    broken = FileDescription(
        file="a.csv", sha256=data.sha256, format="unknown", tables=(), analyzer="analyze", analyzer_version="1", error="it is empty"
    )
    run = run_operation(sandbox, spec("a.csv", "count"), {"a.csv": broken}, [data], tmp_path / "out")
    assert run.refusal is not None and "it is empty" in run.refusal and run.sandbox is None
    assert run_operation(sandbox, spec("b.csv", "count"), {}, [data], tmp_path / "out").refusal == "there is no file b.csv among the inputs"


def test_a_run_that_is_cut_off_says_so(sandbox: CodeSandbox, tmp_path: Path) -> None:
    data = write(tmp_path, "a.csv", "x\n1\n2\n")
    run = run_operation(sandbox, spec("a.csv", "count"), {}, [data], tmp_path / "out", limits=SandboxLimits(seconds=0.05))
    assert run.failure == "it took longer than it may" and run.findings == ()


def test_every_operation_has_its_script_and_every_module_is_listed_once() -> None:
    operations = set(OperationSpec.model_fields["operation"].annotation.__args__)  # type: ignore[union-attr]  # a Literal of their names
    assert set(SCRIPTS) == operations
    assert {p.stem for p in FOLDER.glob("*.py")} == {*SCRIPTS.values(), *MODULES, "analyze"}
    assert all("'''" not in p.read_text() for p in FOLDER.glob("*.py"))
