"""How long a script waits for its sandbox: ``kimera bench sandbox``.

Two scripts read a table and record a figure: one imports numpy, pandas and matplotlib, the other the libraries of a statistical test, too.
Measured from the job being given to its result.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from infra.local.workflows.measuring import Measure
from shared.adapters.bubblewrap_sandbox import find_bubblewrap
from shared.adapters.sandbox_jobs import make_empty
from shared.adapters.spare_sandboxes import start_spare
from shared.sandbox import SandboxInput, SandboxJob, SandboxResult

WARM_S = 0.06
"""The limit of the warm start of such a script."""
READY_S = 60.0
_ROWS = 1_000
_SCRIPT = """
import numpy as np, pandas as pd, matplotlib.pyplot as plt
table = pd.read_csv("inputs/table.csv")
record("sum", int(np.sum(table["n"])), n=len(table))
"""
_STATISTICS = "from scipy import stats\nfrom statsmodels.regression.linear_model import OLS\n" + _SCRIPT


def measure(python: Path, scratch: Path, repeats: int) -> list[Measure]:
    """Median and worst seconds of ``repeats`` cold and as many warm starts, one after another. ``scratch`` is a folder for the inputs.

    Raises ``SandboxUnavailable`` where nothing can be isolated, RuntimeError where a run fails.
    """
    bwrap = find_bubblewrap(python)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="bench-sandbox-") as name:
        folder = Path(name)
        table = folder / "table.csv"
        table.write_text("n\n" + "\n".join(map(str, range(_ROWS))) + "\n", "utf-8")
        inputs = {"table.csv": table}
        outputs = folder / "outputs"

        def job_of(script: str) -> SandboxJob:
            return SandboxJob(script, inputs=(SandboxInput("table.csv", table),))

        def cold(script: str) -> float:
            job = job_of(script)
            return _timed(lambda: bwrap.start(inputs, file_mb=job.limits.file_mb).run(job, outputs_to=outputs), outputs)

        def warm(script: str) -> float:
            job = job_of(script)
            spare = start_spare(bwrap, folder / "spares")
            if not spare.started.ready(READY_S):
                raise RuntimeError(f"the sandbox was not ready after {READY_S:g} s")
            return _timed(lambda: spare.take_in(inputs) and spare.run(job, outputs_to=outputs), outputs)

        began_cold, of_tests_cold = ([cold(script) for _ in range(repeats)] for script in (_SCRIPT, _STATISTICS))
        began_warm, of_tests_warm = ([warm(script) for _ in range(repeats)] for script in (_SCRIPT, _STATISTICS))
    return [
        Measure("cold: it imports numpy, pandas and matplotlib", statistics.median(began_cold), "s"),
        Measure("cold, with scipy.stats and statsmodels", statistics.median(of_tests_cold), "s"),
        Measure("warm: started ahead, before there was a job", statistics.median(began_warm), "s", WARM_S),
        Measure("warm, the slowest", max(began_warm), "s"),
        Measure("warm, with scipy.stats and statsmodels", statistics.median(of_tests_warm), "s"),
    ]


def _timed(run: Callable[[], SandboxResult | bool], outputs: Path) -> float:
    make_empty(outputs)
    began = time.perf_counter()
    result = run()
    took = time.perf_counter() - began
    if not isinstance(result, SandboxResult) or result.status != "ok" or [v.value for v in result.values] != [_ROWS * (_ROWS - 1) // 2]:
        raise RuntimeError(f"the script did not give its sum: {result}")
    return took
