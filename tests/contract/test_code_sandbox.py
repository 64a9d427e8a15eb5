"""What every ``CodeSandbox`` promises: what a script gets, what comes back, and that it is not run where it cannot be isolated."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.sandbox_python import find_sandbox_python
from shared.errors import BadInput, NotFound, SandboxUnavailable
from shared.sandbox import CodeSandbox, SandboxInput, SandboxJob, SandboxLimits, SandboxResult
from tests.support.sandbox_service import linked_store, sandbox, sandbox_service
from tests.support.sandboxes import ROOT, SMALL, Run, recorded, run

__all__ = ["linked_store", "run", "sandbox", "sandbox_service"]  # the fixtures, for pytest to find


def test_a_recorded_value_carries_its_unit_count_filters_and_the_scripts_line(run: Run) -> None:
    result = run(
        """\
        def report(value):
            record("growth", value, unit="%", n=12, filters="year >= 2020")

        report(3.25)
        record("rows", 7)
        """
    )
    assert result.status == "ok" and result.exit_code == 0 and result.traceback == ""
    growth, rows = result.values
    assert (growth.name, growth.value, growth.unit, growth.n, growth.filters, growth.line) == ("growth", 3.25, "%", 12, "year >= 2020", 2)
    assert (rows.value, rows.unit, rows.n, rows.filters, rows.line) == (7, None, None, None, 5)


def test_scalars_of_numpy_and_pandas_are_recorded_as_plain_values(run: Run) -> None:
    result = run(
        """
        import numpy as np, pandas as pd
        record("float", np.float32(0.5)); record("int", np.int64(2**40), n=np.int64(4)); record("bool", np.bool_(True))
        record("one", np.array([3])); record("time", pd.Timestamp("2024-02-29")); record("none", None); record("text", "Köln")
        """,
        limits=replace(SMALL, memory_mb=1024),
    )
    assert recorded(result) == {
        "float": 0.5,
        "int": 2**40,
        "bool": True,
        "one": 3,
        "time": "2024-02-29T00:00:00",
        "none": None,
        "text": "Köln",
    }
    assert result.values[1].n == 4


@pytest.mark.parametrize(
    "call", ["record('x', float('nan'))", "record('x', 1e999)", "record('', 1)", "record('x', [1])", "record('x', 1, n=-1)", "emit([1])"]
)
def test_what_cannot_be_recorded_fails_at_the_line_that_tried(run: Run, call: str) -> None:
    result = run(f"record('before', 1)\n{call}\n")
    assert result.status == "error" and result.exit_code == 1
    assert 'File "script.py", line 2' in result.traceback
    assert [value.name for value in result.values] == ["before"]


def test_emit_hands_over_one_object(run: Run) -> None:
    assert run("emit({'columns': [{'name': 'é', 'rows': 3, 'mean': 0.1}], 'none': None})").result == {
        "columns": [{"name": "é", "rows": 3, "mean": 0.1}],
        "none": None,
    }
    assert run("record('x', 1)").result is None
    assert "once" in run("emit({}); emit({})").traceback


def test_emit_takes_eight_megabytes_and_no_more(run: Run) -> None:
    fits = run("emit({'text': 'x' * 7_999_000})")
    assert fits.status == "ok" and isinstance(fits.result, dict) and len(str(fits.result["text"])) == 7_999_000
    refused = run("emit({'text': 'x' * 8_000_000})")
    assert refused.status == "error" and "8,000,000" in refused.traceback and refused.result is None


def test_inputs_parameters_and_libraries_are_there(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a\n1\n")
    result = run(
        """
        import helper
        record("by name", open("inputs/Umsätze 2024 (neu).csv").read()); record("by mapping", open(inputs["Umsätze 2024 (neu).csv"]).read())
        record("parameter", parameters["measure"]["name"]); record("library", helper.twice(21)); helper.note()
        """,
        inputs=(SandboxInput("Umsätze 2024 (neu).csv", table),),
        parameters={"measure": {"name": "sales"}},
        libraries=(("helper", "from kimera_runtime import record\ndef twice(x): return 2 * x\ndef note(): record('from library', 1)\n"),),
    )
    expected = {"by name": "a\n1\n", "by mapping": "a\n1\n", "parameter": "sales", "library": 42, "from library": 1}
    assert recorded(result) == expected
    assert result.values[-1].line == 4


def test_output_files_come_back_with_their_hash_and_media_type(run: Run, tmp_path: Path) -> None:
    result = run(
        """
        import os
        os.makedirs("outputs/tables")
        open("outputs/tables/t.csv", "w").write("a,b\\n"); open("outputs/chart.svg", "w").write("<svg/>")
        open("outputs/empty", "w").close()
        """
    )
    found = [(file.name, file.size, file.media_type) for file in result.outputs]
    assert found == [("chart.svg", 6, "image/svg+xml"), ("empty", 0, "application/octet-stream"), ("tables/t.csv", 4, "text/csv")]
    for file in result.outputs:
        assert file.path.is_relative_to(tmp_path) and hashlib.sha256(file.path.read_bytes()).hexdigest() == file.sha256


def test_a_failed_script_gives_its_traceback_what_it_recorded_and_its_files(run: Run) -> None:
    result = run(
        """\
        import json
        record("before", 1)
        open("outputs/part.txt", "w").write("part")
        json.loads("{")
        """
    )
    assert result.status == "error" and result.exit_code == 1
    assert result.traceback.splitlines()[1].strip() == 'File "script.py", line 4, in <module>'
    assert "JSONDecodeError" in result.traceback and "json.loads" in result.traceback and "/json/decoder.py" in result.traceback
    assert str(Path.home()) not in result.traceback and "bootstrap" not in result.traceback
    assert [value.name for value in result.values] == ["before"] and [file.name for file in result.outputs] == ["part.txt"]


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ("raise SystemExit", "ok", 0),
        ("import sys; sys.exit(3)", "error", 3),
        ("import os; record('x', 1); os._exit(0)", "ok", 0),
        ("import os; os.kill(os.getpid(), 9)", "killed", 137),
        ("import ctypes; ctypes.string_at(0)", "killed", 139),
        ("def broken(:\n  pass", "error", 1),
        ("\0", "error", 1),
        ("", "ok", 0),
    ],
)
def test_every_way_to_end_has_a_status(run: Run, script: str, status: str, code: int) -> None:
    result = run(script)
    assert (result.status, result.exit_code) == (status, code)


def test_stdout_stderr_and_python_warnings_are_kept(run: Run) -> None:
    result = run("import sys, warnings; print('out é'); print('err', file=sys.stderr); warnings.warn('12 rows dropped')")
    assert result.stdout == "out é\n" and result.stderr.startswith("err\n")
    assert result.warnings == ("script.py:1: UserWarning: 12 rows dropped",)


def test_a_script_can_end_what_it_started_also_where_the_host_ignores_the_signal(run: Run) -> None:
    """As a worker of ``kimera serve --workers`` does: what it starts inherits that."""
    ignored = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    try:
        result = run("""
            import subprocess, sys
            other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"])
            other.terminate()
            print(other.wait())
        """)
    finally:
        for number, handler in zip(ignored, before, strict=True):
            signal.signal(number, handler)
    assert result.stdout == f"{-signal.SIGTERM}\n"


def test_measures_are_those_of_the_run(run: Run) -> None:
    result = run("x = b'x' * 60_000_000\nwhile __import__('time').process_time() < 0.2: pass")
    assert 0.2 <= result.cpu_s <= result.wall_s + 0.1 < 5
    assert 57 <= result.peak_mb < 200


def test_the_promised_libraries_can_be_used_together(run: Run) -> None:
    result = run(
        """
        import duckdb, matplotlib, numpy, openpyxl, pandas, pyarrow, scipy.stats, sklearn.linear_model, statsmodels.api
        frame = pandas.DataFrame({"x": range(100), "y": [2 * x for x in range(100)]})
        frame.to_parquet("outputs/f.parquet"); frame.to_excel("outputs/f.xlsx")
        record("duckdb", duckdb.sql("select sum(x) from 'outputs/f.parquet'").fetchall()[0][0])
        record("sklearn", round(sklearn.linear_model.LinearRegression().fit(frame[["x"]], frame["y"]).coef_[0], 9))
        record("statsmodels", round(statsmodels.api.OLS(frame["y"], frame["x"]).fit().params["x"], 9))
        record("openpyxl", len(pandas.read_excel("outputs/f.xlsx")))
        """,
        limits=SandboxLimits(seconds=90),
    )
    assert recorded(result) == {"duckdb": 4950, "sklearn": 2.0, "statsmodels": 2.0, "openpyxl": 100}


def test_the_same_job_gives_the_same_bytes(run: Run) -> None:
    script = """
        import matplotlib.pyplot as plt
        plt.plot([1, 2, 3], label="grün"); plt.legend(); plt.savefig("outputs/chart.svg")
        record("hash", hash("stable")); record("order", ",".join({"a", "b", "c", "d"}))
        """
    first, second = (run(script, limits=replace(SMALL, memory_mb=1024, seconds=60)) for _ in range(2))
    assert first.outputs[0].path.read_bytes().startswith(b"<?xml") and first.outputs[0].media_type == "image/svg+xml"
    assert [file.sha256 for file in first.outputs] == [file.sha256 for file in second.outputs]
    assert first.values == second.values


def test_runs_at_the_same_time_do_not_mix(sandbox: CodeSandbox, tmp_path: Path) -> None:
    results: dict[int, SandboxResult] = {}

    def one(number: int) -> None:
        script = f"open('/tmp/mark', 'x'); open('outputs/o', 'x').write('{number}'); record('mine', {number})"
        results[number] = sandbox.run(SandboxJob(script, limits=SMALL), outputs_to=tmp_path / str(number))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: recorded(result)["mine"] for number, result in results.items()} == {number: number for number in range(4)}
    assert [results[number].outputs[0].path.read_text() for number in range(4)] == ["0", "1", "2", "3"]


@pytest.mark.usefixtures("sandbox")
def test_nothing_of_a_run_is_left_soon_after_it(tmp_path: Path) -> None:
    program = f"""
import os, threading
from pathlib import Path
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.sandbox import SandboxJob
sandbox = BubblewrapSandbox(Path({str(find_sandbox_python(os.environ, ROOT))!r}))
sandbox.run(SandboxJob("record('ran', 1)"), outputs_to=Path({str(tmp_path)!r}))
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(10)
print(threading.active_count(), Path(f"/proc/self/task/{{os.getpid()}}/children").read_text().split())
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "1 []\n"


@pytest.mark.usefixtures("sandbox")
def test_ctrl_c_ends_no_run_by_itself(tmp_path: Path) -> None:
    """It reaches every process of the terminal's group. What is to happen to the run is for who began it to say."""
    program = f"""
import os, signal, threading
from pathlib import Path
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.sandbox import SandboxJob
signal.signal(signal.SIGINT, lambda *_: print("heard", flush=True))
sandbox = BubblewrapSandbox(Path({str(find_sandbox_python(os.environ, ROOT))!r}))
sandbox.check()
threading.Timer(1.5, os.killpg, (0, signal.SIGINT)).start()
print(sandbox.run(SandboxJob("import time; time.sleep(3)"), outputs_to=Path({str(tmp_path)!r})).status)
"""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60, start_new_session=True)
    assert ran.stdout == "heard\nok\n"


def test_an_input_may_lie_in_a_folder_whose_name_is_no_utf_8(sandbox: CodeSandbox, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"B\xfcro")  # as archives of other systems leave it
    folder.mkdir()
    (folder / "a.txt").write_text("read")
    inputs = (SandboxInput("a.txt", folder / "a.txt"),)
    result = sandbox.run(SandboxJob("record('a', open('inputs/a.txt').read())", inputs=inputs), outputs_to=tmp_path / "outputs")
    assert recorded(result) == {"a": "read"}, result.traceback


def test_a_job_that_is_not_well_formed_is_refused(sandbox: CodeSandbox, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("x")

    def refuse(job: SandboxJob, error: type[Exception], folder: str = "new") -> None:
        with pytest.raises(error):
            sandbox.run(job, outputs_to=tmp_path / folder)

    for name in ("", ".", "..", "a/b", "../script.py", "a\nb", "x" * 300):
        refuse(SandboxJob("", inputs=(SandboxInput(name, file),)), BadInput)
    refuse(SandboxJob("", inputs=(SandboxInput("a", file), SandboxInput("a", file))), BadInput)
    refuse(SandboxJob("", inputs=(SandboxInput("a", tmp_path / "missing"),)), NotFound)
    refuse(SandboxJob("", inputs=(SandboxInput("a", tmp_path),)), NotFound)
    refuse(SandboxJob("", libraries=(("../x", ""),)), BadInput)
    refuse(SandboxJob("", limits=SandboxLimits(seconds=0)), BadInput)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    refuse(SandboxJob(""), BadInput, "used")


# --- where the code cannot be isolated, it is not run --------------------------------------------------------------------------


def test_without_bubblewrap_nothing_is_run_and_the_remedy_is_named(tmp_path: Path) -> None:
    adapter = BubblewrapSandbox(find_sandbox_python(os.environ, ROOT), bwrap="bwrap-that-is-not-here")
    with pytest.raises(SandboxUnavailable) as refused:
        adapter.run(SandboxJob(f"open({str(tmp_path / 'ran')!r}, 'w')"), outputs_to=tmp_path / "outputs")
    assert "sudo apt-get install bubblewrap" in refused.value.remedy and not (tmp_path / "ran").exists()


def test_a_start_for_which_no_file_handle_is_left_keeps_none_open() -> None:
    """Whichever handle it lacks: each try again would have fewer of them, and the machine would never have enough."""
    program = f"""
import os, resource
from collections import Counter
from pathlib import Path
from shared.adapters.bubblewrap_sandbox import find_bubblewrap
from shared.errors import Unavailable

def held():
    return {{number for number in range(256) if os.path.lexists(f"/proc/self/fd/{{number}}")}}

bwrap = find_bubblewrap(Path({str(find_sandbox_python(os.environ, ROOT))!r}))
before = resource.getrlimit(resource.RLIMIT_NOFILE)
refused, left = Counter(), 0
for most in range(64):
    opened = held()
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        bwrap.start({{}}, file_mb=1).discard()
    except Unavailable as error:
        refused[error.message] += 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    for number in held() - opened:
        left += 1
        os.close(number)  # the next try lacks a later one
print(left, refused.total(), *refused)
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    left, refused = map(int, ran.stdout.split()[:2])
    assert 10 < refused < 60 and "Too many open files" in ran.stdout, ran.stdout
    assert left == 0, ran.stdout


def test_a_bubblewrap_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "bwrap"
    old.write_text("#!/bin/sh\necho --unshare-all --die-with-parent\n")
    old.chmod(0o755)
    with pytest.raises(SandboxUnavailable, match=r"too old: it lacks --disable-userns"):
        BubblewrapSandbox(find_sandbox_python(os.environ, ROOT), bwrap=str(old)).check()


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("bwrap: setting up uid map: Permission denied", "apparmor_restrict_unprivileged_userns"),
        ("bwrap: Creating new namespace failed: No space left on device", "max_user_namespaces"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths=unconfined"),
    ],
)
def test_a_bubblewrap_that_is_forbidden_is_refused_with_the_remedy(tmp_path: Path, message: str, remedy: str) -> None:
    forbidden = tmp_path / "bwrap"
    options = "--disable-userns --size --perms --clearenv --json-status-fd --unshare-all --die-with-parent"
    forbidden.write_text(f'#!/bin/sh\nif [ "$1" = --help ]; then echo {options}; exit; fi\necho "{message}" >&2; exit 1\n')
    forbidden.chmod(0o755)
    with pytest.raises(SandboxUnavailable) as refused:
        BubblewrapSandbox(find_sandbox_python(os.environ, ROOT), bwrap=str(forbidden)).check()
    assert remedy in refused.value.remedy


def test_a_missing_sandbox_interpreter_names_make_setup(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="make setup"):
        find_sandbox_python({}, tmp_path)
    with pytest.raises(SandboxUnavailable, match="KIMERA_SANDBOX_PYTHON"):
        find_sandbox_python({"KIMERA_SANDBOX_PYTHON": str(tmp_path / "none")}, tmp_path)
